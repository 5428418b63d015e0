//! The kernel's state: what outlives a decision, in memory or in one SQLite file that several kernels may share.
//!
//! Whatever goes wrong is a fault that says so: a store never answers with less than it knows, and a file that it does
//! not wholly understand it does not open. All of the crate's I/O is in [`SqliteStore`].

mod error;
mod memory;
mod operator;
mod sqlite;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use operator::{Operator, PUBLIC_PREFIX, Statement, TOKEN_PREFIX, Token};
pub use sqlite::{Answer, Asked, Database, Entry, Refused, SEEN_MICROS, SqliteStore, Standing, Ticket};
