//! Frozen values: what a request's arguments are once they have been read.

use std::collections::BTreeMap;

use crate::number::Number;
use crate::request::{ArgumentPath, Arguments, Found};
use crate::time::{Date, DateTime};

/// One owned, bounded value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false; never a number.
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A calendar date.
    Date(Date),
    /// A date with a time.
    DateTime(DateTime),
    /// A UUID, lower-case and hyphenated.
    Uuid(String),
    /// A file system path, as it was spelt.
    Path(String),
    /// A member of an enumeration; operators see its value.
    Enum(Box<EnumValue>),
    /// A list or tuple.
    List(Vec<Value>),
    // INVARIANT: sorted by canonical bytes, without repeats.
    /// A set.
    Set(Vec<Value>),
    /// A map with string keys.
    Map(BTreeMap<String, Value>),
}

/// A member of an enumeration.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumValue {
    /// Qualified name of the enumeration.
    pub class: String,
    /// The member's name.
    pub name: String,
    /// The member's value.
    pub value: Value,
}

impl Value {
    /// A set of these items, sorted by their canonical bytes and without repeats.
    #[must_use]
    pub fn set(items: Vec<Value>) -> Self {
        let mut keyed: Vec<(Vec<u8>, Value)> =
            items.into_iter().map(|item| (crate::canonical::encode(&item), item)).collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        keyed.dedup_by(|a, b| a.0 == b.0);
        Self::Set(keyed.into_iter().map(|(_, item)| item).collect())
    }

    /// The value itself, or the value of an enumeration's member.
    #[must_use]
    pub fn transparent(&self) -> &Self {
        match self {
            Self::Enum(member) => member.value.transparent(),
            other => other,
        }
    }

    /// The text of a string, path or UUID.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self.transparent() {
            Self::Str(text) | Self::Path(text) | Self::Uuid(text) => Some(text),
            _ => None,
        }
    }

    /// What a path leads to, if it leads to anything.
    #[must_use]
    pub fn get_path(&self, path: &ArgumentPath) -> Option<&Self> {
        match (&self).get(path) {
            Found::Item(value) => Some(value),
            Found::Missing | Found::Mistyped | Found::Malformed => None,
        }
    }

    /// What provenance conditions see of this value: its strings, numbers, dates and keys of maps, in
    /// canonical order. A line with only a NUL stands between two of them, so that no token run spans both.
    ///
    /// ```
    /// use agent_os_core::canonical::parse_json;
    /// let value = parse_json(br#"{"b":["x",1.50],"a":"y"}"#).unwrap();
    /// assert_eq!(value.run_text(), "a\n\0\ny\n\0\nb\n\0\nx\n\0\n1.5");
    /// ```
    #[must_use]
    pub fn run_text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text
    }

    fn collect_text(&self, out: &mut String) {
        let mut leaf = |text: &str| {
            if !out.is_empty() {
                out.push_str("\n\0\n");
            }
            out.push_str(text);
        };
        match self {
            Self::Str(text) | Self::Path(text) | Self::Uuid(text) => leaf(text),
            Self::Number(number) => leaf(&number.normal_text()),
            Self::Date(date) => leaf(&date.to_string()),
            Self::DateTime(instant) => leaf(instant.text()),
            Self::Enum(member) => member.value.collect_text(out),
            Self::List(items) | Self::Set(items) => items.iter().for_each(|item| item.collect_text(out)),
            Self::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|(a, _), (b, _)| crate::canonical::compare_keys(a, b));
                for (key, item) in entries {
                    Self::Str(key.clone()).collect_text(out);
                    item.collect_text(out);
                }
            }
            Self::Null | Self::Bool(_) | Self::Bytes(_) => {}
        }
    }

    /// The first text in this value that passes, by its path; `path` is that of the value itself. See
    /// [`Arguments::find_text`].
    pub fn find_text_below(&self, path: &str, passes: &dyn Fn(&str) -> bool) -> Option<String> {
        let here = |found: bool| found.then(|| path.to_owned());
        match self {
            Self::Str(text) | Self::Path(text) | Self::Uuid(text) => here(passes(text)),
            Self::Bytes(bytes) => here(passes(&String::from_utf8_lossy(bytes))),
            Self::Enum(member) => member.value.find_text_below(path, passes),
            Self::List(items) => items.iter().enumerate().find_map(|(index, item)| {
                item.find_text_below("", passes).map(|below| format!("{path}.{index}{below}"))
            }),
            Self::Set(items) => {
                let found = items.iter().any(|item| item.find_text_below("", passes).is_some());
                here(found)
            }
            Self::Map(entries) => entries.iter().find_map(|(key, item)| {
                if passes(key) {
                    return Some(path.to_owned());
                }
                item.find_text_below("", passes).map(|below| format!("{path}.{}{below}", shown_key(key)))
            }),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Date(_) | Self::DateTime(_) => None,
        }
    }

    /// The entry of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.get(key),
            _ => None,
        }
    }
}

/// A key as a path shows it: an agent chose it, so it is cut.
#[must_use]
pub fn shown_key(key: &str) -> String {
    key.chars().take(64).collect()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::Int(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Value {
    fn from(entries: [(&str, Value); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}
