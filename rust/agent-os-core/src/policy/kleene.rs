//! Three-valued logic (Kleene, strong): what a condition comes to.

use std::ops::Not;

// INVARIANT: declared in the order False < Unknown < True, which makes ∧ the minimum and ∨ the maximum.
/// False, unknown or true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kleene {
    /// It does not hold.
    False,
    /// It cannot be told: something was missing, malformed or of another type.
    Unknown,
    /// It holds.
    True,
}

impl Kleene {
    /// Both hold.
    ///
    /// ```
    /// use agent_os_core::policy::Kleene::{False, True, Unknown};
    /// assert_eq!(True.and(Unknown), Unknown);
    /// assert_eq!(False.and(Unknown), False);
    /// ```
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// At least one holds.
    ///
    /// ```
    /// use agent_os_core::policy::Kleene::{False, True, Unknown};
    /// assert_eq!(True.or(Unknown), True);
    /// assert_eq!(False.or(Unknown), Unknown);
    /// ```
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// `false`, `unknown` or `true`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::False => "false",
            Self::Unknown => "unknown",
            Self::True => "true",
        }
    }

    /// The negation, if asked for.
    pub(super) fn negated_if(self, negate: bool) -> Self {
        if negate { !self } else { self }
    }

    /// The conjunction of all; stops at the first false. Of nothing: true.
    pub(super) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::True;
        for truth in truths {
            whole = whole.and(truth);
            if whole == Self::False {
                break;
            }
        }
        whole
    }

    /// The disjunction of all; stops at the first true. Of nothing: false.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self::False;
        for truth in truths {
            whole = whole.or(truth);
            if whole == Self::True {
                break;
            }
        }
        whole
    }
}

impl From<bool> for Kleene {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

/// The opposite; unknown stays unknown.
impl Not for Kleene {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kleene::{self, False as F, True as T, Unknown as U};

    #[test]
    fn the_truth_tables_are_kleenes() {
        let and = [(F, F, F), (F, U, F), (F, T, F), (U, F, F), (U, U, U), (U, T, U), (T, F, F), (T, U, U), (T, T, T)];
        let or = [(F, F, F), (F, U, U), (F, T, T), (U, F, U), (U, U, U), (U, T, T), (T, F, T), (T, U, T), (T, T, T)];
        for (a, b, expected) in and {
            assert_eq!(a.and(b), expected, "{a:?} and {b:?}");
            assert_eq!(Kleene::all([a, b]), expected);
        }
        for (a, b, expected) in or {
            assert_eq!(a.or(b), expected, "{a:?} or {b:?}");
            assert_eq!(Kleene::any([a, b]), expected);
        }
        assert_eq!([!F, !U, !T], [T, U, F]);
    }

    #[test]
    fn when_unless_is_when_and_not_unless() {
        let table = [(T, F, T), (T, U, U), (T, T, F), (U, F, U), (U, U, U), (U, T, F), (F, F, F), (F, U, F), (F, T, F)];
        for (when, unless, expected) in table {
            assert_eq!(when.and(!unless), expected, "when {when:?} unless {unless:?}");
        }
    }
}
