//! Blotting out parts of a value.

use crate::policy::{RedactionRoot, parse_redaction};
use crate::request::Segment;
use crate::value::Value;

/// What stands where something was blotted out.
pub const REDACTED: &str = "[redacted]";

/// Blots out every part of `value` that one of the paths under `root` leads to. A step by key goes into every item of
/// a list or set on its way. Returns true if a path starts at this root, whether or not it led anywhere.
///
/// ```
/// use agent_os_core::{canonical, kernel::redact, policy::RedactionRoot};
/// let mut value = canonical::parse_json(br#"{"cards":[{"number":"4111"},{"number":"4222"}]}"#).unwrap();
/// assert!(redact(&mut value, RedactionRoot::Args, &["args.cards.number".into()]));
/// assert_eq!(canonical::encode(&value), br#"{"cards":[{"number":"[redacted]"},{"number":"[redacted]"}]}"#);
/// ```
pub fn redact(value: &mut Value, root: RedactionRoot, paths: &[String]) -> bool {
    let mut any = false;
    for path in paths {
        match parse_redaction(path) {
            Some((found, steps)) if found == root => {
                any = true;
                blot(value, &steps);
            }
            Some(_) => {}
            // A path that does not parse was refused when the policy was loaded. If one comes all the same, nothing
            // of the value may be shown.
            None => {
                any = true;
                *value = Value::from(REDACTED);
            }
        }
    }
    any
}

fn blot(value: &mut Value, steps: &[Segment]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::from(REDACTED);
        return;
    };
    match value {
        Value::Map(entries) => {
            if let Some(entry) = entries.get_mut(step.key()) {
                blot(entry, rest);
            }
        }
        Value::List(items) => match step {
            Segment::Index(index, _) => {
                if let Some(item) = items.get_mut(*index) {
                    blot(item, rest);
                }
            }
            Segment::Key(_) => items.iter_mut().for_each(|item| blot(item, steps)),
        },
        Value::Set(items) => {
            let mut items = std::mem::take(items);
            items.iter_mut().for_each(|item| blot(item, steps));
            *value = Value::set(items);
        }
        Value::Enum(member) => blot(&mut member.value, steps),
        _ => {}
    }
}
