//! The SQLite file: whole blocks and the terms in them, written once and never changed.
//!
//! Every row counts into one sum, which is kept beside them. A file is read whole when it is opened, and one whose sum
//! is another, or that SQLite finds fault with, counts as damaged: a row that is gone would otherwise be entries that
//! are silently not found.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_os_core::audit::tree::Hash;
use agent_os_log::Location;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::block::{self, BLOCK, Places, Rows, Tail};
use crate::error::IndexError;
use crate::field::Field;
use crate::live::Live;

/// In the header of every file of ours: `AgIx`.
const APPLICATION: i64 = 0x4167_4978;
/// A file of another version is made anew; there is nothing to be migrated.
const VERSION: i64 = 2;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
    CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 0), log TEXT NOT NULL, next INTEGER NOT NULL,
        segment INTEGER NOT NULL, offset INTEGER NOT NULL, hash BLOB NOT NULL, live_end INTEGER NOT NULL,
        live_crc INTEGER NOT NULL, sum INTEGER NOT NULL) STRICT;
    CREATE TABLE segments (first INTEGER PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL) STRICT;
    CREATE TABLE blocks (block INTEGER PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL,
        data BLOB NOT NULL) STRICT;
    CREATE TABLE postings (field INTEGER NOT NULL, value TEXT NOT NULL, block INTEGER NOT NULL, n INTEGER NOT NULL,
        data BLOB NOT NULL, PRIMARY KEY (field, value, block)) STRICT, WITHOUT ROWID;";

/// A segment that nothing is added to any more, as it was when its last entry was indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) first: u64,
    pub(crate) size: i64,
    pub(crate) modified: i64,
}

/// What a file holds: entries up to `next`, the last of which lies at `last` and has this hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saved {
    pub(crate) next: u64,
    pub(crate) last: Option<(Location, Hash)>,
    pub(crate) live: Live,
    pub(crate) segments: Vec<Sealed>,
}

/// The file, or a temporary one that SQLite removes by itself.
pub(crate) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the index of this log in the file; one that is not usable is removed and begun anew. Where no file can be
    /// had, the index is a temporary one.
    pub(crate) fn open(file: Option<&Path>, log: &str) -> Result<(Self, Saved), IndexError> {
        let Some(file) = file else { return Self::temporary(log) };
        for _ in 0..2 {
            match Self::at(file, log) {
                Ok(opened) => return Ok(opened),
                Err(IndexError::Sqlite(error)) if is_busy(&error) => return Err(error.into()),
                Err(_) => remove(file),
            }
        }
        Self::temporary(log)
    }

    fn temporary(log: &str) -> Result<(Self, Saved), IndexError> {
        // An empty name is a file that SQLite makes among the system's temporary ones once it is large, and removes.
        Self::on(Connection::open("")?, log)
    }

    fn at(file: &Path, log: &str) -> Result<(Self, Saved), IndexError> {
        for_owner_only(file)?;
        // Without `SQLITE_OPEN_URI`: a path is a path.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(PATIENCE)?;
        Self::on(connection, log)
    }

    fn on(connection: Connection, log: &str) -> Result<(Self, Saved), IndexError> {
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            connection.pragma_update(None, "page_size", 8_192)?;
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // What a loss of power leaves is found to be damaged, and made anew.
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.set_prepared_statement_cache_capacity(32);
        let mut store = Self { connection };
        if tables == 0 {
            store.begin(log)?;
        }
        let saved = store.check(log)?;
        Ok((store, saved))
    }

    fn begin(&mut self, log: &str) -> Result<(), IndexError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        // Another process may have been faster.
        if tables == 0 {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO meta VALUES (0, ?1, 0, 0, 0, x'', 36, 0, 0)", [log])?;
            transaction.pragma_update(None, "application_id", APPLICATION)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        Ok(transaction.commit()?)
    }

    /// Reads the whole file, and says what it holds if nothing is wrong with it.
    fn check(&mut self, log: &str) -> Result<Saved, IndexError> {
        let transaction = self.connection.transaction()?;
        let number = |pragma| transaction.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        if (number("application_id")?, number("user_version")?) != (APPLICATION, VERSION) {
            return Err(IndexError::Unusable("it is of another version"));
        }
        let fault: String = transaction.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if fault != "ok" {
            return Err(IndexError::Unusable("its file is damaged"));
        }
        let (of, mut saved, sum) = read_meta(&transaction)?;
        if of != log {
            return Err(IndexError::Unusable("it is of another log"));
        }
        let mut found = 0_u64;
        let mut statement = transaction.prepare("SELECT field, value, block, n, data FROM postings")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (value, data) = (row.get_ref(1)?.as_str(), row.get_ref(4)?.as_blob());
            let (Ok(value), Ok(data)) = (value, data) else { return Err(IndexError::Unusable("its file is damaged")) };
            found = found.wrapping_add(sum_of_posting(row.get(0)?, value, row.get(2)?, row.get(3)?, data));
        }
        let mut blocks = 0_u64;
        let mut statement = transaction.prepare("SELECT block, since, until, data FROM blocks")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Ok(data) = row.get_ref(3)?.as_blob() else { return Err(IndexError::Unusable("its file is damaged")) };
            found = found.wrapping_add(sum_of_block(row.get(0)?, row.get(1)?, row.get(2)?, data));
            blocks += 1;
        }
        let mut statement = transaction.prepare("SELECT first, size, modified FROM segments ORDER BY first")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let sealed = Sealed { first: unsigned(row.get(0)?), size: row.get(1)?, modified: row.get(2)? };
            found = found.wrapping_add(sum_of_segment(sealed));
            saved.segments.push(sealed);
        }
        if sum_of_rows(&of, &saved, sum) != found || blocks.checked_mul(BLOCK) != Some(saved.next) {
            return Err(IndexError::Unusable("its file is damaged"));
        }
        Ok(saved)
    }

    /// Keeps a whole block. `false` if another process has kept it meanwhile.
    pub(crate) fn keep(&mut self, log: &str, tail: &Tail, saved: &Saved, new: &[Sealed]) -> Result<bool, IndexError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (of, there, sum) = read_meta(&transaction)?;
        if there.next > tail.first {
            return Ok(false);
        }
        if there.next < tail.first {
            return Err(IndexError::Unusable("another process began it anew"));
        }
        let mut sum = sum_of_rows(&of, &there, sum);
        let block = signed(tail.first / BLOCK);
        {
            let mut insert = transaction.prepare_cached("INSERT INTO postings VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for (field, value, list) in tail.terms() {
                let (n, data) = (list.len() as i64, block::encode(list));
                sum = sum.wrapping_add(sum_of_posting(field.code().into(), value, block, n, &data));
                insert.execute(params![field.code(), value, block, n, data])?;
            }
        }
        let (since, until) = tail.rows.span().unwrap_or_default();
        let data = tail.rows.encode();
        sum = sum.wrapping_add(sum_of_block(block, since, until, &data));
        transaction.execute("INSERT INTO blocks VALUES (?1, ?2, ?3, ?4)", params![block, since, until, data])?;
        for sealed in new {
            sum = sum.wrapping_add(sum_of_segment(*sealed));
            let row = params![signed(sealed.first), sealed.size, sealed.modified];
            transaction.execute("INSERT INTO segments VALUES (?1, ?2, ?3)", row)?;
        }
        let (at, hash) = saved.last.unwrap_or((Location { first: 0, offset: 0 }, [0; 32]));
        let whole = sum.wrapping_add(sum_of_meta(log, saved));
        let (end, crc) = (signed(saved.live.end()), saved.live.crc());
        let row = params![signed(saved.next), signed(at.first), signed(at.offset), hash, end, crc, signed(whole)];
        let sql =
            "UPDATE meta SET next = ?1, segment = ?2, offset = ?3, hash = ?4, live_end = ?5, live_crc = ?6, sum = ?7";
        transaction.execute(sql, row)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self, log: &str) -> Result<(), IndexError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for table in ["meta", "segments", "blocks", "postings"] {
            transaction.execute(&format!("DELETE FROM {table}"), [])?;
        }
        transaction.execute("INSERT INTO meta VALUES (0, ?1, 0, 0, 0, x'', 36, 0, 0)", [log])?;
        Ok(transaction.commit()?)
    }

    /// The rows of a block.
    pub(crate) fn rows(&self, block: u64) -> Result<Rows, IndexError> {
        let mut statement = self.connection.prepare_cached("SELECT data FROM blocks WHERE block = ?1")?;
        let data: Option<Vec<u8>> = statement.query_row([signed(block)], |row| row.get(0)).optional()?;
        data.as_deref().and_then(Rows::decode).ok_or(IndexError::Unusable("a block is missing"))
    }

    /// The least and the greatest time in a block.
    pub(crate) fn span(&self, block: u64) -> Result<(i64, i64), IndexError> {
        let mut statement = self.connection.prepare_cached("SELECT since, until FROM blocks WHERE block = ?1")?;
        Ok(statement.query_row([signed(block)], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Where a term stands in a block.
    pub(crate) fn places(&self, field: Field, value: &str, block: u64) -> Result<Option<Places>, IndexError> {
        let sql = "SELECT data FROM postings WHERE field = ?1 AND value = ?2 AND block = ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let key = params![field.code(), value, signed(block)];
        let data: Option<Vec<u8>> = statement.query_row(key, |row| row.get(0)).optional()?;
        data.map(|data| Places::decode(&data).ok_or(IndexError::Unusable("a block is broken"))).transpose()
    }

    /// The first block from `from` on (the last one up to it, backwards) in which a term stands.
    pub(crate) fn next_block(
        &self,
        field: Field,
        value: &str,
        from: u64,
        backwards: bool,
    ) -> Result<Option<u64>, IndexError> {
        let sql = if backwards {
            "SELECT block FROM postings WHERE field = ?1 AND value = ?2 AND block <= ?3 ORDER BY block DESC LIMIT 1"
        } else {
            "SELECT block FROM postings WHERE field = ?1 AND value = ?2 AND block >= ?3 ORDER BY block LIMIT 1"
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let key = params![field.code(), value, signed(from)];
        Ok(statement.query_row(key, |row| row.get(0).map(unsigned)).optional()?)
    }

    /// The values of a field in the kept blocks and in the tail with how many entries have each, most first, and how
    /// many values there are.
    pub(crate) fn counts(&self, field: Field, tail: &Tail, most: u64) -> Result<(Vec<(String, u64)>, u64), IndexError> {
        self.connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS tail (field INTEGER, value TEXT, n INTEGER); DELETE FROM temp.tail;",
        )?;
        {
            let mut insert = self.connection.prepare_cached("INSERT INTO temp.tail VALUES (?1, ?2, ?3)")?;
            for (_, value, list) in tail.terms().into_iter().filter(|(of, _, _)| *of == field) {
                insert.execute(params![field.code(), value, list.len() as i64])?;
            }
        }
        let both = "(SELECT value, n FROM postings WHERE field = ?1 UNION ALL SELECT value, n FROM temp.tail)";
        let sql = format!("SELECT value, sum(n) FROM {both} GROUP BY value ORDER BY sum(n) DESC, value LIMIT ?2");
        let mut statement = self.connection.prepare(&sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, unsigned(row.get(1)?)));
        let counts = statement.query_map(params![field.code(), signed(most)], read)?.collect::<Result<_, _>>()?;
        let sql = format!("SELECT count(DISTINCT value) FROM {both}");
        let values = self.connection.query_row(&sql, params![field.code()], |row| row.get(0).map(unsigned))?;
        Ok((counts, values))
    }

    /// The least and the greatest time in the kept blocks.
    pub(crate) fn whole_span(&self) -> Result<Option<(i64, i64)>, IndexError> {
        let read = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?));
        Ok(self.connection.query_row("SELECT min(since), max(until) FROM blocks", [], read)?)
    }
}

fn read_meta(connection: &Transaction<'_>) -> Result<(String, Saved, u64), IndexError> {
    let sql = "SELECT log, next, segment, offset, hash, live_end, live_crc, sum FROM meta";
    Ok(connection.query_row(sql, [], |row| {
        let at = Location { first: unsigned(row.get(2)?), offset: unsigned(row.get(3)?) };
        let last = <Hash>::try_from(row.get::<_, Vec<u8>>(4)?).ok().map(|hash| (at, hash));
        let live = Live::new(at.first, unsigned(row.get(5)?), row.get(6)?);
        let saved = Saved { next: unsigned(row.get(1)?), last, live, segments: Vec::new() };
        Ok((row.get(0)?, saved, unsigned(row.get(7)?)))
    })?)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Removes a file with those that SQLite puts beside it. What cannot be removed is found out when it is opened again.
fn remove(file: &Path) {
    for beside in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(beside);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

/// Makes the file if it is not there. The index says who did what, and only the log's owner may know.
fn for_owner_only(file: &Path) -> Result<(), IndexError> {
    let failed = |_| IndexError::Unusable("its file cannot be made");
    let mut options = fs::OpenOptions::new();
    // SECURITY: a file that is there is not opened here. Closing it would give up every lock that this process holds on
    // it (POSIX), and another process would then take itself for the only one.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let found = fs::symlink_metadata(file).map_err(failed)?;
    // SECURITY: not through a link, which may lead to anything, and not what others may write.
    if !found.is_file() {
        return Err(IndexError::Unusable("it is not a regular file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o077 != 0 {
        return Err(IndexError::Unusable("others may read or write it"));
    }
    Ok(())
}

fn sum_of_posting(field: i64, value: &str, block: i64, n: i64, data: &[u8]) -> u64 {
    summed(&[b"posting", &field.to_le_bytes(), value.as_bytes(), &block.to_le_bytes(), &n.to_le_bytes(), data])
}

fn sum_of_block(block: i64, since: i64, until: i64, data: &[u8]) -> u64 {
    summed(&[b"block", &block.to_le_bytes(), &since.to_le_bytes(), &until.to_le_bytes(), data])
}

fn sum_of_segment(sealed: Sealed) -> u64 {
    summed(&[b"segment", &sealed.first.to_le_bytes(), &sealed.size.to_le_bytes(), &sealed.modified.to_le_bytes()])
}

fn sum_of_meta(log: &str, saved: &Saved) -> u64 {
    let (at, hash) = saved.last.unwrap_or((Location { first: 0, offset: 0 }, [0; 32]));
    let numbers = [saved.next, at.first, at.offset, saved.live.end(), u64::from(saved.live.crc())];
    let numbers = numbers.map(u64::to_le_bytes).concat();
    summed(&[b"meta", log.as_bytes(), &numbers, &hash])
}

/// The sum of all rows but the one of `meta`, which an index that holds nothing yet has not counted.
fn sum_of_rows(log: &str, saved: &Saved, sum: u64) -> u64 {
    if saved.last.is_none() { sum } else { sum.wrapping_sub(sum_of_meta(log, saved)) }
}

/// A number that an accident hardly leaves as it was.
fn summed(parts: &[&[u8]]) -> u64 {
    let of = |start: u32| {
        parts.iter().fold(start, |crc, part| {
            crc32c::crc32c_append(crc32c::crc32c_append(crc, &(part.len() as u64).to_le_bytes()), part)
        })
    };
    u64::from(of(0)) | u64::from(of(0x5bd1_e995)) << 32
}

fn signed(number: u64) -> i64 {
    i64::from_le_bytes(number.to_le_bytes())
}

fn unsigned(number: i64) -> u64 {
    u64::from_le_bytes(number.to_le_bytes())
}
