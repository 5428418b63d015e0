//! Conditions: Kleene's three-valued logic over the leaves of a rule.

use std::collections::BTreeSet;

use agent_os_core::value::Value;

use super::path::{self, Found};
use super::{Texts, field, glob, items, operator, text};
use crate::case::Request;

/// True, false, or unknown.
pub type Truth = Option<bool>;

/// The truth of a condition, and the paths that leave it unknown.
pub(super) struct Judgement {
    pub(super) truth: Truth,
    // INVARIANT: empty unless the truth is unknown.
    pub(super) unknown: BTreeSet<String>,
}

/// What a condition may read.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) document: &'a Value,
    pub(super) request: &'a Request,
    pub(super) texts: &'a Texts,
    pub(super) item: Option<&'a Value>,
    pub(super) observe: &'a dyn Fn(&str, Truth),
}

/// Whether a rule's action, agent and conditions hold.
pub(super) fn rule(rule: &Value, scope: &Scope<'_>) -> Judgement {
    let mut parts = vec![certain(action_holds(rule, scope)), certain(agent_holds(rule, scope))];
    parts.extend(rule.get("when").map(|tree| judge(tree, scope)));
    parts.extend(rule.get("unless").map(|tree| negated(judge(tree, scope))));
    combined(&all, parts)
}

fn action_holds(rule: &Value, scope: &Scope<'_>) -> bool {
    items(field(rule, "action")).iter().any(|pattern| glob::action(text(pattern), &scope.request.action))
}

fn agent_holds(rule: &Value, scope: &Scope<'_>) -> bool {
    let Some(agent) = rule.get("agent") else { return true };
    let observe = |what: &str, holds: bool| {
        (scope.observe)(what, Some(holds));
        holds
    };
    let id_holds = match agent.get("id") {
        Some(ids) => {
            let holds = items(ids).iter().any(|pattern| glob::characters(text(pattern), &scope.request.agent));
            observe("agent.id", holds)
        }
        None => true,
    };
    let role_holds = match agent.get("role") {
        Some(roles) => {
            let holds = items(roles).iter().any(|role| scope.request.roles.iter().any(|has| has == text(role)));
            observe("agent.role", holds)
        }
        None => true,
    };
    id_holds && role_holds
}

/// The truth of a mapping of conditions.
pub(super) fn judge(tree: &Value, scope: &Scope<'_>) -> Judgement {
    let Value::Map(entries) = tree else { panic!("an accepted condition is a mapping, not {tree:?}") };
    let parts = entries.iter().map(|(key, body)| match key.as_str() {
        "all" => combined(&all, items(body).iter().map(|child| judge(child, scope)).collect()),
        "any" => combined(&any, items(body).iter().map(|child| judge(child, scope)).collect()),
        "not" => negated(judge(body, scope)),
        path => leaf(path, body, scope),
    });
    combined(&all, parts.collect())
}

fn leaf(path: &str, operators: &Value, scope: &Scope<'_>) -> Judgement {
    let (bare, optional) = match path.strip_suffix('?') {
        Some(bare) => (bare, true),
        None => (path, false),
    };
    let steps = path::parse(bare);
    let found = path::find(&steps, scope);
    let truth = if optional && matches!(found, Found::Missing) {
        Some(false)
    } else {
        operator::all_hold(&found, operators, scope)
    };
    if !bare.starts_with("args.") && !bare.starts_with("item") {
        (scope.observe)(bare, truth);
    }
    let unknown = if truth.is_none() { BTreeSet::from([path::spell(&steps)]) } else { BTreeSet::new() };
    Judgement { truth, unknown }
}

fn certain(holds: bool) -> Judgement {
    Judgement { truth: Some(holds), unknown: BTreeSet::new() }
}

pub(super) fn negated(judgement: Judgement) -> Judgement {
    Judgement { truth: not(judgement.truth), ..judgement }
}

pub(super) fn combined(how: &dyn Fn(Vec<Truth>) -> Truth, parts: Vec<Judgement>) -> Judgement {
    let truth = how(parts.iter().map(|part| part.truth).collect());
    let unknown = parts.into_iter().flat_map(|part| part.unknown).filter(|_| truth.is_none()).collect();
    Judgement { truth, unknown }
}

pub(super) fn not(truth: Truth) -> Truth {
    truth.map(|truth| !truth)
}

/// Kleene's conjunction: false wins, then unknown.
pub(crate) fn all(truths: Vec<Truth>) -> Truth {
    if truths.contains(&Some(false)) {
        Some(false)
    } else if truths.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// Kleene's disjunction: true wins, then unknown.
pub(crate) fn any(truths: Vec<Truth>) -> Truth {
    if truths.contains(&Some(true)) {
        Some(true)
    } else if truths.contains(&None) {
        None
    } else {
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::{Truth, all, any, not};

    #[test]
    fn the_truth_tables_are_those_of_kleene() {
        let (t, f, u): (Truth, Truth, Truth) = (Some(true), Some(false), None);
        for (left, right, conjunction, disjunction) in [
            (t, t, t, t),
            (t, u, u, t),
            (t, f, f, t),
            (u, t, u, t),
            (u, u, u, u),
            (u, f, f, u),
            (f, t, f, t),
            (f, u, f, u),
            (f, f, f, f),
        ] {
            assert_eq!(all(vec![left, right]), conjunction, "{left:?} and {right:?}");
            assert_eq!(any(vec![left, right]), disjunction, "{left:?} or {right:?}");
        }
        assert_eq!([not(t), not(u), not(f)], [f, u, t]);
    }
}
