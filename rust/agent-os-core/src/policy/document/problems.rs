//! Collecting problems, each with the place it was found at.

use crate::canonical;
use crate::policy::problem::{Code, Problem};
use crate::value::Value;

/// Characters of the reader's own words that a message repeats.
const SHOWN: usize = 80;

/// The problems so far, and where the reader is.
#[derive(Debug, Default)]
pub(in crate::policy) struct Problems {
    found: Vec<Problem>,
    place: Vec<String>,
}

impl Problems {
    pub(in crate::policy) fn push(&mut self, step: &str) {
        self.place.push(step.to_owned());
    }

    pub(in crate::policy) fn pop(&mut self) {
        self.place.pop();
    }

    /// Does something one step further down.
    pub(in crate::policy) fn within<T>(&mut self, step: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        self.push(step);
        let done = act(self);
        self.pop();
        done
    }

    pub(in crate::policy) fn add(&mut self, code: Code, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push(Problem { pointer: self.pointer(), code, message: message.into(), hint: hint.into() });
    }

    /// Adds a problem that has its place already.
    pub(super) fn take(&mut self, problem: Problem) {
        self.found.push(problem);
    }

    pub(in crate::policy) fn missing(&mut self, key: &str, hint: &str) {
        self.add(Code::MissingKey, format!("the key `{key}` is missing"), hint);
    }

    pub(in crate::policy) fn wrong_type(&mut self, found: &Value, expected: &str, hint: &str) {
        self.add(Code::WrongType, format!("expected {expected}, found {}", described(found)), hint);
    }

    pub(in crate::policy) fn not_supported(&mut self, what: &str) {
        let message = format!("`{what}` is not supported by this version");
        self.add(Code::NotSupported, message, "remove it: a policy that is only partly understood is never in force");
    }

    /// The text of a string; a problem for anything else.
    pub(in crate::policy) fn text<'v>(&mut self, value: &'v Value, expected: &str) -> Option<&'v str> {
        match value {
            Value::Str(text) => Some(text),
            other => {
                self.wrong_type(other, expected, "write it as text, in quotes if it looks like something else");
                None
            }
        }
    }

    pub(in crate::policy) fn into_vec(self) -> Vec<Problem> {
        self.found
    }

    pub(in crate::policy) fn count(&self) -> usize {
        self.found.len()
    }

    /// RFC 6901.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.place {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        pointer
    }
}

/// A value in a message: what it is, and its text if that is short.
pub(in crate::policy) fn described(value: &Value) -> String {
    match value {
        Value::Map(_) => "a mapping".to_owned(),
        Value::List(_) | Value::Set(_) => "a list".to_owned(),
        Value::Null => "nothing (null)".to_owned(),
        scalar => shown(scalar),
    }
}

/// A scalar in backticks, as it was written, shortened.
pub(in crate::policy) fn shown(value: &Value) -> String {
    format!("`{}`", bare(value))
}

/// A scalar as it was written, shortened.
pub(in crate::policy) fn bare(value: &Value) -> String {
    match value {
        Value::Str(text) => shortened(text),
        Value::Date(date) => date.to_string(),
        Value::DateTime(instant) => instant.text().to_owned(),
        other => canonical_text(other),
    }
}

/// The canonical text of a value, shortened.
pub(in crate::policy) fn canonical_text(value: &Value) -> String {
    shortened(&String::from_utf8_lossy(&canonical::encode(value)))
}

/// At most 80 characters, without control characters.
pub(in crate::policy) fn shortened(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= SHOWN {
        return text.chars().map(clean).collect();
    }
    text.chars().take(SHOWN - 1).map(clean).chain(['…']).collect()
}
