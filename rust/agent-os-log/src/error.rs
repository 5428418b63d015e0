//! Everything that can go wrong with a log, with stable codes.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::options::{ENTRY_MAX, OUTCOME_MAX};
use crate::seal::SUBJECTS_MAX;
use crate::subjects::SUBJECT_MAX;

/// Why a log could not be opened, written or read.
#[derive(Clone, Debug, Error)]
pub enum LogError {
    /// A write, a sync or a builder failed earlier. Holds the first cause.
    #[error("the log accepts nothing any more, because of an earlier failure: {0}")]
    Stopped(Arc<LogError>),
    /// No space. New entries are refused; outcomes of accepted intents still fit.
    #[error("cannot {doing} `{path}`: the disk is full; free some space and open the log again")]
    DiskFull {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: String,
    },
    /// The operating system refused.
    #[error("cannot {doing} `{path}`: {reason}; check the disk and the permissions, then open the log again")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: String,
        /// What the operating system said.
        reason: String,
    },
    /// The log was closed.
    #[error("the log is closed; open it again to append to it")]
    Closed,
    /// This process was forked from the one that opened the log.
    #[error("the log belongs to the process that opened it, and this is a fork of it; open a log of its own here")]
    Forked,
    /// Another writer has the log.
    #[error("the log in `{path}` is in use by another process; close it there or choose another directory")]
    Locked {
        /// The log's directory.
        path: String,
    },
    /// The directory holds something else.
    #[error("`{path}` is not a log: it contains `{found}`; choose an empty or a new directory")]
    NotALog {
        /// The directory.
        path: String,
        /// What was found in it.
        found: String,
    },
    /// The log is not whole, in a way that a crash does not explain.
    #[error("`{path}` is damaged at byte {offset}: {what}; keep it as evidence and start a new log elsewhere")]
    Damaged {
        /// The file.
        path: String,
        /// Where.
        offset: u64,
        /// In which way.
        what: String,
    },
    /// An entry without bytes.
    #[error("entry {seq} is empty; record at least its kind")]
    EntryEmpty {
        /// Where it would have been.
        seq: u64,
    },
    /// An entry over the limit.
    #[error("entry {seq} has {size} bytes, and at most {max} are kept; put large fields into payloads", max = ENTRY_MAX)]
    EntryTooLarge {
        /// Where it would have been.
        seq: u64,
        /// Its size.
        size: usize,
    },
    /// An outcome over what was set aside for it.
    #[error(
        "outcome {seq} has {size} bytes, and {max} were set aside; shorten its error text or put it into a payload",
        max = OUTCOME_MAX
    )]
    OutcomeTooLarge {
        /// Where it would have been.
        seq: u64,
        /// Its size.
        size: usize,
    },
    /// An outcome for an intent of another log.
    #[error("intent {seq} was recorded in another log; record its outcome there")]
    WrongReservation {
        /// The intent.
        seq: u64,
    },
    /// A mode that this version does not have.
    #[error("{what} is not supported by this version; {instead}")]
    NotSupported {
        /// What was asked for.
        what: String,
        /// What to ask for instead.
        instead: &'static str,
    },
    /// No such payload.
    #[error("there is no payload `{sha256}`; check the reference, or restore the file from a copy of the log")]
    PayloadUnknown {
        /// Its name.
        sha256: String,
    },
    /// The key that signs the log's checkpoints is not where it should be.
    #[error("the key of log `{log}` is not in `{path}`; name the folder or the file that holds it, or start a new log")]
    KeyMissing {
        /// Where it was looked for.
        path: String,
        /// The log's id.
        log: String,
    },
    /// Others than its owner may read or change a key.
    #[error(
        "the key in `{path}` is open to others; take their rights away (`chmod go= FILE`, and `chmod go-w` for its folder), and think about who may have read it"
    )]
    KeyLoose {
        /// The file.
        path: String,
    },
    /// A file that should hold a key holds something else.
    #[error("`{path}` holds no key; restore it from a copy, or name the file that holds the key")]
    NotAKey {
        /// The file.
        path: String,
    },
    /// The key is not the one that signs this log.
    #[error(
        "the log is signed by `{expected}`, and the key here is `{found}`; give the log's own key, or start a new log"
    )]
    KeyOther {
        /// The log's key.
        expected: String,
        /// The key that was found.
        found: String,
    },
    /// A proof was asked for about entries that there are not.
    #[error("{what}; ask for a proof about entries that the log has")]
    OutOfRange {
        /// What there is not.
        what: String,
    },
    /// A witness cosigned nothing, or not this.
    #[error("{what}; verify the log, and ask whoever runs the witness")]
    NotCosigned {
        /// What it said instead.
        what: String,
    },
    /// A folder to be written to holds something.
    #[error("`{path}` is not empty: it contains `{found}`; choose a new folder")]
    NotEmpty {
        /// The folder.
        path: String,
        /// What was found in it.
        found: String,
    },
    /// The key of a sealed value is not here: it was destroyed, or it is kept elsewhere.
    #[error(
        "the key `{key}` of a sealed value is not here; if no entry `log.redacted` names it, it is in the key folder of the user who runs the kernel"
    )]
    SubjectUnknown {
        /// The key's id.
        key: String,
    },
    /// A sealed value that its keys do not open.
    #[error("a value is not what was sealed under the keys that it names; check the log with `agentos log verify`")]
    SealBroken,
    /// A value that is too large to be sealed.
    #[error("the value is too large to be sealed; record less of the action")]
    SealTooLarge,
    /// A person's name that is too long.
    #[error("a subject's name has {size} bytes, and at most {max} are taken; give a shorter one", max = SUBJECT_MAX)]
    SubjectName {
        /// Its size.
        size: usize,
    },
    /// More persons than one value can be about.
    #[error("an action is about {count} subjects, and at most {max} are taken; act on fewer at once", max = SUBJECTS_MAX)]
    SubjectsTooMany {
        /// How many there are.
        count: usize,
    },
    /// The operating system gave no random bytes.
    #[error("cannot get random bytes for the log's id and salt: {reason}; check the system's random source")]
    NoRandomness {
        /// What the operating system said.
        reason: String,
    },
    /// Code panicked while the log's lock was held.
    #[error("a panic while entry {seq} was built; report this as a bug, and open the log again")]
    BuilderPanicked {
        /// The entry.
        seq: u64,
    },
    /// The thread that syncs the log ended on its own.
    #[error("the thread that syncs the log ended by itself; report this as a bug, and open the log again")]
    SyncEnded,
}

impl LogError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopped(_) => "log_stopped",
            Self::DiskFull { .. } => "disk_full",
            Self::Io { .. } => "io_failed",
            Self::Closed => "log_closed",
            Self::Forked => "log_forked",
            Self::Locked { .. } => "log_locked",
            Self::NotALog { .. } => "not_a_log",
            Self::Damaged { .. } => "log_damaged",
            Self::EntryEmpty { .. } => "entry_empty",
            Self::EntryTooLarge { .. } => "entry_too_large",
            Self::OutcomeTooLarge { .. } => "outcome_too_large",
            Self::WrongReservation { .. } => "wrong_reservation",
            Self::NotSupported { .. } => "not_supported",
            Self::PayloadUnknown { .. } => "payload_unknown",
            Self::KeyMissing { .. } => "key_missing",
            Self::KeyLoose { .. } => "key_permissions",
            Self::NotAKey { .. } => "not_a_key",
            Self::KeyOther { .. } => "key_other",
            Self::OutOfRange { .. } => "out_of_range",
            Self::NotCosigned { .. } => "not_cosigned",
            Self::NotEmpty { .. } => "not_empty",
            Self::SubjectUnknown { .. } => "subject_key_unknown",
            Self::SealBroken => "seal_broken",
            Self::SealTooLarge => "seal_too_large",
            Self::SubjectName { .. } => "subject_name",
            Self::SubjectsTooMany { .. } => "too_many_subjects",
            Self::NoRandomness { .. } => "no_randomness",
            Self::BuilderPanicked { .. } => "builder_panicked",
            Self::SyncEnded => "sync_ended",
        }
    }

    /// The first failure, if this one only follows from it; else itself.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::Stopped(first) => first.cause(),
            other => other,
        }
    }

    /// The error for what the operating system said.
    pub(crate) fn io(doing: &'static str, path: String, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { doing, path },
            _ => Self::Io { doing, path, reason: error.to_string() },
        }
    }

    /// What later appends get after this failure.
    pub(crate) fn stopped(self) -> Self {
        match self {
            Self::Stopped(_) => self,
            first => Self::Stopped(Arc::new(first)),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::DiskFull { .. })
    }
}
