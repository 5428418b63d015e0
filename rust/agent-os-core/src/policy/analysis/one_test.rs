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
    // What is counted is looked at as the number that it is.
    let plain = Atom { path: "args.v".into(), ..atom.clone() };
    Compiled::of(&plain)?.came_to(Some(value))
}

/// One test, ready to be asked of many values.
#[derive(Debug)]
pub(in crate::policy) struct Compiled(Bundle);

impl Compiled {
    /// `None` where the test depends on anything but the value.
    pub(in crate::policy) fn of(atom: &Atom) -> Option<Self> {
        if WIDER.contains(&atom.operator.as_str()) || mentions_arguments(&atom.operand) {
            return None;
        }
        let (operator, dialect) = match atom.operator.split_once(" in ") {
            Some((operator, dialect)) => (operator, Some(dialect)),
            None => (atom.operator.as_str(), None),
        };
        let mut tests = std::collections::BTreeMap::from([(operator.to_owned(), atom.operand.clone())]);
        if let Some(dialect) = dialect {
            tests.insert("dialect".to_owned(), dialect.into());
        }
        if atom.ignore_case {
            tests.insert("ignore_case".to_owned(), true.into());
        }
        let mut tests = Value::Map(tests);
        if let Some((_, counted)) = atom.path.split_once('#') {
            tests = Value::from([(counted, tests)]);
        }
        let rule = Value::from([
            ("id", "r".into()),
            ("effect", "deny".into()),
            ("action", Value::List(vec!["a".into()])),
            ("when", Value::from([("args.v", tests)])),
        ]);
        let rules = Value::List(vec![rule]);
        let document = Value::from([("agent_os", 1.into()), ("name", "one".into()), ("rules", rules)]);
        Bundle::compile(&document).ok().map(Self)
    }

    /// What the test says of a value, or of there being none.
    pub(in crate::policy) fn came_to(&self, value: Option<&Value>) -> Option<Kleene> {
        let provenance = Provenance::default();
        let run = RunState::start(&provenance);
        let arguments = Value::Map(value.map(|value| ("v".to_owned(), value.clone())).into_iter().collect());
        let arguments = &arguments;
        let evaluation = Evaluation::new(&self.0, &arguments, &run);
        Some(evaluation.holds(self.0.code(RuleIx::new(0)?)?.when.as_ref(), None))
    }
}

fn mentions_arguments(operand: &Value) -> bool {
    match operand {
        Value::Map(entries) => entries.contains_key("arg") || entries.values().any(mentions_arguments),
        Value::List(items) => items.iter().any(mentions_arguments),
        _ => false,
    }
}
