//! What can be proven of rules without asking them: that one can never apply, that one covers another.
//!
//! It reads the normal form of a bundle, so it knows operators by their names. One that it does not know is opaque: it
//! equals itself and nothing is concluded from it. A proof that would take too long is no proof.

mod cover;
mod facts;
mod formula;
mod numbers;
mod one_test;
mod texts;
mod tree;

pub(super) use cover::{agents_within, is_wild_only, pattern_within};
pub(super) use facts::conflict;
pub(super) use formula::{Fact, Formula, cases, is_contradiction};
pub(super) use one_test::Compiled;
pub(super) use tree::{Atom, MISSING, Tree, Truths, missing};

use super::effect::RuleEffect;
use super::pattern::{ActionPattern, NamePattern};
use crate::value::Value;

/// One rule of the normal form.
#[derive(Debug)]
pub(super) struct Studied {
    pub(super) effect: RuleEffect,
    pub(super) actions: Vec<ActionPattern>,
    pub(super) ids: Option<Vec<NamePattern>>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) when: Option<Tree>,
    pub(super) unless: Option<Tree>,
    /// A key was met that may keep the rule from applying where its conditions hold, such as a limit.
    pub(super) is_partial: bool,
}

/// Keys after which a rule still applies wherever its action, agent and conditions hold.
const TOTAL: &[&str] = &[
    "id", "effect", "action", "agent", "when", "unless", "message", "redact", "label", "record", "subject", "source",
    "signal",
];

impl Studied {
    /// Reads a rule of a normal form; `None` for what no bundle holds.
    pub(super) fn of(rule: &Value) -> Option<Self> {
        let Value::Map(entries) = rule else { return None };
        let texts = |value: Option<&Value>| match value {
            Some(Value::List(items)) => {
                Some(items.iter().filter_map(Value::as_text).map(str::to_owned).collect::<Vec<_>>())
            }
            _ => None,
        };
        let agent = entries.get("agent");
        let ids = texts(agent.and_then(|agent| agent.get("id")));
        Some(Self {
            effect: RuleEffect::parse(entries.get("effect")?.as_text()?)?,
            actions: texts(entries.get("action"))?.iter().filter_map(|text| ActionPattern::parse(text).ok()).collect(),
            ids: ids.map(|ids| ids.iter().filter_map(|text| NamePattern::parse(text).ok()).collect()),
            roles: texts(agent.and_then(|agent| agent.get("role"))),
            when: entries.get("when").map(Tree::of),
            unless: entries.get("unless").map(Tree::of),
            is_partial: entries.keys().any(|key| !TOTAL.contains(&key.as_str())),
        })
    }

    /// `when` and not `unless` came to one of these.
    pub(super) fn came_to(&self, truths: Truths) -> Formula {
        let when = self.when.as_ref().map(|tree| tree.came_to(truths));
        let unless = self.unless.as_ref().map(|tree| tree.came_to(truths.negated()));
        Formula::joined(truths, when.into_iter().chain(unless).collect())
    }

    /// The rule's conditions let it apply.
    pub(super) fn applies(&self) -> Formula {
        self.came_to(if self.effect.applies_on_unknown() { Truths::NOT_FALSE } else { Truths::TRUE })
    }

    /// The rule's conditions keep it from applying.
    pub(super) fn does_not_apply(&self) -> Formula {
        self.came_to(if self.effect.applies_on_unknown() { Truths::FALSE } else { Truths::NOT_TRUE })
    }

    /// True if it is proven that wherever `other` applies this one does too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        !self.is_partial && self.holds_wherever(other)
    }

    /// True if it is proven that wherever the action, agent and conditions of `other` hold, these do too.
    pub(super) fn holds_wherever(&self, other: &Self) -> bool {
        other.actions.iter().all(|inner| self.actions.iter().any(|outer| pattern_within(inner, outer)))
            && agents_within(other, self)
            && is_contradiction(Formula::All(vec![other.applies(), self.does_not_apply()]))
    }
}
