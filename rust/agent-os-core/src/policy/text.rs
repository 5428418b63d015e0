//! Text comparisons: case folding and regular expressions.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use crate::limits;

/// Text without its case: lower-cased, upper-cased, then lower-cased again, so that `ẞ`, `ß`, `SS` and `ss` meet. Each
/// character is folded alone, whatever stands around it, and folding twice changes nothing more: a part of a text folds
/// to the part of the folded text.
///
/// ```
/// use agent_os_core::policy::fold;
/// assert_eq!(fold("STRASSE"), fold("straße"));
/// assert_eq!(fold("STRAẞE"), fold("straße"));
/// ```
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        // SECURITY: the last step is not `str::to_lowercase`, which gives a final sigma another form, so that `ΑΣ` would
        // not contain `Σ`. The first step is for `ẞ`, which is upper case already and would fold to `ß` alone.
        return Cow::Owned(text.to_lowercase().to_uppercase().chars().flat_map(char::to_lowercase).collect());
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

/// The text, folded if asked for.
pub(super) fn folded_if(ignore_case: bool, text: &str) -> Cow<'_, str> {
    if ignore_case { fold(text) } else { Cow::Borrowed(text) }
}

/// A compiled regular expression, and how it was compiled.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    ignore_case: bool,
}

impl Pattern {
    /// Compiles a pattern. The engine works in time linear in the text, whatever the pattern.
    pub(super) fn compile(pattern: &str, anchored: bool, ignore_case: bool) -> Result<Self, String> {
        compile_regex(pattern, anchored, ignore_case).map(|regex| Self { regex, ignore_case })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern with its anchors.
    pub(super) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    pub(super) fn ignores_case(&self) -> bool {
        self.ignore_case
    }
}

fn compile_regex(pattern: &str, anchored: bool, ignore_case: bool) -> Result<Regex, String> {
    if pattern.len() > limits::PATTERN_BYTES {
        return Err(format!("the pattern is longer than {} bytes", limits::PATTERN_BYTES));
    }
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .case_insensitive(ignore_case)
            .size_limit(limits::PATTERN_COMPILED_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(limit) => format!("the compiled pattern is larger than {limit} bytes"),
                // The parser's own report spans lines; its last one says what is wrong.
                other => {
                    let report = other.to_string();
                    let last = report.lines().last().unwrap_or_default().trim();
                    last.strip_prefix("error: ").unwrap_or(last).to_owned()
                }
            })
    };
    let alone = build(pattern)?;
    if !anchored {
        return Ok(alone);
    }
    // SECURITY: the pattern was accepted alone, so it cannot close the group it is put into: `a)|(?:b` stops above.
    build(&format!(r"\A(?:{pattern})\z"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{compile_regex, fold};
    use proptest::prelude::*;

    #[test]
    fn folding_meets_where_people_expect_it() {
        for (a, b) in
            [("Straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("K", "k"), ("ſ", "S"), ("É", "é"), ("STRAẞE", "straße")]
        {
            assert_eq!(fold(a), fold(b));
        }
        assert_ne!(fold("ｓｅｎｄ"), fold("send"));
    }

    #[test]
    fn folding_is_done_at_once_and_unites_every_case() {
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            let folded = fold(&text);
            assert_eq!(fold(&folded), folded, "{character:?}");
            assert_eq!(fold(&text.to_lowercase()), folded, "{character:?}");
            assert_eq!(fold(&text.to_uppercase()), folded, "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_a_whole_is_folding_its_parts(a in "\\PC{0,6}", b in "[ΑΣσςßẞſİıǅ]{0,4}|\\PC{0,3}") {
            let whole = format!("{a}{b}");
            prop_assert_eq!(fold(&whole).into_owned(), format!("{}{}", fold(&a), fold(&b)));
        }
    }

    #[test]
    fn anchoring_cannot_be_escaped() {
        assert!(compile_regex("a)|(?:b", true, false).is_err());
        let alternatives = compile_regex("a|b", true, false).unwrap();
        assert!(alternatives.is_match("b") && !alternatives.is_match("ab"));
        let lines = compile_regex("(?m)^a$", true, false).unwrap();
        assert!(lines.is_match("a") && !lines.is_match("a\nb"));
        assert!(compile_regex("b", false, false).unwrap().is_match("abc"));
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(compile_regex(&"a".repeat(1_001), true, false).is_err());
        assert!(compile_regex(r"\w{1000}{100}", true, false).unwrap_err().contains("larger than"));
        assert!(compile_regex("(", true, false).unwrap_err().contains("unclosed group"));
    }
}
