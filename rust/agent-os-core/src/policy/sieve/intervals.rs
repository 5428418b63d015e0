//! Intervals of numbers that hold one number.

use super::Left;
use crate::policy::effect::RuleIx;

/// Intervals, by their lower ends, under a tree of the greatest upper ends.
#[derive(Debug)]
pub(super) struct Intervals {
    // INVARIANT: `least` ascends; `rules` has the same places.
    least: Box<[f64]>,
    rules: Box<[RuleIx]>,
    // INVARIANT: a binary tree in an array: node n has the children 2n and 2n+1, node 1 is the root, and the leaf of
    // place i is node `leaves` + i. Each node holds the greatest upper end below it.
    most: Box<[f64]>,
    leaves: usize,
}

impl Intervals {
    pub(super) fn new(intervals: impl Iterator<Item = (f64, f64, RuleIx)>) -> Self {
        let mut all: Vec<(f64, f64, RuleIx)> = intervals.collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let leaves = all.len().next_power_of_two();
        let mut most = vec![f64::NEG_INFINITY; leaves];
        most.extend(all.iter().map(|(_, most, _)| *most));
        most.resize(2 * leaves, f64::NEG_INFINITY);
        for node in (1..leaves).rev() {
            let below = |child: usize| most.get(child).copied().unwrap_or(f64::INFINITY);
            let greatest = below(2 * node).max(below(2 * node + 1));
            if let Some(here) = most.get_mut(node) {
                *here = greatest;
            }
        }
        Self {
            least: all.iter().map(|(least, ..)| *least).collect(),
            rules: all.iter().map(|(.., rule)| *rule).collect(),
            most: most.into(),
            leaves,
        }
    }

    pub(super) fn find(&self, number: f64, left: &mut Left) {
        let started = self.least.partition_point(|least| *least <= number);
        self.walk(1, 0, self.leaves, started, number, left);
    }

    /// The rules at places from `from` on, `width` of them and before `started`, whose upper end is not below.
    fn walk(&self, node: usize, from: usize, width: usize, started: usize, number: f64, left: &mut Left) {
        if from >= started || self.most.get(node).is_none_or(|most| *most < number) {
            return;
        }
        if width == 1 {
            left.extend(self.rules.get(from).copied());
            return;
        }
        let half = width / 2;
        self.walk(2 * node, from, half, started, number, left);
        self.walk(2 * node + 1, from + half, half, started, number, left);
    }
}

#[cfg(test)]
mod tests {
    use super::{Intervals, Left, RuleIx};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_holds_the_number_is_found_and_nothing_else(
            intervals in prop::collection::vec((-5_i8..5, -5_i8..5), 1..40),
            number in -6_i8..6,
        ) {
            let bound = |end: i8, open: f64| if end == -5 { open } else { f64::from(end) / 2.0 };
            let all: Vec<(f64, f64, RuleIx)> = intervals.iter().zip(0..)
                .map(|((a, b), rule)| (bound(*a, f64::NEG_INFINITY), bound(*b, f64::INFINITY), RuleIx(rule)))
                .collect();
            let number = f64::from(number) / 2.0;
            let mut found = Left::new();
            Intervals::new(all.iter().copied()).find(number, &mut found);
            found.sort_unstable();
            let expected: Vec<RuleIx> =
                all.iter().filter(|(least, most, _)| *least <= number && number <= *most).map(|one| one.2).collect();
            prop_assert_eq!(found.to_vec(), expected);
        }
    }
}
