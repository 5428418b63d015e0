//! Whether everything that one pattern stands for, another one stands for too.

use super::Studied;
use crate::policy::pattern::{ActionPattern, NamePattern};

/// A stand-in for any run of characters: no pattern holds it, so only a `*` can match it.
const ANY: &str = "\u{0}";

/// True if it is proven that every action of `inner` is one of `outer`.
pub(in crate::policy) fn pattern_within(inner: &ActionPattern, outer: &ActionPattern) -> bool {
    let text = inner.text();
    if !text.split('.').any(|segment| segment == "**") {
        return outer.matches(&text.replace('*', ANY));
    }
    // `**` stands for one or more segments. Beyond as many as `outer` looks at on both sides, more change nothing.
    let looked_at = outer.text().split('.').count() + text.split('.').count();
    (1..=looked_at + 1).all(|count| {
        let run = vec![ANY; count].join(".");
        outer.matches(&text.replace("**", &run).replace('*', ANY))
    })
}

/// True if the pattern stands for every action, or every action of some length.
pub(in crate::policy) fn is_wild_only(pattern: &ActionPattern) -> bool {
    pattern.text().split('.').all(|segment| segment.chars().all(|c| c == '*'))
}

/// True if it is proven that every agent that `inner` is for, `outer` is for too.
pub(in crate::policy) fn agents_within(inner: &Studied, outer: &Studied) -> bool {
    let ids = match (&inner.ids, &outer.ids) {
        (_, None) => true,
        (None, Some(outer)) => outer.iter().any(|pattern| pattern.matches(ANY)),
        (Some(inner), Some(outer)) => inner.iter().all(|inner| outer.iter().any(|outer| name_within(inner, outer))),
    };
    let roles = match (&inner.roles, &outer.roles) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner.iter().all(|role| outer.contains(role)),
    };
    ids && roles
}

fn name_within(inner: &NamePattern, outer: &NamePattern) -> bool {
    outer.matches(&inner.text().replace('*', ANY))
}
