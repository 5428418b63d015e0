//! What the engine itself says of one test on one value.

use super::tree::{Atom, MISSING};
use crate::policy::bundle::Bundle;
use crate::policy::effect::RuleIx;
use crate::policy::evaluate::Evaluation;
use crate::policy::kleene::Kleene;
use crate::policy::provenance::Provenance;
use crate::policy::reading::{Reading, equals};
use crate::request::RunState;
use crate::value::Value;

/// Tests that look at more than the value.
const WIDER: &[&str] = &["seen_in", MISSING];

/// `None` where the test depends on anything but the value.
pub(super) fn came_to(atom: &Atom, value: &Value) -> Option<Kleene> {
    if WIDER.contains(&atom.operator.as_str()) || mentions_arguments(&atom.operand) {
        return None;
    }
    // The two that stand in most rules need no rule to be compiled.
    let is_plain = |value: &Value| !matches!(value, Value::Date(_) | Value::DateTime(_));
    let is = |operand: &Value| equals(&Reading::of(value), &Reading::of(operand), atom.ignore_case);
    match (atom.operator.as_str(), &atom.operand) {
        ("eq", operand) if is_plain(operand) => return Some(is(operand)),
        ("in", Value::List(members)) if members.iter().all(is_plain) => {
            return Some(Kleene::any(members.iter().map(is)));
        }
        _ => {}
    }
    let mut tests = std::collections::BTreeMap::from([(atom.operator.clone(), atom.operand.clone())]);
    if atom.ignore_case {
        tests.insert("ignore_case".to_owned(), true.into());
    }
    let rule = Value::from([
        ("id", "r".into()),
        ("effect", "deny".into()),
        ("action", Value::List(vec!["a".into()])),
        ("when", Value::from([("args.v", Value::Map(tests))])),
    ]);
    let document = Value::from([("agent_os", 1.into()), ("name", "one".into()), ("rules", Value::List(vec![rule]))]);
    let bundle = Bundle::compile(&document).ok()?;
    let provenance = Provenance::default();
    let run = RunState { labels: &[], depth: 0, parent: None, now_micros: 0, provenance: &provenance };
    let arguments = Value::from([("v", value.clone())]);
    let arguments = &arguments;
    let evaluation = Evaluation::new(&bundle, &arguments, &run);
    let code = bundle.code(RuleIx::new(0)?)?;
    Some(evaluation.holds(code.when.as_ref(), None))
}

fn mentions_arguments(operand: &Value) -> bool {
    match operand {
        Value::Map(entries) => entries.contains_key("arg") || entries.values().any(mentions_arguments),
        Value::List(items) => items.iter().any(mentions_arguments),
        _ => false,
    }
}
