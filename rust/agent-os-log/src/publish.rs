//! What a log shows of itself beside its entries: hash tiles, and the checkpoint that names them.
//!
//! Only whoever syncs the log writes them, never an append. Tiles follow from the entries, so they are not synced: what
//! a loss of power takes of them is made again when the log is opened.

use std::io;
use std::sync::Arc;

use agent_os_core::audit::tiles::{Tile, Tiler};
use agent_os_core::audit::tree::{CompactRange, Hash};

use crate::checkpoint::Checkpoint;
use crate::disk::{self, Disk};
use crate::error::LogError;
use crate::keys::SigningKey;
use crate::layout;
use crate::ratchet::Ratchet;

/// Removes all partial tiles and what was not finished. A crash may leave them in any state, and the next checkpoint
/// comes with its own.
pub(crate) fn remove_partial_tiles(disk: &dyn Disk) -> Result<(), LogError> {
    sweep(disk, layout::TILES).map_err(|error| LogError::io("tidy up", disk.path(layout::TILES), &error))
}

fn sweep(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    let names = match disk.list(folder) {
        Ok(names) => names,
        // A full tile, or no tiles at all.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::NotFound) => return Ok(()),
        Err(error) => return Err(error),
    };
    for name in names {
        let path = format!("{folder}/{name}");
        if name.ends_with(layout::UNFINISHED) {
            disk.remove(&path)?;
        } else if name.ends_with(".p") {
            disk.list(&path)?.iter().try_for_each(|width| disk.remove(&format!("{path}/{width}")))?;
            disk.remove_folder(&path)?;
        } else {
            sweep(disk, &path)?;
        }
    }
    Ok(())
}

/// Writes tiles and checkpoints.
pub(crate) struct Publisher {
    disk: Arc<dyn Disk>,
    log: String,
    signer: SigningKey,
    ratchet: Option<Ratchet>,
    /// How many entries the last checkpoint names that was written by this process.
    size: u64,
    tiler: Tiler,
    /// Full tiles that are not on the disk yet.
    unwritten: Vec<Tile>,
    /// The partial tiles on the disk.
    partial: Vec<String>,
    /// A buffer for leaf hashes that is not in use.
    pub(crate) spare: Vec<Hash>,
}

impl Publisher {
    /// For a log of which `tiler` has taken in every entry. `unwritten` are the tiles that were missing or wrong; partial
    /// tiles there are none.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        log: String,
        signer: SigningKey,
        ratchet: Option<Ratchet>,
        tiler: Tiler,
        unwritten: Vec<Tile>,
    ) -> Self {
        Self { disk, log, signer, ratchet, size: 0, tiler, unwritten, partial: Vec::new(), spare: Vec::new() }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn signer(&self) -> &SigningKey {
        &self.signer
    }

    /// Signs with another key from now on.
    pub(crate) fn sign_with(&mut self, key: SigningKey) {
        self.signer = key;
    }

    /// Takes in the hashes of entries that are on stable storage, and writes the tiles that are full.
    pub(crate) fn add(&mut self, mut leaves: Vec<Hash>) -> Result<(), LogError> {
        for leaf in leaves.drain(..) {
            self.unwritten.append(&mut self.tiler.append(leaf));
        }
        self.spare = leaves;
        while let Some(tile) = self.unwritten.last() {
            self.write_tile(tile)?;
            self.unwritten.pop();
        }
        Ok(())
    }

    /// Writes a checkpoint over the tree, every entry of which is on stable storage.
    pub(crate) fn publish(&mut self, tree: &CompactRange) -> Result<(), LogError> {
        let tiles: Vec<Tile> = self.tiler.partial().collect();
        for tile in &tiles {
            self.write_tile(tile)?;
        }
        if let Some(ratchet) = &mut self.ratchet {
            ratchet.seal(tree.size(), &tree.root())?;
        }
        let text = Checkpoint::sign(&self.log, tree.size(), &tree.root(), &self.signer).to_text();
        // INVARIANT: a checkpoint names only what is on stable storage.
        disk::replace(&*self.disk, layout::CHECKPOINT, text.as_bytes(), true)
            .and_then(|_| self.disk.sync_folder(""))
            .map_err(|error| LogError::io("write", self.disk.path(layout::CHECKPOINT), &error))?;
        self.size = tree.size();
        let partial: Vec<String> = tiles.iter().map(Tile::path).collect();
        // Nobody needs the old ones any more: whoever still has the old checkpoint finds wider tiles.
        for old in std::mem::take(&mut self.partial).into_iter().filter(|old| !partial.contains(old)) {
            self.remove_partial(&old, &partial)?;
        }
        self.partial = partial;
        Ok(())
    }

    fn write_tile(&self, tile: &Tile) -> Result<(), LogError> {
        let path = tile.path();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let written = self.disk.create_folder(folder).and_then(|()| {
            disk::replace(&*self.disk, &path, &tile.hashes, false)?;
            Ok(())
        });
        written.map_err(|error| LogError::io("write", self.disk.path(&path), &error))
    }

    fn remove_partial(&self, path: &str, kept: &[String]) -> Result<(), LogError> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let removed = self.disk.remove(path).and_then(|()| {
            let in_use = kept.iter().any(|kept| kept.starts_with(folder));
            if in_use { Ok(()) } else { self.disk.remove_folder(folder) }
        });
        match removed {
            // Something else may lie there, or somebody may have tidied up.
            Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => {
                Err(LogError::io("remove", self.disk.path(path), &error))
            }
            _ => Ok(()),
        }
    }
}
