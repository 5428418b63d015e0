//! The index of a log: which entries are of an agent, an action, a rule and so on, without reading all of them.
//!
//! It is derived and disposable. It names entries and never stands in for one: whoever asks reads the entry itself from
//! the log's segments, and an index that named an entry wrongly is thrown away. It reads the log as any reader does, in
//! a thread of its own, takes no lock of the log's and slows no append.
//!
//! Whole blocks of [`BLOCK`] entries are in one SQLite file, written once and never changed; what came after the last
//! whole block is in memory. A file that is damaged, of another log, of another version, or about entries that are no
//! longer there, is removed and made anew. The crate proves nothing: whether a log is whole is for `agent_os_log::verify`
//! to say, and whoever may write an index may leave entries out of it.

mod block;
mod error;
mod field;
mod index;
mod live;
mod search;
mod skim;
mod state;
mod store;

pub use block::BLOCK;
pub use error::IndexError;
pub use field::Field;
pub use index::{Counts, Index};
pub use search::{Found, Page, Question};
