//! `under`: lexical containment of file paths. It looks at no file system, so links are the enforcing side's concern.

use super::kleene::Kleene;
use crate::limits;

/// Characters that look like `.`, `/` or `\` and are them for some readers.
const LOOK_ALIKES: &[char] = &[
    '\u{2024}', '\u{2025}', '\u{2026}', '\u{2044}', '\u{2215}', '\u{2216}', '\u{29f8}', '\u{29f9}', '\u{fe52}',
    '\u{fe68}', '\u{ff0e}', '\u{ff0f}', '\u{ff3c}',
];

/// A directory that paths are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    absolute: bool,
    segments: Box<[Box<str>]>,
}

impl Base {
    /// `None` for a path that is malformed.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let segments = normalise(path)?;
        Some(Self { absolute: path.starts_with('/'), segments: segments.into_iter().map(Into::into).collect() })
    }

    pub(super) fn is_absolute(&self) -> bool {
        self.absolute
    }

    /// As [`normal_text`].
    pub(super) fn normal_text(&self) -> String {
        joined(self.segments.iter().map(|segment| &**segment))
    }

    /// True if the path is this directory or lies inside; unknown if it is malformed, or if one of the two is absolute
    /// and the other relative.
    pub(super) fn holds(&self, path: &str) -> Kleene {
        match normalise(path) {
            Some(segments) if path.starts_with('/') == self.absolute => {
                let inside = segments.len() >= self.segments.len()
                    && segments.iter().zip(&self.segments).all(|(segment, base)| *segment == &**base);
                Kleene::from(inside)
            }
            _ => Kleene::Unknown,
        }
    }

    /// True if this directory lies inside of the path, or may.
    pub(super) fn may_hold_below(&self, path: &str) -> bool {
        match normalise(path) {
            Some(segments) if path.starts_with('/') == self.absolute => {
                segments.len() <= self.segments.len()
                    && segments.iter().zip(&self.segments).all(|(segment, base)| *segment == &**base)
            }
            _ => true,
        }
    }
}

/// The segments of a path, each with a `/` behind it, so that a path lies in a directory if it starts with its text and
/// both are absolute or both relative; `None` for a path that is malformed.
pub(super) fn normal_text(path: &str) -> Option<String> {
    normalise(path).map(|segments| joined(segments.into_iter()))
}

fn joined<'s>(segments: impl Iterator<Item = &'s str>) -> String {
    segments.fold(String::new(), |mut text, segment| {
        text.push_str(segment);
        text.push('/');
        text
    })
}

/// The segments after `.`, `..` and empty ones are worked off; `None` for a path that is malformed.
pub(super) fn normalise(path: &str) -> Option<Vec<&str>> {
    if path.is_empty() || path.len() > limits::PATH_BYTES || path.starts_with('~') {
        return None;
    }
    if path.contains(|c: char| c.is_ascii_control() || c == '\\' || (!c.is_ascii() && LOOK_ALIKES.contains(&c))) {
        return None;
    }
    // `%2e`, `%u002e`, and what lenient decoders make something of.
    let is_encoded = |window: &[u8]| matches!(window, [b'%', next] if next.is_ascii_alphanumeric());
    if path.as_bytes().windows(2).any(is_encoded) {
        return None;
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            // SECURITY: `...` climbs on some systems, `..;` on some servers, and `....//` once a filter has taken out `../`.
            name if name.starts_with("..") => return None,
            name => segments.push(name),
        }
    }
    Some(segments)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Base, LOOK_ALIKES};
    use crate::policy::kleene::Kleene::{self, False, True, Unknown};
    use proptest::prelude::*;

    fn under(path: &str, base: &str) -> Kleene {
        Base::parse(base).unwrap().holds(path)
    }

    #[test]
    fn containment_is_by_whole_segments() {
        assert_eq!(under("/mem/working", "/mem/working"), True);
        assert_eq!(under("/mem/working/a", "/mem/working/"), True);
        assert_eq!(under("/mem/workingX/a", "/mem/working"), False);
        assert_eq!(under("/mem//./working/b/../a", "/mem/working"), True);
        assert_eq!(under("/mem/working/../secret", "/mem/working"), False);
        assert_eq!(under("a/b", "."), True);
        assert_eq!(under("/a", "/"), True);
    }

    #[test]
    fn odd_spellings_are_unknown() {
        let long = format!("/{}", "a".repeat(4096));
        for path in [
            "",
            "..",
            "/..",
            "/a/../..",
            "a/../../b",
            "/a\0",
            "/a\n",
            "/a\u{7f}",
            "\\a",
            "/a\\..",
            "/%2e%2e",
            "/%2F",
            "/%u2215",
            "/a%zz",
            "/a/...",
            "/a/..;/b",
            "/a/....//b",
            "/a/..b",
            "~",
            "~root/a",
            &long,
            "a",
            "./a",
        ] {
            assert_eq!(under(path, "/a"), Unknown, "{path:?}");
        }
        for path in ["~", "~root/a", "a\\b", "a%2fb", "", ".."] {
            assert_eq!(under(path, "."), Unknown, "{path:?}");
        }
        for look_alike in LOOK_ALIKES {
            assert_eq!(under(&format!("/a/{look_alike}"), "/a"), Unknown);
        }
        assert_eq!(under("/a/100%", "/a"), True);
        assert_eq!(under("/a/~", "/a"), True);
        assert_eq!(under("/a", "b"), Unknown);
    }

    /// The definition on lists of segments, each path re-read from its parts.
    fn naive(path: &str, base: &str) -> Kleene {
        fn walk(path: &str) -> Option<Vec<String>> {
            let mut stack: Vec<String> = Vec::new();
            for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
                if part != ".." && part.starts_with("..") {
                    return None;
                } else if part != ".." {
                    stack.push(part.to_owned());
                } else if stack.pop().is_none() {
                    return None;
                }
            }
            Some(stack)
        }
        if path.is_empty() || path.starts_with('/') != base.starts_with('/') {
            return Unknown;
        }
        match (walk(path), walk(base)) {
            (Some(path), Some(base)) => Kleene::from(path.starts_with(&base)),
            _ => Unknown,
        }
    }

    const PARTS: &[&str] = &["/", "/", "a", "b", ".", "..", "/a", "../"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn containment_agrees_with_its_definition(parts in prop::collection::vec(prop::sample::select(PARTS), 0..9),
            base in prop::collection::vec(prop::sample::select(PARTS), 0..5),
        ) {
            let (path, base) = (parts.concat(), base.concat());
            if let Some(parsed) = Base::parse(&base) {
                prop_assert_eq!(parsed.holds(&path), naive(&path, &base));
            }
        }
    }
}
