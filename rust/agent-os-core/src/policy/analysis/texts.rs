//! Starts, ends, parts and folders that no text has together.

use super::tree::Atom;
use crate::policy::path_under::Base;
use crate::policy::text::folded_if;
use crate::value::Value;

/// True if no text passes these tests, of which the first hold and the second fail.
pub(super) fn conflict(holding: &[&Atom], failing: &[&Atom]) -> bool {
    holding.iter().enumerate().any(|(place, atom)| {
        failing.iter().any(|failed| is_refuted(atom, failed))
            || holding.iter().skip(place + 1).any(|other| excludes(atom, other) || excludes(other, atom))
    })
}

/// The first holds only where the second does.
fn is_refuted(holds: &Atom, fails: &Atom) -> bool {
    // A test that ignores case holds wherever the same one that does not holds, and not the other way round.
    if holds.ignore_case && !fails.ignore_case {
        return false;
    }
    let fold = |text: &String| folded_if(fails.ignore_case, text).into_owned();
    let mine: Vec<String> = texts(&holds.operand).iter().map(fold).collect();
    let theirs: Vec<String> = texts(&fails.operand).iter().map(fold).collect();
    let each = |fits: fn(&str, &str) -> bool| {
        !mine.is_empty() && mine.iter().all(|one| theirs.iter().any(|other| fits(one, other)))
    };
    match (holds.operator.as_str(), fails.operator.as_str()) {
        ("starts_with", "starts_with") => each(|one, other| one.starts_with(other)),
        ("ends_with", "ends_with") => each(|one, other| one.ends_with(other)),
        ("starts_with" | "ends_with" | "contains", "contains") => each(|one, other| one.contains(other)),
        ("under", "under") => each(is_inside),
        _ => false,
    }
}

/// No text passes both.
fn excludes(one: &Atom, other: &Atom) -> bool {
    let ignore_case = one.ignore_case || other.ignore_case;
    let fold = |text: &String| folded_if(ignore_case, text).into_owned();
    let mine: Vec<String> = texts(&one.operand).iter().map(fold).collect();
    let theirs: Vec<String> = texts(&other.operand).iter().map(fold).collect();
    let none = |fits: fn(&str, &str) -> bool| {
        let apart = |one: &String, other: &String| !fits(one, other) && !fits(other, one);
        !mine.is_empty() && !theirs.is_empty() && mine.iter().all(|a| theirs.iter().all(|b| apart(a, b)))
    };
    match (one.operator.as_str(), other.operator.as_str()) {
        ("starts_with", "starts_with") => none(|one, other| one.starts_with(other)),
        ("ends_with", "ends_with") => none(|one, other| one.ends_with(other)),
        ("under", "under") => none(is_inside),
        _ => false,
    }
}

fn is_inside(inner: &str, outer: &str) -> bool {
    Base::parse(outer).is_some_and(|outer| outer.holds(inner) == crate::policy::kleene::Kleene::True)
}

fn texts(operand: &Value) -> Vec<String> {
    match operand {
        Value::Str(text) => vec![text.clone()],
        Value::List(items) => items.iter().filter_map(|item| item.as_text().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
