//! Reads single entries whose place is known, without reading what lies before them.

use std::sync::Arc;

use crate::disk::{Access, Disk, File};
use crate::error::LogError;
use crate::frame;
use crate::layout;

/// Where an entry lies; what lies later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The first entry of its segment.
    pub first: u64,
    /// Where its frame begins in that segment.
    pub offset: u64,
}

/// What is read at first; most entries are shorter.
const USUAL: usize = 2 << 10;

/// Reads entries by their places. It keeps the segment open that it read from last.
pub struct Fetcher {
    disk: Arc<dyn Disk>,
    open: Option<(u64, Arc<dyn File>)>,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl Fetcher {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, open: None, buffer: Vec::new() }
    }

    /// The entry at this place; `None` if no whole entry is there. Which entry it is, it says itself.
    ///
    /// # Errors
    /// When the segment cannot be read.
    pub fn entry(&mut self, at: Location) -> Result<Option<&[u8]>, LogError> {
        let name = layout::segment(at.first);
        let failed = |error: std::io::Error| LogError::io("read", self.disk.path(&name), &error);
        let file = match &self.open {
            Some((first, file)) if *first == at.first => Arc::clone(file),
            _ => {
                let file = self.disk.open(&name, Access::Read).map_err(failed)?;
                self.open = Some((at.first, Arc::clone(&file)));
                file
            }
        };
        let mut size = USUAL;
        loop {
            self.buffer.resize(size, 0);
            let mut filled = 0;
            while let Some(free) = self.buffer.get_mut(filled..).filter(|free| !free.is_empty()) {
                match file.read_at(at.offset + filled as u64, free).map_err(failed)? {
                    0 => break,
                    more => filled += more,
                }
            }
            let read = self.buffer.get(..filled).unwrap_or_default();
            match frame::split(read) {
                frame::Split::Entry(range) => return Ok(self.buffer.get(range)),
                frame::Split::Longer(whole) if filled == size => size = whole,
                frame::Split::Longer(_) | frame::Split::Broken => return Ok(None),
            }
        }
    }
}
