//! Writes what a log server of the C2SP tlog-tiles format serves: checkpoint, hash tiles and bundles of entries.
//!
//! Bundles hold the entries once more, so a log has none of its own: they are made when they are asked for.

use std::path::Path;

use agent_os_core::audit::tiles::{self, Tile, Tiler, WIDTH};
use agent_os_core::audit::tree::{CompactRange, leaf_hash};

use crate::disk::{self, Directory, Disk};
use crate::encoding::base64;
use crate::error::LogError;
use crate::layout;
use crate::reader::Reader;

const ENTRIES: &str = "entries";

impl Reader {
    /// Writes the entries that the checkpoint names into a new folder, as a tree of static files, and says how many they
    /// are. The checkpoint comes last: without it the folder is not finished.
    ///
    /// # Errors
    /// When the folder is not empty, cannot be written, or the log is damaged.
    pub fn export_tiles(&self, folder: &Path) -> Result<u64, LogError> {
        let out = Directory::new(folder);
        if let Some(found) = out.list("").ok().and_then(|names| names.into_iter().next()) {
            return Err(LogError::NotEmpty { path: out.path(""), found });
        }
        let checkpoint = self.read_checkpoint()?;
        let count = usize::try_from(checkpoint.size).unwrap_or(usize::MAX);
        let (mut tree, mut tiler, mut bundle) = (CompactRange::new(), Tiler::default(), Vec::new());
        for entry in self.read_from(0)?.take(count) {
            let (seq, entry) = entry?;
            if seq != tree.size() {
                return Err(LogError::NotSupported {
                    what: format!("exporting a log as tiles whose entry {} was dropped", tree.size()),
                    instead: "export it before entries are dropped; `log prove` works for what is left",
                });
            }
            let leaf = leaf_hash(&entry);
            tree.append(leaf);
            for tile in tiler.append(leaf) {
                write_tile(&out, &tile)?;
            }
            bundle.extend_from_slice(&u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
            bundle.extend_from_slice(&entry);
            let (index, place) = (seq / WIDTH as u64, seq % WIDTH as u64 + 1);
            if place == WIDTH as u64 || tree.size() == checkpoint.size {
                let width = usize::try_from(place).unwrap_or(WIDTH);
                write(&out, &tiles::path(ENTRIES, index, width), &bundle)?;
                bundle.clear();
            }
        }
        for tile in tiler.partial() {
            write_tile(&out, &tile)?;
        }
        if tree.size() != checkpoint.size || base64(&tree.root()) != checkpoint.root {
            let what = "it does not belong to the entries".to_owned();
            return Err(LogError::Damaged { path: self.disk.path(layout::CHECKPOINT), offset: 0, what });
        }
        write(&out, layout::CHECKPOINT, checkpoint.to_text().as_bytes())?;
        Ok(checkpoint.size)
    }
}

fn write_tile(out: &Directory, tile: &Tile) -> Result<(), LogError> {
    write(out, &tile.path(), &tile.hashes)
}

fn write(out: &Directory, path: &str, content: &[u8]) -> Result<(), LogError> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let written = out.create_folder(folder).and_then(|()| disk::replace(out, path, content, false));
    written.map(drop).map_err(|error| LogError::io("write", out.path(path), &error))
}
