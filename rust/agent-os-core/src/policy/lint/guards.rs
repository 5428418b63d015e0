//! Guards that do not guard: absence that permits, and trip-wires that stand alone.

use super::{Finding, Lint, Subject};
use crate::policy::analysis::{Formula, Tree, Truths, cases, is_contradiction, missing};
use crate::policy::effect::RuleEffect;
use crate::policy::path::Path;
use crate::value::Value;

pub(super) fn rule(rule: &Subject<'_>, findings: &mut Vec<Finding>) {
    absence(rule, findings);
    trip_wire(rule, findings);
}

/// Looks for leaves with `?` whose absence makes an allow apply, or keeps a deny or ask from it against what it says.
fn absence(rule: &Subject<'_>, findings: &mut Vec<Finding>) {
    let effect = rule.studied.effect;
    let mut found = Vec::new();
    let mut look = |key: &str, operators: &[&str], negated: bool| {
        let Ok(path) = Path::parse(key) else { return };
        if !path.if_present {
            return;
        }
        let permits = match effect {
            RuleEffect::Allow => negated,
            RuleEffect::Deny | RuleEffect::Ask => {
                !negated && operators.iter().any(|name| matches!(*name, "ne" | "not_in" | "not_seen_in"))
            }
            RuleEffect::Require => false,
        };
        if permits {
            found.push(path.spelling());
        }
    };
    for (key, negated) in [("when", false), ("unless", true)] {
        if let Some(condition) = rule.written.get(key) {
            each_key(condition, negated, &mut look);
        }
    }
    found.sort_unstable();
    found.dedup();
    for path in found {
        // If the rule asks elsewhere that the argument is there, its absence decides nothing.
        let is_guarded = |applies: Formula| is_contradiction(Formula::All(vec![applies, missing(&path)]));
        let (message, hint) = match effect {
            RuleEffect::Allow if !is_guarded(rule.studied.applies()) => (
                format!("without `{path}` the rule applies as if the argument had been checked"),
                format!("drop the `?`, so that absence counts against the caller, or add `{path}: {{present: true}}`"),
            ),
            RuleEffect::Deny | RuleEffect::Ask if !is_guarded(rule.studied.does_not_apply()) => (
                format!("without `{path}` the {} does not apply, although nothing shows the value", effect.code()),
                "drop the `?`, so that absence counts against the caller".to_owned(),
            ),
            _ => continue,
        };
        findings.push(Finding::new(Lint::AbsencePermits, Some(rule.id), Some(&path), message, hint));
    }
}

/// Visits the paths of a condition with the operators on each; `negated` is true below an odd number of `not`.
fn each_key(condition: &Value, negated: bool, act: &mut impl FnMut(&str, &[&str], bool)) {
    let Value::Map(entries) = condition else { return };
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("all" | "any", Value::List(parts)) => parts.iter().for_each(|part| each_key(part, negated, act)),
            ("not", inner) => each_key(inner, !negated, act),
            (path, Value::Map(tests)) => {
                let names: Vec<&str> = tests.keys().map(String::as_str).collect();
                act(path, &names, negated);
            }
            _ => {}
        }
    }
}

/// An allow of which some case holds by nothing but what was not seen.
fn trip_wire(rule: &Subject<'_>, findings: &mut Vec<Finding>) {
    if rule.studied.effect != RuleEffect::Allow || !mentions_sight(&rule.studied.when, &rule.studied.unless) {
        return;
    }
    let Some(cases) = cases(&rule.studied.applies()) else { return };
    for facts in cases {
        let is_trip_wire =
            |fact: &crate::policy::analysis::Fact| fact.atom.operator == "seen_in" && fact.truths == Truths::FALSE;
        let Some(first) = facts.first().filter(|_| facts.iter().all(is_trip_wire)) else { continue };
        let path = &first.atom.path;
        let message = format!("`{}` is allowed by nothing but what `{path}` was not seen in", rule.id);
        let hint =
            format!("say what is allowed: `{path}: {{seen_in: [user]}}` or `in: […]`; keep `not_seen_in` beside it");
        findings.push(Finding::new(Lint::TripWireGuard, Some(rule.id), Some(path), message, hint));
        return;
    }
}

fn mentions_sight(when: &Option<Tree>, unless: &Option<Tree>) -> bool {
    let mut found = false;
    for tree in [when, unless].into_iter().flatten() {
        tree.each_leaf(false, &mut |atom, _, _| found |= atom.operator == "seen_in");
    }
    found
}
