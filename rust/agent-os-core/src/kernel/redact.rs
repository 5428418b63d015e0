//! Blotting out parts of a value.

use crate::policy::{RedactionRoot, RedactionStep, parse_redaction};
use crate::request::Segment;
use crate::value::Value;

/// What stands where something was blotted out.
pub const REDACTED: &str = "[redacted]";

/// Blots out every part of `value` that one of the paths under `root` leads to. A step by key goes into every item of
/// a list or set on its way, `**` into everything below. Returns true if a path starts at this root, whether or not it led anywhere.
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

fn blot(value: &mut Value, steps: &[RedactionStep]) {
    let Some((step, rest)) = steps.split_first() else {
        *value = Value::from(REDACTED);
        return;
    };
    let step = match step {
        RedactionStep::Into(step) => step,
        RedactionStep::AnyDepth => {
            blot(value, rest);
            return blot_below(value, steps);
        }
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

/// The same for everything that is one step below.
fn blot_below(value: &mut Value, steps: &[RedactionStep]) {
    match value {
        Value::Map(entries) => entries.values_mut().for_each(|entry| blot(entry, steps)),
        Value::List(items) => items.iter_mut().for_each(|item| blot(item, steps)),
        Value::Set(items) => {
            let mut items = std::mem::take(items);
            items.iter_mut().for_each(|item| blot(item, steps));
            *value = Value::set(items);
        }
        Value::Enum(member) => blot_below(&mut member.value, steps),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Str(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::DateTime(_)
        | Value::Uuid(_)
        | Value::Path(_) => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::redact;
    use crate::canonical::{encode, parse_json};
    use crate::policy::RedactionRoot;

    fn redacted(value: &str, path: &str) -> String {
        let mut value = parse_json(value.as_bytes()).unwrap();
        assert!(redact(&mut value, RedactionRoot::Args, &[path.to_owned()]));
        String::from_utf8(encode(&value)).unwrap()
    }

    #[test]
    fn any_depth_reaches_maps_lists_sets_and_members() {
        for (value, path, expected) in [
            (r#"{"a":1,"b":2}"#, "args.**.a", r#"{"a":"[redacted]","b":2}"#),
            (
                r#"{"x":{"y":[{"a":1},[{"a":2}]]}}"#,
                "args.**.a",
                r#"{"x":{"y":[{"a":"[redacted]"},[{"a":"[redacted]"}]]}}"#,
            ),
            (r#"{"x":{"$set":["a"]},"a":{"a":1}}"#, "args.**.a", r#"{"a":"[redacted]","x":{"$set":["a"]}}"#),
            (
                r#"{"x":{"u":{"a":1}},"u":{"v":{"a":1}},"a":1}"#,
                "args.**.u.a",
                r#"{"a":1,"u":{"v":{"a":1}},"x":{"u":{"a":"[redacted]"}}}"#,
            ),
            (r#"{"u":{"v":{"a":1}},"a":1}"#, "args.u.**.a", r#"{"a":1,"u":{"v":{"a":"[redacted]"}}}"#),
            (r#"{"x":[[1,2],{"0":3}]}"#, "args.x.**.0", r#"{"x":["[redacted]",{"0":"[redacted]"}]}"#),
        ] {
            assert_eq!(redacted(value, path), expected, "{path}");
        }
    }
}
