//! Texts that another text starts with.

use smallvec::SmallVec;
use std::collections::BTreeMap;

use super::Left;
use crate::policy::effect::RuleIx;

/// No longer text stands before this one.
const NONE: u32 = u32::MAX;

/// Prefixes in order, each with the longest other one that it starts with.
#[derive(Debug)]
pub(super) struct Prefixes {
    // INVARIANT: `keys` ascends without repeats; the others have the same places.
    keys: Box<[Box<[u8]>]>,
    shorter: Box<[u32]>,
    rules: Box<[SmallVec<[RuleIx; 2]>]>,
}

impl Prefixes {
    pub(super) fn new(prefixes: impl Iterator<Item = (Box<[u8]>, RuleIx)>) -> Self {
        let mut sorted: BTreeMap<Box<[u8]>, SmallVec<[RuleIx; 2]>> = BTreeMap::new();
        prefixes.for_each(|(prefix, rule)| sorted.entry(prefix).or_default().push(rule));
        let (keys, rules): (Vec<_>, Vec<_>) = sorted.into_iter().unzip();
        let mut shorter = Vec::with_capacity(keys.len());
        // Those that the last key starts with, longest last.
        let mut open: Vec<(&[u8], u32)> = Vec::new();
        for (key, place) in keys.iter().zip(0..) {
            while open.last().is_some_and(|(prefix, _)| !key.starts_with(prefix)) {
                open.pop();
            }
            shorter.push(open.last().map_or(NONE, |(_, place)| *place));
            open.push((key, place));
        }
        Self { shorter: shorter.into(), rules: rules.into(), keys: keys.into() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn longest(&self) -> usize {
        self.keys.iter().map(|key| key.len()).max().unwrap_or(0)
    }

    /// The longest prefix of a text lies at or before the text's place, and whatever stands between the two starts
    /// with it: it is found by going from the text's place to shorter and shorter keys.
    pub(super) fn find(&self, text: &[u8], left: &mut Left) {
        let place = self.keys.partition_point(|key| **key <= *text);
        let mut here = place.checked_sub(1);
        let mut within = false;
        while let Some(place) = here {
            within = within || self.keys.get(place).is_some_and(|key| text.starts_with(key));
            if within {
                left.extend(self.rules.get(place).into_iter().flatten().copied());
            }
            here = self.shorter.get(place).filter(|place| **place != NONE).map(|place| *place as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Left, Prefixes, RuleIx};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_the_text_starts_with_is_found_and_nothing_else(
            prefixes in prop::collection::vec("[abc]{0,5}", 1..30), text in "[abc]{0,7}",
        ) {
            let keys = prefixes.iter().zip(0..).map(|(key, rule)| (key.as_bytes().into(), RuleIx(rule)));
            let mut found = Left::new();
            Prefixes::new(keys).find(text.as_bytes(), &mut found);
            found.sort_unstable();
            let expected: Vec<RuleIx> = prefixes.iter().zip(0..)
                .filter(|(key, _)| text.starts_with(key.as_str())).map(|(_, rule)| RuleIx(rule)).collect();
            prop_assert_eq!(found.to_vec(), expected);
        }
    }
}
