//! What a rule's condition demands of single arguments.

use rustc_hash::FxHashMap;

use super::required::{Demand, demands};
use crate::number::Number;
use crate::policy::condition::{Accepted, Check, Condition, Leaf, Members, NumberOperand, Operand, Parts, Source};
use crate::policy::effect::{PathIx, RuleIx};
use crate::policy::reading::Reading;
use crate::value::Value;

/// Ways to fulfil a demand that are kept for one rule. A rule that takes more is evaluated every time.
const WAYS: usize = 256;

/// What is looked at, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) path: PathIx,
    /// Absence makes the condition false.
    pub(super) if_present: bool,
    pub(super) look: Look,
}

/// How an argument is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Look {
    Text {
        folded: bool,
    },
    /// As text; but lists can contain something too.
    Contains {
        folded: bool,
    },
    Under {
        absolute: bool,
    },
    Number,
}

impl Look {
    /// True if the condition is unknown for what cannot be looked at so.
    pub(super) fn is_unknown_of_others(self) -> bool {
        !matches!(self, Self::Contains { .. })
    }

    pub(super) fn is_absolute(self) -> bool {
        matches!(self, Self::Under { absolute: true })
    }
}

/// What is demanded. Texts are folded where the look says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Atom {
    Is(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Inside(Box<[u8]>),
    /// Both ends included.
    Between(Bits, Bits),
}

/// A float that is never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bits(u64);

impl Bits {
    fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    pub(super) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Demands of which at least one is fulfilled whenever the condition is not false.
#[derive(Clone, Debug)]
pub(super) struct Choice(pub(super) Vec<(Key, Atom)>);

/// Each of these is necessary for the condition not to be false, as far as the looks can tell.
pub(super) fn choices(condition: &Condition) -> Vec<Choice> {
    match condition {
        Condition::All(parts) => parts.iter().flat_map(choices).collect(),
        // The best of each part; without one for every part there is none.
        Condition::Any(parts) => {
            let best = |part| choices(part).into_iter().min_by_key(|choice| choice.0.len());
            let ways: Option<Vec<_>> = parts.iter().map(best).collect();
            let ways: Vec<_> = ways.unwrap_or_default().into_iter().flat_map(|choice| choice.0).collect();
            if ways.is_empty() || ways.len() > WAYS { Vec::new() } else { vec![Choice(ways)] }
        }
        Condition::Not(_) => Vec::new(),
        Condition::Leaf(leaf) => of_leaf(leaf),
    }
}

/// For each rule the choice that is likely to leave the fewest rules standing.
pub(super) fn choose(rules: Vec<(RuleIx, Vec<Choice>)>) -> Vec<(RuleIx, Option<Choice>)> {
    let mut shared: FxHashMap<(Key, Atom), usize> = FxHashMap::default();
    for way in rules.iter().flat_map(|(_, choices)| choices).flat_map(|choice| &choice.0) {
        *shared.entry(way.clone()).or_default() += 1;
    }
    let all = rules.len();
    let cost = |way: &(Key, Atom)| {
        let same = shared.get(way).copied().unwrap_or(all);
        match &way.1 {
            Atom::Between(least, most) if least != most => {
                let share = if least.get().is_finite() && most.get().is_finite() { 8 } else { 2 };
                same.max(all / share)
            }
            _ => same,
        }
    };
    rules
        .into_iter()
        .map(|(rule, choices)| {
            // Of equal ones the one with the longest texts: it is found in the fewest values.
            let length = |choice: &Choice| choice.0.iter().map(|(_, atom)| atom.length()).min().unwrap_or(0);
            let best = choices
                .into_iter()
                .min_by_key(|choice| (choice.0.iter().map(cost).sum::<usize>(), std::cmp::Reverse(length(choice))));
            (rule, best)
        })
        .collect()
}

impl Atom {
    fn length(&self) -> usize {
        match self {
            Self::Is(_) | Self::Between(..) => usize::MAX,
            Self::Prefix(text) | Self::Suffix(text) => text.len(),
            Self::Inside(bytes) => bytes.len(),
        }
    }
}

fn of_leaf(leaf: &Leaf) -> Vec<Choice> {
    let Source::Argument(path) = leaf.source else { return Vec::new() };
    let key = |look| Key { path, if_present: leaf.if_present, look };
    let mut found = Vec::new();
    let mut range = (f64::NEG_INFINITY, f64::INFINITY);
    for check in &leaf.tests.checks {
        let ways: Vec<(Key, Atom)> = match check {
            Check::Equals { operand: Operand::Literal(value), negate: false, ignore_case } => {
                equal(value, *ignore_case).map(|(look, atom)| (key(look), atom)).into_iter().collect()
            }
            Check::OneOf { members, negate: false, ignore_case } => {
                one_of(members, *ignore_case).into_iter().map(|(look, atom)| (key(look), atom)).collect()
            }
            Check::StartsWith { parts: Parts::Literal(parts), ignore_case } => {
                let look = key(Look::Text { folded: *ignore_case });
                parts.iter().map(|part| (look, Atom::Prefix(part.clone()))).collect()
            }
            Check::EndsWith { parts: Parts::Literal(parts), ignore_case } => {
                let look = key(Look::Text { folded: *ignore_case });
                parts.iter().map(|part| (look, Atom::Suffix(part.clone()))).collect()
            }
            Check::Contains { operand: Operand::Literal(value), ignore_case } => match Reading::of(value) {
                Reading::Text(text) => {
                    vec![(key(Look::Contains { folded: *ignore_case }), Atom::Inside(text.as_bytes().into()))]
                }
                _ => Vec::new(),
            },
            Check::Matches(pattern) => {
                let look = key(Look::Text { folded: false });
                for demand in demands(pattern) {
                    let ways = demand.into_iter().map(|one| (look, one.into())).collect();
                    found.push(Choice(ways));
                }
                Vec::new()
            }
            Check::Under(bases) => bases
                .iter()
                .map(|base| {
                    (key(Look::Under { absolute: base.is_absolute() }), Atom::Prefix(base.normal_text().into()))
                })
                .collect(),
            Check::Order { operand: NumberOperand::Literal(operand), accepted } => {
                narrow(&mut range, operand, *accepted);
                Vec::new()
            }
            _ => Vec::new(),
        };
        found.push(Choice(ways));
    }
    if range.0 > f64::NEG_INFINITY || range.1 < f64::INFINITY {
        found.push(Choice(vec![(key(Look::Number), between(range.0, range.1))]));
    }
    found.retain(|choice| !choice.0.is_empty() && choice.0.len() <= WAYS);
    found
}

/// Rounding to a float keeps the order: what lies outside after rounding lay outside before.
fn narrow(range: &mut (f64, f64), operand: &Number, accepted: Accepted) {
    let bound = operand.nearest();
    if !accepted.less {
        range.0 = range.0.max(bound);
    }
    if !accepted.greater {
        range.1 = range.1.min(bound);
    }
}

fn between(least: f64, most: f64) -> Atom {
    Atom::Between(Bits::new(least), Bits::new(most))
}

fn equal(operand: &Value, folded: bool) -> Option<(Look, Atom)> {
    match Reading::of(operand) {
        Reading::Text(text) => Some((Look::Text { folded }, Atom::Is(text.into()))),
        Reading::Number(number) => Some((Look::Number, between(number.nearest(), number.nearest()))),
        _ => None,
    }
}

/// Every member, or none.
fn one_of(members: &Members, folded: bool) -> Vec<(Look, Atom)> {
    match members {
        Members::Texts(texts) => texts.iter().map(|text| (Look::Text { folded }, Atom::Is(text.clone()))).collect(),
        Members::FewTexts(texts) => texts.iter().map(|text| (Look::Text { folded }, Atom::Is(text.clone()))).collect(),
        Members::Numbers(numbers) => {
            numbers.iter().map(|number| (Look::Number, between(number.nearest(), number.nearest()))).collect()
        }
        Members::Few(values) => {
            let all: Option<Vec<_>> = values.iter().map(|value| equal(value, folded)).collect();
            all.unwrap_or_default()
        }
    }
}

impl From<Demand> for Atom {
    fn from(demand: Demand) -> Self {
        match demand {
            Demand::Is(text) => Self::Is(text),
            Demand::Prefix(text) => Self::Prefix(text),
            Demand::Inside(bytes) => Self::Inside(bytes),
        }
    }
}
