//! Checks a log from scratch.
//!
//! This module shares no code with the writer: it has its own idea of the files' names, its own frame parser, JSON
//! check and tree. Two programs must be wrong in the same way for a bad log to pass.
//!
//! What it proves by itself is that the log agrees with itself: every entry is whole, in its place, and under the root
//! that the checkpoint names. Somebody who can write the directory can write another log with another key, or put an
//! older copy in its place. Only what was kept elsewhere shows that: a key, or an older checkpoint.

mod checkpoints;
mod entries;
mod files;
mod json;
mod note;
mod ratchet;
mod segments;
mod shape;
mod tiles;
mod tree;
mod witness;

use std::path::Path;

pub use shape::{entry_fault, entry_shapes};
pub use witness::Cosignature;

use tree::Hash;

/// Problems beyond this many are counted and not listed.
const LISTED: usize = 1_000;

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many whole entries were read.
    pub entries: u64,
    /// The root over them, computed from the entries, if all of them could be read.
    pub root: Hash,
    /// The log's id, as its first segment says it; empty if that cannot be read.
    pub log_id: String,
    /// What is proved: `self-consistent`, `pinned key`, `witnessed to` with the number of entries that the witnesses have
    /// seen, or `none` if there are problems.
    pub level: String,
    /// Whether the log is signed by the keys that were kept, or by ones that took their place with their consent.
    pub pinned: bool,
    /// How many entries enough of the witnesses have seen; nothing if none were given.
    pub witnessed: Option<u64>,
    /// For each witness that was given, the largest checkpoint that it cosigned; the largest one first.
    pub cosignatures: Vec<Cosignature>,
    /// The key that signs the log, in the spelling of signed notes; empty if it cannot be read.
    pub key: String,
    /// The entries with which a new key took the place of the one before.
    pub rotations: Vec<u64>,
    /// How many entries the log's own checkpoint names; 0 without one.
    pub checkpoint: u64,
    /// Up to how many entries the log is the one of a checkpoint that was kept; nothing if none was given.
    pub held: Option<u64>,
    /// Everything that is not as it must be.
    pub problems: Vec<Problem>,
    /// Intents without an outcome: these actions may have happened.
    pub unfinished: Vec<u64>,
    /// How many seals the log has.
    pub seals: u64,
    /// The seals whose keys were still there after a crash.
    pub gaps: Vec<u64>,
    /// How many entries are sealed, as the first key of the ratchet shows; nothing if it was not given.
    pub sealed: Option<u64>,
    /// Entries that the checkpoint does not name yet.
    pub after_checkpoint: u64,
    /// Entries whose time is before that of the entry before them.
    pub backward_steps: Vec<u64>,
    /// How many entries were dropped: of these there are hashes only, and nothing but their place in the tree is checked.
    pub dropped: u64,
    /// The entries that tell of what was made unreadable for good.
    pub redactions: Vec<u64>,
    /// How many payload files were checked.
    pub payloads: u64,
    /// Whether the last entry says that the log was closed.
    pub closed: bool,
    /// Files that are no part of a log; they prove nothing and disprove nothing.
    pub strays: Vec<String>,
}

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the log's directory.
    pub file: String,
    /// Where in the file, if it is one place.
    pub offset: Option<u64>,
    /// The entry, if it is about one.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Report {
    /// Whether the log is whole: nothing is wrong, and there is something in it.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.problems.is_empty() && self.entries > 0
    }

    fn problem(&mut self, file: &str, offset: Option<u64>, seq: Option<u64>, what: impl Into<String>) {
        match self.problems.len() {
            0..LISTED => self.problems.push(Problem { file: file.to_owned(), offset, seq, what: what.into() }),
            LISTED => self.problems.push(Problem {
                file: String::new(),
                offset: None,
                seq: None,
                what: "there are more problems than are listed".to_owned(),
            }),
            _ => {}
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.file)?;
        if let Some(offset) = self.offset {
            write!(out, ":{offset}")?;
        }
        if let Some(seq) = self.seq {
            write!(out, ": entry {seq}")?;
        }
        write!(out, ": {}", self.what)
    }
}

/// What was kept elsewhere, to hold a log against.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// Keys, in the spelling of signed notes: the log's own, or ones that were in its place before a rotation. Each must
    /// hold.
    pub keys: Vec<String>,
    /// Checkpoints of earlier days, each with a name for messages.
    pub checkpoints: Vec<(String, Vec<u8>)>,
    /// The first key of the ratchet, as its file holds it.
    pub ratchet_key: Option<String>,
    /// The keys of witnesses, in the spelling of signed notes.
    pub witnesses: Vec<String>,
    /// How many of them must have seen the log; without it, all.
    pub quorum: Option<usize>,
}

/// Checks the log in this directory: every frame, entry, link, payload, tile, the salt and the checkpoint. It takes no
/// lock, so that a log can be checked while it is written.
///
/// It never fails: what cannot be read is a problem in the report. A log without entries is one, too.
///
/// ```
/// let report = agent_os_log::verify(std::path::Path::new("/nonexistent"));
/// assert!(!report.ok() && !report.problems.is_empty());
/// ```
#[must_use]
pub fn verify(dir: &Path) -> Report {
    verify_against(dir, &Pins::default())
}

/// The same, held against what was kept elsewhere.
#[must_use]
pub fn verify_against(dir: &Path, pins: &Pins) -> Report {
    let mut report = Report::default();
    // The checkpoint is read first: what it names must then be there, also when the log grows meanwhile.
    let (own, tiles) = checkpoints::read_own(dir, &mut report);
    let seals = ratchet::Seals::read(dir, &mut report);
    let held = checkpoints::read_held(&pins.checkpoints, &mut report);
    let kept = witness::read_kept(dir, &mut report);
    let notes = own.iter().chain(held.iter().chain(&kept).map(|kept| &kept.note));
    let sizes = notes.map(|note| note.size).chain(seals.sizes());
    let mut check = entries::Check::new(dir, tiles, sizes);
    segments::walk(dir, &mut check, &mut report);
    let references = check.finish(&mut report);
    checkpoints::check_own(own.as_ref(), &check, &mut report);
    checkpoints::check_held(&held, &check, &mut report);
    witness::check_kept(&kept, &check, &mut report);
    if !pins.witnesses.is_empty() || pins.quorum.is_some() {
        let notes: Vec<_> = held.iter().chain(&kept).collect();
        witness::check(&notes, pins, &check, &mut report);
    }
    // Each is looked at, so that each that does not hold is said.
    let held_keys =
        pins.keys.iter().filter(|key| checkpoints::check_key(key, own.as_ref(), &check, &mut report)).count();
    report.pinned = held_keys > 0 && held_keys == pins.keys.len();
    seals.check(own.as_ref().map(|note| note.size), pins.ratchet_key.as_deref(), &check, &mut report);
    check.finish_tiles(&mut report);
    files::check_salt(dir, check.salt_sha256(), &mut report);
    check.check_dropped(own.as_ref().map_or(0, |note| note.size), &mut report);
    let removed = check.removed_payloads(own.as_ref().map_or(0, |note| note.size));
    files::check_payloads(dir, &references, &removed, &mut report);
    files::check_set_aside(dir, check.set_aside(), &mut report);
    files::find_strays(dir, &mut report);
    if report.entries == 0 {
        report.problem("", None, None, "there are no entries");
    }
    report.level = match (report.ok(), report.witnessed, report.pinned) {
        (false, _, _) => "none".to_owned(),
        (true, Some(size), _) => format!("witnessed to {size}"),
        (true, None, true) => "pinned key".to_owned(),
        (true, None, false) => "self-consistent".to_owned(),
    };
    report
}
