//! The Merkle tree of RFC 6962: hashes, roots, and proofs with their verification.
//!
//! A leaf is `SHA-256(0x00 ‖ entry)`, a node `SHA-256(0x01 ‖ left ‖ right)`, and a tree of n > 1 leaves splits at the
//! largest power of two below n (RFC 6962 §2.1). [`CompactRange`] is what a writer keeps: at most 64 hashes, however
//! long the log. Proofs are made from all leaf hashes and checked without them.
//!
//! The tree refuses to judge: who may append, and whether a root is the right one, is the caller's business.

use std::error::Error;
use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash of a leaf that holds `entry`.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(entry);
    hasher.finalize().into()
}

/// The hash of the node over two subtrees.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 65];
    let (_, rest) = input.split_at_mut(1);
    let (low, high) = rest.split_at_mut(32);
    low.copy_from_slice(left);
    high.copy_from_slice(right);
    Sha256::digest(input).into()
}

/// The root of the tree without leaves: the hash of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root of the tree over these leaf hashes.
#[must_use]
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut range = CompactRange::new();
    for leaf in leaves {
        range.append(*leaf);
    }
    range.root()
}

/// The frontier of a growing tree: the roots of its maximal perfect subtrees, from left to right.
///
/// ```
/// use agent_os_core::audit::tree::{CompactRange, leaf_hash, node_hash};
/// let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
/// let mut range = CompactRange::new();
/// range.append(a);
/// range.append(b);
/// assert_eq!(range.root(), node_hash(&a, &b));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    // INVARIANT: one hash for each set bit of `size`, the highest bit first.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf at the right end. On average this costs one node hash.
    pub fn append(&mut self, leaf: Hash) {
        let mut right = leaf;
        // Each trailing one of the size is a perfect subtree that the new leaf completes into a larger one.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            right = node_hash(&left, &right);
        }
        self.peaks.push(right);
        self.size += 1;
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The index or the sizes cannot belong together.
    OutOfRange,
    /// The proof has more or fewer hashes than those sizes need.
    WrongLength,
    /// The hashes do not lead to the root.
    WrongRoot,
}

impl fmt::Display for ProofError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::OutOfRange => "the index or the sizes are out of range: check which entry and which sizes were meant",
            Self::WrongLength => "the proof has the wrong number of hashes: ask for a proof for exactly these sizes",
            Self::WrongRoot => {
                "the proof does not lead to the root: the entry or the log is not the one that was meant"
            }
        })
    }
}

impl Error for ProofError {}

/// The hashes that lead from leaf `index` to the root (RFC 6962 §2.1.1), or nothing if there is no such leaf.
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    let mut at = usize::try_from(index).ok().filter(|at| *at < leaves.len())?;
    let (mut tree, mut proof) = (leaves, Vec::new());
    while let Some((left, right)) = split(tree) {
        if at < left.len() {
            proof.push(root_of(right));
            tree = left;
        } else {
            at -= left.len();
            proof.push(root_of(left));
            tree = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The hashes that show that the tree over `leaves` begins with the tree over its first `old_size` leaves
/// (RFC 6962 §2.1.2), or nothing if that is longer than the tree. A proof from the empty tree is empty.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], old_size: u64) -> Option<Vec<Hash>> {
    let mut old = usize::try_from(old_size).ok().filter(|old| *old <= leaves.len())?;
    let (mut tree, mut proof, mut whole) = (leaves, Vec::new(), true);
    if old == 0 {
        return Some(proof);
    }
    while old < tree.len() {
        let Some((left, right)) = split(tree) else { break };
        if old <= left.len() {
            proof.push(root_of(right));
            tree = left;
        } else {
            old -= left.len();
            proof.push(root_of(left));
            tree = right;
            whole = false;
        }
    }
    // The verifier knows the root of the old tree, so it is not sent when it is itself a subtree of the new one.
    if !whole {
        proof.push(root_of(tree));
    }
    proof.reverse();
    Some(proof)
}

/// Checks that `leaf` is entry `index` of the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
///
/// # Errors
/// Says whether the numbers, the length of the proof or the root do not fit.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A node without a right sibling rises unchanged until it is a right child.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 { Err(ProofError::WrongLength) } else { equal(&hash, root) }
}

/// Checks that the tree of `new_size` leaves begins with the tree of `old_size` leaves (RFC 9162 §2.1.4.2).
///
/// # Errors
/// Says whether the numbers, the length of the proof or one of the roots do not fit.
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == 0 || old_size == new_size {
        if !proof.is_empty() {
            return Err(ProofError::WrongLength);
        }
        let expected = if old_size == 0 { empty_root() } else { *new_root };
        return equal(old_root, &expected);
    }
    let mut hashes = proof.iter();
    let first = if old_size.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let Some(first) = first else { return Err(ProofError::WrongLength) };
    let shift = (old_size - 1).trailing_ones();
    // A shift of 64 would need 2^64 entries; sizes are u64, so old_size - 1 < u64::MAX has a zero bit.
    let (mut node, mut last) = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    let (mut old, mut new) = (*first, *first);
    for sibling in hashes {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    equal(&old, old_root).and_then(|()| equal(&new, new_root))
}

/// Splits more than one leaf at the largest power of two below their number.
fn split(leaves: &[Hash]) -> Option<(&[Hash], &[Hash])> {
    let last = leaves.len().checked_sub(1).filter(|last| *last > 0)?;
    leaves.split_at_checked(1 << last.ilog2())
}

fn equal(found: &Hash, expected: &Hash) -> Result<(), ProofError> {
    if found == expected { Ok(()) } else { Err(ProofError::WrongRoot) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use proptest::prelude::*;

    /// RFC 6962 §2.1 word for word, with its own hashing calls.
    fn naive_root(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => Sha256::digest(b"").into(),
            [one] => Sha256::digest([&[0][..], one].concat()).into(),
            many => {
                let mut k = 1;
                while k * 2 < many.len() {
                    k *= 2;
                }
                let parts = [&[1][..], &naive_root(&many[..k]), &naive_root(&many[k..])].concat();
                Sha256::digest(parts).into()
            }
        }
    }

    /// RFC 6962 §2.1.1 word for word.
    fn naive_path(m: usize, entries: &[Vec<u8>]) -> Vec<Hash> {
        if entries.len() == 1 {
            return Vec::new();
        }
        let mut k = 1;
        while k * 2 < entries.len() {
            k *= 2;
        }
        let (mut path, top) = if m < k {
            (naive_path(m, &entries[..k]), naive_root(&entries[k..]))
        } else {
            (naive_path(m - k, &entries[k..]), naive_root(&entries[..k]))
        };
        path.push(top);
        path
    }

    fn leaves(entries: &[Vec<u8>]) -> Vec<Hash> {
        entries.iter().map(|entry| leaf_hash(entry)).collect()
    }

    fn entries() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..70)
    }

    proptest! {
        #[test]
        fn the_compact_range_agrees_with_the_recursion_of_the_rfc_at_every_size(entries in entries()) {
            let mut range = CompactRange::new();
            for size in 0..=entries.len() {
                prop_assert_eq!(range.size(), size as u64);
                prop_assert_eq!(range.root(), naive_root(&entries[..size]));
                if let Some(entry) = entries.get(size) {
                    range.append(leaf_hash(entry));
                }
            }
        }

        #[test]
        fn inclusion_proofs_are_those_of_the_rfc_and_verify(entries in entries(), pick: prop::sample::Index) {
            prop_assume!(!entries.is_empty());
            let (index, leaves) = (pick.index(entries.len()), leaves(&entries));
            let proof = inclusion_proof(&leaves, index as u64).unwrap();
            prop_assert_eq!(&proof, &naive_path(index, &entries));
            let (size, root) = (entries.len() as u64, naive_root(&entries));
            prop_assert_eq!(verify_inclusion(&leaves[index], index as u64, size, &proof, &root), Ok(()));
        }

        #[test]
        fn a_proof_that_was_tampered_with_does_not_verify(
            entries in entries(), pick: prop::sample::Index, at: prop::sample::Index, bit in 0..256_usize,
        ) {
            prop_assume!(entries.len() > 1);
            let (index, leaves, root) = (pick.index(entries.len()), leaves(&entries), naive_root(&entries));
            let (at_index, size) = (index as u64, entries.len() as u64);
            let good = inclusion_proof(&leaves, at_index).unwrap();
            let flip = |hash: &Hash| { let mut hash = *hash; hash[bit / 8] ^= 1 << (bit % 8); hash };
            let mut bad = good.clone();
            let place = at.index(bad.len());
            bad[place] = flip(&bad[place]);
            prop_assert!(verify_inclusion(&leaves[index], at_index, size, &bad, &root).is_err());
            prop_assert!(verify_inclusion(&flip(&leaves[index]), at_index, size, &good, &root).is_err());
            prop_assert!(verify_inclusion(&leaves[index], at_index, size, &good, &flip(&root)).is_err());
            let longer = [&good[..], &[root]].concat();
            prop_assert!(verify_inclusion(&leaves[index], at_index, size, &longer, &root).is_err());
            prop_assert!(verify_inclusion(&leaves[index], at_index, size, &good[1..], &root).is_err());
            prop_assert!(verify_inclusion(&leaves[index], size, size, &good, &root).is_err());
        }

        #[test]
        fn consistency_proofs_verify_and_those_of_another_past_do_not(
            entries in entries(), pick: prop::sample::Index, change: prop::sample::Index,
        ) {
            let leaves = leaves(&entries);
            let old = pick.index(entries.len() + 1);
            let (old_size, new_size) = (old as u64, entries.len() as u64);
            let (old_root, new_root) = (naive_root(&entries[..old]), naive_root(&entries));
            let proof = consistency_proof(&leaves, old_size).unwrap();
            prop_assert_eq!(verify_consistency(old_size, new_size, &old_root, &new_root, &proof), Ok(()));
            if old > 0 {
                let mut past = entries[..old].to_vec();
                past[change.index(old)].push(7);
                let other = naive_root(&past);
                prop_assert!(verify_consistency(old_size, new_size, &other, &new_root, &proof).is_err());
                let mut rewritten = entries.clone();
                rewritten[change.index(old)].push(7);
                let other = naive_root(&rewritten);
                prop_assert!(verify_consistency(old_size, new_size, &old_root, &other, &proof).is_err());
            }
            let longer = [&proof[..], &[new_root]].concat();
            prop_assert!(verify_consistency(old_size, new_size, &old_root, &new_root, &longer).is_err());
        }
    }

    #[test]
    fn there_is_no_proof_for_what_is_outside_the_tree() {
        let leaves = leaves(&[vec![1], vec![2]]);
        assert_eq!(inclusion_proof(&leaves, 2), None);
        assert_eq!(consistency_proof(&leaves, 3), None);
        assert_eq!(verify_consistency(3, 2, &empty_root(), &root_of(&leaves), &[]), Err(ProofError::OutOfRange));
    }
}
