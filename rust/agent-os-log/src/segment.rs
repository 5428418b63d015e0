//! Writes frames into segments, and takes space before it is needed.
//!
//! INVARIANT: `reserved >= end + promised`, where `promised` is what the caller has promised to entries that must still
//! fit when the disk is full (outcomes of accepted intents, and the closing entry). An entry that was promised its
//! space is written without asking for any.

use std::sync::Arc;

use crate::disk::{Disk, File};
use crate::error::LogError;
use crate::frame::{self, HEADER, Header};
use crate::layout;

/// How much space is taken at once, as long as the disk has that much.
const AHEAD: u64 = 1 << 20;

/// Why an entry was not written.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There was no space for it. Nothing was written, and what was promised still holds.
    Full(LogError),
    /// A write failed; the segment may end in half a frame.
    Broken(LogError),
}

/// The segment that is being written.
pub(crate) struct SegmentWriter {
    disk: Arc<dyn Disk>,
    log: [u8; 16],
    limit: u64,
    name: String,
    file: Arc<dyn File>,
    end: u64,
    reserved: u64,
    frame: Vec<u8>,
}

impl SegmentWriter {
    /// Makes the segment that begins with entry `first`, with `space` bytes for entries.
    pub(crate) fn create(
        disk: Arc<dyn Disk>,
        log: [u8; 16],
        first: u64,
        space: u64,
        limit: u64,
    ) -> Result<Self, Failure> {
        let name = layout::segment(first);
        let unfinished = layout::unfinished(&name);
        let file = match begin(&*disk, &unfinished, Header { log, first }, space) {
            Ok(file) => file,
            Err(error) => {
                let error = LogError::io("make", disk.path(&name), &error);
                if !error.is_full() {
                    return Err(Failure::Broken(error));
                }
                // Opening the log removes it, if it cannot be removed now.
                let _ = disk.remove(&unfinished);
                return Err(Failure::Full(error));
            }
        };
        let named = disk.rename(&unfinished, &name).and_then(|()| disk.sync_folder(layout::SEGMENTS));
        named.map_err(|error| Failure::Broken(LogError::io("make", disk.path(&name), &error)))?;
        Ok(Self { disk, log, limit, name, file, end: HEADER, reserved: HEADER + space, frame: Vec::new() })
    }

    /// Goes on with a segment whose last entry ends at `end`.
    pub(crate) fn resume(
        disk: Arc<dyn Disk>,
        log: [u8; 16],
        first: u64,
        file: Arc<dyn File>,
        end: u64,
        limit: u64,
    ) -> Self {
        Self { disk, log, limit, name: layout::segment(first), file, end, reserved: end, frame: Vec::new() }
    }

    pub(crate) fn file(&self) -> Arc<dyn File> {
        Arc::clone(&self.file)
    }

    pub(crate) fn path(&self) -> String {
        self.disk.path(&self.name)
    }

    /// Writes entry `seq`, for which no space was promised, and takes `promised` bytes for what may follow.
    pub(crate) fn write(&mut self, seq: u64, entry: &[u8], promised: u64) -> Result<(), Failure> {
        let needed = frame::size(entry.len()) + promised;
        if self.end > HEADER && self.end + frame::size(entry.len()) > self.limit {
            self.rotate(seq, needed)?;
        } else if self.end + needed > self.reserved {
            self.take(needed)?;
        }
        self.write_promised(entry)
    }

    /// Writes an entry into space that was promised to it.
    pub(crate) fn write_promised(&mut self, entry: &[u8]) -> Result<(), Failure> {
        frame::encode(entry, &mut self.frame);
        self.file
            .write_at(self.end, &self.frame)
            .map_err(|error| Failure::Broken(LogError::io("write", self.path(), &error)))?;
        self.end += self.frame.len() as u64;
        Ok(())
    }

    /// Gives back the space that was taken and not used.
    pub(crate) fn release(&mut self) -> Result<(), LogError> {
        self.reserved = self.end;
        self.file.cut(self.end).map_err(|error| LogError::io("cut", self.path(), &error))
    }

    fn take(&mut self, needed: u64) -> Result<(), Failure> {
        let (ahead, exact) = (self.end + needed.max(AHEAD), self.end + needed);
        let from = self.reserved.max(self.end);
        for to in [ahead, exact] {
            match self.file.reserve(from, to) {
                Ok(()) => {
                    self.reserved = to;
                    return Ok(());
                }
                Err(error) => {
                    let error = LogError::io("take space in", self.path(), &error);
                    match (error.is_full(), to == exact) {
                        (true, false) => {}
                        (true, true) => return Err(Failure::Full(error)),
                        (false, _) => return Err(Failure::Broken(error)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends this segment and begins the next one with entry `first`. The old one is on stable storage before anything
    /// is written to the new one, so that only the last segment can have a torn end.
    fn rotate(&mut self, first: u64, space: u64) -> Result<(), Failure> {
        self.file.sync().map_err(|error| Failure::Broken(LogError::io("sync", self.path(), &error)))?;
        let next = Self::create(Arc::clone(&self.disk), self.log, first, space, self.limit)?;
        self.release().map_err(Failure::Broken)?;
        *self = next;
        Ok(())
    }
}

fn begin(disk: &dyn Disk, name: &str, header: Header, space: u64) -> std::io::Result<Arc<dyn File>> {
    let file = disk.create(name)?;
    file.write_at(0, &header.encode())?;
    file.reserve(HEADER, HEADER + space)?;
    file.sync()?;
    Ok(file)
}
