//! Reads a log, also while it is being written.

use std::path::Path;
use std::sync::Arc;

use agent_os_core::audit::tree::{Hash, leaf_hash};

use crate::disk::{self, Access, Directory, Disk, File};
use crate::encoding::hex;
use crate::error::LogError;
use crate::fetch::{Fetcher, Location};
use crate::frame::{self, Found, Frames, Header};
use crate::inner::Inner;
use crate::layout;
use crate::payloads;

/// A log that is only read. It takes no lock and changes nothing.
pub struct Reader {
    pub(crate) disk: Arc<dyn Disk>,
    id: String,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Reader").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens the log in this directory.
    ///
    /// # Errors
    /// When there is no log, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Self::open_on(Arc::new(Directory::new(dir)))
    }

    /// Opens the log on this disk.
    ///
    /// # Errors
    /// Like [`Reader::open`].
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, LogError> {
        let (_, header) = open_segment(&*disk, 0)?;
        Ok(Self { id: hex(&header.log), disk })
    }

    /// The log's id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many entries the log has now.
    ///
    /// # Errors
    /// When the log cannot be read, or is damaged.
    pub fn size(&self) -> Result<u64, LogError> {
        let last = segments(&*self.disk)?.into_iter().max().unwrap_or(0);
        let mut entries = self.read_from(last)?;
        entries.by_ref().try_for_each(|entry| entry.map(drop))?;
        Ok(entries.next_seq())
    }

    /// The entries from this one on; asking again after the end goes on with what has been written since.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read_from(&self, seq: u64) -> Result<Entries, LogError> {
        Ok(Entries::new(Source::on(Arc::clone(&self.disk)), seq))
    }

    /// The entries from this one up to the present end: what is written from now on is not among them, so that whoever
    /// reads a log that grows faster comes to an end.
    ///
    /// # Errors
    /// Like [`Reader::read_from`].
    pub fn read_present(&self, seq: u64) -> Result<Entries, LogError> {
        let end = Some(self.end()?);
        Ok(Entries::new(Source::Disk { disk: Arc::clone(&self.disk), at: None, end }, seq))
    }

    /// Where the next entry will lie, or a place beyond it where the last segment has space that was taken ahead.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn end(&self) -> Result<Location, LogError> {
        let first = segments(&*self.disk)?.into_iter().max().unwrap_or(0);
        let name = layout::segment(first);
        let length = self.disk.open(&name, Access::Read).and_then(|file| file.len());
        let offset = length.map_err(|error| LogError::io("read", self.disk.path(&name), &error))?;
        Ok(Location { first, offset })
    }

    /// The entries from this one on, which lies at this place. What is there is for the caller to hold against what it
    /// knows of that entry.
    ///
    /// # Errors
    /// When there is no such segment, or it cannot be read.
    pub fn read_at(&self, at: Location, seq: u64) -> Result<Entries, LogError> {
        let mut place = Place::open(&*self.disk, at.first)?;
        place.frames.back_to(at.offset);
        place.seq = seq;
        Ok(Entries::new(Source::Disk { disk: Arc::clone(&self.disk), at: Some(place), end: None }, seq))
    }

    /// For reading single entries whose place is known.
    #[must_use]
    pub fn fetcher(&self) -> Fetcher {
        Fetcher::new(Arc::clone(&self.disk))
    }

    /// The bytes of a payload, checked against its name.
    ///
    /// # Errors
    /// When there is none of this name, or it is damaged.
    pub fn payload(&self, sha256: &str) -> Result<Vec<u8>, LogError> {
        payloads::read(&*self.disk, sha256)
    }
}

/// Entries with their numbers, in order.
///
/// Entries that were dropped are passed over: then a number is missing.
///
/// `None` says that there is nothing more now: asking again later goes on. After an error it ends. An unfinished entry
/// at the end counts as not written yet; whether a log that nobody writes is whole is for [`crate::verify()`] to say.
pub struct Entries {
    source: Source,
    next: u64,
    failed: bool,
}

/// Where entries come from.
pub(crate) enum Source {
    Memory(Arc<Inner>),
    /// Nothing at `end` or behind it is read.
    Disk {
        disk: Arc<dyn Disk>,
        at: Option<Place>,
        end: Option<Location>,
    },
}

/// A place in a segment.
pub(crate) struct Place {
    first: u64,
    file: Arc<dyn File>,
    frames: Frames,
    /// The number of the entry here.
    seq: u64,
    /// Where the entry before this place begins.
    before: u64,
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Entries").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Source {
    pub(crate) fn on(disk: Arc<dyn Disk>) -> Self {
        Self::Disk { disk, at: None, end: None }
    }
}

impl Iterator for Entries {
    type Item = Result<(u64, Vec<u8>), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        loop {
            match self.next_kept() {
                Ok(None) => return None,
                Ok(Some((seq, Kept::Entry(entry)))) => return Some(Ok((seq, entry))),
                // Only its hash is left.
                Ok(Some((_, Kept::Dropped(_)))) => {}
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// What a log still has of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Entry(Vec<u8>),
    /// The hash of one that was dropped.
    Dropped(Hash),
}

impl Kept {
    /// The hash of the entry.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        match self {
            Self::Entry(entry) => leaf_hash(entry),
            Self::Dropped(leaf) => *leaf,
        }
    }
}

impl Entries {
    pub(crate) fn new(source: Source, next: u64) -> Self {
        Self { source, next, failed: false }
    }

    /// What there is of the next entry. Iteration passes over those that were dropped.
    ///
    /// # Errors
    /// When the log cannot be read, or is damaged.
    pub fn next_kept(&mut self) -> Result<Option<(u64, Kept)>, LogError> {
        let found = match &mut self.source {
            Source::Memory(inner) => inner.peek().in_memory(self.next).map(|entry| Kept::Entry(entry.to_vec())),
            Source::Disk { disk, at, end } => read(&**disk, at, *end, self.next)?,
        };
        Ok(found.map(|kept| {
            let seq = self.next;
            self.next = self.next.saturating_add(1);
            (seq, kept)
        }))
    }

    /// Where the entry lies that came last; `None` before the first one, and for a log in memory.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        match &self.source {
            Source::Disk { at: Some(place), .. } if place.before != 0 => {
                Some(Location { first: place.first, offset: place.before })
            }
            Source::Disk { .. } | Source::Memory(_) => None,
        }
    }

    /// The number of the entry that comes next.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next
    }
}

/// What there is of entry `wanted`, if it has been written.
fn read(disk: &dyn Disk, at: &mut Option<Place>, end: Option<Location>, wanted: u64) -> Result<Option<Kept>, LogError> {
    let place = match at {
        Some(place) => place,
        None => {
            let Some(first) = segments(disk)?.into_iter().filter(|first| *first <= wanted).max() else {
                return Ok(None);
            };
            at.insert(Place::open(disk, first)?)
        }
    };
    loop {
        let name = layout::segment(place.first);
        let failed = |error: std::io::Error| LogError::io("read", disk.path(&name), &error);
        let offset = place.frames.offset();
        if end.is_some_and(|end| Location { first: place.first, offset } >= end) {
            return Ok(None);
        }
        let is_wanted = place.seq == wanted;
        let found = match place.frames.next(&*place.file).map_err(failed)? {
            Found::Entry(entry) => Some(is_wanted.then(|| Kept::Entry(entry.to_vec()))),
            Found::Dropped(leaf) => Some(is_wanted.then_some(Kept::Dropped(leaf))),
            Found::End | Found::Broken => None,
        };
        if let Some(found) = found {
            place.seq = place.seq.saturating_add(1);
            place.before = offset;
            if found.is_some() {
                return Ok(found);
            }
            continue;
        }
        // What was read ahead may be from before the entry was finished, so it is looked at once more, after everything
        // that shows whether it must be finished by now: a writer finishes an entry before it begins the next one, and
        // a segment before it makes the next one.
        let next_segment = segments(disk)?.into_iter().filter(|first| *first > place.first).min();
        let rest = disk::read_from(&*place.file, offset).map_err(failed)?;
        place.frames.refresh();
        if let Found::Entry(_) | Found::Dropped(_) = place.frames.next(&*place.file).map_err(failed)? {
            place.frames.back_to(offset);
            continue;
        }
        let ended = rest.iter().all(|byte| *byte == 0);
        match next_segment {
            Some(first) if ended && first == place.seq => *place = Place::open(disk, first)?,
            None if !frame::contains_frame(&rest) => return Ok(None),
            Some(_) | None => {
                let what = format!("entry {} is missing or broken, and whole entries follow", place.seq);
                return Err(LogError::Damaged { path: disk.path(&name), offset, what });
            }
        }
    }
}

impl Place {
    fn open(disk: &dyn Disk, first: u64) -> Result<Self, LogError> {
        let (file, _) = open_segment(disk, first)?;
        Ok(Self { first, file, frames: Frames::new(), seq: first, before: 0 })
    }
}

fn open_segment(disk: &dyn Disk, first: u64) -> Result<(Arc<dyn File>, Header), LogError> {
    let name = layout::segment(first);
    let failed = |error: std::io::Error| LogError::io("read", disk.path(&name), &error);
    let file = disk.open(&name, Access::Read).map_err(failed)?;
    match Header::read(&*file).map_err(failed)? {
        Some(header) if header.first == first => Ok((file, header)),
        _ => {
            let what = "its header is broken".to_owned();
            Err(LogError::Damaged { path: disk.path(&name), offset: 0, what })
        }
    }
}

/// The first entries of the segments there are, in no order.
fn segments(disk: &dyn Disk) -> Result<Vec<u64>, LogError> {
    let names =
        disk.list(layout::SEGMENTS).map_err(|error| LogError::io("read", disk.path(layout::SEGMENTS), &error))?;
    Ok(names.iter().filter_map(|name| layout::segment_first(name)).collect())
}
