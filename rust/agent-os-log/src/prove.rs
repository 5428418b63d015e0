//! Proofs for a reader: that an entry is in the log, and that the log only grew.
//!
//! They are made from the tiles, and held against the checkpoint and the entry itself before they are given. Where tiles
//! are missing or wrong, they are made from the entries.

use agent_os_core::audit::tiles::{self, TiledTree};
use agent_os_core::audit::tree::{
    Hash, consistency_proof, inclusion_proof, root_of, verify_consistency, verify_inclusion,
};

use crate::checkpoint::Checkpoint;
use crate::disk;
use crate::encoding::base64;
use crate::error::LogError;
use crate::layout;
use crate::reader::Reader;

/// Shows that an entry is in the tree over the first `size` entries (RFC 6962 §2.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The entry's number.
    pub index: u64,
    /// How many entries the tree has.
    pub size: u64,
    /// The hash of the entry.
    pub leaf: Hash,
    /// The root of the tree.
    pub root: Hash,
    /// The hashes that lead from one to the other.
    pub proof: Vec<Hash>,
    /// The checkpoint over this tree, if it is the log's present one.
    pub checkpoint: Option<String>,
}

/// Shows that a tree begins with a smaller one (RFC 6962 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// How many entries the smaller tree has.
    pub old_size: u64,
    /// Its root.
    pub old_root: Hash,
    /// How many entries the larger tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The hashes that lead from both to both roots.
    pub proof: Vec<Hash>,
}

impl Inclusion {
    /// The proof in the format of C2SP tlog-proof, if there is a checkpoint to it.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let checkpoint = self.checkpoint.as_ref()?;
        let hashes: String = self.proof.iter().map(|hash| format!("{}\n", base64(hash))).collect();
        Some(format!("c2sp.org/tlog-proof@v1\nindex {}\n{hashes}\n{checkpoint}", self.index))
    }
}

impl Reader {
    /// The log's present checkpoint: a signed note, as it stands in the file `checkpoint`.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn checkpoint(&self) -> Result<String, LogError> {
        self.read_checkpoint().map(|checkpoint| checkpoint.to_text())
    }

    /// Proves that entry `index` is among the first `size`; without a size, among those of the checkpoint.
    ///
    /// # Errors
    /// When there are not that many entries, or the log is damaged.
    pub fn prove_inclusion(&self, index: u64, size: Option<u64>) -> Result<Inclusion, LogError> {
        let checkpoint = self.read_checkpoint()?;
        let size = size.unwrap_or(checkpoint.size);
        if index >= size {
            return Err(LogError::OutOfRange { what: format!("entry {index} is not among the first {size} entries") });
        }
        // Of an entry that was dropped the hash is left, and that is what is proved.
        let Some((_, kept)) = self.read_from(index)?.next_kept()? else {
            return Err(LogError::OutOfRange { what: format!("there is no entry {index}") });
        };
        let leaf = kept.leaf();
        let from_tiles = self.with_tiles(&checkpoint, size, |tree| tree.inclusion_proof(index));
        let good = |root: &Hash, proof: &[Hash]| verify_inclusion(&leaf, index, size, proof, root).is_ok();
        let (root, proof) = match from_tiles.filter(|(root, proof)| good(root, proof)) {
            Some(found) => found,
            None => {
                let leaves = self.leaves(size, &checkpoint)?;
                (root_of(&leaves), inclusion_proof(&leaves, index).unwrap_or_default())
            }
        };
        let checkpoint = (checkpoint.size == size).then(|| checkpoint.to_text());
        Ok(Inclusion { index, size, leaf, root, proof, checkpoint })
    }

    /// Proves that the first `size` entries begin with the first `old_size`; without a size, those of the checkpoint.
    ///
    /// # Errors
    /// Like [`Reader::prove_inclusion`].
    pub fn prove_consistency(&self, old_size: u64, size: Option<u64>) -> Result<Consistency, LogError> {
        let checkpoint = self.read_checkpoint()?;
        let size = size.unwrap_or(checkpoint.size);
        if old_size > size {
            return Err(LogError::OutOfRange { what: format!("the first {size} entries are fewer than {old_size}") });
        }
        let from_tiles = self.with_tiles(&checkpoint, size, |tree| tree.consistency_proof(old_size));
        let old_root = self.with_tiles(&checkpoint, old_size, |_| Ok(Some(Vec::new()))).map(|(root, _)| root);
        if let (Some((root, proof)), Some(old_root)) = (from_tiles, old_root) {
            if verify_consistency(old_size, size, &old_root, &root, &proof).is_ok() {
                return Ok(Consistency { old_size, old_root, size, root, proof });
            }
        }
        let leaves = self.leaves(size, &checkpoint)?;
        let old = usize::try_from(old_size).ok().and_then(|old| leaves.get(..old)).unwrap_or_default();
        let (old_root, root) = (root_of(old), root_of(&leaves));
        let proof = consistency_proof(&leaves, old_size).unwrap_or_default();
        Ok(Consistency { old_size, old_root, size, root, proof })
    }

    pub(crate) fn read_checkpoint(&self) -> Result<Checkpoint, LogError> {
        let path = || self.disk.path(layout::CHECKPOINT);
        let bytes =
            disk::read_all(&*self.disk, layout::CHECKPOINT).map_err(|error| LogError::io("read", path(), &error))?;
        let what = "it is not a checkpoint".to_owned();
        Checkpoint::parse(&bytes).ok_or_else(|| LogError::Damaged { path: path(), offset: 0, what })
    }

    /// A root with a proof from the tiles; nothing if they do not lead to the checkpoint's root.
    fn with_tiles(
        &self,
        checkpoint: &Checkpoint,
        size: u64,
        prove: impl FnOnce(&mut TiledTree<'_, ()>) -> Result<Option<Vec<Hash>>, ()>,
    ) -> Option<(Hash, Vec<Hash>)> {
        if size > checkpoint.size {
            return None;
        }
        let mut read = |level: u8, index| {
            let width = tiles::width_at(level, index, checkpoint.size);
            let path = tiles::path(&level.to_string(), index, width);
            disk::read_all(&*self.disk, &path).ok().filter(|hashes| hashes.len() == width * 32).ok_or(())
        };
        let whole = TiledTree::new(checkpoint.size, &mut read).root().ok()?;
        if base64(&whole) != checkpoint.root {
            return None;
        }
        let mut tree = TiledTree::new(size, &mut read);
        let (root, proof) = (tree.root().ok()?, prove(&mut tree).ok()??);
        // The smaller tree hangs on the checkpoint as well.
        let (size_now, mut now) = (checkpoint.size, TiledTree::new(checkpoint.size, &mut read));
        let link = now.consistency_proof(size).ok()??;
        verify_consistency(size, size_now, &root, &whole, &link).is_ok().then_some((root, proof))
    }

    /// The hashes of the first `size` entries, which are those of the checkpoint as far as it goes.
    fn leaves(&self, size: u64, checkpoint: &Checkpoint) -> Result<Vec<Hash>, LogError> {
        let mut leaves = Vec::new();
        let count = usize::try_from(size.max(checkpoint.size)).unwrap_or(usize::MAX);
        let mut entries = self.read_from(0)?;
        while leaves.len() < count {
            let Some((_, kept)) = entries.next_kept()? else { break };
            leaves.push(kept.leaf());
        }
        let named = usize::try_from(checkpoint.size).ok().and_then(|named| leaves.get(..named));
        if named.is_none_or(|named| base64(&root_of(named)) != checkpoint.root) {
            let what = "it does not belong to the entries".to_owned();
            return Err(LogError::Damaged { path: self.disk.path(layout::CHECKPOINT), offset: 0, what });
        }
        if (leaves.len() as u64) < size {
            return Err(LogError::OutOfRange { what: format!("the log has {} entries, not {size}", leaves.len()) });
        }
        leaves.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(leaves)
    }
}
