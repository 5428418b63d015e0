//! Values that tests speak of, and values around them.

use core::net::IpAddr;
use std::collections::BTreeMap;

use super::patterns;
use crate::number::{Decimal, Number};
use crate::policy::analysis::Atom;
use crate::policy::ip::parse_network;
use crate::value::Value;

/// Characters of a text, and items of a list, that are made to be counted.
const COUNTED: i64 = 256;

/// A text that is long enough to be looked for, and that nothing else holds.
pub(super) const SAID: &str = "QX4711ZK";

/// A script of each of the more frequent kinds of statements, and of several.
const SCRIPTS: &[&str] = &[
    "select x from x",
    "insert into x (x) values (1)",
    "update x set x = 1 where y = 2",
    "update x set x = 1",
    "delete from x where y = 2",
    "delete from x",
    "truncate table x",
    "create table x (x int)",
    "create view x as select x from x",
    "create index x on x (x)",
    "alter table x add column y int",
    "drop table x",
    "grant select on x to y",
    "revoke select on x from y",
    "explain select x from x",
    "begin",
    "merge into x using y on x.x = y.x when matched then delete",
    "select x from x; delete from x where y = 2",
    "select x from x; drop table x",
];

/// Values of every kind.
pub(super) fn of_every_kind() -> Vec<Value> {
    vec![
        "x".into(),
        1.into(),
        Value::from(-1),
        true.into(),
        false.into(),
        Value::Null,
        "".into(),
        SAID.into(),
        "/x".into(),
        "https://x.example/".into(),
        "2000-01-01".into(),
        "2000-01-01T00:00:00Z".into(),
        Value::List(Vec::new()),
        Value::List(vec!["x".into()]),
        Value::Map(BTreeMap::new()),
        Value::from([("x", 1.into())]),
    ]
}

/// Values that the test may tell apart.
pub(super) fn of_test(atom: &Atom) -> Vec<Value> {
    let mut found = Vec::new();
    match (atom.path.split_once('#'), &atom.operand) {
        (Some((_, counted)), operand) => {
            let Value::Number(Number::Int(number)) = operand else { return found };
            for count in [number - 1, *number, number + 1, 0, 1] {
                if let Ok(count) = usize::try_from(count.min(COUNTED)) {
                    if counted == "length" {
                        found.push(Value::Str("x".repeat(count)));
                    } else {
                        found.push(Value::List(vec!["x".into(); count]));
                    }
                }
            }
        }
        (None, operand) => of_operand(atom.operator.split(' ').next().unwrap_or_default(), operand, &mut found),
    }
    found
}

fn of_operand(operator: &str, operand: &Value, found: &mut Vec<Value>) {
    match (operator, operand) {
        ("each" | "some" | "keys", Value::Map(tests)) => of_items(operator, tests, found),
        ("matches", Value::Str(pattern)) => texts_of(pattern, found),
        ("matches", Value::Map(entries)) => {
            if let Some(pattern) = entries.get("pattern").and_then(Value::as_text) {
                texts_of(pattern, found);
            }
        }
        ("statements" | "has_where", _) => found.extend(SCRIPTS.iter().map(|script| Value::from(*script))),
        ("functions", Value::Map(entries)) => {
            let mut names = Vec::new();
            entries.values().for_each(|names_of| of_operand("in", names_of, &mut names));
            found.extend(names.iter().filter_map(Value::as_text).map(|name| Value::Str(format!("select {name}()"))));
        }
        ("network", Value::Str(network)) => edges_of(network, found),
        ("under", Value::Str(folder)) => {
            let folder = folder.trim_end_matches('/');
            found.extend([format!("{folder}/x"), format!("{folder}x"), folder.to_owned()].map(Value::Str));
        }
        (_, Value::Number(number)) => around(number, found),
        ("contains", item) => {
            found.push(Value::List(vec![item.clone()]));
            if let Value::Str(text) = item {
                found.extend([text.clone(), format!("x{text}x")].map(Value::Str));
            }
        }
        (_, Value::Str(text)) => around_text(text, found),
        (_, Value::Bool(truth)) => found.extend([Value::Bool(*truth), Value::Bool(!truth)]),
        (_, Value::List(items)) => {
            for item in items {
                of_operand(operator, item, found);
            }
        }
        (_, Value::Map(entries)) => {
            // An operator of another family: its texts, in the spellings of the families.
            for value in entries.values() {
                of_operand(operator, value, found);
            }
        }
        (_, other) => found.push(other.clone()),
    }
}

/// Lists and maps of what the tests on items speak of.
fn of_items(operator: &str, tests: &BTreeMap<String, Value>, found: &mut Vec<Value>) {
    let mut items = Vec::new();
    let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, operand) in tests {
        match (key.strip_prefix("item."), operand) {
            (Some(path), Value::Map(inner)) => {
                let values = fields.entry(path.trim_end_matches('?').to_owned()).or_default();
                inner.iter().for_each(|(name, operand)| of_operand(name, operand, values));
            }
            (None, Value::Map(inner)) if key.starts_with("item") => {
                inner.iter().for_each(|(name, operand)| of_operand(name, operand, &mut items));
            }
            (None, Value::List(parts)) if key == "any" || key == "all" => {
                for part in parts {
                    if let Value::Map(inner) = part {
                        of_items(operator, inner, found);
                    }
                }
            }
            _ => of_operand(key, operand, &mut items),
        }
    }
    for (field, values) in fields {
        items.extend(values.into_iter().map(|value| Value::from([(field.as_str(), value)])));
    }
    if operator == "keys" {
        let keys = items.iter().flat_map(|item| match item {
            Value::Str(key) => vec![key.as_str()],
            Value::List(keys) => keys.iter().filter_map(Value::as_text).collect(),
            _ => Vec::new(),
        });
        found.extend(keys.map(|key| Value::from([(key, 1.into())])));
        found.push(Value::Map(BTreeMap::new()));
        return;
    }
    found.extend(items.iter().map(|item| Value::List(vec![item.clone()])));
    if let (Some(first), Some(last)) = (items.first(), items.last()) {
        found.push(Value::List(vec![first.clone(), last.clone()]));
    }
    found.push(Value::List(Vec::new()));
}

/// The first and last address of a network, and those beside them.
fn edges_of(network: &str, found: &mut Vec<Value>) {
    let Ok(network) = parse_network(network) else { return };
    let (first, last) = (network.network(), network.broadcast());
    let beside = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let (first, last) = (u32::from(first), u32::from(last));
            [first.wrapping_sub(1), last.wrapping_add(1)].map(|bits| IpAddr::V4(bits.into()))
        }
        (first, last) => {
            let bits = |address| if let IpAddr::V6(address) = address { u128::from(address) } else { 0 };
            [bits(first).wrapping_sub(1), bits(last).wrapping_add(1)].map(|bits| IpAddr::V6(bits.into()))
        }
    };
    found.extend([first, last].into_iter().chain(beside).map(|address| Value::Str(address.to_string())));
}

/// The text in the other case, where it has one.
fn in_other_case(text: &str) -> Option<String> {
    [text.to_uppercase(), text.to_lowercase()].into_iter().find(|other| other != text)
}

fn texts_of(pattern: &str, found: &mut Vec<Value>) {
    for text in patterns::texts_of(pattern) {
        found.push(Value::Str(format!("{text}~")));
        found.extend(in_other_case(&text).map(Value::Str));
        found.push(Value::Str(text));
    }
}

fn around(number: &Number, found: &mut Vec<Value>) {
    found.push(Value::Number(number.clone()));
    match number {
        Number::Int(number) => {
            found.extend([number.saturating_sub(1), number.saturating_add(1)].map(Value::from));
            found.push(format!("https://x.example:{number}/").as_str().into());
        }
        other => {
            // A digit more is a little more, a digit less a little less, whatever the exponent.
            let text = other.normal_text();
            let less = text.get(..text.len().saturating_sub(1)).unwrap_or_default().trim_end_matches('.');
            let point = if text.contains('.') { "" } else { "." };
            for near in [format!("{text}{point}1"), less.to_owned()] {
                if let Some(decimal) = Decimal::parse(&near) {
                    found.push(Value::Number(Number::Decimal(decimal)));
                }
            }
        }
    }
}

/// The text, what starts and ends with it, and where it would stand in a URL, an address, a path or a command.
fn around_text(text: &str, found: &mut Vec<Value>) {
    let host = text.trim_start_matches('.');
    let spellings = [
        text.to_owned(),
        format!("{text}x"),
        format!("x{text}"),
        format!("https://{host}/"),
        format!("{text}://x.example/"),
        format!("https://x.{host}/"),
        format!("x@{host}"),
        format!("/x/{text}"),
        format!("/x.{host}"),
        format!("{text} x"),
        format!("echo x > {text}"),
        format!("{text} * from x"),
        format!("select * from {text}"),
        text.split('/').next().unwrap_or_default().to_owned(),
    ];
    found.extend(spellings.map(Value::Str));
    found.extend(in_other_case(text).map(Value::Str));
}
