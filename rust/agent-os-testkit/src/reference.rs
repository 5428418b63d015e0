//! The naive evaluator: every rule is read from the document and judged in full, for each request anew.
//!
//! Truth is `Option<bool>`, and `None` is *unknown*. The document is trusted to have been accepted at load; where it
//! could not have been, the evaluator panics rather than guess.

pub(crate) mod condition;
mod equality;
mod exact;
mod glob;
mod limit;
mod net;
mod operator;
mod path;
pub mod protected;
mod provenance;
mod shell;
pub mod signal;
mod sql;
mod text_glob;
mod under;

use std::collections::BTreeSet;

use agent_os_core::action;
use agent_os_core::value::Value;

use crate::case::{Decided, Request};
pub use condition::Truth;
use condition::{Judgement, Scope};
pub use provenance::Texts;

/// Decides `request` under a normalised document. `texts` is the request's text, read once for many requests.
#[must_use]
pub fn decide(document: &Value, request: &Request, texts: &Texts) -> Decided {
    decide_observed(document, request, texts, &|_, _| {})
}

/// Decides, and tells `observe` the truth of every operator that was judged.
#[must_use]
pub fn decide_observed(document: &Value, request: &Request, texts: &Texts, observe: &dyn Fn(&str, Truth)) -> Decided {
    if action::check(&request.action).is_err() {
        return decided("deny", "request_invalid", &[], &[]);
    }
    let scope = Scope { document, request, texts, item: None, observe };
    let rules = sorted_rules(document);
    let enforced: Vec<&Value> = rules.iter().copied().filter(|rule| !in_shadow(rule)).collect();
    let default = document.get("default").map_or("deny", text);
    let shadow_default = document.get("shadow_default").map_or(default, text);
    let mut now = decide_by(&enforced, default, &scope);
    // Nothing is charged for what would have been.
    let all = Decided { charges: Vec::new(), ..decide_by(&rules, shadow_default, &scope) };
    if all != (Decided { charges: Vec::new(), ..now.clone() }) {
        now.shadow = Some(Box::new(all));
    }
    if now.reason == "allowed_by_default" && enforced.is_empty() {
        now.reason = "only_observed".to_owned();
    }
    now
}

fn in_shadow(rule: &Value) -> bool {
    rule.get("mode").is_some_and(|mode| text(mode) == "shadow")
}

/// What these rules and this default decide.
fn decide_by(rules: &[&Value], default: &str, scope: &Scope<'_>) -> Decided {
    let applied: Vec<Applied<'_>> = rules.iter().filter_map(|rule| apply(rule, scope)).collect();
    let of = |effect: &str| applied.iter().filter(|rule| rule.effect == effect).collect::<Vec<_>>();
    let (denies, asks, allows) = (of("deny"), of("ask"), of("allow"));
    let spent = |effect: &str| spent(rules, scope, effect);
    let (mut effect, mut deciding) = match () {
        () if !denies.is_empty() => ("deny", denies),
        () if !asks.is_empty() => ("ask", asks),
        () if !allows.is_empty() => ("allow", allows),
        () => (default, Vec::new()),
    };
    let known = deciding.iter().filter(|rule| rule.judgement.truth.is_some());
    let mut by_limit =
        effect == "deny" && !deciding.is_empty() && known.clone().all(|rule| limit::of(rule.rule).is_some());
    let held_back = if effect == "deny" && deciding.is_empty() { spent("allow") } else { spent("require") };
    if !held_back.is_empty() && (effect != "deny" || deciding.is_empty()) {
        (effect, deciding, by_limit) = ("deny", held_back.iter().collect(), true);
    }
    let all_unknown = deciding.iter().all(|rule| rule.judgement.truth.is_none());
    let reason = match (effect, deciding.is_empty()) {
        ("allow", true) => "allowed_by_default",
        ("deny", true) => "denied_by_default",
        ("allow", false) => "allowed_by_rule",
        (_, false) if all_unknown => "condition_unknown",
        ("deny", false) if by_limit => "limit_exceeded",
        ("ask", false) => "asked_by_rule",
        ("deny", false) => "denied_by_rule",
        other => panic!("no decision is {other:?}"),
    };
    let required = if effect == "deny" { Vec::new() } else { of("require") };
    let mut decision = decided(effect, reason, &deciding, &required);
    if effect == "allow" {
        decision.charges = charges(rules, scope, &decision.rules);
    }
    decision
}

/// The rules of an effect that would hold or apply if their limit were not used up.
fn spent<'a>(rules: &[&'a Value], scope: &Scope<'_>, effect: &str) -> Vec<Applied<'a>> {
    let spent = rules.iter().copied().filter_map(|rule| {
        let limit = limit::of(rule).filter(|_| text(field(rule, "effect")) == effect)?;
        let parts = vec![condition::rule(rule, scope), limit::beyond(rule, limit, scope)];
        let judgement = condition::combined(&condition::all, parts);
        let is_spent = judgement.truth.unwrap_or(effect != "allow");
        is_spent.then_some(Applied { rule, effect: "deny", judgement })
    });
    spent.collect()
}

/// What an allow by these rules adds to what is used: of allow rules those that decide, of others those whose
/// conditions hold or are unknown.
fn charges(rules: &[&Value], scope: &Scope<'_>, deciding: &[String]) -> Vec<(String, String, bool)> {
    let charges = rules.iter().copied().filter_map(|rule| {
        let limit = limit::of(rule)?;
        let id = text(field(rule, "id")).to_owned();
        let is_charged = match text(field(rule, "effect")) {
            "allow" => deciding.contains(&id),
            _ => condition::rule(rule, scope).truth != Some(false),
        };
        let amount = limit::amount(limit, scope).unwrap_or_else(|| limit::most(limit)).text();
        let bounded = limit::beyond(rule, limit, scope).truth == Some(false);
        is_charged.then_some((id, amount, bounded))
    });
    charges.collect()
}

/// A rule that applies, under the effect that it has for this request.
struct Applied<'a> {
    rule: &'a Value,
    effect: &'a str,
    judgement: Judgement,
}

impl<'a> Applied<'a> {
    fn id(&self) -> &'a str {
        text(field(self.rule, "id"))
    }
}

fn apply<'a>(rule: &'a Value, scope: &Scope<'_>) -> Option<Applied<'a>> {
    let effect = text(field(rule, "effect"));
    let mut judgement = condition::rule(rule, scope);
    if let Some(limit) = limit::of(rule).filter(|_| effect != "require") {
        let beyond = limit::beyond(rule, limit, scope);
        let limited = if effect == "allow" { condition::negated(beyond) } else { beyond };
        judgement = condition::combined(&condition::all, vec![judgement, limited]);
    }
    let applies = match judgement.truth {
        Some(truth) => truth,
        None => effect != "allow",
    };
    let approved = effect == "ask" && scope.request.approved.iter().any(|id| id == text(field(rule, "id")));
    applies.then_some(Applied { rule, effect: if approved { "allow" } else { effect }, judgement })
}

fn decided(effect: &str, reason: &str, deciding: &[&Applied<'_>], required: &[&Applied<'_>]) -> Decided {
    let mut unknowns = BTreeSet::new();
    for rule in deciding.iter().chain(required) {
        unknowns.extend(rule.judgement.unknown.iter().map(|path| (rule.id().to_owned(), path.clone())));
    }
    let listed = |key: &str| {
        let all = required.iter().filter_map(|rule| rule.rule.get(key)).flat_map(items);
        all.map(|item| text(item).to_owned()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let levels: Vec<&str> = required.iter().filter_map(|rule| rule.rule.get("record")).map(text).collect();
    let strongest = ["full", "fields", "none"].into_iter().find(|level| levels.contains(level));
    Decided {
        effect: effect.to_owned(),
        rules: deciding.iter().map(|rule| rule.id().to_owned()).collect(),
        reason: reason.to_owned(),
        unknowns: unknowns.into_iter().collect(),
        redact: listed("redact"),
        labels: listed("label"),
        record: strongest.map(str::to_owned),
        shadow: None,
        charges: Vec::new(),
    }
}

fn sorted_rules(document: &Value) -> Vec<&Value> {
    let mut rules: Vec<&Value> = items(field(document, "rules")).iter().collect();
    rules.sort_by_key(|rule| text(field(rule, "id")));
    rules
}

fn field<'a>(map: &'a Value, key: &str) -> &'a Value {
    map.get(key).unwrap_or_else(|| panic!("an accepted document has `{key}` in {map:?}"))
}

fn items(list: &Value) -> &[Value] {
    match list {
        Value::List(items) => items,
        other => panic!("an accepted document has a list in place of {other:?}"),
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Str(text) => text,
        other => panic!("an accepted document has a string in place of {other:?}"),
    }
}
