//! Finds out what a log's directory holds, before anything is appended to it.
//!
//! A crash can leave exactly this: unfinished files, half a frame at the end of the last segment, zeros after it, and a
//! checkpoint that is behind, and tiles that are missing or wrong. After a loss of power, writes since the last sync may
//! also be there in part, later ones without earlier ones: a broken frame with whole frames after it, in the last segment
//! and behind all that the checkpoint names. All of that is put right, and what may hold entries is set aside rather than
//! thrown away. Anything else is damage, and the log is not opened: a log that was repaired by guessing would be no
//! evidence.

use std::io;
use std::sync::Arc;

use agent_os_core::audit::tiles::{Tile, Tiler};
use agent_os_core::audit::tree::{CompactRange, leaf_hash};
use agent_os_core::canonical;
use agent_os_core::number::Number;
use agent_os_core::value::Value;
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::disk::{self, Access, Disk, File};
use crate::encoding::hex;
use crate::error::LogError;
use crate::frame::{self, Frames, Header};
use crate::keys::PublicKey;
use crate::layout;
use crate::log::KEY_ROTATED;
use crate::publish;
use crate::segment::SegmentWriter;

/// The longest entry that closes a log.
const CLOSING: usize = 256;

/// What a directory holds.
pub(crate) enum Found<T> {
    /// No log yet, or one whose making was interrupted before its first segment.
    Nothing,
    /// A log, and what was confirmed of it.
    Log(Box<Recovered>, T),
}

/// What a log says of itself that only its keys can confirm.
pub(crate) struct Claims {
    pub(crate) id: [u8; 16],
    /// How many entries it has.
    pub(crate) size: u64,
    /// The key that signs it, if it has an entry.
    pub(crate) key: Option<PublicKey>,
    /// Whether that key took its place behind all that the checkpoint names, which an older key signed.
    pub(crate) is_unsigned: bool,
    /// Whether entry 0 names the first key of a ratchet.
    pub(crate) has_ratchet: bool,
}

/// A log that can be gone on with.
pub(crate) struct Recovered {
    pub(crate) id: [u8; 16],
    pub(crate) salt: [u8; 32],
    pub(crate) tree: CompactRange,
    pub(crate) segment: SegmentWriter,
    /// Whether the last entry says that the log was closed, and nothing was dropped after it.
    pub(crate) closed: bool,
    /// How many bytes were cut off, up to the last one that was not zero.
    pub(crate) dropped: u64,
    /// SHA-256 of those bytes, if they were set aside in a file.
    pub(crate) set_aside: Option<[u8; 32]>,
    pub(crate) tiler: Tiler,
    /// Full tiles that are missing, or not what the entries give.
    pub(crate) wrong_tiles: Vec<Tile>,
}

/// Refuses a directory that holds anything but a log's files.
pub(crate) fn check_is_a_log(disk: &dyn Disk) -> Result<(), LogError> {
    let names = match disk.list("") {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(LogError::io("read", disk.path(""), &error)),
    };
    if names.iter().any(|name| name == layout::SEGMENTS) {
        return Ok(());
    }
    let ours = [layout::PAYLOADS, layout::SALT, layout::CHECKPOINT, layout::RATCHET, layout::LOCK];
    match names.into_iter().find(|name| !ours.contains(&&**name) && !name.ends_with(layout::UNFINISHED)) {
        Some(found) => Err(LogError::NotALog { path: disk.path(""), found }),
        None => Ok(()),
    }
}

/// Reads the log, refuses damage, and puts right what a crash leaves. Nothing of the log is changed before `confirm` has
/// agreed to what it claims: a log that is refused stays as it is.
pub(crate) fn recover<T>(
    disk: &Arc<dyn Disk>,
    limit: u64,
    confirm: impl FnOnce(&Claims) -> Result<T, LogError>,
) -> Result<Found<T>, LogError> {
    let scan = Scan { disk: &**disk };
    scan.remove_unfinished()?;
    let checkpoint = scan.checkpoint()?;
    let segments = scan.segments()?;
    if segments.is_empty() {
        return match checkpoint {
            None => Ok(Found::Nothing),
            Some(_) => Err(scan.damaged(layout::CHECKPOINT, 0, "it names entries, but there is no segment".to_owned())),
        };
    }
    let salt = scan.salt()?;
    let mut walk = Walk {
        scan,
        id: None,
        tree: CompactRange::new(),
        tiler: Tiler::default(),
        wrong_tiles: Vec::new(),
        first: None,
        last: Vec::new(),
        key: None,
        key_from: 0,
        is_closed: false,
        has_ratchet: false,
        dropped_before: 0,
        told_before: 0,
        checkpoint,
    };
    let mut end = None;
    for (place, first) in segments.iter().enumerate() {
        end = Some((*first, walk.segment(*first, place + 1 == segments.len())?));
    }
    let (Some(id), Some((first, end))) = (walk.id, end) else { return Ok(Found::Nothing) };
    walk.check_checkpoint()?;
    walk.check_retention()?;
    walk.check_genesis(&id, &salt)?;
    let named = walk.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let confirmed = confirm(&Claims {
        id,
        size: walk.tree.size(),
        key: walk.key,
        is_unsigned: walk.key_from > 0 && walk.key_from >= named,
        has_ratchet: walk.has_ratchet,
    })?;
    let (dropped, set_aside) = walk.put_right(first, &end)?;
    let closed = dropped == 0 && walk.is_closed;
    let segment = SegmentWriter::resume(Arc::clone(disk), id, first, end.file, end.offset, limit);
    publish::remove_partial_tiles(&**disk)?;
    let Walk { tree, tiler, wrong_tiles, .. } = walk;
    let found = Recovered { id, salt, tree, segment, closed, dropped, set_aside, tiler, wrong_tiles };
    Ok(Found::Log(Box::new(found), confirmed))
}

struct Scan<'a> {
    disk: &'a dyn Disk,
}

impl Scan<'_> {
    fn failed(&self, doing: &'static str, name: &str, error: &io::Error) -> LogError {
        LogError::io(doing, self.disk.path(name), error)
    }

    fn damaged(&self, name: &str, offset: u64, what: String) -> LogError {
        LogError::Damaged { path: self.disk.path(name), offset, what }
    }

    fn remove_unfinished(&self) -> Result<(), LogError> {
        for folder in ["", layout::SEGMENTS, layout::PAYLOADS, layout::DROPPED] {
            let names = match self.disk.list(folder) {
                Ok(names) => names,
                Err(error) if folder == layout::DROPPED && error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(self.failed("read", folder, &error)),
            };
            for name in names.into_iter().filter(|name| name.ends_with(layout::UNFINISHED)) {
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                self.disk.remove(&name).map_err(|error| self.failed("remove", &name, &error))?;
            }
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, LogError> {
        match disk::read_all(self.disk, layout::CHECKPOINT) {
            Ok(bytes) => match Checkpoint::parse(&bytes) {
                Some(checkpoint) => Ok(Some(checkpoint)),
                None => Err(self.damaged(layout::CHECKPOINT, 0, "it is not a checkpoint".to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", layout::CHECKPOINT, &error)),
        }
    }

    fn salt(&self) -> Result<[u8; 32], LogError> {
        let bytes =
            disk::read_all(self.disk, layout::SALT).map_err(|error| self.failed("read", layout::SALT, &error))?;
        let count = bytes.len();
        bytes.try_into().map_err(|_| self.damaged(layout::SALT, 0, format!("it has {count} bytes instead of 32")))
    }

    /// The first entries of the segments, in order.
    fn segments(&self) -> Result<Vec<u64>, LogError> {
        let names = self.disk.list(layout::SEGMENTS).map_err(|error| self.failed("read", layout::SEGMENTS, &error))?;
        let mut segments = Vec::new();
        for name in names {
            match layout::segment_first(&name) {
                Some(first) => segments.push(first),
                None => {
                    let name = format!("{}/{name}", layout::SEGMENTS);
                    return Err(self.damaged(&name, 0, "it is not the name of a segment".to_owned()));
                }
            }
        }
        segments.sort_unstable();
        Ok(segments)
    }
}

/// Where a segment's entries end.
struct End {
    file: Arc<dyn File>,
    offset: u64,
    /// What stands behind them, with the zeros at the end.
    rest: Vec<u8>,
    /// Whether there are whole frames in it.
    has_frames: bool,
}

impl End {
    /// What stands behind the entries, up to the last byte that is not zero.
    fn dropped(&self) -> &[u8] {
        let len = self.rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        self.rest.get(..len).unwrap_or_default()
    }
}

/// The walk over all entries.
struct Walk<'a> {
    scan: Scan<'a>,
    id: Option<[u8; 16]>,
    tree: CompactRange,
    tiler: Tiler,
    wrong_tiles: Vec<Tile>,
    first: Option<Vec<u8>>,
    last: Vec<u8>,
    /// The key that the entries so far name.
    key: Option<PublicKey>,
    /// The entry that names it.
    key_from: u64,
    /// Whether the last entry says that the log was closed.
    is_closed: bool,
    has_ratchet: bool,
    /// Entries from here on were not dropped; and may not have been.
    dropped_before: u64,
    told_before: u64,
    checkpoint: Option<Checkpoint>,
}

impl Walk<'_> {
    fn segment(&mut self, first: u64, is_last: bool) -> Result<End, LogError> {
        let name = layout::segment(first);
        let disk = self.scan.disk;
        let file = disk.open(&name, Access::Write).map_err(|error| self.scan.failed("open", &name, &error))?;
        let read = |error: io::Error| LogError::io("read", disk.path(&name), &error);
        let header = Header::read(&*file).map_err(read)?;
        let Some(header) = header else { return Err(self.scan.damaged(&name, 0, "its header is broken".to_owned())) };
        if header.first != first || first != self.tree.size() {
            let what = format!("it begins with entry {}, and entry {} is due", header.first, self.tree.size());
            return Err(self.scan.damaged(&name, 0, what));
        }
        if *self.id.get_or_insert(header.log) != header.log {
            return Err(self.scan.damaged(&name, 0, "it belongs to another log".to_owned()));
        }
        let mut frames = Frames::new();
        loop {
            let offset = frames.offset();
            let (leaf, is_dropped) = match frames.next(&*file).map_err(read)? {
                frame::Found::Entry(entry) => {
                    self.first.get_or_insert_with(|| entry.to_vec());
                    self.last.clear();
                    self.last.extend_from_slice(entry);
                    (leaf_hash(entry), false)
                }
                frame::Found::Dropped(leaf) => (leaf, true),
                frame::Found::End | frame::Found::Broken => break,
            };
            self.tree.append(leaf);
            for tile in self.tiler.append(leaf) {
                if disk::read_all(disk, &tile.path()).ok().as_ref() != Some(&tile.hashes) {
                    self.wrong_tiles.push(tile);
                }
            }
            if is_dropped {
                self.dropped_before = self.tree.size();
            } else {
                self.follow_end(&name, offset)?;
                self.follow_key(&name, offset)?;
                self.follow_retention();
            }
            self.compare_with_checkpoint()?;
        }
        let offset = frames.offset();
        let rest = disk::read_from(&*file, offset).map_err(read)?;
        let has_frames = frame::contains_frame(&rest);
        let end = End { file, offset, rest, has_frames };
        // A checkpoint names what is on stable storage, and a segment is there whole before the next one is begun.
        let lost_power =
            is_last && self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.size <= self.tree.size());
        if !end.dropped().is_empty() && (!is_last || has_frames && !lost_power) {
            let what = format!("entry {} is broken, and whole entries follow", self.tree.size());
            return Err(self.scan.damaged(&name, offset, what));
        }
        Ok(end)
    }

    /// Cuts off what a crash left behind the last entry, which is in segment `first`. Gives its size, and its hash if
    /// it may hold entries: then it is set aside first.
    fn put_right(&self, first: u64, end: &End) -> Result<(u64, Option<[u8; 32]>), LogError> {
        let (disk, aside, name) = (self.scan.disk, layout::dropped(self.tree.size()), layout::segment(first));
        if end.has_frames {
            disk.create_folder(layout::DROPPED)
                .and_then(|()| disk::replace(disk, &aside, end.dropped(), true))
                .and_then(|_| disk.sync_folder(layout::DROPPED))
                .and_then(|()| disk.sync_folder(""))
                .map_err(|error| self.scan.failed("write", &aside, &error))?;
        }
        if !end.rest.is_empty() {
            let cut = end.file.cut(end.offset).and_then(|()| end.file.sync());
            cut.map_err(|error| self.scan.failed("cut", &name, &error))?;
        }
        // It is there already if the writer before this one set it aside and died before it said so.
        match disk::read_all(disk, &aside) {
            Ok(bytes) => Ok((bytes.len() as u64, Some(Sha256::digest(&bytes).into()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((end.dropped().len() as u64, None)),
            Err(error) => Err(self.scan.failed("read", &aside, &error)),
        }
    }

    /// Refuses what follows the end of a log and does not say that it was opened again.
    fn follow_end(&mut self, name: &str, offset: u64) -> Result<(), LogError> {
        // Few entries need to be read whole: an entry inside of another one may spell the same.
        let says = |what: &[u8]| self.last.windows(what.len()).any(|part| part == what);
        let is = |what: &str| kind(&self.last).as_deref() == Some(what);
        if self.is_closed && !is("log.opened") && !is("log.recovered") {
            let what = format!("entry {} follows the one that closed the log", self.tree.size() - 1);
            return Err(self.scan.damaged(name, offset, what));
        }
        self.is_closed = self.last.len() <= CLOSING && says(br#""kind":"log.closed""#) && is("log.closed");
        Ok(())
    }

    /// Notes up to where the log says that entries were dropped.
    fn follow_retention(&mut self) {
        if !self.last.starts_with(br#"{"kind":"log.retained","#) {
            return;
        }
        let entry = canonical::parse_json(&self.last).unwrap_or(Value::Null);
        if let Some(Value::Number(Number::Int(to))) = entry.get("to") {
            self.told_before = self.told_before.max(u64::try_from(*to).unwrap_or(0));
        }
    }

    /// Notes which key signs the log from the last entry on.
    fn follow_key(&mut self, name: &str, offset: u64) -> Result<(), LogError> {
        let seq = self.tree.size() - 1;
        // The key comes first in the canonical form of what names one, so that few entries need to be read whole.
        let may_name = seq == 0 || self.last.starts_with(br#"{"key":"#);
        let Some(id) = self.id.filter(|_| may_name) else { return Ok(()) };
        let entry = canonical::parse_json(&self.last).unwrap_or(Value::Null);
        if seq > 0 && entry.get("kind").and_then(Value::as_text) != Some(KEY_ROTATED) {
            return Ok(());
        }
        self.has_ratchet |= seq == 0 && entry.get("ratchet_sha256").is_some();
        let key = entry.get("key").and_then(Value::as_text).and_then(|key| PublicKey::of_vkey(key, &hex(&id)));
        let missing = || self.scan.damaged(name, offset, format!("entry {seq} names no key"));
        self.key = Some(key.ok_or_else(missing)?);
        self.key_from = seq;
        Ok(())
    }

    fn compare_with_checkpoint(&self) -> Result<(), LogError> {
        match (&self.checkpoint, &self.id) {
            (Some(checkpoint), Some(id)) if checkpoint.size == self.tree.size() => {
                if !checkpoint.names(&hex(id), self.tree.size(), &self.tree.root()) {
                    let what = format!(
                        "it does not belong to the first {} entries: they were changed, or it was",
                        checkpoint.size
                    );
                    return Err(self.scan.damaged(layout::CHECKPOINT, 0, what));
                }
                if !self.key.is_some_and(|key| checkpoint.is_signed_by(key)) {
                    let what = "it is not signed by the log's key".to_owned();
                    return Err(self.scan.damaged(layout::CHECKPOINT, 0, what));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn check_retention(&self) -> Result<(), LogError> {
        if self.dropped_before <= self.told_before {
            return Ok(());
        }
        let what = format!("entry {} is gone, and no entry says that it was dropped", self.dropped_before - 1);
        Err(self.scan.damaged(layout::SEGMENTS, 0, what))
    }

    fn check_checkpoint(&self) -> Result<(), LogError> {
        let size = self.tree.size();
        let what = match &self.checkpoint {
            Some(checkpoint) if checkpoint.size == 0 => "it names no entry".to_owned(),
            Some(checkpoint) if checkpoint.size > size => {
                format!("it names {} entries, and the segments hold {size}: entries are missing", checkpoint.size)
            }
            // The first checkpoint is written before a second entry can be.
            None if size > 1 => "it is missing".to_owned(),
            _ => return Ok(()),
        };
        Err(self.scan.damaged(layout::CHECKPOINT, 0, what))
    }

    fn check_genesis(&self, id: &[u8; 16], salt: &[u8; 32]) -> Result<(), LogError> {
        let Some(first) = &self.first else { return Ok(()) };
        let entry = canonical::parse_json(first).unwrap_or(Value::Null);
        let holds = |key, text: String| entry.get(key).and_then(Value::as_text) == Some(&*text);
        if !holds("kind", "log.created".to_owned()) || !holds("log", hex(id)) {
            let what = "entry 0 does not say that this log was created".to_owned();
            return Err(self.scan.damaged(&layout::segment(0), frame::HEADER, what));
        }
        if !holds("salt_sha256", hex(&Sha256::digest(salt))) {
            return Err(self.scan.damaged(layout::SALT, 0, "it is not the salt that entry 0 names".to_owned()));
        }
        Ok(())
    }
}

/// The kind of an entry.
fn kind(entry: &[u8]) -> Option<String> {
    canonical::parse_json(entry).ok()?.get("kind").and_then(Value::as_text).map(str::to_owned)
}
