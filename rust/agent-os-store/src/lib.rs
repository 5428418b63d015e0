//! The kernel's state: what outlives a decision, in memory or in one SQLite file that several kernels may share.
//!
//! Whatever goes wrong is a fault that says so: a store never answers with less than it knows, and a file that it does
//! not wholly understand it does not open. All of the crate's I/O is in [`SqliteStore`].

mod error;
mod memory;
mod sqlite;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use sqlite::{Database, SqliteStore};
