//! Globs over the segments of actions and over agents' ids. They are compared exactly, case included.

use crate::action::{self, NameFault};
use crate::limits;

/// Text with `*` standing for any run of characters, possibly none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wildcard {
    /// What stands before the first `*`.
    pub(super) prefix: Box<str>,
    /// What stands between two `*`, in order.
    middle: Box<[Box<str>]>,
    suffix: Box<str>,
}

impl Wildcard {
    /// `None` if there is no `*` in the text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('*')?;
        let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
        Some(Self {
            prefix: prefix.into(),
            middle: middle.split('*').filter(|part| !part.is_empty()).map(Into::into).collect(),
            suffix: suffix.into(),
        })
    }

    /// True if it stands for every text.
    pub(super) fn is_any(&self) -> bool {
        self.prefix.is_empty() && self.middle.is_empty() && self.suffix.is_empty()
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(mut rest) = text.strip_prefix(&*self.prefix).and_then(|rest| rest.strip_suffix(&*self.suffix)) else {
            return false;
        };
        // The leftmost place for each part leaves the most room for the next ones.
        for part in &self.middle {
            match rest.split_once(&**part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }
}

/// One segment of an action pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum SegmentPattern {
    Literal(Box<str>),
    Wild(Wildcard),
}

impl SegmentPattern {
    pub(super) fn matches(&self, segment: &str) -> bool {
        match self {
            Self::Literal(literal) => **literal == *segment,
            Self::Wild(wildcard) => wildcard.matches(segment),
        }
    }
}

/// A pattern over actions: segments joined by dots, `*` for any run of characters within one segment, and at most one
/// `**`, a whole segment that stands for one or more.
///
/// ```
/// use agent_os_core::policy::ActionPattern;
/// let files = ActionPattern::parse("files.**").unwrap();
/// assert!(files.matches("files.read") && files.matches("files.read.all"));
/// assert!(!files.matches("files") && !files.matches("filesystem.read"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActionPattern {
    pub(super) text: Box<str>,
    // INVARIANT: not empty unless `tail` is there.
    pub(super) head: Box<[SegmentPattern]>,
    /// What follows `**`, if there is one.
    pub(super) tail: Option<Box<[SegmentPattern]>>,
}

impl ActionPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says in words what does not fit the grammar.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stand_in = text.replace('*', "x");
        action::check(&stand_in).map_err(|fault| match fault {
            NameFault::Character(_) => format!("{fault}, nor `*`"),
            _ => fault.to_string(),
        })?;
        let mut head = Vec::new();
        let mut tail: Option<Vec<SegmentPattern>> = None;
        for segment in text.split('.') {
            if segment == "**" {
                if tail.replace(Vec::new()).is_some() {
                    return Err("`**` may stand once".to_owned());
                }
                continue;
            }
            if segment.contains("**") {
                return Err("`**` must be a segment of its own".to_owned());
            }
            let pattern = match Wildcard::parse(segment) {
                Some(wildcard) => SegmentPattern::Wild(wildcard),
                None => SegmentPattern::Literal(segment.into()),
            };
            tail.as_mut().unwrap_or(&mut head).push(pattern);
        }
        Ok(Self { text: text.into(), head: head.into(), tail: tail.map(Into::into) })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True if the pattern is one action.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        !self.text.contains('*')
    }

    /// True if the action fits the pattern.
    #[must_use]
    pub fn matches(&self, action: &str) -> bool {
        let segments: Vec<&str> = action.split('.').collect();
        let all = |patterns: &[SegmentPattern], segments: &[&str]| {
            patterns.len() == segments.len()
                && patterns.iter().zip(segments).all(|(pattern, segment)| pattern.matches(segment))
        };
        let Some(tail) = &self.tail else { return all(&self.head, &segments) };
        if segments.len() <= self.head.len() + tail.len() {
            return false;
        }
        match (segments.get(..self.head.len()), segments.get(segments.len() - tail.len()..)) {
            (Some(first), Some(last)) => all(&self.head, first) && all(tail, last),
            _ => false,
        }
    }
}

/// A pattern over agents' ids: `*` stands for any run of characters.
///
/// ```
/// use agent_os_core::policy::NamePattern;
/// let desks = NamePattern::parse("desk-*").unwrap();
/// assert!(desks.matches("desk-7") && !desks.matches("Desk-7"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePattern {
    text: Box<str>,
    wildcard: Option<Wildcard>,
}

impl NamePattern {
    /// Reads a pattern of characters `[A-Za-z0-9_.:-]` and `*`.
    ///
    /// # Errors
    /// Says in words what does not fit the grammar.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !action::is_name(&text.replace('*', "x")) {
            return Err(format!("it must be 1 to {} characters of A-Z a-z 0-9 _ . : - and `*`", limits::NAME_BYTES));
        }
        Ok(Self { text: text.into(), wildcard: Wildcard::parse(text) })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True if the id fits the pattern.
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        match &self.wildcard {
            Some(wildcard) => wildcard.matches(id),
            None => *self.text == *id,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::{ActionPattern, NamePattern, Wildcard};
    use proptest::prelude::*;

    /// The definition, by backtracking.
    fn naive_wild(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => naive_wild(&pattern[1..], text) || (!text.is_empty() && naive_wild(pattern, &text[1..])),
            (Some(a), Some(b)) if a == b => naive_wild(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    fn naive_action(pattern: &[&str], action: &[&str]) -> bool {
        match (pattern.first(), action.first()) {
            (None, None) => true,
            (Some(&"**"), Some(_)) => (1..=action.len()).any(|taken| naive_action(&pattern[1..], &action[taken..])),
            (Some(segment), Some(found)) => {
                naive_wild(segment.as_bytes(), found.as_bytes()) && naive_action(&pattern[1..], &action[1..])
            }
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_wildcard_agrees_with_its_definition(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let expected = naive_wild(pattern.as_bytes(), text.as_bytes());
            let found = match Wildcard::parse(&pattern) {
                Some(wildcard) => wildcard.matches(&text),
                None => pattern == text,
            };
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn an_action_pattern_agrees_with_its_definition(
            pattern in prop::collection::vec(prop::sample::select(&["a", "b", "*", "**", "a*", "*b", "a*b"][..]), 1..5),
            action in prop::collection::vec(prop::sample::select(&["a", "b", "ab", "ba", "aab"][..]), 1..6),
        ) {
            let text = pattern.join(".");
            if let Ok(parsed) = ActionPattern::parse(&text) {
                prop_assert_eq!(parsed.matches(&action.join(".")), naive_action(&pattern, &action));
            } else {
                prop_assert!(segments_with_double(&pattern) > 1);
            }
        }
    }

    fn segments_with_double(pattern: &[&str]) -> usize {
        pattern.iter().filter(|segment| **segment == "**").count()
    }

    #[test]
    fn patterns_outside_the_grammar_are_refused() {
        for text in ["", ".", "a.", "a b", "a.***", "a**", "**a", "**.**", "a.**.b.**", "ｓ*", "a?b", "[ab]"] {
            assert!(ActionPattern::parse(text).is_err(), "{text}");
        }
        assert!(ActionPattern::parse(&format!("{}*", "a".repeat(64))).is_err());
        for text in ["", "desk 7", "é*", "a/b"] {
            assert!(NamePattern::parse(text).is_err(), "{text}");
        }
    }
}
