//! Hash tiles of a tree (C2SP tlog-tiles): 256 hashes of one level in one file, and proofs made from them.
//!
//! Tile `n` of level `l` holds the hashes of the nodes of height `8 * l` from `256 * n` on. All of it follows from the
//! leaves, so tiles may be lost and made again; whoever checks a log makes them himself and believes none.

use super::tree::{Hash, empty_root, node_hash};

/// How many hashes a full tile has.
pub const WIDTH: usize = 256;
/// The height of a tile.
const HEIGHT: u32 = 8;
const HASH: usize = 32;

/// One file of tiles: which one, and its hashes one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// The level; level 0 holds hashes of entries.
    pub level: u8,
    /// The place in its level.
    pub index: u64,
    /// Its hashes, 32 bytes each; fewer than [`WIDTH`] of them are a partial tile.
    pub hashes: Vec<u8>,
}

impl Tile {
    /// How many hashes it has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.hashes.len() / HASH
    }

    /// Its path: `tile/0/x001/234`, with `.p/<width>` if it is partial.
    ///
    /// ```
    /// use agent_os_core::audit::tiles::Tile;
    /// assert_eq!(Tile { level: 0, index: 1_234_067, hashes: vec![0; 256 * 32] }.path(), "tile/0/x001/x234/067");
    /// assert_eq!(Tile { level: 1, index: 0, hashes: vec![0; 5 * 32] }.path(), "tile/1/000.p/5");
    /// ```
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.level.to_string(), self.index, self.width())
    }
}

/// The path of tile `index` of a level (a number, or `entries` for bundles of entries) with this many hashes.
#[must_use]
pub fn path(level: &str, index: u64, width: usize) -> String {
    let mut groups = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        groups = format!("x{:03}/{groups}", rest % 1_000);
        rest /= 1_000;
    }
    let partial = if width < WIDTH { format!(".p/{width}") } else { String::new() };
    format!("tile/{level}/{groups}{partial}")
}

/// How many hashes tile `index` of a level has in the tree of `size` leaves: 0 to [`WIDTH`].
#[must_use]
pub fn width_at(level: u8, index: u64, size: u64) -> usize {
    let hashes = size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0);
    let left = hashes.saturating_sub(index.saturating_mul(WIDTH as u64));
    usize::try_from(left).unwrap_or(WIDTH).min(WIDTH)
}

/// Makes the tiles of a growing tree. It keeps less than one tile of each level.
///
/// ```
/// use agent_os_core::audit::tiles::Tiler;
/// let mut tiler = Tiler::default();
/// let full: Vec<_> = (0..600_u32).filter_map(|n| tiler.append([n as u8; 32]).pop()).collect();
/// assert_eq!(full.iter().map(|tile| tile.path()).collect::<Vec<_>>(), ["tile/0/000", "tile/0/001"]);
/// let partial: Vec<_> = tiler.partial().map(|tile| tile.path()).collect();
/// assert_eq!(partial, ["tile/0/002.p/88", "tile/1/000.p/2"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tiler {
    size: u64,
    // INVARIANT: level `l` holds the last `(size >> 8 * l) % 256` hashes of its level.
    levels: Vec<Vec<u8>>,
}

impl Tiler {
    /// How many leaves were appended.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes in the next leaf, and gives the tiles that it fills, the lowest first: mostly none.
    pub fn append(&mut self, leaf: Hash) -> Vec<Tile> {
        self.size += 1;
        let (mut filled, mut hash) = (Vec::new(), leaf);
        for level in 0_u8.. {
            let place = usize::from(level);
            if self.levels.len() == place {
                self.levels.push(Vec::with_capacity(WIDTH * HASH));
            }
            let Some(hashes) = self.levels.get_mut(place) else { break };
            hashes.extend_from_slice(&hash);
            if hashes.len() < WIDTH * HASH {
                break;
            }
            let hashes = std::mem::replace(hashes, Vec::with_capacity(WIDTH * HASH));
            hash = subtree(&hashes);
            let index = (self.size >> (HEIGHT * (u32::from(level) + 1))) - 1;
            filled.push(Tile { level, index, hashes });
        }
        filled
    }

    /// The tiles that are begun and not full.
    pub fn partial(&self) -> impl Iterator<Item = Tile> + '_ {
        (0_u8..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty()).map(|(level, hashes)| {
            let index = self.size >> (HEIGHT * (u32::from(level) + 1));
            Tile { level, index, hashes: hashes.clone() }
        })
    }
}

/// The root over a power of two of hashes.
fn subtree(hashes: &[u8]) -> Hash {
    let mut row: Vec<Hash> = hashes.chunks_exact(HASH).filter_map(|hash| hash.try_into().ok()).collect();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                [only] => *only,
                _ => empty_root(),
            })
            .collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

/// A tree of which the tiles can be read.
///
/// Proofs and roots come out wrong if the tiles are wrong, and nobody but who checks them notices.
pub struct TiledTree<'a, E> {
    size: u64,
    read: &'a mut dyn FnMut(u8, u64) -> Result<Vec<u8>, E>,
    // The last tile that was read, because neighbours are asked for one after another.
    last: Option<(u8, u64, Vec<u8>)>,
}

impl<E> std::fmt::Debug for TiledTree<'_, E> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("TiledTree").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<'a, E> TiledTree<'a, E> {
    /// The tree of `size` leaves. `read` gives the hashes of the tile of a level and place: at least [`width_at`] of
    /// them; whoever gives fewer gets proofs that do not check.
    pub fn new(size: u64, read: &'a mut dyn FnMut(u8, u64) -> Result<Vec<u8>, E>) -> Self {
        Self { size, read, last: None }
    }

    /// The root.
    ///
    /// # Errors
    /// When a tile cannot be read.
    pub fn root(&mut self) -> Result<Hash, E> {
        self.range(0, self.size)
    }

    /// The hashes that lead from leaf `index` to the root, or nothing if there is no such leaf.
    ///
    /// # Errors
    /// When a tile cannot be read.
    pub fn inclusion_proof(&mut self, index: u64) -> Result<Option<Vec<Hash>>, E> {
        if index >= self.size {
            return Ok(None);
        }
        let (mut low, mut high, mut proof) = (0, self.size, Vec::new());
        while high - low > 1 {
            let middle = low + split(high - low);
            if index < middle {
                proof.push(self.range(middle, high)?);
                high = middle;
            } else {
                proof.push(self.range(low, middle)?);
                low = middle;
            }
        }
        proof.reverse();
        Ok(Some(proof))
    }

    /// The hashes that show that this tree begins with that of its first `old` leaves, or nothing if it is shorter.
    ///
    /// # Errors
    /// When a tile cannot be read.
    pub fn consistency_proof(&mut self, old: u64) -> Result<Option<Vec<Hash>>, E> {
        if old > self.size {
            return Ok(None);
        }
        let (mut low, mut high, mut proof, mut whole) = (0, self.size, Vec::new(), true);
        while old > low && old < high {
            let middle = low + split(high - low);
            if old <= middle {
                proof.push(self.range(middle, high)?);
                high = middle;
            } else {
                proof.push(self.range(low, middle)?);
                low = middle;
                whole = false;
            }
        }
        if !whole {
            proof.push(self.range(low, high)?);
        }
        proof.reverse();
        Ok(Some(proof))
    }

    /// The root of the subtree over the leaves from `low` to `high`.
    fn range(&mut self, low: u64, high: u64) -> Result<Hash, E> {
        let count = high - low;
        if count == 0 {
            return Ok(empty_root());
        }
        if count.is_power_of_two() {
            return self.node(count.trailing_zeros(), low >> count.trailing_zeros());
        }
        let middle = low + split(count);
        let (left, right) = (self.range(low, middle)?, self.range(middle, high)?);
        Ok(node_hash(&left, &right))
    }

    /// The node of this height and place.
    fn node(&mut self, height: u32, place: u64) -> Result<Hash, E> {
        let level = u8::try_from(height / HEIGHT).unwrap_or(u8::MAX);
        let within = height % HEIGHT;
        let first = place << within;
        let index = first / WIDTH as u64;
        let from = usize::try_from(first % WIDTH as u64).unwrap_or(0) * HASH;
        if self.last.as_ref().is_none_or(|(last_level, last_index, _)| (*last_level, *last_index) != (level, index)) {
            self.last = Some((level, index, (self.read)(level, index)?));
        }
        let hashes = self.last.as_ref().and_then(|(_, _, hashes)| hashes.get(from..from + (HASH << within)));
        Ok(hashes.map_or_else(empty_root, subtree))
    }
}

/// The largest power of two below a number of at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;
    use crate::audit::tree::{consistency_proof, inclusion_proof, leaf_hash, root_of};

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&number.to_le_bytes())).collect()
    }

    #[test]
    fn proofs_and_roots_from_tiles_are_those_from_all_leaves() {
        let leaves = leaves(70_000);
        let (mut tiler, mut tiles) = (Tiler::default(), BTreeMap::new());
        let sizes = [1, 2, 7, 255, 256, 257, 511, 513, 1_000, 65_535, 65_536, 65_537, 66_000, 70_000_usize];
        for (place, leaf) in leaves.iter().enumerate() {
            for tile in tiler.append(*leaf) {
                assert_eq!((tile.width(), tiles.insert((tile.level, tile.index), tile.hashes)), (WIDTH, None));
            }
            let size = place + 1;
            if !sizes.contains(&size) {
                continue;
            }
            let mut now = tiles.clone();
            for tile in tiler.partial() {
                assert_eq!(tile.width(), width_at(tile.level, tile.index, size as u64));
                assert_eq!(now.insert((tile.level, tile.index), tile.hashes), None);
            }
            let mut read = |level, index| Ok::<_, Infallible>(now[&(level, index)].clone());
            let mut tree = TiledTree::new(size as u64, &mut read);
            assert_eq!(tree.root().unwrap(), root_of(&leaves[..size]));
            for index in [0, 1, size / 3, size / 2, size - 1] {
                let proof = tree.inclusion_proof(index as u64).unwrap();
                assert_eq!(proof, inclusion_proof(&leaves[..size], index as u64), "{index} of {size}");
            }
            for old in [0, 1, 2, size / 3, size / 2, size - 1, size] {
                let proof = tree.consistency_proof(old as u64).unwrap();
                assert_eq!(proof, consistency_proof(&leaves[..size], old as u64), "{old} of {size}");
            }
            assert_eq!(tree.inclusion_proof(size as u64).unwrap(), None);
            assert_eq!(tree.consistency_proof(size as u64 + 1).unwrap(), None);
        }
    }

    #[test]
    fn widths_follow_from_the_size() {
        assert_eq!([width_at(0, 0, 0), width_at(0, 0, 5), width_at(0, 0, 256), width_at(0, 1, 256)], [0, 5, 256, 0]);
        assert_eq!([width_at(1, 0, 255), width_at(1, 0, 513), width_at(2, 0, 65_536)], [0, 2, 1]);
        assert_eq!(width_at(8, 0, u64::MAX), 0);
    }
}
