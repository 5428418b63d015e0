//! Lexical containment of paths.

use super::condition::Truth;

const LOOK_ALIKES: &str =
    "\u{2024}\u{2025}\u{2026}\u{2044}\u{2215}\u{2216}\u{29f8}\u{29f9}\u{fe52}\u{fe68}\u{ff0e}\u{ff0f}\u{ff3c}";

/// Whether a path lies within a base. Malformed paths, and an absolute one against a relative one, are unknown.
pub(super) fn under(path: &str, base: &str) -> Truth {
    let (path_segments, base_segments) = (segments(path)?, segments(base)?);
    if path.starts_with('/') != base.starts_with('/') {
        return None;
    }
    Some(path_segments.starts_with(&base_segments))
}

/// Whether the last segment of a path is one of the names, or ends in one of the endings after something else.
pub(super) fn named(path: &str, wanted: &[&str], is_ending: bool, fold: &dyn Fn(&str) -> String) -> Truth {
    let name = segments(path)?.pop()?;
    if name.contains(':') || name.ends_with(' ') || name.ends_with('.') {
        return None;
    }
    let name = fold(name);
    Some(wanted.iter().any(|wanted| match is_ending {
        true => name.strip_suffix(&fold(wanted)).is_some_and(|stem| stem.len() > 1 && stem.ends_with('.')),
        false => name == fold(wanted),
    }))
}

fn segments(path: &str) -> Option<Vec<&str>> {
    let bytes = path.as_bytes();
    let encoded = (1..bytes.len())
        .any(|at| bytes.get(at - 1) == Some(&b'%') && bytes.get(at).is_some_and(u8::is_ascii_alphanumeric));
    let dotted = path.split('/').any(|segment| segment.len() > 2 && segment.starts_with(".."));
    let odd = path.chars().any(|c| c < ' ' || c == '\u{7f}' || c == '\\' || LOOK_ALIKES.contains(c));
    if path.is_empty() || path.len() > 4096 || path.starts_with('~') || encoded || dotted || odd {
        return None;
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments)
}

#[cfg(test)]
mod tests {
    use super::under;

    #[test]
    fn containment_is_by_whole_segments_of_normalised_paths() {
        for (path, base, truth) in [
            ("/a/b", "/a", Some(true)),
            ("/a", "/a/", Some(true)),
            ("/ab", "/a", Some(false)),
            ("/a/../b", "/a", Some(false)),
            ("/a/./b//c", "/a/b", Some(true)),
            ("/..", "/", None),
            ("a/b", "/a", None),
            ("a/b", "a", Some(true)),
            ("a", ".", Some(true)),
            ("", "/", None),
            ("~/x", "/", None),
            ("/a%2e", "/a", None),
            ("/a%2g", "/a", None),
            ("/100%/b", "/100%", Some(true)),
            ("/a/..b", "/a", None),
            ("/a/...", "/a", None),
            ("/a\\b", "/a", None),
            ("/a\u{ff0f}b", "/a", None),
            ("/a\nb", "/", None),
            ("/", "/", Some(true)),
        ] {
            assert_eq!(under(path, base), truth, "{path} under {base}");
        }
    }
}
