//! Equality within one kind; across kinds it is unknown.

use std::cmp::Ordering;

use agent_os_core::time::{Date, DateTime};
use agent_os_core::value::Value;

use super::condition::{Truth, all};
use super::exact::Exact;

/// Whether a value equals an operand. A string that is held to a date or datetime is read as one.
pub(super) fn equals_operand(value: &Value, operand: &Value, fold: bool) -> Truth {
    match (value.as_text(), operand.transparent()) {
        (Some(text), Value::Date(_)) => equals(&Value::Date(Date::parse(text)?), operand, fold),
        (Some(text), Value::DateTime(_)) => equals(&Value::DateTime(DateTime::parse(text)?), operand, fold),
        _ => equals(value, operand, fold),
    }
}

/// Whether two values are equal, at every depth.
fn equals(left: &Value, right: &Value, fold: bool) -> Truth {
    if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
        return Some(folded(left, fold) == folded(right, fold));
    }
    match (left.transparent(), right.transparent()) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Bool(left), Value::Bool(right)) => Some(left == right),
        (Value::Number(left), Value::Number(right)) => {
            Some(Exact::of(left).compare(&Exact::of(right)) == Ordering::Equal)
        }
        (Value::Bytes(left), Value::Bytes(right)) => Some(left == right),
        (Value::Date(left), Value::Date(right)) => Some(left.days == right.days),
        (Value::DateTime(left), Value::DateTime(right)) => match (left.utc_micros(), right.utc_micros()) {
            (Some(left), Some(right)) => Some(left == right),
            (None, None) => Some(wall_clock(left) == wall_clock(right)),
            _ => None,
        },
        (Value::List(left), Value::List(right)) | (Value::Set(left), Value::Set(right)) => {
            if left.len() != right.len() {
                return Some(false);
            }
            all(left.iter().zip(right).map(|(left, right)| equals(left, right, fold)).collect())
        }
        (Value::Map(left), Value::Map(right)) => {
            if !left.keys().eq(right.keys()) {
                return Some(false);
            }
            all(left.values().zip(right.values()).map(|(left, right)| equals(left, right, fold)).collect())
        }
        _ => None,
    }
}

/// The micros of a datetime without an offset, as if it were in UTC.
fn wall_clock(naive: &DateTime) -> Option<i64> {
    DateTime::parse(&format!("{}Z", naive.text()))?.utc_micros()
}

/// A text without case: character by character, so that a part of a text folds to a part of the folded text. Lower case
/// comes first, because `ẞ` is its own upper case and `ß` is not.
pub(super) fn folded(text: &str, fold: bool) -> String {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    if fold { lower(&lower(text).to_uppercase()) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{equals_operand, folded};
    use agent_os_core::canonical::parse_json;

    #[test]
    fn equality_is_unknown_across_kinds_and_exact_within_one() {
        for (left, right, truth) in [
            ("1", "1.0", Some(true)),
            ("true", "1", None),
            ("\"drop\"", "[\"drop\"]", None),
            ("[1, 2]", "[1, 2.0]", Some(true)),
            ("[1, 2]", "[1]", Some(false)),
            ("[1, \"x\"]", "[1, 2]", None),
            ("[3, \"x\"]", "[1, 2]", Some(false)),
            ("{\"$set\": [1]}", "[1]", None),
            ("{\"a\": 1}", "{\"b\": 1}", Some(false)),
            ("\"2026-01-31\"", "{\"$date\": \"2026-01-31\"}", Some(true)),
            ("\"2026-1-31\"", "{\"$date\": \"2026-01-31\"}", None),
            ("{\"$date\": \"2026-01-31\"}", "\"2026-01-31\"", None),
            ("\"2026-01-31T10:00:00Z\"", "{\"$datetime\": \"2026-01-31T11:00:00.0+01:00\"}", Some(true)),
            ("{\"$datetime\": \"2026-01-31T10:00:00\"}", "{\"$datetime\": \"2026-01-31T10:00:00.0\"}", Some(true)),
            ("{\"$datetime\": \"2026-01-31T10:00:00\"}", "{\"$datetime\": \"2026-01-31T10:00:00Z\"}", None),
            ("{\"$path\": \"/a\"}", "\"/a\"", Some(true)),
            ("null", "null", Some(true)),
        ] {
            let [left, right] =
                [left, right].map(|text| parse_json(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}")));
            assert_eq!(equals_operand(&left, &right, false), truth, "{left:?} = {right:?}");
        }
        assert_eq!(folded("ΣΑΣ ſ İ ẞ", true), folded("σας S i\u{307} ß", true));
    }
}
