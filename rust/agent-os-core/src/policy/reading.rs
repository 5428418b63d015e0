//! Values as operators see them: by kind, whatever they were made of.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::kleene::Kleene;
use super::operators::Kind;
use super::shell::Word;
use super::text::folded_if;
use crate::number::Number;
use crate::request::{Found, Segment, View};
use crate::time::{Date, DateTime};
use crate::value::Value;

/// A value of some kind, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading<'a> {
    Null,
    Bool(bool),
    Number(Numeric<'a>),
    Text(&'a str),
    Bytes(&'a [u8]),
    Date(Date),
    DateTime(&'a DateTime),
    List(&'a [Value]),
    Set(&'a [Value]),
    Map(&'a BTreeMap<String, Value>),
    /// A list of texts: the labels of a run.
    Texts(&'a [String]),
    /// A list of texts: the keys of a map.
    Keys(&'a BTreeMap<String, Value>),
    /// A list of the words of a shell command.
    Words(&'a [Word]),
    /// Names of files that a pattern of the shell stands for.
    Glob(&'a str),
    /// Words that cannot be told.
    Unclear,
    /// NaN or an infinity.
    NotFinite,
}

impl<'a> Reading<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => Self::Number(Numeric::of(number)),
            Value::Str(text) | Value::Uuid(text) | Value::Path(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::Date(date) => Self::Date(*date),
            Value::DateTime(instant) => Self::DateTime(instant),
            Value::Enum(member) => Self::of(&member.value),
            Value::List(items) => Self::List(items),
            Value::Set(items) => Self::Set(items),
            Value::Map(entries) => Self::Map(entries),
        }
    }

    pub(super) fn of_view(view: &'a View<'_>) -> Self {
        match view {
            View::Null => Self::Null,
            View::Bool(truth) => Self::Bool(*truth),
            View::Int(value) => Self::Number(Numeric::Int(*value)),
            View::Float(value) if value.is_finite() => Self::Number(Numeric::Float(*value)),
            View::Float(_) => Self::NotFinite,
            View::Str(text) => Self::Text(text),
            View::Value(value) => Self::of(value),
        }
    }

    pub(super) fn integer(value: i64) -> Self {
        Self::Number(Numeric::Int(value))
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::Date(_) => Kind::Date,
            Self::DateTime(_) => Kind::DateTime,
            Self::List(_) | Self::Set(_) | Self::Texts(_) | Self::Keys(_) | Self::Words(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Glob(_) => Kind::String,
            Self::Unclear | Self::NotFinite => return None,
        })
    }

    /// The items of a list or set; `None` for any other kind.
    pub(super) fn items(&self) -> Option<Items<'a>> {
        Some(match self {
            Self::List(items) | Self::Set(items) => Items::Values(items.iter()),
            Self::Texts(texts) => Items::Texts(texts.iter()),
            Self::Keys(entries) => Items::Keys(entries.keys()),
            Self::Words(words) => Items::Words(words.iter()),
            _ => return None,
        })
    }

    /// The number of items of a list, set or map.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Self::List(items) | Self::Set(items) => Some(items.len()),
            Self::Texts(texts) => Some(texts.len()),
            Self::Map(entries) | Self::Keys(entries) => Some(entries.len()),
            // A pattern stands for any number of names.
            Self::Words(words) => words.iter().all(|word| matches!(word, Word::Known(_))).then_some(words.len()),
            _ => None,
        }
    }

    /// Follows a path from here.
    pub(super) fn follow(&self, path: &[Segment]) -> Found<Reading<'a>> {
        let mut here = *self;
        for segment in path {
            let next = match (&here, segment) {
                (Self::Map(entries), segment) => entries.get(segment.key()),
                (Self::List(items), Segment::Index(index, _)) => items.get(*index),
                _ => return Found::Mistyped,
            };
            match next {
                Some(value) => here = Self::of(value),
                None => return Found::Missing,
            }
        }
        Found::Item(here)
    }
}

/// A finite number, where it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numeric<'a> {
    Int(i64),
    // INVARIANT: finite.
    Float(f64),
    Other(&'a Number),
}

impl<'a> Numeric<'a> {
    pub(super) fn of(number: &'a Number) -> Self {
        match number {
            Number::Int(value) => Self::Int(*value),
            Number::Float(value) => Self::Float(*value),
            Number::BigInt(_) | Number::Decimal(_) => Self::Other(number),
        }
    }

    /// Compares exactly.
    pub(super) fn compare(self, other: Numeric<'_>) -> Ordering {
        match (self, other) {
            (Self::Int(a), Numeric::Int(b)) => a.cmp(&b),
            _ => self.with(|a| other.with(|b| a.compare(b))),
        }
    }

    /// The nearest float, as [`Number::nearest`].
    pub(super) fn nearest(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
            Self::Other(number) => number.nearest(),
        }
    }

    /// Does something with the number itself.
    pub(super) fn with<R>(self, act: impl FnOnce(&Number) -> R) -> R {
        match self {
            Self::Int(value) => act(&Number::Int(value)),
            Self::Float(value) => act(&Number::Float(value)),
            Self::Other(number) => act(number),
        }
    }
}

/// The items of a list.
pub(super) enum Items<'a> {
    Values(std::slice::Iter<'a, Value>),
    Texts(std::slice::Iter<'a, String>),
    Keys(std::collections::btree_map::Keys<'a, String, Value>),
    Words(std::slice::Iter<'a, Word>),
}

impl<'a> Iterator for Items<'a> {
    type Item = Reading<'a>;

    fn next(&mut self) -> Option<Reading<'a>> {
        match self {
            Self::Values(values) => values.next().map(Reading::of),
            Self::Texts(texts) => texts.next().map(|text| Reading::Text(text)),
            Self::Keys(keys) => keys.next().map(|key| Reading::Text(key)),
            Self::Words(words) => words.next().map(|word| match word {
                Word::Known(text) => Reading::Text(text),
                Word::Glob(pattern) => Reading::Glob(pattern),
                Word::Unclear => Reading::Unclear,
            }),
        }
    }
}

/// `eq` of a value and an operand: text beside a date or datetime is read as one.
pub(super) fn equals(value: &Reading<'_>, operand: &Reading<'_>, ignore_case: bool) -> Kleene {
    match (value, operand) {
        (Reading::Text(text), Reading::Date(date)) => {
            Date::parse(text).map_or(Kleene::Unknown, |parsed| Kleene::from(parsed == *date))
        }
        (Reading::Text(text), Reading::DateTime(instant)) => {
            DateTime::parse(text).map_or(Kleene::Unknown, |parsed| same_instant(&parsed, instant))
        }
        _ => deep_equals(value, operand, ignore_case),
    }
}

/// Equality of values of one kind; of two kinds it is unknown.
fn deep_equals(a: &Reading<'_>, b: &Reading<'_>, ignore_case: bool) -> Kleene {
    match (a, b) {
        (Reading::Null, Reading::Null) => Kleene::True,
        (Reading::Bool(a), Reading::Bool(b)) => Kleene::from(a == b),
        (Reading::Number(a), Reading::Number(b)) => Kleene::from(a.compare(*b) == Ordering::Equal),
        (Reading::Text(a), Reading::Text(b)) => {
            Kleene::from(a == b || ignore_case && folded_if(true, a) == folded_if(true, b))
        }
        (Reading::Bytes(a), Reading::Bytes(b)) => Kleene::from(a == b),
        (Reading::Date(a), Reading::Date(b)) => Kleene::from(a == b),
        (Reading::DateTime(a), Reading::DateTime(b)) => same_instant(a, b),
        (Reading::Map(a), Reading::Map(b)) => {
            if !a.keys().eq(b.keys()) {
                return Kleene::False;
            }
            let pairs = a.values().zip(b.values());
            Kleene::all(pairs.map(|(a, b)| deep_equals(&Reading::of(a), &Reading::of(b), ignore_case)))
        }
        // A set is not a list, even one with the same items: their orders mean different things.
        (Reading::Set(_), other) | (other, Reading::Set(_)) if !matches!(other, Reading::Set(_)) => Kleene::Unknown,
        _ => match (a.items(), b.items()) {
            (Some(left), Some(right)) if a.size() == b.size() => {
                Kleene::all(left.zip(right).map(|(a, b)| deep_equals(&a, &b, ignore_case)))
            }
            (Some(_), Some(_)) => Kleene::False,
            _ => Kleene::Unknown,
        },
    }
}

/// Two instants with offsets are compared as instants, two without as wall clocks; one of each is unknown.
fn same_instant(a: &DateTime, b: &DateTime) -> Kleene {
    match compare_instants(a, b) {
        Some(order) => Kleene::from(order == Ordering::Equal),
        None => Kleene::Unknown,
    }
}

fn compare_instants(a: &DateTime, b: &DateTime) -> Option<Ordering> {
    match (a.utc_micros(), b.utc_micros()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (None, None) => {
            let wall_clock = |instant: &DateTime| DateTime::parse(&format!("{}Z", instant.text()))?.utc_micros();
            Some(wall_clock(a)?.cmp(&wall_clock(b)?))
        }
        _ => None,
    }
}

/// A date, or an instant: what `before` and `after` compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Date(Date),
    Instant(i64),
}

impl Moment {
    /// The operand that was found at a path: text is read as a date, or else as an instant.
    pub(super) fn of_operand(reading: &Reading<'_>) -> Option<Self> {
        match reading {
            Reading::Date(date) => Some(Self::Date(*date)),
            Reading::DateTime(instant) => instant.utc_micros().map(Self::Instant),
            Reading::Text(text) => match Date::parse(text) {
                Some(date) => Some(Self::Date(date)),
                None => DateTime::parse(text)?.utc_micros().map(Self::Instant),
            },
            _ => None,
        }
    }

    /// How a value stands to this moment; `None` if it is not of the same sort.
    pub(super) fn order_of(self, value: &Reading<'_>) -> Option<Ordering> {
        match self {
            Self::Date(moment) => match value {
                Reading::Date(date) => Some(date.cmp(&moment)),
                Reading::Text(text) => Some(Date::parse(text)?.cmp(&moment)),
                _ => None,
            },
            Self::Instant(moment) => match value {
                Reading::DateTime(instant) => Some(instant.utc_micros()?.cmp(&moment)),
                Reading::Text(text) => Some(DateTime::parse(text)?.utc_micros()?.cmp(&moment)),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Kleene, Moment, Reading, equals};
    use crate::canonical::parse_json;
    use std::cmp::Ordering;

    fn eq(a: &str, b: &str) -> Kleene {
        let (a, b) = (parse_json(a.as_bytes()).unwrap(), parse_json(b.as_bytes()).unwrap());
        equals(&Reading::of(&a), &Reading::of(&b), false)
    }

    #[test]
    fn kinds_are_never_mixed() {
        assert_eq!(eq("1", "1.0"), Kleene::True);
        assert_eq!(eq("true", "1"), Kleene::Unknown);
        assert_eq!(eq("[\"drop\"]", "\"drop\""), Kleene::Unknown);
        assert_eq!(eq("null", "\"\""), Kleene::Unknown);
        assert_eq!(eq("[1,2]", "[1]"), Kleene::False);
        assert_eq!(eq("[1,\"a\"]", "[1,2]"), Kleene::Unknown);
        assert_eq!(eq("[1,\"a\"]", "[2,2]"), Kleene::False);
        assert_eq!(eq(r#"{"$set":[1,2]}"#, r#"{"$set":[2,1]}"#), Kleene::True);
        assert_eq!(eq(r#"{"$set":[1]}"#, "[1]"), Kleene::Unknown);
        assert_eq!(eq("[1]", r#"{"$set":[1]}"#), Kleene::Unknown);
        assert_eq!(eq(r#"{"a":1}"#, r#"{"b":1}"#), Kleene::False);
    }

    #[test]
    fn text_is_read_as_the_operands_sort_of_time() {
        assert_eq!(eq("\"2026-01-31\"", r#"{"$date":"2026-01-31"}"#), Kleene::True);
        assert_eq!(eq("\"31.1.2026\"", r#"{"$date":"2026-01-31"}"#), Kleene::Unknown);
        assert_eq!(eq("\"2026-01-31T12:00:00+01:00\"", r#"{"$datetime":"2026-01-31T11:00:00Z"}"#), Kleene::True);
        assert_eq!(eq("\"2026-01-31T12:00:00\"", r#"{"$datetime":"2026-01-31T11:00:00Z"}"#), Kleene::Unknown);
        assert_eq!(
            eq(r#"{"$datetime":"2026-01-31T12:00:00"}"#, r#"{"$datetime":"2026-01-31T12:00:00.000"}"#),
            Kleene::True
        );
        let operand = Moment::of_operand(&Reading::Text("2026-01-31")).unwrap();
        assert_eq!(operand.order_of(&Reading::Text("2026-01-30")), Some(Ordering::Less));
        assert_eq!(operand.order_of(&Reading::Text("2026-01-30T00:00:00Z")), None);
        assert_eq!(Moment::of_operand(&Reading::Text("2026-01-31T00:00:00")), None);
    }
}
