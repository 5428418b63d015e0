//! A set of signals in two bytes.

use super::Signal;

/// A set of signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
// INVARIANT: bit n stands for `Signal::ALL[n]`, and no bit stands for nothing.
pub struct SignalSet(u16);

const _: () = assert!(Signal::ALL.len() <= u16::BITS as usize, "one bit for each signal");

impl SignalSet {
    /// No signal.
    pub const EMPTY: Self = Self(0);
    /// What CONT discards if it is pending.
    pub const STOPS: Self = Self::EMPTY.with(Signal::Stop).with(Signal::Tstp);

    /// What no mask holds back.
    pub const UNBLOCKABLE: Self = unblockable(Signal::ALL);

    /// The set with that signal.
    #[must_use]
    pub const fn with(self, signal: Signal) -> Self {
        Self(self.0 | bit(signal))
    }

    /// The set without that signal.
    #[must_use]
    pub const fn without(self, signal: Signal) -> Self {
        Self(self.0 & !bit(signal))
    }

    /// What is in this set or in the other.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True if the signal is in it.
    #[must_use]
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & bit(signal) != 0
    }

    /// True if nothing is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signal of the lowest number.
    #[must_use]
    pub fn first(self) -> Option<Signal> {
        Signal::ALL.get(self.0.trailing_zeros() as usize).copied()
    }

    /// Its signals, in ascending number.
    pub fn iter(self) -> impl Iterator<Item = Signal> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let first = rest.first()?;
            rest = rest.without(first);
            Some(first)
        })
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        signals.into_iter().fold(Self::EMPTY, Self::with)
    }
}

const fn unblockable(signals: &[Signal]) -> SignalSet {
    match signals {
        [] => SignalSet::EMPTY,
        [first, rest @ ..] if first.is_blockable() => unblockable(rest),
        [first, rest @ ..] => unblockable(rest).with(*first),
    }
}

const fn bit(signal: Signal) -> u16 {
    1 << signal as u8
}

#[cfg(test)]
mod tests {
    use super::{Signal, SignalSet};

    #[test]
    fn a_set_holds_what_was_put_in_and_gives_it_in_ascending_number() {
        for bits in 0..=u16::MAX {
            let wanted: Vec<Signal> =
                Signal::ALL.iter().copied().filter(|&signal| bits >> signal as u8 & 1 == 1).collect();
            let set: SignalSet = wanted.iter().rev().copied().collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), wanted);
            assert_eq!(set.first(), wanted.first().copied());
            assert_eq!(set.is_empty(), wanted.is_empty());
        }
    }

    #[test]
    fn union_and_difference_are_by_signal() {
        let (left, right) = (SignalSet::STOPS, SignalSet::EMPTY.with(Signal::Tstp).with(Signal::Hup));
        for &signal in Signal::ALL {
            assert_eq!(left.union(right).contains(signal), left.contains(signal) || right.contains(signal));
            assert_eq!(left.minus(right).contains(signal), left.contains(signal) && !right.contains(signal));
            assert!(!left.without(signal).contains(signal));
        }
    }
}
