//! Checks a log from scratch.
//!
//! This module shares no code with the writer: it has its own idea of the files' names, its own frame parser, JSON
//! check and tree. Two programs must be wrong in the same way for a bad log to pass.
//!
//! What it proves is that the log agrees with itself: every entry is whole, in its place, and under the root that the
//! head names. Somebody who can write the directory can rewrite all of it, or put an older copy in its place. Only a
//! root that was kept elsewhere shows that.

mod entries;
mod files;
mod json;
mod segments;
mod tree;

use std::path::Path;

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
    /// What is proved: `self-consistent`, or `none` if there are problems.
    pub level: &'static str,
    /// Everything that is not as it must be.
    pub problems: Vec<Problem>,
    /// Intents without an outcome: these actions may have happened.
    pub unfinished: Vec<u64>,
    /// Entries that the head does not name yet.
    pub after_head: u64,
    /// Entries whose time is before that of the entry before them.
    pub backward_steps: Vec<u64>,
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

/// Checks the log in this directory: every frame, entry, link, payload, the salt and the head. It takes no lock, so that
/// a log can be checked while it is written.
///
/// It never fails: what cannot be read is a problem in the report. A log without entries is one, too.
///
/// ```
/// let report = agent_os_log::verify(std::path::Path::new("/nonexistent"));
/// assert!(!report.ok() && !report.problems.is_empty());
/// ```
#[must_use]
pub fn verify(dir: &Path) -> Report {
    let mut report = Report::default();
    // The head is read first: what it names must then be there, also when the log grows meanwhile.
    let head = files::read_head(dir, &mut report);
    let mut check = entries::Check::new(head.as_ref().map(|head| head.size));
    segments::walk(dir, &mut check, &mut report);
    let references = check.finish(&mut report);
    files::check_head(head.as_ref(), check.root_at_head(), check.is_complete(), &mut report);
    files::check_salt(dir, check.salt_sha256(), &mut report);
    files::check_payloads(dir, &references, &mut report);
    files::find_strays(dir, &mut report);
    if report.entries == 0 {
        report.problem("", None, None, "there are no entries");
    }
    report.level = if report.ok() { "self-consistent" } else { "none" };
    report
}
