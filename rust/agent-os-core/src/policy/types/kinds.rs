//! Sets of kinds.

use crate::policy::operators::Kind;

/// Some of the kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self((1 << Kind::ALL.len()) - 1);

    pub(super) fn of(kinds: &[Kind]) -> Self {
        kinds.iter().fold(Self::NONE, |all, kind| all.with(*kind))
    }

    pub(super) fn with(self, kind: Kind) -> Self {
        Self(self.0 | bit(kind))
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.0 & bit(kind) != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| self.has(*kind))
    }
}

fn bit(kind: Kind) -> u16 {
    1 << kind as u16
}

#[cfg(test)]
mod tests {
    use super::Kinds;
    use crate::policy::operators::Kind;

    #[test]
    fn every_kind_has_a_bit_of_its_own() {
        for kind in Kind::ALL {
            assert!(Kinds::ALL.has(*kind));
            assert_eq!(Kinds::NONE.with(*kind).iter().collect::<Vec<_>>(), [*kind]);
        }
        assert!(Kinds::of(&[Kind::Null]).and(Kinds::of(&[Kind::Map])).is_empty());
    }
}
