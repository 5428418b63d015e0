//! How entries lie in a segment file, for the writer, recovery and the reader.
//!
//! A segment begins with a header: the magic, the log's id, the number of its first entry, and their checksum. Frames
//! follow: `[length u32 LE][crc32c u32 LE][entry]`, where the checksum covers length and entry. A frame of length 0
//! ends the log: the rest of the file is zeros. Where an entry was dropped, its leaf hash is left in its place, and the
//! highest bit of the length says so.

use std::io;
use std::ops::Range;

use agent_os_core::audit::tree::Hash;

use crate::disk::File;
use crate::options::ENTRY_MAX;

/// Bytes of a segment's header.
pub(crate) const HEADER: u64 = 36;
/// Bytes of a frame before its entry.
pub(crate) const PREFIX: usize = 8;

/// The length of a frame whose entry was dropped.
const DROPPED: u32 = 1 << 31 | 32;

const MAGIC: &[u8; 8] = b"AOSLOG1\n";
/// Two of the largest frames.
const WINDOW: usize = 2 * (PREFIX + ENTRY_MAX);

/// The bytes that an entry takes in a segment.
pub(crate) fn size(entry: usize) -> u64 {
    (PREFIX + entry) as u64
}

/// Puts the frame of an entry into `out`, in place of what is there.
pub(crate) fn encode(entry: &[u8], out: &mut Vec<u8>) {
    out.clear();
    append(u32::try_from(entry.len()).unwrap_or(u32::MAX), entry, out);
}

/// Appends the frame of an entry.
pub(crate) fn append_entry(entry: &[u8], out: &mut Vec<u8>) {
    append(u32::try_from(entry.len()).unwrap_or(u32::MAX), entry, out);
}

/// Appends the frame that is left of an entry with this hash.
pub(crate) fn append_dropped(leaf: &Hash, out: &mut Vec<u8>) {
    append(DROPPED, leaf, out);
}

fn append(length: u32, content: &[u8], out: &mut Vec<u8>) {
    let length = length.to_le_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), content);
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(content);
}

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) log: [u8; 16],
    pub(crate) first: u64,
}

impl Header {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &self.log, &self.first.to_le_bytes()].concat();
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header of this file, if it begins with one.
    pub(crate) fn read(file: &dyn File) -> io::Result<Option<Self>> {
        let mut window = Window::new(HEADER as usize);
        let Some(bytes) = window.bytes(file, 0, HEADER as usize)? else { return Ok(None) };
        let header = (|| {
            let log = bytes.get(8..24)?.try_into().ok()?;
            let first = u64::from_le_bytes(bytes.get(24..32)?.try_into().ok()?);
            Some(Self { log, first })
        })();
        Ok(header.filter(|header| header.encode() == bytes))
    }
}

/// What is found at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole entry.
    Entry(&'a [u8]),
    /// The hash of an entry that was dropped.
    Dropped(Hash),
    /// The end of the file, or a frame of length 0.
    End,
    /// Something else: an unfinished frame or damage.
    Broken,
}

/// Walks over the frames of one segment.
pub(crate) struct Frames {
    window: Window,
    offset: u64,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Self { window: Window::new(WINDOW), offset: HEADER }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Forgets what was read ahead, so that what has been written since is seen.
    pub(crate) fn refresh(&mut self) {
        self.window.filled = 0;
    }

    /// Goes back to a place where a frame begins.
    pub(crate) fn back_to(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// What is at the current place; moves on only past a whole entry.
    pub(crate) fn next(&mut self, file: &dyn File) -> io::Result<Found<'_>> {
        let Some(prefix) = self.window.bytes(file, self.offset, PREFIX)? else {
            let rest = self.window.bytes(file, self.offset, 1)?;
            return Ok(if rest.is_none() { Found::End } else { Found::Broken });
        };
        let Some((length, checksum)) = split_prefix(prefix) else { return Ok(Found::Broken) };
        if length == [0; 4] {
            return Ok(Found::End);
        }
        let is_dropped = u32::from_le_bytes(length) == DROPPED;
        let size = if is_dropped { size_of::<Hash>() } else { u32::from_le_bytes(length) as usize };
        if size > ENTRY_MAX {
            return Ok(Found::Broken);
        }
        match self.window.bytes(file, self.offset, PREFIX + size)?.and_then(|frame| frame.get(PREFIX..)) {
            Some(leaf) if is_dropped && crc32c::crc32c_append(crc32c::crc32c(&length), leaf) == checksum => {
                self.offset += (PREFIX + size) as u64;
                Ok(leaf.try_into().map_or(Found::Broken, Found::Dropped))
            }
            Some(entry) if !is_dropped && crc32c::crc32c_append(crc32c::crc32c(&length), entry) == checksum => {
                self.offset += (PREFIX + size) as u64;
                Ok(Found::Entry(entry))
            }
            _ => Ok(Found::Broken),
        }
    }
}

/// Whether a whole frame begins anywhere in these bytes.
///
/// A frame's length is below 2^16, so its prefix holds two zero bytes in a row. Canonical JSON has no zero byte at all:
/// no entry can hold what looks like a frame, whatever an agent puts into it.
pub(crate) fn contains_frame(bytes: &[u8]) -> bool {
    (0..bytes.len().saturating_sub(PREFIX)).any(|at| {
        let Some((length, checksum)) = bytes.get(at..at + PREFIX).and_then(split_prefix) else { return false };
        let size = u32::from_le_bytes(length) as usize;
        if size == 0 || size > ENTRY_MAX {
            return false;
        }
        let entry = bytes.get(at + PREFIX..at + PREFIX + size);
        entry.is_some_and(|entry| {
            entry.first() == Some(&b'{') && crc32c::crc32c_append(crc32c::crc32c(&length), entry) == checksum
        })
    })
}

/// What the beginning of some bytes is.
pub(crate) enum Split {
    /// A whole entry lies here.
    Entry(Range<usize>),
    /// A frame of this many bytes begins here, and there are fewer.
    Longer(usize),
    /// No frame begins here.
    Broken,
}

/// The frame that these bytes begin with.
pub(crate) fn split(bytes: &[u8]) -> Split {
    let Some((length, checksum)) = bytes.get(..PREFIX).and_then(split_prefix) else { return Split::Broken };
    let size = u32::from_le_bytes(length) as usize;
    if size == 0 || size > ENTRY_MAX {
        return Split::Broken;
    }
    match bytes.get(PREFIX..PREFIX + size) {
        None => Split::Longer(PREFIX + size),
        Some(entry) if crc32c::crc32c_append(crc32c::crc32c(&length), entry) == checksum => {
            Split::Entry(PREFIX..PREFIX + size)
        }
        Some(_) => Split::Broken,
    }
}

fn split_prefix(prefix: &[u8]) -> Option<([u8; 4], u32)> {
    let length = prefix.get(..4)?.try_into().ok()?;
    let checksum = u32::from_le_bytes(prefix.get(4..8)?.try_into().ok()?);
    Some((length, checksum))
}

/// A part of a file that was read ahead.
struct Window {
    start: u64,
    filled: usize,
    buffer: Vec<u8>,
}

impl Window {
    fn new(size: usize) -> Self {
        Self { start: 0, filled: 0, buffer: vec![0; size] }
    }

    /// These bytes of the file, or nothing if it is too short. No more than the window's size can be had.
    fn bytes(&mut self, file: &dyn File, offset: u64, count: usize) -> io::Result<Option<&[u8]>> {
        if offset < self.start || offset + count as u64 > self.start + self.filled as u64 {
            self.fill(file, offset)?;
        }
        let begin = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        let read = self.buffer.get(..self.filled).unwrap_or_default();
        Ok(read.get(begin..).and_then(|rest| rest.get(..count)))
    }

    fn fill(&mut self, file: &dyn File, offset: u64) -> io::Result<()> {
        (self.start, self.filled) = (offset, 0);
        while let Some(free) = self.buffer.get_mut(self.filled..).filter(|free| !free.is_empty()) {
            match file.read_at(offset + self.filled as u64, free)? {
                0 => break,
                more => self.filled += more,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_frame_is_length_checksum_and_entry() {
        let mut frame = Vec::new();
        encode(b"{}", &mut frame);
        // crc32c of 02 00 00 00 7b 7d, computed bit by bit with the Castagnoli polynomial.
        let mut crc = u32::MAX;
        for byte in [2, 0, 0, 0, b'{', b'}'] {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            }
        }
        assert_eq!(frame, [&[2, 0, 0, 0][..], &(!crc).to_le_bytes(), b"{}"].concat());
    }

    #[test]
    fn a_frame_is_found_behind_rubbish_and_only_when_it_is_whole() {
        let mut frame = Vec::new();
        encode(b"{\"a\":1}", &mut frame);
        let behind = [b"rubbish\0\0".as_slice(), &frame].concat();
        assert!(contains_frame(&frame) && contains_frame(&behind));
        assert!(!contains_frame(behind.get(..behind.len() - 1).unwrap()));
        assert!(!contains_frame(&[0; 64]));
    }
}
