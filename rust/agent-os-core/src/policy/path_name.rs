//! `name` and `extension`: the last segment of a path, after the same normalisation as `under`.

use super::kleene::Kleene;
use super::path_under::normalise;
use super::text::folded_if;

/// What is asked of a name.
#[derive(Debug)]
pub(super) enum NameTest {
    // INVARIANT: folded if case is ignored.
    Is { names: Box<[Box<str>]>, ignore_case: bool },
    // INVARIANT: each starts with a dot; folded if case is ignored.
    Ends { endings: Box<[Box<str>]>, ignore_case: bool },
}

impl NameTest {
    /// Unknown for a path that is malformed, that has no last segment, or whose last one is another file on some system.
    pub(super) fn holds(&self, path: &str) -> Kleene {
        let Some(name) = normalise(path).and_then(|segments| segments.last().copied()) else { return Kleene::Unknown };
        // SECURITY: Windows drops dots and spaces at the end, and takes what follows a colon for a stream of the file.
        if name.ends_with(['.', ' ']) || name.contains(':') {
            return Kleene::Unknown;
        }
        match self {
            Self::Is { names, ignore_case } => {
                let name = folded_if(*ignore_case, name);
                Kleene::from(names.iter().any(|own| **own == *name))
            }
            Self::Ends { endings, ignore_case } => {
                let name = folded_if(*ignore_case, name);
                Kleene::from(endings.iter().any(|ending| name.len() > ending.len() && name.ends_with(&**ending)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NameTest;
    use crate::policy::kleene::Kleene::{self, False, True, Unknown};

    fn name(path: &str, name: &str) -> Kleene {
        NameTest::Is { names: [name.into()].into(), ignore_case: false }.holds(path)
    }

    fn extension(path: &str, ending: &str) -> Kleene {
        NameTest::Ends { endings: [ending.into()].into(), ignore_case: true }.holds(path)
    }

    #[test]
    fn the_name_is_the_last_segment_that_is_left() {
        assert_eq!(name("/a/b/.env", ".env"), True);
        assert_eq!(name("/a/b/x/../.env/", ".env"), True);
        assert_eq!(name(".env", ".env"), True);
        assert_eq!(name("/a/.env/b", ".env"), False);
        assert_eq!(name("/a/x.env", ".env"), False);
    }

    #[test]
    fn an_extension_follows_a_dot_after_a_name() {
        assert_eq!(extension("a.PDF", ".pdf"), True);
        assert_eq!(extension("a.tar.gz", ".gz"), True);
        assert_eq!(extension("a.tar.gz", ".tar.gz"), True);
        assert_eq!(extension("pdf", ".pdf"), False);
        assert_eq!(extension(".pdf", ".pdf"), False);
        assert_eq!(extension("a.pdfx", ".pdf"), False);
    }

    #[test]
    fn odd_spellings_are_unknown() {
        for path in
            ["", "/", ".", "a/..", "..", "a.pdf ", "a.pdf.", "a.pdf::$DATA", "a%2epdf", "a\\b.pdf", "~", "a.pdf\0"]
        {
            assert_eq!(extension(path, ".pdf"), Unknown, "{path:?}");
            assert_eq!(name(path, "a.pdf"), Unknown, "{path:?}");
        }
    }
}
