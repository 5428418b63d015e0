//! Limits of rules: what is counted, up to how much, over what time and for whom. Counting is the caller's; here it is
//! an input.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::bundle::Bundle;
use super::effect::{PathIx, RuleIx};
use crate::amount::Amount;
use crate::request::Usage;

/// The limit of one rule: `limit` of an allow or a require, `over` of a deny or an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What an action adds.
    pub measure: Measure,
    /// How much may be used, an action's own amount included.
    pub max: Amount,
    /// For how long an action counts.
    pub per: Per,
    /// Whose actions are counted together.
    pub by: By,
}

/// What an action adds to what is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// One.
    Calls,
    /// The number that a path of the arguments leads to.
    Sum(PathIx),
}

/// For how long an action counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// So many seconds.
    Seconds(u64),
    /// The life of a run.
    Run,
}

/// Whose actions are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Those of one run and of all runs below it.
    Process,
    /// Those of one agent, and of the runs that its runs started.
    Agent,
    /// Those of all agents that have a role; agents without any are counted together.
    Role,
    /// Those of one action, whoever asks.
    Action,
    /// All that the rule is about.
    Global,
}

impl By {
    /// Every scope, in the order of the documentation.
    pub const ALL: &[By] = &[Self::Process, Self::Agent, Self::Role, Self::Action, Self::Global];

    /// The scope's name in policies.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Agent => "agent",
            Self::Role => "role",
            Self::Action => "action",
            Self::Global => "global",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|by| by.code() == text)
    }
}

/// What an allowed action adds to what is used of a rule's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitCharge {
    /// The rule.
    pub rule: RuleIx,
    /// How much.
    pub amount: Amount,
    /// False where a person has confirmed that the limit is passed: it is counted all the same.
    pub bounded: bool,
}

/// What is used, as somebody says it: for examples, tests and replays.
#[derive(Debug)]
pub struct StatedUsage<'b> {
    bundle: &'b Bundle,
    used: &'b BTreeMap<String, Amount>,
    is_whole: bool,
    was_asked_more: Cell<bool>,
}

impl<'b> StatedUsage<'b> {
    /// By the ids of rules; of others nothing is used.
    #[must_use]
    pub fn new(bundle: &'b Bundle, used: &'b BTreeMap<String, Amount>) -> Self {
        Self { bundle, used, is_whole: true, was_asked_more: Cell::new(false) }
    }

    /// By the ids of rules; of others nobody knows.
    #[must_use]
    pub fn partial(bundle: &'b Bundle, used: &'b BTreeMap<String, Amount>) -> Self {
        Self { is_whole: false, ..Self::new(bundle, used) }
    }

    /// True if something was asked that nobody said.
    #[must_use]
    pub fn was_asked_more(&self) -> bool {
        self.was_asked_more.get()
    }
}

impl Usage for StatedUsage<'_> {
    fn used(&self, rule: RuleIx) -> Option<Amount> {
        let info = self.bundle.rule(rule)?;
        // Nothing is ever charged to what is in shadow.
        let nothing = (self.is_whole || info.shadow).then_some(Amount::ZERO);
        let used = self.used.get(&info.id).copied().or(nothing);
        if used.is_none() {
            self.was_asked_more.set(true);
        }
        used
    }
}
