//! One file, one connection, and transactions that hold against other processes.

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::process;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::migrations::{STEPS, VERSION};
use crate::error::StoreError;

/// In the header of every file of ours: `AgOS`.
const APPLICATION: i64 = 0x4167_4f53;

/// How long another process may hold the file before a caller is refused.
const PATIENCE: Duration = Duration::from_secs(2);

/// The file's tables; see [`Database::write`].
pub struct Database {
    path: String,
    // SECURITY: a fork holds a copy of the connection; using or closing it there would damage the file for its owner.
    owner: u32,
    connection: Mutex<Option<Connection>>,
}

impl Database {
    /// Opens the file, or makes it for its owner only.
    ///
    /// # Errors
    /// It cannot be opened, others may read it, or it is not wholly understood.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let spelt = path.display().to_string();
        for_owner_only(path, &spelt)?;
        let failed = |error| StoreError::of_sqlite(&error, &spelt);
        let connection = connect(path).map_err(failed)?;
        // SQLite opens what it may not write for reading alone. A store that only fails later would be found too late.
        if connection.is_readonly("main").map_err(failed)? {
            return Err(StoreError::ReadOnly { path: spelt });
        }
        let database = Self { path: spelt, owner: process::id(), connection: Mutex::new(Some(connection)) };
        database.prepare()?;
        Ok(database)
    }

    /// Reads in one transaction: what is read is of one moment.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let attempt = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            read(&transaction)
        };
        self.with_connection(attempt)
    }

    /// Writes in one transaction that holds the file from its start, so that nobody else writes between what it reads
    /// and what it writes. It is kept if `write` gives `Ok`, and undone otherwise.
    ///
    /// # Errors
    /// The file could not be read or written.
    pub fn write<T>(&self, write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let attempt = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let made = write(&transaction)?;
            transaction.commit()?;
            Ok(made)
        };
        self.with_connection(attempt)
    }

    /// Closes the file. From now on nothing can be read or written.
    pub fn close(&self) {
        if process::id() == self.owner {
            self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// The file, as it was named.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    fn with_connection<T>(
        &self,
        attempt: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if process::id() != self.owner {
            return Err(StoreError::Forked);
        }
        // A panic inside a transaction has undone it.
        let mut held = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = held.as_mut().ok_or(StoreError::Closed)?;
        attempt(connection).map_err(|error| StoreError::of_sqlite(&error, &self.path))
    }

    /// Takes the missing steps of the schema, if the file is ours and whole.
    fn prepare(&self) -> Result<(), StoreError> {
        let number = |connection: &Connection, pragma| connection.pragma_query_value(None, pragma, |row| row.get(0));
        let (application, version, tables) = self.read(|connection| {
            let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            Ok((number(connection, "application_id")?, number(connection, "user_version")?, tables))
        })?;
        let is_new = (application, version, tables) == (0_i64, 0_i64, 0);
        if application != APPLICATION && !is_new {
            return Err(StoreError::NotAStore { path: self.path.clone() });
        }
        self.know(version)?;
        let found: String =
            self.read(|connection| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if found != "ok" {
            return Err(StoreError::Damaged { path: self.path.clone(), reason: found });
        }
        if version == VERSION {
            return Ok(());
        }
        let version = self.write(|transaction| {
            // Another process may have been faster.
            let version: i64 = number(transaction, "user_version")?;
            let done = usize::try_from(version).unwrap_or(usize::MAX);
            for step in STEPS.iter().skip(done) {
                transaction.execute_batch(step)?;
            }
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", version.max(VERSION))?;
            Ok(version)
        })?;
        self.know(version)
    }

    fn know(&self, version: i64) -> Result<(), StoreError> {
        if (0..=VERSION).contains(&version) {
            return Ok(());
        }
        Err(StoreError::Version { path: self.path.clone(), found: version, known: VERSION })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if process::id() != self.owner {
            // Another thread of the parent may have held the lock at the fork; then there is nobody to wait for.
            if let Ok(mut held) = self.connection.try_lock() {
                std::mem::forget(held.take());
            }
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Database").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Makes the file if it is not there, and refuses one that others may read or write. SQLite gives the files that it
/// puts beside it the same rights.
fn for_owner_only(path: &Path, spelt: &str) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    // SECURITY: a file that is there is not opened here. Closing it would give up every lock that this process holds on
    // it (POSIX), and another process would then take itself for the only one and remove the journal in use.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::Open { path: spelt.to_owned(), reason: error.to_string() }),
    }
    let unopened = |reason: String| StoreError::Open { path: spelt.to_owned(), reason };
    let found = std::fs::metadata(path).map_err(|error| unopened(error.to_string()))?;
    if !found.is_file() {
        return Err(unopened("it is not a regular file".to_owned()));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o077 != 0 {
        return Err(StoreError::Exposed { path: spelt.to_owned() });
    }
    Ok(())
}

/// WAL with `synchronous = NORMAL`: what is committed survives the death of the process, as what the log calls
/// `written` does; after a loss of power the last commits may be missing, and the file is whole.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without `SQLITE_OPEN_URI`: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // A file of somebody else is refused before anything is changed in it: the journal's mode is part of the file.
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == APPLICATION || tables == 0 {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    }
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}
