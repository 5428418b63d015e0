//! Rules by themselves: was a request tried on which the change of a rule makes a difference to the rule?
//!
//! Where no such request was found, that both policies decide alike says nothing of the change, and it is told as not
//! compared.

use std::collections::BTreeMap;

use super::request::Request;
use super::{Engine, Pair, Undecided};
use crate::policy::analysis::is_contradiction;
use crate::policy::bundle::Bundle;
use crate::value::Value;

/// One part of a change, with nothing around it that could hide it.
pub(super) struct Part {
    what: String,
    old: Option<Bundle>,
    new: Option<Bundle>,
    is_seen: bool,
}

/// The parts of the change of a rule of which it is not proven that they change nothing.
pub(super) fn parts(pair: &Pair<'_>) -> Vec<Part> {
    match (pair.before, pair.after) {
        (Some(Value::Map(before)), Some(Value::Map(after))) => both(pair, before, after),
        (Some(rule), None) | (None, Some(rule)) => {
            let studied = pair.old.as_ref().or(pair.new.as_ref());
            // SECURITY: a rule that can never apply makes no difference; this is proven, not tried.
            if studied.is_some_and(|rule| is_contradiction(rule.applies())) {
                return Vec::new();
            }
            let what = if pair.before.is_some() { "was removed" } else { "was added" };
            let (old, new) = (pair.before.and(bundle_of(rule)), pair.after.and(bundle_of(rule)));
            vec![Part { what: what.to_owned(), old, new, is_seen: false }]
        }
        _ => Vec::new(),
    }
}

fn both(pair: &Pair<'_>, before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> Vec<Part> {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing: Vec<&str> = keys
        .into_iter()
        .filter(|key| !matches!(key.as_str(), "source" | "message") && before.get(*key) != after.get(*key))
        .map(String::as_str)
        .collect();
    if differing.iter().all(|key| matches!(*key, "action" | "agent" | "when" | "unless")) && coincide(pair) {
        return Vec::new();
    }
    let one = |what: String, old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>| Part {
        what,
        old: bundle_of(&Value::Map(old.clone())),
        new: bundle_of(&Value::Map(new.clone())),
        is_seen: false,
    };
    // The keys that belong to an effect change with it.
    if differing.contains(&"effect") {
        return vec![one(format!("{} changed", listed(&differing)), before, after)];
    }
    let with_one = |key: &&str| {
        let mut changed = before.clone();
        match after.get(*key) {
            Some(value) => changed.insert((*key).to_owned(), value.clone()),
            None => changed.remove(*key),
        };
        one(format!("`{key}` changed"), before, &changed)
    };
    differing.iter().map(with_one).collect()
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// It is proven that the versions apply to the same requests.
fn coincide(pair: &Pair<'_>) -> bool {
    match (&pair.old, &pair.new) {
        (Some(old), Some(new)) => old.holds_wherever(new) && new.holds_wherever(old),
        _ => false,
    }
}

/// The rule alone, where the action would be allowed if it is one that requires something.
fn bundle_of(rule: &Value) -> Option<Bundle> {
    let requires = rule.get("effect").and_then(Value::as_text) == Some("require");
    let document = Value::from([
        ("agent_os", 1.into()),
        ("name", "alone".into()),
        ("default", if requires { "allow" } else { "deny" }.into()),
        ("rules", Value::List(vec![rule.clone()])),
    ]);
    Bundle::compile(&document).ok()
}

impl Part {
    /// Looks whether this request tells the two apart.
    pub(super) fn look(&mut self, request: &Request) {
        if self.is_seen {
            return;
        }
        let said = |bundle: &Option<Bundle>, is_new| {
            let side =
                bundle.as_ref().map(|bundle| Engine { bundle, studied: BTreeMap::new(), is_new }.decide(request));
            side.map(|side| (side.effect, !side.rules.is_empty() || !side.requires.is_empty(), side.obligations))
        };
        self.is_seen = match (said(&self.old, false), said(&self.new, true)) {
            (Some((_, applies, _)), None) | (None, Some((_, applies, _))) => applies,
            (old, new) => old != new,
        };
    }

    /// What is told of it if nothing told the two apart.
    pub(super) fn undecided(&self, rule: &str) -> Option<Undecided> {
        let Self { what, is_seen, .. } = self;
        (!is_seen).then(|| Undecided {
            rule: Some(rule.to_owned()),
            what: format!("rule `{rule}`: {what}, and no request was found to which that makes a difference"),
        })
    }
}
