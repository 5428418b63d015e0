//! Patterns of actions and agents, by trying every way to match.

/// Whether a pattern over segments covers an action.
pub(super) fn action(pattern: &str, action: &str) -> bool {
    let patterns: Vec<&str> = pattern.split('.').collect();
    let segments: Vec<&str> = action.split('.').collect();
    segments_match(&patterns, &segments)
}

fn segments_match(patterns: &[&str], segments: &[&str]) -> bool {
    match patterns.split_first() {
        None => segments.is_empty(),
        Some((&"**", rest)) => {
            (1..=segments.len()).any(|taken| segments_match(rest, segments.get(taken..).unwrap_or_default()))
        }
        Some((first, rest)) => segments
            .split_first()
            .is_some_and(|(segment, others)| characters(first, segment) && segments_match(rest, others)),
    }
}

/// Whether a pattern in which `*` is any run of characters covers a text.
pub(super) fn characters(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.trim_start_matches('*');
            (0..=text.len()).filter_map(|taken| text.get(taken..)).any(|after| characters(rest, after))
        }
        Some(first) => text
            .strip_prefix(first)
            .is_some_and(|after| characters(pattern.strip_prefix(first).unwrap_or_default(), after)),
    }
}

#[cfg(test)]
mod tests {
    use super::{action, characters};

    #[test]
    fn patterns_cover_what_the_page_on_actions_says() {
        for (pattern, covered, not_covered) in [
            ("files.**", vec!["files.a", "files.a.b"], vec!["files", "file.a", "xfiles.a"]),
            ("**", vec!["a", "a.b.c"], vec![]),
            ("**.delete", vec!["a.delete", "a.b.delete"], vec!["delete", "a.delete.b"]),
            ("payments.*", vec!["payments.send"], vec!["payments", "payments.send.now"]),
            ("get_*", vec!["get_", "get_x"], vec!["get", "get_x.y", "Get_x"]),
            ("a*b.c", vec!["ab.c", "axxb.c"], vec!["a.b.c"]),
        ] {
            assert!(covered.iter().all(|name| action(pattern, name)), "{pattern}");
            assert!(!not_covered.iter().any(|name| action(pattern, name)), "{pattern}");
        }
        assert!(characters("desk-*", "desk-7.b") && characters("*", "x") && !characters("desk-*", "Desk-7"));
    }
}
