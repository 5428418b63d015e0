//! Whose data an action is about, as its arguments say it.

use std::collections::BTreeSet;

use crate::number::Number;
use crate::policy::{RedactionRoot, RedactionStep, parse_redaction};
use crate::request::Segment;
use crate::value::Value;

/// Stands for whoever an argument does not name: it is missing, or is neither text nor a whole number.
pub const UNNAMED: &str = "";

/// Everybody whom the arguments at these paths name. A step by key goes into every item of a list or set on its way, and
/// a list at the end names everybody in it. A path that names nobody stands for [`UNNAMED`].
///
/// ```
/// use agent_os_core::{canonical, kernel::subjects_in};
/// let args = canonical::parse_json(br#"{"customer":17,"to":[{"id":"ann"},{"id":"bo"}]}"#).unwrap();
/// let names = subjects_in(&args, &["args.customer".into(), "args.to.id".into()]);
/// assert_eq!(names.into_iter().collect::<Vec<_>>(), ["17", "ann", "bo"]);
/// assert_eq!(subjects_in(&args, &["args.nobody".into()]).into_iter().collect::<Vec<_>>(), [""]);
/// ```
#[must_use]
pub fn subjects_in(args: &Value, paths: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in paths {
        let before = names.len();
        match parse_redaction(path) {
            Some((RedactionRoot::Args, steps)) => {
                let exact: Option<Vec<Segment>> = steps.into_iter().map(segment).collect();
                exact.iter().for_each(|steps| collect(args, steps, &mut names));
            }
            // Such a path was refused when the policy was loaded.
            Some((RedactionRoot::Result, _)) | None => {}
        }
        if names.len() == before {
            names.insert(UNNAMED.to_owned());
        }
    }
    names
}

fn segment(step: RedactionStep) -> Option<Segment> {
    match step {
        RedactionStep::Into(segment) => Some(segment),
        // Refused when the policy was loaded.
        RedactionStep::AnyDepth => None,
    }
}

fn collect(value: &Value, steps: &[Segment], names: &mut BTreeSet<String>) {
    match (value, steps.split_first()) {
        (Value::Enum(member), _) => collect(&member.value, steps, names),
        (Value::List(items), None | Some((Segment::Key(_), _))) => {
            items.iter().for_each(|item| collect(item, steps, names));
        }
        (Value::List(items), Some((Segment::Index(index, _), rest))) => {
            if let Some(item) = items.get(*index) {
                collect(item, rest, names);
            }
        }
        (Value::Set(items), _) => items.iter().for_each(|item| collect(item, steps, names)),
        (Value::Map(entries), Some((step, rest))) => {
            if let Some(entry) = entries.get(step.key()) {
                collect(entry, rest, names);
            }
        }
        (Value::Number(Number::Int(number)), None) => {
            names.insert(number.to_string());
        }
        (Value::Number(Number::BigInt(number)), None) => {
            names.insert(number.to_string());
        }
        (other, None) => {
            names.insert(other.as_text().unwrap_or(UNNAMED).to_owned());
        }
        (_, Some(_)) => {}
    }
}
