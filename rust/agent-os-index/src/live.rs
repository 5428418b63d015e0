//! What was read of the segment that the log goes on with: a checksum that shows whether it was changed in place since.
//!
//! It is there to notice an edit, so that the index is made anew, and not to stop somebody who hides one: the index proves
//! nothing, and verification does not ask it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use agent_os_log::Location;

/// Bytes of a segment before its first frame.
const HEADER: u64 = 36;
/// Bytes of a frame before its entry.
const PREFIX: u64 = 8;
/// The length of a frame whose entry was dropped.
const DROPPED: u32 = 1 << 31 | 32;
const CHUNK: usize = 1 << 20;

/// The frames that were read of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    first: u64,
    end: u64,
    crc: u32,
}

impl Default for Live {
    fn default() -> Self {
        Self { first: 0, end: HEADER, crc: 0 }
    }
}

impl Live {
    pub(crate) fn new(first: u64, end: u64, crc: u32) -> Self {
        Self { first, end, crc }
    }

    /// Where the last frame that was read ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn crc(&self) -> u32 {
        self.crc
    }

    /// The next entry was read, which lies here.
    pub(crate) fn take(&mut self, at: Location, entry: &[u8]) {
        self.frame(at, u32::try_from(entry.len()).unwrap_or(u32::MAX), entry);
    }

    /// The hash of the next entry was read, which is all that is left of it.
    pub(crate) fn pass_over(&mut self, at: Location, leaf: &[u8; 32]) {
        self.frame(at, DROPPED, leaf);
    }

    fn frame(&mut self, at: Location, length: u32, content: &[u8]) {
        if at.first != self.first {
            *self = Self { first: at.first, ..Self::default() };
        }
        let length = length.to_le_bytes();
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), content).to_le_bytes();
        for part in [&length[..], &checksum, content] {
            self.crc = crc32c::crc32c_append(self.crc, part);
        }
        self.end = at.offset + PREFIX + content.len() as u64;
    }

    /// Whether the segment in this file still begins with these frames.
    pub(crate) fn is_in(&self, file: &mut File) -> bool {
        let mut left = self.end.saturating_sub(HEADER);
        let (mut crc, mut chunk) = (0, vec![0; CHUNK]);
        if file.seek(SeekFrom::Start(HEADER)).is_err() {
            return false;
        }
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            match chunk.get_mut(..most).map(|into| file.read(into)) {
                Some(Ok(read)) if read > 0 => {
                    crc = crc32c::crc32c_append(crc, chunk.get(..read).unwrap_or_default());
                    left -= read as u64;
                }
                _ => return false,
            }
        }
        crc == self.crc
    }
}
