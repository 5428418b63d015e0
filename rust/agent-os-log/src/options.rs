//! What a log is opened with, and the sizes it holds entries to.

use std::time::Duration;

use agent_os_core::value::Value;

use crate::keys::Keys;

/// The largest entry, in bytes. C2SP tlog-tiles entry bundles give an entry's length in 16 bits.
pub const ENTRY_MAX: usize = 65_000;

/// The largest outcome, in bytes. This much space is set aside when its intent is accepted.
pub const OUTCOME_MAX: usize = 2_048;

/// When an entry counts as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Handed to the operating system before the append returns: survives the process, synced every few milliseconds.
    Written,
    /// Kept in memory only, whole and for as long as the log lives: for ephemeral runs.
    Memory,
    /// On stable storage before the append returns: survives a loss of power. Appends that wait share a sync.
    Commit,
}

impl Durability {
    /// The durability of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Written, Self::Memory, Self::Commit].into_iter().find(|mode| mode.as_str() == name)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Memory => "memory",
            Self::Commit => "commit",
        }
    }
}

/// How to open a log.
#[derive(Clone, Debug)]
pub struct Options {
    /// When an entry counts as recorded.
    pub durability: Durability,
    /// Who writes (kernel name, version, …); recorded when the log is created and each time it is opened again.
    pub meta: Value,
    /// A segment that would grow beyond this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// How long written entries may wait for their sync.
    pub sync_every: Duration,
    /// How long synced entries may wait for a checkpoint that names them.
    pub checkpoint_every: Duration,
    /// Where the key is that signs checkpoints; a log in memory needs none.
    pub keys: Keys,
}

impl Options {
    /// The usual options: 64 MiB segments, a sync every 10 ms, a checkpoint every second. Keys are to be added.
    #[must_use]
    pub fn new(durability: Durability, meta: Value) -> Self {
        Self {
            durability,
            meta,
            segment_bytes: 64 << 20,
            sync_every: Duration::from_millis(10),
            checkpoint_every: Duration::from_secs(1),
            keys: Keys::default(),
        }
    }
}

/// What the log gives to an entry that is being built; the entry must hold all three.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// The entry's place: 0, 1, 2, …
    pub seq: u64,
    /// The log's id: 32 hexadecimal digits.
    pub log: &'a str,
    /// Microseconds since 1970-01-01 UTC.
    pub micros: i64,
}
