//! Why the index could not be used. The log can then still be read from its beginning to its end.

use agent_os_log::LogError;

/// Why an answer could not be had from the index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The log itself could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// SQLite could not do its work.
    #[error("the index cannot be used: {0}; the log itself is not touched, and can be read without it")]
    Sqlite(#[from] rusqlite::Error),
    /// The index does not say what it must.
    #[error("the index is not usable: {0}; it is made anew with `agentos log reindex`")]
    Unusable(&'static str),
    /// An entry is not of the form that every entry has.
    #[error("entry {0} is not as entries are written; check the log with `agentos log verify`")]
    NotAnEntry(u64),
    /// The process was forked; the copy of an open index in the child cannot be used.
    #[error("this index was opened before the process was forked; open it anew in the child")]
    Forked,
}
