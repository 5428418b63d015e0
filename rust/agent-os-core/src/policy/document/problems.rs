//! Collecting problems, each with the place it was found at.

use std::fmt::Write as _;

use crate::canonical;
use crate::policy::problem::{Code, Problem};
use crate::value::Value;

/// Characters of the reader's own words that a message repeats.
const SHOWN: usize = 80;

/// The problems so far, and where the reader is.
#[derive(Debug, Default)]
pub(in crate::policy) struct Problems {
    found: Vec<Problem>,
    /// RFC 6901.
    pointer: String,
    /// How long the pointer was before each step.
    steps: Vec<usize>,
}

impl Problems {
    pub(in crate::policy) fn push(&mut self, step: &str) {
        self.steps.push(self.pointer.len());
        self.pointer.push('/');
        if step.contains(['~', '/']) {
            self.pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        } else {
            self.pointer.push_str(step);
        }
    }

    /// One step into a list.
    pub(in crate::policy) fn push_place(&mut self, place: usize) {
        self.steps.push(self.pointer.len());
        // Writing to a string cannot fail.
        let _ = write!(self.pointer, "/{place}");
    }

    pub(in crate::policy) fn pop(&mut self) {
        if let Some(length) = self.steps.pop() {
            self.pointer.truncate(length);
        }
    }

    /// Does something one step further down.
    pub(in crate::policy) fn within<T>(&mut self, step: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        self.push(step);
        let done = act(self);
        self.pop();
        done
    }

    /// Does something at one item of a list.
    pub(in crate::policy) fn within_place<T>(&mut self, place: usize, act: impl FnOnce(&mut Self) -> T) -> T {
        self.push_place(place);
        let done = act(self);
        self.pop();
        done
    }

    pub(in crate::policy) fn add(&mut self, code: Code, message: impl Into<String>, hint: impl Into<String>) {
        let pointer = self.pointer.clone();
        self.found.push(Problem { pointer, code, message: message.into(), hint: hint.into() });
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
    match String::from_utf8(canonical::encode(value)) {
        Ok(text) if is_short_and_clean(&text) => text,
        Ok(text) => shortened(&text),
        Err(error) => shortened(&String::from_utf8_lossy(error.as_bytes())),
    }
}

fn is_short_and_clean(text: &str) -> bool {
    text.len() <= SHOWN && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// At most 80 characters, without control characters.
pub(in crate::policy) fn shortened(text: &str) -> String {
    if is_short_and_clean(text) {
        return text.to_owned();
    }
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= SHOWN {
        return text.chars().map(clean).collect();
    }
    text.chars().take(SHOWN - 1).map(clean).chain(['…']).collect()
}
