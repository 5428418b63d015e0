//! A store whose waiting does not hold up Python's other threads.

use agent_os_core::amount::Amount;
use agent_os_core::kernel::{Charge, Charged, Counter, Reserved, Store, StoreFault};
use agent_os_store::SqliteStore;
use pyo3::Python;

/// A file, which another process may keep locked for a while.
#[derive(Debug)]
pub(crate) struct Detached(pub(crate) SqliteStore);

impl Store for Detached {
    fn used(&self, counters: &[Counter], now_micros: i64) -> Result<Vec<Amount>, StoreFault> {
        Python::attach(|py| py.detach(|| self.0.used(counters, now_micros)))
    }

    fn reserve(&self, charges: &[Charge], now_micros: i64) -> Result<Reserved, StoreFault> {
        Python::attach(|py| py.detach(|| self.0.reserve(charges, now_micros)))
    }

    fn refund(&self, ticket: &[Charged]) -> Result<(), StoreFault> {
        Python::attach(|py| py.detach(|| self.0.refund(ticket)))
    }

    fn close(&self) {
        Python::attach(|py| py.detach(|| self.0.close()));
    }
}
