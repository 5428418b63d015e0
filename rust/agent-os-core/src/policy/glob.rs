//! Globs over text, translated to the regular expressions that work in linear time.
//!
//! `*` and `?` stay inside of what stands between two slashes; `**` stands for any number of whole parts.

use super::kleene::Kleene;
use super::text::Pattern;

/// Levels of `{…}` inside one another.
const DEPTH: usize = 8;

/// Reads a glob: `*` `?` `[a-z]` `[!a-z]` `{a,b}` `**`, and `\` before a character that stands for itself.
///
/// # Errors
/// Says in words what does not fit.
pub(super) fn compile_glob(glob: &str, ignore_case: bool) -> Result<Pattern, String> {
    let mut translation = Translation { rest: glob, regex: "(?s)".to_owned(), at_start: true, depth: 0 };
    translation.run()?;
    Pattern::compile(&translation.regex, true, ignore_case)
}

/// Whether a text fits one of the globs. Unknown for a text with a part `.` or `..`: read as a path it lies elsewhere
/// than it says.
pub(super) fn fits(globs: &[Pattern], text: &str) -> Kleene {
    if text.contains('.') && text.split('/').any(|part| matches!(part, "." | "..")) {
        return Kleene::Unknown;
    }
    Kleene::from(globs.iter().any(|glob| glob.is_match(text)))
}

struct Translation<'g> {
    rest: &'g str,
    regex: String,
    /// At the start of a part.
    at_start: bool,
    depth: usize,
}

impl Translation<'_> {
    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(character) = self.take() {
            let started = std::mem::take(&mut self.at_start);
            match character {
                '*' if self.rest.starts_with('*') => self.double(started)?,
                '*' => self.regex.push_str("[^/]*"),
                '?' => self.regex.push_str("[^/]"),
                '[' => self.class()?,
                '{' => {
                    self.depth += 1;
                    if self.depth > DEPTH {
                        return Err(format!("`{{` is nested more than {DEPTH} levels deep"));
                    }
                    self.regex.push_str("(?:");
                    self.at_start = started;
                }
                '}' if self.depth == 0 => return Err("`}` closes nothing".to_owned()),
                '}' => {
                    self.depth -= 1;
                    self.regex.push(')');
                }
                ',' if self.depth > 0 => {
                    self.regex.push('|');
                }
                ']' => return Err("`]` closes nothing".to_owned()),
                '\\' => match self.take() {
                    Some(escaped) => self.literal(escaped),
                    None => return Err("`\\` stands at the end".to_owned()),
                },
                literal => self.literal(literal),
            }
        }
        if self.depth > 0 { Err("`{` is not closed".to_owned()) } else { Ok(()) }
    }

    fn literal(&mut self, character: char) {
        self.at_start = character == '/';
        self.regex.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }

    /// `**`, of which the first star is taken.
    fn double(&mut self, started: bool) -> Result<(), String> {
        self.take();
        match self.rest.strip_prefix('/') {
            _ if !started || self.depth > 0 => {
                Err("`**` must be all that stands between two slashes, outside of braces".to_owned())
            }
            Some(rest) => {
                self.rest = rest;
                self.regex.push_str("(?:[^/]+/)*");
                self.at_start = true;
                Ok(())
            }
            None if self.rest.is_empty() => {
                self.regex.push_str(".+");
                Ok(())
            }
            None => Err("`**` must be all that stands between two slashes".to_owned()),
        }
    }

    /// `[…]`, of which the bracket is taken. It never stands for a slash.
    fn class(&mut self) -> Result<(), String> {
        let negated = self.rest.strip_prefix(['!', '^']);
        self.rest = negated.unwrap_or(self.rest);
        let mut members: Vec<(char, char)> = Vec::new();
        loop {
            let first = match self.take().ok_or("`[` is not closed")? {
                ']' if members.is_empty() => {
                    return Err("`[]` holds nothing; write `[\\]]` for the bracket itself".to_owned());
                }
                ']' => break,
                '\\' => self.take().ok_or("`[` is not closed")?,
                plain => plain,
            };
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            let last = if is_range {
                self.take();
                match self.take().ok_or("`[` is not closed")? {
                    '\\' => self.take().ok_or("`[` is not closed")?,
                    plain => plain,
                }
            } else {
                first
            };
            if first > last {
                return Err(format!("`{first}-{last}` is a range of nothing"));
            }
            if first == '/' || last == '/' {
                return Err("`[…]` stands for one character other than a slash".to_owned());
            }
            members.push((first, last));
        }
        self.regex.push_str(if negated.is_some() { "[^/" } else { "[" });
        for (first, last) in members {
            let hex = |character: char| format!("\\x{{{:x}}}", u32::from(character));
            self.regex.push_str(&format!("{}-{}", hex(first), hex(last)));
        }
        // A range may run over the slash.
        self.regex.push_str(if negated.is_some() { "]" } else { "&&[^/]]" });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{compile_glob, fits};
    use crate::policy::kleene::Kleene::{self, False, True, Unknown};

    fn glob(pattern: &str, text: &str) -> Kleene {
        fits(&[compile_glob(pattern, false).unwrap()], text)
    }

    #[test]
    fn a_star_stays_between_two_slashes_and_two_cross_them() {
        for (pattern, fitting, other) in [
            ("*.txt", vec!["a.txt", ".txt", "a\nb.txt"], vec!["a/b.txt", "a.txt ", "a.TXT", "atxt"]),
            ("docs/**", vec!["docs/a", "docs/a/b", "docs/.a"], vec!["docs", "docs/", "xdocs/a", "docsx/a"]),
            ("**/*.rs", vec!["a.rs", "a/b.rs", "a/b/c.rs"], vec!["a.rsx", "/a.rs"]),
            ("a/**/b", vec!["a/b", "a/x/b", "a/x/y/b"], vec!["ab", "a/xb", "a//b"]),
            ("**", vec!["a", "a/b", "/"], vec![""]),
            ("a?c", vec!["abc", "aéc"], vec!["ac", "a/c", "abbc"]),
            ("[a-c]x", vec!["ax", "cx"], vec!["dx", "x"]),
            ("[!a-c]x", vec!["dx", "éx"], vec!["ax", "/x", "x"]),
            ("[+-9]x", vec!["5x", ".x"], vec!["/x"]),
            ("{jpg,png}.{a,b{c,d}}", vec!["jpg.a", "png.bd"], vec!["jpg.b", "gif.a", "jpg,png.a"]),
            (r"\*\[a\]", vec!["*[a]"], vec!["x[a]"]),
            ("a.b", vec!["a.b"], vec!["axb"]),
        ] {
            for text in fitting {
                assert_eq!(glob(pattern, text), True, "{pattern} {text:?}");
            }
            for text in other {
                assert_eq!(glob(pattern, text), False, "{pattern} {text:?}");
            }
        }
    }

    #[test]
    fn a_text_that_climbs_is_unknown() {
        for text in ["docs/../x", "..", "docs/./x", "docs/..", "./docs/a"] {
            assert_eq!(glob("docs/**", text), Unknown, "{text}");
        }
        assert_eq!(glob("docs/**", "docs/..a"), True);
    }

    #[test]
    fn a_glob_that_is_not_whole_is_refused() {
        for pattern in [
            "[",
            "[a",
            "[]",
            "[!]",
            "{",
            "{a",
            "}",
            "]",
            "\\",
            "a**",
            "**a",
            "a/**b",
            "{**,a}",
            "***",
            "[z-a]",
            "[/]",
            "[a-/]",
            "{{{{{{{{{a}}}}}}}}}",
        ] {
            assert!(compile_glob(pattern, false).is_err(), "{pattern}");
        }
        assert!(compile_glob(&"a".repeat(2000), false).is_err());
    }

    #[test]
    fn case_is_ignored_on_demand() {
        assert_eq!(fits(&[compile_glob("*.TXT", true).unwrap()], "a.txt"), True);
    }
}
