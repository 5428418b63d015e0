//! State in one SQLite file. It survives a restart, and several kernels and processes may share it.

mod approvals;
mod database;
mod migrations;
mod usage;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use agent_os_core::amount::Amount;
use agent_os_core::kernel::{Charge, Charged, Counter, Reserved, Store, StoreFault};

pub use approvals::{Answer, Asked, Entry, Refused, SEEN_MICROS, Standing, Ticket};
pub use database::Database;

use crate::error::StoreError;

/// Reservations between two searches for rows that no longer count.
const SWEEP: u32 = 1_024;

/// A store in a file.
#[derive(Debug)]
pub struct SqliteStore {
    database: Database,
    since_sweep: AtomicU32,
}

impl SqliteStore {
    /// Opens the file, or makes it for its owner only.
    ///
    /// # Errors
    /// It cannot be opened, others may read it, or it is not wholly understood.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Database::open(path).map(|database| Self { database, since_sweep: AtomicU32::new(0) })
    }

    /// The database, for the other rooms of the store.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }
}

impl Store for SqliteStore {
    fn used(&self, counters: &[Counter], now_micros: i64) -> Result<Vec<Amount>, StoreFault> {
        let read = |connection: &rusqlite::Connection| {
            counters.iter().map(|counter| usage::used(connection, counter, now_micros)).collect()
        };
        Ok(self.database.read(read)?)
    }

    fn reserve(&self, charges: &[Charge], now_micros: i64) -> Result<Reserved, StoreFault> {
        let sweeps = self.since_sweep.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1;
        let reserve = |transaction: &rusqlite::Transaction<'_>| {
            if sweeps {
                usage::sweep(transaction, now_micros)?;
            }
            usage::reserve(transaction, charges, now_micros)
        };
        Ok(self.database.write(reserve)?)
    }

    fn refund(&self, ticket: &[Charged]) -> Result<(), StoreFault> {
        Ok(self.database.write(|transaction| usage::refund(transaction, ticket))?)
    }

    fn close(&self) {
        self.database.close();
    }
}
