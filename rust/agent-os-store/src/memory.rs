//! State in memory: gone with the process, and not shared with others.

use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_os_core::amount::Amount;
use agent_os_core::kernel::{Charge, Charged, Counter, Counters, Reserved, Store, StoreFault};

/// A store of this process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    counters: Mutex<Counters>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        // A panic in the middle leaves charges that were not taken back: that is less room, not more.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn used(&self, counters: &[Counter], now_micros: i64) -> Result<Vec<Amount>, StoreFault> {
        let held = self.counters();
        Ok(counters.iter().map(|counter| held.used(counter, now_micros)).collect())
    }

    fn reserve(&self, charges: &[Charge], now_micros: i64) -> Result<Reserved, StoreFault> {
        Ok(self.counters().reserve(charges, now_micros))
    }

    fn refund(&self, ticket: &[Charged]) -> Result<(), StoreFault> {
        self.counters().refund(ticket);
        Ok(())
    }
}
