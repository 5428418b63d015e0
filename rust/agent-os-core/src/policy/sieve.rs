//! Of many rules for one action, the few that a request's arguments leave standing.
//!
//! A rule whose `when` demands something that is surely false of one argument does not apply, whatever the rest of it
//! says (False ∧ x is False), so it need not be evaluated. A sieve finds the others in time that hardly grows with the
//! number of rules. It only ever leaves out; what it lets through is evaluated as if it were not there, and whatever
//! it cannot tell it lets through.

mod guard;
mod intervals;
mod literals;
mod prefixes;
mod required;
mod texts;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::bundle::RuleCode;
use super::effect::{PathIx, RuleIx};
use super::path_under;
use super::reading::Reading;
use crate::request::Found;
use guard::{Atom, Choice, Key, Look};
use intervals::Intervals;
use prefixes::Prefixes;
use texts::Texts;

/// Rules below which evaluating each is as fast.
const WORTH: usize = 16;

/// Rules that one look at an argument must spare.
const SHARED: usize = 4;

/// Rules that are left.
pub(super) type Left = SmallVec<[RuleIx; 16]>;

/// What stands before the rules of one effect and one pattern.
#[derive(Debug)]
pub(super) struct Sieve {
    /// Rules that no argument rules out.
    always: Box<[RuleIx]>,
    looks: Box<[LookAt]>,
}

/// All that is learnt from one way of looking at one argument.
#[derive(Debug)]
struct LookAt {
    key: Key,
    /// Every rule that this look may spare.
    rules: Box<[RuleIx]>,
    found: Finder,
}

#[derive(Debug)]
enum Finder {
    Texts(Texts),
    Under(Prefixes),
    Numbers(Intervals),
}

impl Sieve {
    /// `None` where a sieve would not pay.
    pub(super) fn new<'c>(rules: &[RuleIx], code: impl Fn(RuleIx) -> Option<&'c RuleCode>) -> Option<Self> {
        if rules.len() < WORTH {
            return None;
        }
        let choices: Vec<(RuleIx, Vec<Choice>)> = rules
            .iter()
            .map(|rule| {
                let when = code(*rule).and_then(|code| code.when.as_ref());
                (*rule, when.map(guard::choices).unwrap_or_default())
            })
            .collect();
        let mut always = Vec::new();
        let mut by_key: FxHashMap<Key, Vec<(Atom, RuleIx)>> = FxHashMap::default();
        for (rule, chosen) in guard::choose(choices) {
            match chosen {
                Some(choice) => {
                    choice.0.into_iter().for_each(|(key, atom)| by_key.entry(key).or_default().push((atom, rule)));
                }
                None => always.push(rule),
            }
        }
        let mut looks = Vec::new();
        for (key, atoms) in by_key {
            let mut rules: Vec<RuleIx> = atoms.iter().map(|(_, rule)| *rule).collect();
            rules.sort_unstable();
            rules.dedup();
            match Finder::new(key.look, atoms).filter(|_| rules.len() >= SHARED) {
                Some(found) => looks.push(LookAt { key, rules: rules.into(), found }),
                None => always.extend(rules),
            }
        }
        if looks.is_empty() {
            return None;
        }
        always.sort_unstable();
        always.dedup();
        Some(Self { always: always.into(), looks: looks.into() })
    }

    /// The rules that may apply, ascending and without repeats. `read` says what a path leads to. With
    /// `unless_true`, a rule that is at best unknown does not apply either.
    pub(super) fn sift(&self, unless_true: bool, read: impl Fn(PathIx, &mut dyn FnMut(&Found<Reading<'_>>))) -> Left {
        let mut left = Left::from_slice(&self.always);
        for look in &self.looks {
            read(look.key.path, &mut |found| look.sift(unless_true, found, &mut left));
        }
        left.sort_unstable();
        left.dedup();
        left
    }
}

impl LookAt {
    fn sift(&self, unless_true: bool, found: &Found<Reading<'_>>, left: &mut Left) {
        let told = match (found, &self.found) {
            (Found::Item(Reading::Text(text)), Finder::Texts(texts)) => {
                texts.find(text, left);
                true
            }
            (Found::Item(Reading::Text(text)), Finder::Under(bases)) => {
                match path_under::normal_text(text).filter(|_| text.starts_with('/') == self.key.look.is_absolute()) {
                    Some(path) => {
                        bases.find(path.as_bytes(), left);
                        true
                    }
                    None => false,
                }
            }
            (Found::Item(Reading::Number(number)), Finder::Numbers(intervals)) => {
                intervals.find(number.nearest(), left);
                true
            }
            // What is absent makes the condition false.
            (Found::Missing, _) if self.key.if_present => true,
            _ => false,
        };
        // Else the condition is unknown, or, of a list that may contain something, anything.
        let spared = told || unless_true && self.key.look.is_unknown_of_others();
        if !spared {
            left.extend_from_slice(&self.rules);
        }
    }
}

impl Finder {
    fn new(look: Look, atoms: Vec<(Atom, RuleIx)>) -> Option<Self> {
        Some(match look {
            Look::Text { folded } | Look::Contains { folded } => Self::Texts(Texts::new(folded, atoms)?),
            Look::Under { .. } => {
                let prefixes = atoms.into_iter().filter_map(|(atom, rule)| match atom {
                    Atom::Prefix(base) => Some((base.into_boxed_bytes(), rule)),
                    _ => None,
                });
                Self::Under(Prefixes::new(prefixes))
            }
            Look::Number => {
                let intervals = atoms.into_iter().filter_map(|(atom, rule)| match atom {
                    Atom::Between(least, most) => Some((least.get(), most.get(), rule)),
                    _ => None,
                });
                Self::Numbers(Intervals::new(intervals))
            }
        })
    }
}
