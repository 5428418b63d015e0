//! Counters in memory, as one run keeps them for itself and as the store in memory keeps them for all.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::store::{Charge, Charged, Counter, Reserved, Window};
use crate::amount::Amount;

/// Reservations between two searches for counters that have nothing left.
const SWEEP: u32 = 1_024;

/// Counters by name.
#[derive(Debug, Default)]
pub struct Counters {
    // SECURITY: names hold agents' ids and actions, which the operator's code registered: nobody can make them collide.
    all: FxHashMap<Box<str>, Slices>,
    since_sweep: u32,
}

#[derive(Debug)]
struct Slices {
    window: Window,
    // INVARIANT: ascending by slice, without repeats, and within one window of the last: at most 65.
    amounts: SmallVec<[(i64, Amount); 1]>,
}

impl Counters {
    /// What a counter has come to.
    #[must_use]
    pub fn used(&self, counter: &Counter, now_micros: i64) -> Amount {
        self.all.get(&counter.key).map_or(Amount::ZERO, |slices| slices.used(now_micros))
    }

    /// Adds all of the charges or none.
    pub fn reserve(&mut self, charges: &[Charge], now_micros: i64) -> Reserved {
        self.since_sweep += 1;
        if self.since_sweep > SWEEP {
            self.since_sweep = 0;
            self.all.retain(|_, slices| slices.used(now_micros) > Amount::ZERO);
        }
        // Looked at first, then added: a reservation that fails leaves no trace.
        for (place, charge) in charges.iter().enumerate() {
            let earlier = charges.iter().take(place).filter(|earlier| earlier.counter == charge.counter);
            let standing =
                earlier.fold(self.used(&charge.counter, now_micros), |sum, one| sum.saturating_add(one.amount));
            if charge.max.is_some_and(|max| standing.saturating_add(charge.amount) > max) {
                return Reserved::Full(place);
            }
        }
        Reserved::Taken(charges.iter().map(|charge| self.add(charge, now_micros)).collect())
    }

    /// Takes back what a reservation added.
    pub fn refund(&mut self, ticket: &[Charged]) {
        for charged in ticket {
            let slices = self.all.get_mut(&charged.key).map(|slices| slices.amounts.as_mut_slice());
            let slice = slices.unwrap_or_default().iter_mut().find(|(slice, _)| *slice == charged.slice);
            if let Some((_, amount)) = slice {
                *amount = amount.saturating_sub(charged.amount);
            }
        }
    }

    /// How many counters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// True if nothing was ever counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn add(&mut self, charge: &Charge, now_micros: i64) -> Charged {
        let Counter { key, window } = &charge.counter;
        let slice = match self.all.get_mut(key) {
            Some(slices) => slices.add(charge.amount, now_micros),
            None => {
                let slice = window.slice(now_micros);
                let amounts = SmallVec::from_buf([(slice, charge.amount)]);
                self.all.insert(key.clone(), Slices { window: *window, amounts });
                slice
            }
        };
        Charged { key: key.clone(), slice, amount: charge.amount }
    }
}

impl Slices {
    /// The slice of now, or the last that was charged if the clock was set back.
    fn latest(&self, now_micros: i64) -> i64 {
        let slice = self.window.slice(now_micros);
        self.amounts.last().map_or(slice, |(last, _)| slice.max(*last))
    }

    fn used(&self, now_micros: i64) -> Amount {
        let oldest = self.window.oldest(self.latest(now_micros));
        let counting = self.amounts.iter().filter(|(slice, _)| *slice >= oldest);
        counting.fold(Amount::ZERO, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    fn add(&mut self, amount: Amount, now_micros: i64) -> i64 {
        let latest = self.latest(now_micros);
        let oldest = self.window.oldest(latest);
        self.amounts.retain(|(slice, _)| *slice >= oldest);
        match self.amounts.last_mut() {
            Some((slice, sum)) if *slice == latest => *sum = sum.saturating_add(amount),
            _ => self.amounts.push((latest, amount)),
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::{Amount, Charge, Counter, Counters, Reserved, SWEEP, Window};
    use proptest::prelude::*;

    fn charge(key: &str, amount: u64, max: u64, seconds: u64) -> Charge {
        let counter = Counter { key: key.into(), window: Window::seconds(seconds).unwrap() };
        Charge { counter, amount: Amount::of_u64(amount).unwrap(), max: Amount::of_u64(max) }
    }

    const SECOND: i64 = 1_000_000;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Against a list of every charge: nothing that the exact window refuses is let through, and what the window
        /// with its last slice allows is.
        #[test]
        fn a_window_is_between_the_exact_one_and_one_that_is_a_64th_longer(
            steps in prop::collection::vec((0i64..3 * SECOND, 0u64..5), 1..200),
            max in 1u64..20,
        ) {
            let window = 4;
            let mut counters = Counters::default();
            let mut taken: Vec<(i64, u64)> = Vec::new();
            let mut now = 1_700_000_000 * SECOND;
            for (step, amount) in steps {
                now += step;
                let within = |length: i64| -> u64 {
                    taken.iter().filter(|(at, _)| now - at < length).map(|(_, amount)| amount).sum()
                };
                let exact = within(window as i64 * SECOND) + amount <= max;
                let longer = within(window as i64 * SECOND * 65 / 64) + amount <= max;
                match counters.reserve(&[charge("a", amount, max, window)], now) {
                    Reserved::Taken(_) => {
                        prop_assert!(exact);
                        taken.push((now, amount));
                    }
                    Reserved::Full(_) => prop_assert!(!longer),
                }
                prop_assert!(counters.all.get("a").is_none_or(|slices| slices.amounts.len() <= 65));
            }
        }

        #[test]
        fn a_reservation_that_fails_changes_nothing_and_a_refund_undoes_one(
            before in 0u64..10, amount in 1u64..10, other in 0u64..10,
        ) {
            let mut counters = Counters::default();
            counters.reserve(&[charge("b", before, 100, 60)], 0);
            let used = |counters: &Counters, key: &str| counters.used(&charge(key, 0, 0, 60).counter, 0);
            let full = counters.reserve(&[charge("a", other, 100, 60), charge("b", amount, before, 60)], 0);
            prop_assert_eq!(full, Reserved::Full(1));
            prop_assert_eq!(used(&counters, "a"), Amount::ZERO);
            let Reserved::Taken(ticket) = counters.reserve(&[charge("a", other, 100, 60), charge("b", amount, 100, 60)], 0)
            else { panic!() };
            counters.refund(&ticket);
            prop_assert_eq!(used(&counters, "a"), Amount::ZERO);
            prop_assert_eq!(used(&counters, "b"), Amount::of_u64(before).unwrap());
        }
    }

    #[test]
    fn a_clock_that_is_set_back_frees_nothing() {
        let mut counters = Counters::default();
        let now = 1_000 * SECOND;
        assert!(matches!(counters.reserve(&[charge("a", 1, 1, 10)], now), Reserved::Taken(_)));
        for earlier in [now - 1, now - 10 * SECOND, now - 500 * SECOND, 0, i64::MIN] {
            assert_eq!(counters.reserve(&[charge("a", 1, 1, 10)], earlier), Reserved::Full(0), "{earlier}");
        }
        assert_eq!(counters.reserve(&[charge("a", 1, 1, 10)], now + 10 * SECOND), Reserved::Full(0));
        assert!(matches!(counters.reserve(&[charge("a", 1, 1, 10)], now + 11 * SECOND), Reserved::Taken(_)));
    }

    #[test]
    fn one_counter_named_twice_is_charged_twice() {
        let mut counters = Counters::default();
        let twice = [charge("a", 1, 1, 10), charge("a", 1, 1, 10)];
        assert_eq!(counters.reserve(&twice, 0), Reserved::Full(1));
        assert!(matches!(counters.reserve(&twice[..1], 0), Reserved::Taken(_)));
    }

    #[test]
    fn counters_that_have_nothing_left_are_forgotten() {
        let mut counters = Counters::default();
        for number in 0..5 * i64::from(SWEEP) {
            counters.reserve(&[charge(&number.to_string(), 1, 1, 1)], number * SECOND);
        }
        assert!(counters.len() <= SWEEP as usize + 3);
        let forever = Counter { key: "f".into(), window: Window::FOREVER };
        counters.reserve(&[Charge { counter: forever.clone(), amount: Amount::ONE, max: None }], 0);
        assert_eq!(counters.used(&forever, i64::MAX), Amount::ONE);
    }
}
