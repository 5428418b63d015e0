//! Limits, counted in whole units of 10^-18 that are added digit by digit.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use agent_os_core::value::Value;

use super::condition::{Judgement, Scope};
use super::exact::Exact;
use super::path::{self, Found};
use super::{field, text};

/// The limit of a rule, whatever the key.
pub(super) fn of(rule: &Value) -> Option<&Value> {
    rule.get("limit").or_else(|| rule.get("over"))
}

/// What the request adds; `None` if it cannot be told.
pub(super) fn amount(limit: &Value, scope: &Scope<'_>) -> Option<Exact> {
    let Some(path) = limit.get("sum") else { return Some(Exact::read("1")) };
    let Found::Here(value) = path::find(&path::parse(text(path)), scope) else { return None };
    let Value::Number(number) = value.transparent() else { return None };
    let number = Exact::of(number);
    let fits = number.compare(&Exact::read("0")) != Ordering::Less
        && number.compare(&Exact::read("1e20")) != Ordering::Greater
        && number.fraction_digits() <= 18;
    fits.then_some(number)
}

/// The most that may be used.
pub(super) fn most(limit: &Value) -> Exact {
    let most = limit.get("max").unwrap_or_else(|| field(limit, "calls"));
    let Value::Number(number) = most else { panic!("an accepted limit has a number in place of {most:?}") };
    Exact::of(number)
}

/// Whether the limit is passed.
pub(super) fn beyond(rule: &Value, limit: &Value, scope: &Scope<'_>) -> Judgement {
    let id = text(field(rule, "id"));
    let stated = scope.request.usage.iter().find(|(rule, _)| rule == id).map_or("0", |(_, used)| used.as_str());
    let truth =
        amount(limit, scope).map(|amount| Exact::read(stated).plus(&amount).compare(&most(limit)) == Ordering::Greater);
    let (key, measure) = (if rule.get("over").is_some() { "over" } else { "limit" }, limit.get("sum"));
    (scope.observe)(&format!("{key} {}", if measure.is_some() { "sum" } else { "calls" }), truth);
    let unknown = match (truth, measure) {
        (None, Some(path)) => BTreeSet::from([path::spell(&path::parse(text(path)))]),
        _ => BTreeSet::new(),
    };
    Judgement { truth, unknown }
}
