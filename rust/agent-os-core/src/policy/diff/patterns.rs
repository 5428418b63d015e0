//! Actions, agents and texts that fit patterns.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::policy::pattern::{ActionPattern, NamePattern};

/// Choices of an alternation that are looked at.
const CHOICES: usize = 8;

/// An action that fits the pattern.
pub(super) fn action_of(pattern: &ActionPattern) -> String {
    pattern.text().replace("**", "x").replace('*', "x")
}

/// Actions that fit the pattern, of different lengths where it has them.
pub(super) fn actions_of(pattern: &ActionPattern) -> Vec<String> {
    let mut all = vec![action_of(pattern)];
    if pattern.text().contains("**") {
        all.extend(["x.y", "x.y.z"].map(|run| pattern.text().replace("**", run).replace('*', "x")));
    }
    all
}

/// An action that fits both patterns, if one is found.
pub(super) fn action_of_both(one: &ActionPattern, other: &ActionPattern) -> Option<String> {
    let spread = |pattern: &ActionPattern, length: usize| -> Vec<String> {
        let segments: Vec<&str> = pattern.text().split('.').collect();
        let run = (length + 1).saturating_sub(segments.len()).max(1);
        let spread = segments.iter().flat_map(|segment| {
            let times = if *segment == "**" { run } else { 1 };
            std::iter::repeat_n(if *segment == "**" { "*" } else { segment }, times).map(str::to_owned)
        });
        spread.collect()
    };
    let length = one.text().split('.').count().max(other.text().split('.').count());
    let segments = spread(one, length).into_iter().zip(spread(other, length)).map(|(mine, theirs)| {
        match (mine.split_once('*'), theirs.split_once('*')) {
            (None, _) => mine,
            (_, None) => theirs,
            // What each starts and ends with; whether that fits both is looked at below.
            (Some((a, z)), Some((b, y))) => {
                let longest =
                    |one: &str, other: &str| if one.len() > other.len() { one.to_owned() } else { other.to_owned() };
                let text = longest(a, b) + &longest(&z.replace('*', "x"), &y.replace('*', "x"));
                if text.is_empty() { "x".to_owned() } else { text }
            }
        }
    });
    let action = segments.collect::<Vec<_>>().join(".");
    (one.matches(&action) && other.matches(&action)).then_some(action)
}

/// Agents' ids that fit the pattern.
pub(super) fn agents_of(pattern: &NamePattern) -> Vec<String> {
    let text = pattern.text();
    let mut all = vec![text.replace('*', "x")];
    let shortest = text.replace('*', "");
    if !shortest.is_empty() && !all.contains(&shortest) {
        all.push(shortest);
    }
    all
}

/// Texts that the regular expression may match: one for each choice of its first alternation. Whether they do is for
/// the engine to say.
pub(super) fn texts_of(pattern: &str) -> Vec<String> {
    let Ok(parsed) = regex_syntax::parse(pattern) else { return Vec::new() };
    let mut all: Vec<String> = (0..CHOICES)
        .filter_map(|choice| {
            let mut text = String::new();
            build(&parsed, choice, &mut text)?;
            Some(text)
        })
        .collect();
    all.dedup();
    all
}

/// Appends a text that the expression matches, taking the given choice where there is one; `None` where none can be
/// built, or it would be long.
fn build(expression: &Hir, choice: usize, text: &mut String) -> Option<()> {
    if text.len() > crate::limits::PATTERN_BYTES {
        return None;
    }
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges = class.ranges();
            // A letter or digit, if there is one, reads better than the first control character.
            let plain = ['a', 'A', '0', '/', '-', '.', ' '];
            let fits = |c: &char| ranges.iter().any(|range| range.start() <= *c && *c <= range.end());
            text.push(plain.into_iter().find(fits).or_else(|| ranges.first().map(|range| range.start()))?);
        }
        HirKind::Class(Class::Bytes(class)) => text.push(char::from(class.ranges().first()?.start())),
        HirKind::Repetition(repetition) => {
            let extra = u32::from(choice % 2 == 1 && repetition.max.is_none_or(|max| max > repetition.min));
            for _ in 0..repetition.min + extra {
                build(&repetition.sub, choice, text)?;
            }
        }
        HirKind::Capture(capture) => build(&capture.sub, choice, text)?,
        HirKind::Concat(parts) => {
            for part in parts {
                build(part, choice, text)?;
            }
        }
        HirKind::Alternation(parts) => build(parts.get(choice % parts.len().max(1))?, choice, text)?,
    }
    Some(())
}
