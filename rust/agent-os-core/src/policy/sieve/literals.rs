//! Texts that another text contains, all looked for in one pass.

use aho_corasick::AhoCorasick;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Left;
use crate::policy::effect::RuleIx;

/// Texts that are looked for, with the rules that each stands for.
#[derive(Debug)]
pub(super) struct Literals {
    automaton: AhoCorasick,
    // INVARIANT: at the places of the automaton's patterns.
    rules: Box<[SmallVec<[RuleIx; 2]>]>,
}

impl Literals {
    /// `None` if there are none, or too many for the automaton.
    pub(super) fn new(literals: Vec<(Box<[u8]>, RuleIx)>) -> Option<Self> {
        let mut places: FxHashMap<Box<[u8]>, usize> = FxHashMap::default();
        let mut texts = Vec::new();
        let mut rules: Vec<SmallVec<[RuleIx; 2]>> = Vec::new();
        for (literal, rule) in literals {
            let place = *places.entry(literal).or_insert_with_key(|literal| {
                texts.push(literal.clone());
                rules.push(SmallVec::new());
                rules.len() - 1
            });
            if let Some(sharing) = rules.get_mut(place) {
                sharing.push(rule);
            }
        }
        let automaton = AhoCorasick::new(&texts).ok().filter(|_| !texts.is_empty())?;
        Some(Self { automaton, rules: rules.into() })
    }

    pub(super) fn find(&self, text: &str, left: &mut Left) {
        // SECURITY: a literal counts once, however often a long text repeats it.
        let mut seen: SmallVec<[u64; 32]> = SmallVec::new();
        for found in self.automaton.find_overlapping_iter(text) {
            let place = found.pattern().as_usize();
            if seen.is_empty() {
                seen.resize(self.rules.len() / 64 + 1, 0);
            }
            let Some(word) = seen.get_mut(place / 64) else { continue };
            if *word >> (place % 64) & 1 == 0 {
                *word |= 1 << (place % 64);
                left.extend(self.rules.get(place).into_iter().flatten().copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Left, Literals, RuleIx};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_the_text_contains_is_found_once_and_nothing_else(
            literals in prop::collection::vec("[ab]{1,4}", 1..150), text in "[abc]{0,12}",
        ) {
            let keys = literals.iter().zip(0..).map(|(key, rule)| (key.as_bytes().into(), RuleIx(rule)));
            let mut found = Left::new();
            Literals::new(keys.collect()).unwrap().find(&text, &mut found);
            found.sort_unstable();
            let expected: Vec<RuleIx> = literals.iter().zip(0..)
                .filter(|(key, _)| text.contains(key.as_str())).map(|(_, rule)| RuleIx(rule)).collect();
            prop_assert_eq!(found.to_vec(), expected);
        }
    }
}
