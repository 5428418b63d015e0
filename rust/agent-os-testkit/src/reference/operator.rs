//! Operators: what one value is held to.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;

use agent_os_core::time::{Date, DateTime};
use agent_os_core::value::Value;
use regex::{Regex, RegexBuilder};

use super::condition::{Scope, Truth, all, any, judge, not};
use super::equality::{equals_operand, folded};
use super::exact::Exact;
use super::path::{self, Found};
use super::under::{self, under};
use super::{field, items, net, text, text_glob};
use super::{shell, sql};

/// The conjunction of all operators that one value is held to.
pub(super) fn all_hold(found: &Found, operators: &Value, scope: &Scope<'_>) -> Truth {
    let Value::Map(entries) = operators else { panic!("accepted operators are a mapping, not {operators:?}") };
    let fold = entries.get("ignore_case") == Some(&Value::Bool(true));
    let dialect = entries.get("dialect").map_or("generic", text);
    let (modifiers, tests): (Vec<_>, Vec<_>) = entries.iter().partition(|(name, _)| MODIFIERS.contains(&name.as_str()));
    let truths = tests.into_iter().map(|(name, operand)| {
        let truth = match (name.as_str(), found) {
            ("present", found) => Some(matches!(found, Found::Here(_)) == (*operand == Value::Bool(true))),
            (_, Found::Missing | Found::Mistyped) => None,
            ("statements" | "tables" | "functions" | "has_where", Found::Here(value)) => {
                value.as_text().and_then(|text| sql::holds(name, text, operand, dialect, scope))
            }
            (name, Found::Here(value)) => holds(name, value, operand, fold, scope),
        };
        (scope.observe)(name, truth);
        truth
    });
    let truth = all(truths.collect());
    modifiers.into_iter().for_each(|(modifier, _)| (scope.observe)(modifier, truth));
    truth
}

/// What says how the operators beside it compare.
const MODIFIERS: [&str; 2] = ["ignore_case", "dialect"];

fn holds(name: &str, value: &Value, operand: &Value, fold: bool, scope: &Scope<'_>) -> Truth {
    let (operand, given) = match operand.get("arg") {
        Some(path) => match path::find(&path::parse(text(path)), scope) {
            Found::Here(operand) => (operand, true),
            Found::Missing | Found::Mistyped => return None,
        },
        None => (operand.clone(), false),
    };
    let operand = &operand;
    match name {
        "eq" => equals_operand(value, operand, fold),
        "ne" => not(equals_operand(value, operand, fold)),
        "in" => is_in(value, operand, fold, scope),
        "not_in" => not(is_in(value, operand, fold, scope)),
        "starts_with" => any_text(value, operand, given, fold, &|text, part| text.starts_with(part)),
        "ends_with" => any_text(value, operand, given, fold, &|text, part| text.ends_with(part)),
        "contains" => contains(value, operand, given, fold),
        "matches" => matches(value, operand, fold),
        "length" => counted(value.as_text()?.chars().count(), operand, scope),
        "lt" => ordered(value, operand, &[Ordering::Less]),
        "le" => ordered(value, operand, &[Ordering::Less, Ordering::Equal]),
        "gt" => ordered(value, operand, &[Ordering::Greater]),
        "ge" => ordered(value, operand, &[Ordering::Greater, Ordering::Equal]),
        "before" => in_time(value, operand, Ordering::Less),
        "after" => in_time(value, operand, Ordering::Greater),
        "programs" | "command" | "writes" | "redirects" | "has_substitution" => {
            shell::holds(name, value.as_text()?, operand, scope)
        }
        "size" if list(value).is_some_and(|items| items.contains(&Value::Bytes(vec![0]))) => None,
        "size" => {
            counted(list(value).map(<[Value]>::len).or_else(|| keys(value).map(|keys| keys.len()))?, operand, scope)
        }
        "keys" => all_hold(&Found::Here(Value::List(keys(value)?)), operand, scope),
        // No vacuous truth: of no items, nothing is known.
        "each" if list(value)?.is_empty() => None,
        "each" => all(list(value)?.iter().map(|item| item_holds(item, operand, scope)).collect()),
        "some" => any(list(value)?.iter().map(|item| item_holds(item, operand, scope)).collect()),
        "under" => {
            let path = value.as_text()?;
            any(one_or_more(operand).iter().map(|base| under(path, text(base))).collect())
        }
        "glob" => {
            let (value, fold_one) =
                (folded(value.as_text()?, fold), |glob: &Value| folded(text(glob), fold).to_string());
            any(one_or_more(operand).iter().map(|glob| text_glob::fits(&fold_one(glob), &value)).collect())
        }
        "name" | "extension" => {
            let wanted: Vec<&str> = one_or_more(operand).iter().map(text).collect();
            under::named(value.as_text()?, &wanted, name == "extension", &|text| folded(text, fold).to_string())
        }
        "scheme" | "host" | "port" | "private_address" => net::url(name, value.as_text()?, operand),
        "network" => net::network(value.as_text()?, operand),
        "domain" => net::domain(value.as_text()?, operand),
        "seen_in" => scope.texts.seen(value, &items(operand).iter().map(text).collect::<Vec<_>>()),
        "not_seen_in" => not(scope.texts.seen(value, &items(operand).iter().map(text).collect::<Vec<_>>())),
        other => panic!("no operator `{other}`"),
    }
}

fn is_in(value: &Value, operand: &Value, fold: bool, scope: &Scope<'_>) -> Truth {
    let choices = match operand {
        Value::Str(name) => field(field(scope.document, "sets"), name.trim_start_matches('$')),
        list => list,
    };
    any(items(choices).iter().map(|choice| equals_operand(value, choice, fold)).collect())
}

fn contains(value: &Value, operand: &Value, given: bool, fold: bool) -> Truth {
    match list(value) {
        Some(items) => any(items.iter().map(|item| equals_operand(item, operand, fold)).collect()),
        None => any_text(value, operand, given, fold, &|text, part| text.contains(part)),
    }
}

fn any_text(value: &Value, operand: &Value, given: bool, fold: bool, test: &dyn Fn(&str, &str) -> bool) -> Truth {
    let value = folded(value.as_text()?, fold);
    let parts = if given { std::slice::from_ref(operand) } else { one_or_more(operand) };
    let truths = parts.iter().map(|part| {
        let part = part.as_text().filter(|part| !part.is_empty())?;
        Some(test(&value, &folded(part, fold)))
    });
    any(truths.collect())
}

fn matches(value: &Value, operand: &Value, fold: bool) -> Truth {
    thread_local! {
        static COMPILED: RefCell<HashMap<(String, bool), Regex>> = RefCell::default();
    }
    let (pattern, anchored) = match operand.get("pattern") {
        Some(pattern) => (text(pattern), operand.get("anchored") != Some(&Value::Bool(false))),
        None => (text(operand), true),
    };
    let pattern = if anchored { format!(r"\A(?:{pattern})\z") } else { pattern.to_owned() };
    let value = value.as_text()?;
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry((pattern, fold)).or_insert_with_key(|(pattern, fold)| {
            let built = RegexBuilder::new(pattern).case_insensitive(*fold).build();
            built.unwrap_or_else(|error| panic!("an accepted pattern compiles: {error}"))
        });
        Some(regex.is_match(value))
    })
}

fn ordered(value: &Value, operand: &Value, accepted: &[Ordering]) -> Truth {
    match (value.transparent(), operand.transparent()) {
        (Value::Number(value), Value::Number(operand)) => {
            Some(accepted.contains(&Exact::of(value).compare(&Exact::of(operand))))
        }
        _ => None,
    }
}

fn in_time(value: &Value, operand: &Value, accepted: Ordering) -> Truth {
    let operand = match operand.as_text() {
        Some(text) => Date::parse(text).map(Value::Date).or_else(|| DateTime::parse(text).map(Value::DateTime))?,
        None => operand.transparent().clone(),
    };
    match (value.as_text(), value.transparent(), &operand) {
        (Some(text), _, Value::Date(day)) => Some(Date::parse(text)?.cmp(day) == accepted),
        (None, Value::Date(value), Value::Date(day)) => Some(value.cmp(day) == accepted),
        (Some(text), _, Value::DateTime(instant)) => {
            Some(DateTime::parse(text)?.utc_micros()?.cmp(&instant.utc_micros()?) == accepted)
        }
        (None, Value::DateTime(value), Value::DateTime(instant)) => {
            Some(value.utc_micros()?.cmp(&instant.utc_micros()?) == accepted)
        }
        _ => None,
    }
}

fn counted(count: usize, operators: &Value, scope: &Scope<'_>) -> Truth {
    let count = i64::try_from(count).unwrap_or_else(|_| panic!("a value has fewer than 2^63 parts"));
    all_hold(&Found::Here(count.into()), operators, scope)
}

fn item_holds(item: &Value, body: &Value, scope: &Scope<'_>) -> Truth {
    let Value::Map(entries) = body else { panic!("an accepted test of items is a mapping, not {body:?}") };
    let is_condition = entries.keys().any(|key| {
        ["item", "all", "any", "not"].contains(&key.as_str()) || key.starts_with("item.") || key.starts_with("item?")
    });
    if is_condition {
        judge(body, &Scope { item: Some(item), ..*scope }).truth
    } else {
        all_hold(&Found::Here(item.clone()), body, scope)
    }
}

fn list(value: &Value) -> Option<&[Value]> {
    match value.transparent() {
        Value::List(items) | Value::Set(items) => Some(items),
        _ => None,
    }
}

fn keys(value: &Value) -> Option<Vec<Value>> {
    match value.transparent() {
        Value::Map(entries) => Some(entries.keys().map(|key| key.as_str().into()).collect()),
        _ => None,
    }
}

fn one_or_more(operand: &Value) -> &[Value] {
    match operand {
        Value::List(items) => items,
        one => std::slice::from_ref(one),
    }
}
