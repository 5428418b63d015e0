//! Dropping old entries: what they say goes, and their hashes stay in their places, so that the tree, every proof and
//! every checkpoint stay what they were.
//!
//! Whole segments are dropped, never the one that is written. The entries of the log itself are kept: they name the
//! keys, and say what was dropped. An entry tells of it first, under a checkpoint; then each segment is replaced at once
//! by what is left of it. After a crash in between, asking again goes on.

use std::collections::BTreeSet;

use agent_os_core::audit::tree::{CompactRange, Hash, leaf_hash};
use agent_os_core::canonical;
use agent_os_core::value::Value;

use crate::disk::{self, Access, Disk};
use crate::encoding::base64;
use crate::error::LogError;
use crate::frame::{self, Found, Frames, Header};
use crate::inner::Claim;
use crate::layout;
use crate::log::{Log, append_own};
use crate::reader::Reader;
use crate::redact::references;

/// The kind of the entry that tells of it.
const RETAINED: &str = "log.retained";

/// What was dropped, or would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// The entry that tells of it; nothing if nothing was done.
    pub seq: Option<u64>,
    /// Of the entries before this one, hashes are left.
    pub to: u64,
    /// How many entries that are, without those that were dropped before.
    pub dropped: u64,
    /// Bytes that their segments have less.
    pub bytes: u64,
}

impl Log {
    /// Drops what entries before `before` say, as far as whole segments hold no other. Gives nothing if there is nothing
    /// to be dropped; [`Reader::would_retain`] only says what would be.
    ///
    /// # Errors
    /// Like [`Log::append`]; for a log in memory; when the disk fails. Calling again goes on.
    pub fn retain(&self, before: u64) -> Result<Option<Retained>, LogError> {
        self.inner.check_owner()?;
        let Some(files) = &self.inner.files else {
            return Err(LogError::NotSupported {
                what: "dropping entries of a log in memory".to_owned(),
                instead: "use durability `written`",
            });
        };
        let disk = &*files.disk;
        let Some((plans, root, mut retained)) = plan(disk, before)? else { return Ok(None) };
        let to = Value::from(i64::try_from(retained.to).unwrap_or(i64::MAX));
        let fields = vec![("kind", RETAINED.into()), ("root", base64(&root).as_str().into()), ("to", to)];
        retained.seq = Some(append_own(&self.inner, Claim::Plain, fields)?);
        // SECURITY: only an entry that the checkpoint names excuses entries of which there are only hashes.
        self.inner.sync(true)?;
        let mut gone = BTreeSet::new();
        for plan in &plans {
            gone.append(&mut plan.carry_out(disk)?);
        }
        self.remove_payloads_of(gone)?;
        Ok(Some(retained))
    }

    /// Removes the payloads to which only dropped entries referred.
    fn remove_payloads_of(&self, mut gone: BTreeSet<String>) -> Result<(), LogError> {
        if gone.is_empty() {
            return Ok(());
        }
        for entry in self.read_from(0)? {
            for name in references(&entry?.1) {
                gone.remove(&name);
            }
        }
        let names: Vec<String> = gone.into_iter().filter(|name| self.payload(name).is_ok()).collect();
        self.inner.payloads.remove_unless_new(&names)
    }
}

impl Reader {
    /// What [`Log::retain`] would drop; nothing is done.
    ///
    /// # Errors
    /// When the log cannot be read, or is damaged.
    pub fn would_retain(&self, before: u64) -> Result<Option<Retained>, LogError> {
        Ok(plan(&*self.disk, before)?.map(|(_, _, retained)| retained))
    }
}

/// What is to be done with each segment that ends before `before`, the root over all of these, and what it comes to.
fn plan(disk: &dyn Disk, before: u64) -> Result<Option<(Vec<Plan>, Hash, Retained)>, LogError> {
    let mut firsts = segments(disk)?;
    firsts.sort_unstable();
    let ended = firsts.iter().zip(firsts.iter().skip(1)).take_while(|(_, next)| **next <= before);
    let (mut tree, mut plans) = (CompactRange::new(), Vec::new());
    let mut retained = Retained { seq: None, to: 0, dropped: 0, bytes: 0 };
    let mut root = tree.root();
    for (first, next) in ended {
        let plan = Plan::of(disk, *first, &mut tree)?;
        if plan.dropped > 0 {
            (retained.to, root) = (*next, tree.root());
            retained.dropped += plan.dropped;
            retained.bytes += plan.bytes;
            plans.push(plan);
        }
    }
    Ok((!plans.is_empty()).then_some((plans, root, retained)))
}

/// What is to be done with one segment.
struct Plan {
    first: u64,
    dropped: u64,
    bytes: u64,
}

impl Plan {
    fn of(disk: &dyn Disk, first: u64, tree: &mut CompactRange) -> Result<Self, LogError> {
        let (mut dropped, mut bytes) = (0, 0);
        each(disk, first, &mut |entry, leaf| {
            if let Some(entry) = entry.filter(|entry| !is_kept(entry)) {
                dropped += 1;
                bytes += entry.len().saturating_sub(size_of::<Hash>()) as u64;
            }
            tree.append(leaf);
        })?;
        Ok(Self { first, dropped, bytes })
    }

    /// Puts what is left of the segment in its place; gives the payloads to which what is gone referred.
    fn carry_out(&self, disk: &dyn Disk) -> Result<BTreeSet<String>, LogError> {
        let name = layout::segment(self.first);
        let failed = |error: std::io::Error| LogError::io("write", disk.path(&name), &error);
        let file = disk.open(&name, Access::Read).map_err(failed)?;
        let header = Header::read(&*file).map_err(failed)?.ok_or_else(|| broken(disk, &name, 0))?;
        let (mut content, mut gone) = (header.encode(), BTreeSet::new());
        each(disk, self.first, &mut |entry, leaf| match entry {
            Some(entry) if is_kept(entry) => frame::append_entry(entry, &mut content),
            Some(entry) => {
                gone.append(&mut references(entry));
                frame::append_dropped(&leaf, &mut content);
            }
            None => frame::append_dropped(&leaf, &mut content),
        })?;
        disk::replace(disk, &name, &content, true).and_then(|_| disk.sync_folder(layout::SEGMENTS)).map_err(failed)?;
        Ok(gone)
    }
}

/// Calls `take` with every entry of a segment that is still there, or nothing, and its hash.
fn each(disk: &dyn Disk, first: u64, take: &mut dyn FnMut(Option<&[u8]>, Hash)) -> Result<(), LogError> {
    let name = layout::segment(first);
    let failed = |error: std::io::Error| LogError::io("read", disk.path(&name), &error);
    let file = disk.open(&name, Access::Read).map_err(failed)?;
    let mut frames = Frames::new();
    loop {
        let offset = frames.offset();
        match frames.next(&*file).map_err(failed)? {
            Found::Entry(entry) => take(Some(entry), leaf_hash(entry)),
            Found::Dropped(leaf) => take(None, leaf),
            Found::End => return Ok(()),
            Found::Broken => return Err(broken(disk, &name, offset)),
        }
    }
}

fn broken(disk: &dyn Disk, name: &str, offset: u64) -> LogError {
    LogError::Damaged { path: disk.path(name), offset, what: "there is no whole entry".to_owned() }
}

/// Whether an entry is the log's own.
fn is_kept(entry: &[u8]) -> bool {
    const OWN: &[u8] = b"\"kind\":\"log.";
    // Few entries need to be read whole: what an entry holds may spell the same.
    entry.windows(OWN.len()).any(|part| part == OWN)
        && canonical::parse_json(entry)
            .is_ok_and(|entry| entry.get("kind").and_then(Value::as_text).is_some_and(|kind| kind.starts_with("log.")))
}

fn segments(disk: &dyn Disk) -> Result<Vec<u64>, LogError> {
    let names =
        disk.list(layout::SEGMENTS).map_err(|error| LogError::io("read", disk.path(layout::SEGMENTS), &error))?;
    Ok(names.iter().filter_map(|name| layout::segment_first(name)).collect())
}
