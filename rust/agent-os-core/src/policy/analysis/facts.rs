//! Whether facts about arguments contradict one another. Says so only where it is certain.

use std::collections::BTreeMap;

use super::formula::Fact;
use super::one_test;
use super::tree::{Atom, MISSING, Truths};
use super::{numbers, texts};
use crate::policy::operators::{Kind, Operator};
use crate::policy::path::INPUTS;
use crate::policy::reading::Reading;
use crate::value::Value;

/// True if no request and run state make all of these facts hold together.
pub(in crate::policy) fn conflict(facts: &[Fact]) -> bool {
    let mut by_path: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
    for fact in facts {
        by_path.entry(&fact.atom.path).or_default().push(fact);
    }
    let Some(sites) = sites(&by_path) else { return true };
    by_path.iter().any(|(path, facts)| sites.get(path).is_some_and(|site| value_conflict(path, facts, site)))
}

/// What is known of the value at a path.
#[derive(Clone, Copy, Debug)]
struct Site {
    /// There is a value, of one of the kinds.
    is_there: bool,
    kinds: Kinds,
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds(u16);

impl Kinds {
    const ANY: Self = Self(u16::MAX);
    const NONE: Self = Self(0);

    fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |bits, kind| bits | 1 << (*kind as u16)))
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

/// The sites of all paths and of what they go through; `None` if some of them cannot be.
fn sites<'p>(by_path: &BTreeMap<&'p str, Vec<&Fact>>) -> Option<BTreeMap<&'p str, Site>> {
    let mut sites: BTreeMap<&'p str, Site> = BTreeMap::new();
    for (path, facts) in by_path {
        let mut site = Site { is_there: false, kinds: Kinds::ANY };
        if let Some((_, _, kind)) = INPUTS.iter().find(|(name, ..)| name == path) {
            site = Site { is_there: *path != "run.parent", kinds: Kinds::of(&[*kind]) };
        }
        for fact in facts {
            if fact.truths.may_be(Truths::UNKNOWN) || fact.atom.operator == MISSING {
                continue;
            }
            if fact.atom.operator == "present" {
                continue;
            }
            site.is_there = true;
            site.kinds = site.kinds.and(readable(&fact.atom));
        }
        sites.insert(path, site);
    }
    let there: Vec<&str> = sites.iter().filter(|(_, site)| site.is_there).map(|(path, _)| *path).collect();
    for path in there {
        let around = |outer: &str| path.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '#']));
        for (outer, site) in sites.iter_mut().filter(|(outer, _)| around(outer)) {
            let counted = match path.get(outer.len()..) {
                Some("#length") => Kinds::of(&[Kind::String]),
                _ => Kinds::of(&[Kind::List, Kind::Map]),
            };
            site.is_there = true;
            site.kinds = site.kinds.and(counted);
        }
    }
    for (path, facts) in by_path {
        let site = sites.get(path)?;
        let wanted = |operator: &str, operand: Option<bool>| {
            facts.iter().any(|fact| {
                fact.atom.operator == operator
                    && operand.is_none_or(|operand| fact.atom.operand == Value::Bool(operand))
                    && !fact.truths.may_be(Truths::NOT_TRUE)
            })
        };
        let refuted = |operator: &str, operand: Option<bool>| {
            facts.iter().any(|fact| {
                fact.atom.operator == operator
                    && operand.is_none_or(|operand| fact.atom.operand == Value::Bool(operand))
                    && !fact.truths.may_be(Truths::TRUE)
            })
        };
        let is_missing = wanted(MISSING, None);
        let is_absent = wanted("present", Some(false)) || refuted("present", Some(true));
        let is_present = wanted("present", Some(true)) || refuted("present", Some(false));
        let contradicts = site.is_there && (is_missing || is_absent || site.kinds == Kinds::NONE)
            || is_present && (is_missing || is_absent);
        if contradicts {
            return None;
        }
    }
    Some(sites)
}

/// The kinds of which the test can come to true or false.
fn readable(atom: &Atom) -> Kinds {
    let with_text = |value: &Value| match Reading::of(value).kind() {
        Some(kind @ (Kind::Date | Kind::DateTime)) => Kinds::of(&[kind, Kind::String]),
        Some(kind) => Kinds::of(&[kind]),
        None => Kinds::ANY,
    };
    match (atom.operator.as_str(), &atom.operand) {
        (_, Value::Map(_)) | ("contains", _) => accepted(atom),
        ("eq", operand) => with_text(operand),
        ("in", Value::List(members)) => members.first().map_or(Kinds::ANY, with_text),
        _ => accepted(atom),
    }
}

fn accepted(atom: &Atom) -> Kinds {
    match Operator::find(&atom.operator) {
        Some(operator) if !operator.accepts.is_empty() => Kinds::of(operator.accepts),
        _ => Kinds::ANY,
    }
}

/// The kinds of which the test is never unknown.
fn definite(atom: &Atom) -> Kinds {
    match (atom.operator.as_str(), &atom.operand) {
        (_, Value::Map(_) | Value::Date(_) | Value::DateTime(_)) if atom.operator != "matches" => Kinds::NONE,
        ("eq" | "in", Value::List(members))
            if !matches!(members.first(), Some(Value::Date(_) | Value::DateTime(_))) =>
        {
            readable(atom)
        }
        ("eq", _) => readable(atom),
        ("contains", Value::Str(_)) | ("starts_with" | "ends_with" | "matches", _) => Kinds::of(&[Kind::String]),
        ("lt" | "gt", Value::Number(_)) => Kinds::of(&[Kind::Number]),
        _ => Kinds::NONE,
    }
}

/// True if no one value passes all of these.
fn value_conflict(path: &str, facts: &[&Fact], site: &Site) -> bool {
    // Of a value that is there and of a kind that the test can tell, unknown is no way out.
    let settled: Vec<(&Atom, Truths)> = facts
        .iter()
        .map(|fact| {
            let is_settled = fact.atom.operator == "present"
                || fact.atom.operator == MISSING
                || site.is_there && site.kinds.is_within(definite(&fact.atom));
            let possible = if is_settled { Truths::TRUE.or(Truths::FALSE) } else { Truths::ANY };
            (&*fact.atom, fact.truths.and(possible))
        })
        .collect();
    let opposed = |(place, (atom, truths)): (usize, &(&Atom, Truths))| {
        let mut together = *truths;
        for (other, others) in settled.iter().skip(place + 1).filter(|(other, _)| other == atom) {
            debug_assert_eq!(other.path, atom.path);
            together = together.and(*others);
        }
        together.is_empty()
    };
    if settled.iter().enumerate().any(opposed) {
        return true;
    }
    // From here on, what is certain: a test that is true, or one that is false.
    let certain = |wanted: Truths| -> Vec<&Atom> {
        settled.iter().filter(|(_, truths)| *truths == wanted).map(|(atom, _)| *atom).collect()
    };
    let (holding, failing) = (certain(Truths::TRUE), certain(Truths::FALSE));
    if let Some(candidates) = candidates(path, &holding, site) {
        return candidates.iter().all(|candidate| {
            settled.iter().any(|(atom, truths)| {
                one_test::came_to(atom, candidate).is_some_and(|truth| !truths.may_be(Truths::of(truth)))
            })
        });
    }
    numbers::conflict(path, &holding, &failing) || texts::conflict(&holding, &failing)
}

/// Every value that the path can lead to, where they are few.
fn candidates(path: &str, holding: &[&Atom], site: &Site) -> Option<Vec<Value>> {
    for atom in holding.iter().filter(|atom| !atom.ignore_case) {
        let plain = |value: &Value| matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_));
        match (atom.operator.as_str(), &atom.operand) {
            ("eq", operand) if plain(operand) => return Some(vec![operand.clone()]),
            ("in", Value::List(members)) if members.iter().all(plain) => return Some(members.clone()),
            _ => {}
        }
    }
    match path {
        "time.hour" => return Some((0..24).map(Value::from).collect()),
        "time.weekday" => return Some((1..8).map(Value::from).collect()),
        _ => {}
    }
    if site.is_there && site.kinds.is_within(Kinds::of(&[Kind::Bool, Kind::Null])) {
        return Some(vec![Value::Null, true.into(), false.into()]);
    }
    None
}
