//! The tree of RFC 6962, once more: one hash per level, carried upwards like the digits of a binary number.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// The tree over the entries so far.
#[derive(Default)]
pub(super) struct Tree {
    levels: Vec<Option<Hash>>,
}

impl Tree {
    /// Adds an entry, and tells every node of height 0, 8, 16, … that is whole now, by its height in eights.
    pub(super) fn add(&mut self, entry: &[u8], node: impl FnMut(u8, &Hash)) {
        self.add_leaf(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into(), node);
    }

    /// The same for an entry of which only the hash is there.
    pub(super) fn add_leaf(&mut self, leaf: Hash, mut node: impl FnMut(u8, &Hash)) {
        let mut carry = leaf;
        node(0, &carry);
        for (level, slot) in (1_u8..).zip(&mut self.levels) {
            match slot.take() {
                Some(left) => carry = join(&left, &carry),
                None => {
                    *slot = Some(carry);
                    return;
                }
            }
            if level % 8 == 0 {
                node(level / 8, &carry);
            }
        }
        self.levels.push(Some(carry));
    }

    pub(super) fn root(&self) -> Hash {
        let mut subtrees = self.levels.iter().flatten();
        let Some(smallest) = subtrees.next() else { return Sha256::digest(b"").into() };
        subtrees.fold(*smallest, |right, left| join(left, &right))
    }
}

fn join(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;
    use proptest::prelude::*;

    fn rfc(entries: &[Vec<u8>]) -> Hash {
        match entries {
            [] => Sha256::digest(b"").into(),
            [one] => Sha256::digest([&[0][..], one].concat()).into(),
            many => {
                let k = many.len().next_power_of_two() / 2;
                Sha256::digest([&[1][..], &rfc(&many[..k]), &rfc(&many[k..])].concat()).into()
            }
        }
    }

    proptest! {
        #[test]
        fn is_the_recursion_of_the_rfc(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..70)) {
            let mut tree = Tree::default();
            for entry in &entries {
                tree.add(entry, |_, _| {});
            }
            prop_assert_eq!(tree.root(), rfc(&entries));
        }
    }
}
