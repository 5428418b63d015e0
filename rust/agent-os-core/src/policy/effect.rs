//! Effects, obligations and the small indices that name rules and paths inside one bundle.

use std::collections::BTreeSet;

use super::path::INPUTS;

/// What a decision says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The action may happen.
    Allow,
    /// A person must confirm it first.
    Ask,
    /// It must not happen.
    Deny,
}

impl Effect {
    /// `allow`, `ask` or `deny`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// What a rule does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleEffect {
    /// Lets the action happen, unless an ask or a deny applies.
    Allow,
    /// Has a person confirm it, unless a deny applies.
    Ask,
    /// Forbids it.
    Deny,
    /// Attaches obligations to an allow or an ask.
    Require,
}

impl RuleEffect {
    /// Every effect, in the order of the documentation.
    pub const ALL: &[RuleEffect] = &[Self::Allow, Self::Ask, Self::Deny, Self::Require];

    /// `allow`, `ask`, `deny` or `require`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
            Self::Require => "require",
        }
    }

    /// Its place in a set of effects.
    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|effect| effect.code() == text)
    }

    /// True if an unknown condition makes the rule apply: whatever restricts counts against the caller.
    #[must_use]
    pub const fn applies_on_unknown(self) -> bool {
        match self {
            Self::Allow => false,
            Self::Ask | Self::Deny | Self::Require => true,
        }
    }
}

/// How much of a request and its result is recorded; the strongest that is asked for holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// Digests only.
    None,
    /// Digests and the fields that conditions read.
    Fields,
    /// Everything.
    Full,
}

impl Record {
    /// Every level, weakest first.
    pub const ALL: &[Record] = &[Self::None, Self::Fields, Self::Full];

    /// `none`, `fields` or `full`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fields => "fields",
            Self::Full => "full",
        }
    }

    /// The level of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.code() == text)
    }
}

/// What must happen with an allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    // INVARIANT: sorted, without repeats.
    /// Paths under `args` and `result` that are blotted out wherever they are recorded or returned.
    pub redact: Vec<String>,
    // INVARIANT: sorted, without repeats.
    /// Labels that the run takes on.
    pub labels: Vec<String>,
    /// The least that is recorded, if a rule says.
    pub record: Option<Record>,
    // INVARIANT: sorted, without repeats.
    /// Paths under `args` that say whose data it is: what is recorded is sealed for them.
    pub subject: Vec<String>,
}

impl Obligations {
    /// True if there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.redact.is_empty() && self.labels.is_empty() && self.record.is_none() && self.subject.is_empty()
    }

    /// The union of several: all paths, all labels, the strongest level, everybody whose data it is.
    pub(super) fn merge<'o>(all: impl Iterator<Item = &'o Self>) -> Self {
        let mut redact = BTreeSet::new();
        let mut labels = BTreeSet::new();
        let mut record = None;
        let mut subject = BTreeSet::new();
        for one in all {
            redact.extend(one.redact.iter().cloned());
            labels.extend(one.labels.iter().cloned());
            record = record.max(one.record);
            subject.extend(one.subject.iter().cloned());
        }
        let [redact, labels, subject] = [redact, labels, subject].map(|all| all.into_iter().collect());
        Self { redact, labels, record, subject }
    }
}

/// The place of a rule in its bundle. Rules are in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIx(pub(super) u32);

impl RuleIx {
    /// The rule at this place; `None` if no bundle can have so many.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    /// The place, counted from 0.
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// The place of a path in its bundle: first the inputs of the run's state, then the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathIx(u32);

impl PathIx {
    pub(super) const fn input(place: u32) -> Self {
        Self(place)
    }

    pub(super) fn argument(place: u32) -> Self {
        Self(place.saturating_add(INPUTS.len() as u32))
    }

    /// The place in the table of inputs, if the path is one.
    pub(super) fn as_input(self) -> Option<usize> {
        (self.get() < INPUTS.len()).then_some(self.get())
    }

    /// The place in the bundle's table of argument paths, if the path is one.
    #[must_use]
    pub fn as_argument(self) -> Option<usize> {
        self.get().checked_sub(INPUTS.len())
    }

    /// The place, counted from 0.
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }
}
