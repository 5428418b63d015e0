//! Rules that never decide: dead on their own, or because of another rule.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Lint, Subject};
use crate::limits;
use crate::policy::analysis::is_contradiction;
use crate::policy::effect::RuleEffect;

/// The places of rules whose conditions never let them apply.
pub(super) fn dead(rules: &[Subject<'_>], findings: &mut Vec<Finding>) -> BTreeSet<usize> {
    let mut dead = BTreeSet::new();
    for (place, rule) in rules.iter().enumerate() {
        if is_contradiction(rule.studied.applies()) {
            dead.insert(place);
            let message = format!("`{}` never applies: its conditions contradict one another", rule.id);
            let hint = "correct the condition that cannot hold beside the others, or remove the rule";
            findings.push(Finding::new(Lint::DeadRule, Some(rule.id), None, message, hint));
        }
    }
    dead
}

/// Rules that another one keeps from ever deciding, or makes needless.
pub(super) fn covered(rules: &[Subject<'_>], dead: &BTreeSet<usize>, findings: &mut Vec<Finding>) {
    let neighbours = Neighbours::of(rules);
    let mut room = limits::LINT_PAIRS;
    for (place, rule) in rules.iter().enumerate().filter(|(place, _)| !dead.contains(place)) {
        let mut same: Option<usize> = None;
        let mut stronger: Option<usize> = None;
        for other_place in neighbours.of_rule(rule) {
            let Some(other) = rules.get(other_place).filter(|_| other_place != place && !dead.contains(&other_place))
            else {
                continue;
            };
            let is_stronger =
                strength(other.studied.effect) > strength(rule.studied.effect) && strength(rule.studied.effect) > 0;
            let is_same = other.studied.effect == rule.studied.effect && rule.studied.effect != RuleEffect::Require;
            if !(is_stronger && stronger.is_none() || is_same && same.is_none()) {
                continue;
            }
            if room == 0 {
                let message = "rules for the same actions are too many to be compared with one another";
                let hint = "split the policy, or name actions more narrowly";
                findings.push(Finding::new(Lint::NotCompared, None, None, message, hint));
                return;
            }
            room -= 1;
            if other.studied.covers(&rule.studied) {
                *(if is_stronger { &mut stronger } else { &mut same }) = Some(other_place);
            }
        }
        if let Some(other) = stronger.and_then(|place| rules.get(place)) {
            findings.push(never_decides(rule, other));
        } else if let Some((other_place, other)) = same.and_then(|place| Some((place, rules.get(place)?))) {
            // Of two that cover each other, the later one is called redundant.
            if other_place < place || !rule.studied.covers(&other.studied) {
                let message = format!("`{}` applies wherever `{}` does, with the same effect", other.id, rule.id);
                let hint = format!("remove `{}`, unless its id or message matters", rule.id);
                findings.push(Finding::new(Lint::RedundantRule, Some(rule.id), None, message, hint).about(other.id));
            }
        }
    }
}

fn never_decides(rule: &Subject<'_>, other: &Subject<'_>) -> Finding {
    let (effect, stronger) = (rule.studied.effect.code(), other.studied.effect.code());
    let hint = format!("narrow `{}` with `unless`, or remove `{}`", other.id, rule.id);
    let (lint, message) = if rule.studied.covers(&other.studied) {
        let message = format!("{effect} `{}` and {stronger} `{}` are for the same requests", rule.id, other.id);
        (Lint::ContradictoryRules, message)
    } else {
        let message = format!("`{}` never decides: {stronger} `{}` applies wherever it does", rule.id, other.id);
        (Lint::ShadowedRule, message)
    };
    Finding::new(lint, Some(rule.id), None, message, hint).about(other.id)
}

fn strength(effect: RuleEffect) -> u8 {
    match effect {
        RuleEffect::Require => 0,
        RuleEffect::Allow => 1,
        RuleEffect::Ask => 2,
        RuleEffect::Deny => 3,
    }
}

/// Which rules may cover which: those with one of the actions, and those with patterns.
struct Neighbours<'r> {
    by_action: BTreeMap<&'r str, Vec<usize>>,
    with_patterns: Vec<usize>,
}

impl<'r> Neighbours<'r> {
    fn of(rules: &'r [Subject<'_>]) -> Self {
        let mut neighbours = Self { by_action: BTreeMap::new(), with_patterns: Vec::new() };
        for (place, rule) in rules.iter().enumerate() {
            for action in &rule.studied.actions {
                if action.is_literal() {
                    neighbours.by_action.entry(action.text()).or_default().push(place);
                }
            }
            if rule.studied.actions.iter().any(|action| !action.is_literal()) {
                neighbours.with_patterns.push(place);
            }
        }
        neighbours
    }

    /// Whoever covers a rule covers each of its actions, so those that cover the first one are enough.
    fn of_rule(&self, rule: &Subject<'_>) -> BTreeSet<usize> {
        let first = rule.studied.actions.first().filter(|action| action.is_literal());
        let named = first.and_then(|action| self.by_action.get(action.text()));
        self.with_patterns.iter().chain(named.into_iter().flatten()).copied().collect()
    }
}
