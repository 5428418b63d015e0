//! Texts that whatever a regular expression matches must hold.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

use crate::policy::text::Pattern;

/// Bytes of one text that are looked for. A part of what is required is required too.
const LITERAL_BYTES: usize = 32;

/// Alternatives that are followed.
const ALTERNATIVES: usize = 64;

/// What must be so for the pattern to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    Is(Box<str>),
    Prefix(Box<str>),
    Inside(Box<[u8]>),
}

/// Of each of these lists at least one holds whenever the pattern matches.
pub(super) fn demands(pattern: &Pattern) -> Vec<Vec<Demand>> {
    // The same reading of the pattern that the engine made, case included.
    let mut parser = ParserBuilder::new().case_insensitive(pattern.ignores_case()).build();
    let Ok(hir) = parser.parse(pattern.as_str()) else { return Vec::new() };
    let mut found: Vec<Vec<Demand>> = required(&hir)
        .into_iter()
        .map(|alternatives| alternatives.into_iter().map(|literal| Demand::Inside(tail(literal))).collect())
        .collect();
    found.extend(at_start(&hir).map(|demand| vec![demand]));
    found
}

/// The last bytes: what distinguishes texts of one form tends to stand late.
fn tail(literal: &[u8]) -> Box<[u8]> {
    literal.get(literal.len().saturating_sub(LITERAL_BYTES)..).unwrap_or(literal).into()
}

/// What stands at the start of whatever matches, if the pattern is bound to the start of the text.
fn at_start(hir: &Hir) -> Option<Demand> {
    let mut parts = flattened(hir).into_iter();
    if !matches!(parts.next()?.kind(), HirKind::Look(Look::Start)) {
        return None;
    }
    let mut parts = parts.skip_while(|part| matches!(part.kind(), HirKind::Look(Look::Start)));
    let HirKind::Literal(literal) = parts.next()?.kind() else { return None };
    let text: Box<str> = std::str::from_utf8(&literal.0).ok()?.into();
    let rest: Vec<&Hir> = parts.collect();
    let ends = !rest.is_empty() && rest.iter().all(|part| matches!(part.kind(), HirKind::Look(Look::End)));
    Some(if ends { Demand::Is(text) } else { Demand::Prefix(text) })
}

/// The parts that follow each other, groups opened.
fn flattened(hir: &Hir) -> Vec<&Hir> {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().flat_map(flattened).collect(),
        HirKind::Capture(group) => flattened(&group.sub),
        _ => vec![hir],
    }
}

fn required(hir: &Hir) -> Vec<Vec<&[u8]>> {
    match hir.kind() {
        HirKind::Literal(literal) => vec![vec![&literal.0]],
        HirKind::Concat(parts) => parts.iter().flat_map(required).collect(),
        HirKind::Capture(group) => required(&group.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Alternation(branches) => {
            let shortest = |alternatives: &Vec<&[u8]>| alternatives.iter().map(|literal| literal.len()).min();
            let best: Option<Vec<_>> =
                branches.iter().map(|branch| required(branch).into_iter().max_by_key(shortest)).collect();
            let all: Vec<&[u8]> = best.unwrap_or_default().into_iter().flatten().collect();
            if all.is_empty() || all.len() > ALTERNATIVES { Vec::new() } else { vec![all] }
        }
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Demand, demands};
    use crate::policy::text::Pattern;

    fn of(pattern: &str, anchored: bool, ignore_case: bool) -> Vec<Vec<Demand>> {
        demands(&Pattern::compile(pattern, anchored, ignore_case).unwrap())
    }

    fn inside(texts: &[&str]) -> Vec<Demand> {
        texts.iter().map(|text| Demand::Inside(text.as_bytes().into())).collect()
    }

    #[test]
    fn what_every_match_holds_is_demanded() {
        assert_eq!(of(r"\d+-tenant-7/.*", false, false), [inside(&["-tenant-7/"])]);
        assert_eq!(of(r"(ab)+x?", false, false), [inside(&["ab"])]);
        assert_eq!(of(r"(cat|dog)s?", false, false), [inside(&["cat", "dog"])]);
        assert!(of(r"(cat|\d)s?", false, false).is_empty());
        assert!(of(r"(cat)*", false, false).is_empty());
        assert!(of(r"cat", false, true).is_empty(), "letters without case are no literals");
        assert!(of(r"(?i)cat", false, false).is_empty());
    }

    #[test]
    fn anchors_bind_to_the_start() {
        let start = |text: &str| vec![Demand::Prefix(text.into())];
        assert!(of("tenant-7/.*", true, false).contains(&start("tenant-7/")));
        assert!(of("^tenant-7/.*", false, false).contains(&start("tenant-7/")));
        assert!(of("cat", true, false).contains(&vec![Demand::Is("cat".into())]));
        for unbound in ["(?m)^cat.*", "cat.*", "(^cat|dog).*"] {
            let bound = of(unbound, false, false).into_iter().flatten();
            assert!(bound.into_iter().all(|demand| matches!(demand, Demand::Inside(_))), "{unbound}");
        }
    }
}
