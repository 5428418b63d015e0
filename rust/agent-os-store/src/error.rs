//! Everything that can go wrong with a store, with stable codes.

use agent_os_core::kernel::StoreFault;
use thiserror::Error;

/// Why a store could not be opened, read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file could not be made or opened.
    #[error("cannot open the store `{path}`: {reason}; check the path and its permissions")]
    Open {
        /// The file.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// Others than its owner may read or write the file.
    #[error("others than its owner may read or write the store `{path}`; make it yours alone: chmod 600")]
    Exposed {
        /// The file.
        path: String,
    },
    /// The file is something else.
    #[error("`{path}` is not a store of this program; choose a new file")]
    NotAStore {
        /// The file.
        path: String,
    },
    /// A newer version wrote it.
    #[error("the store `{path}` is of version {found}, and this program knows versions up to {known}; update it")]
    Version {
        /// The file.
        path: String,
        /// The version of the file.
        found: i64,
        /// The newest version that is known.
        known: i64,
    },
    /// The file is not whole.
    #[error("the store `{path}` is damaged: {reason}; put it aside and start with a new file")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Another process held it for too long.
    #[error("the store `{path}` is locked by another process; see what holds it")]
    Locked {
        /// The file.
        path: String,
    },
    /// This process may not write it.
    #[error("the store `{path}` may only be read by this process; make the file and its folder writable for it")]
    ReadOnly {
        /// The file.
        path: String,
    },
    /// Reading or writing failed.
    #[error("the store `{path}` could not be read or written: {reason}; check the disk and its permissions")]
    Io {
        /// The file.
        path: String,
        /// What SQLite said.
        reason: String,
    },
    /// This process was forked from the one that opened it.
    #[error("the store belongs to the process that opened it, and this is a fork of it; open it anew here")]
    Forked,
    /// It was closed.
    #[error("the store is closed; start a new kernel")]
    Closed,
}

impl StoreError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "store_unopened",
            Self::Exposed { .. } => "store_exposed",
            Self::NotAStore { .. } => "store_unknown",
            Self::Version { .. } => "store_version",
            Self::Damaged { .. } => "store_damaged",
            Self::Locked { .. } => "store_locked",
            Self::ReadOnly { .. } => "store_read_only",
            Self::Io { .. } => "store_io",
            Self::Forked => "store_forked",
            Self::Closed => "store_closed",
        }
    }

    /// What SQLite's error means for this file.
    pub(crate) fn of_sqlite(error: &rusqlite::Error, path: &str) -> Self {
        use rusqlite::ErrorCode;
        let (path, reason) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::NotADatabase) => Self::NotAStore { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, reason },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::CannotOpen) => Self::Open { path, reason },
            Some(_) => Self::Io { path, reason },
            // What was read is not of the kind that is always written.
            None => Self::Damaged { path, reason },
        }
    }
}

impl From<StoreError> for StoreFault {
    fn from(error: StoreError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}
