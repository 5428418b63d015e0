//! Denials that repeat. A few of the same are recorded one by one and the others only counted, so that a run that asks
//! for the same thing in a loop cannot fill the disk.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::audit::event::{Draft, kind};

/// For how long the same denial is counted, from the first one on.
pub(super) const WINDOW_MICROS: i64 = 1_000_000;
/// How many of the same are recorded in that time before they are counted.
pub(super) const SAME: u32 = 8;
/// How many different denials of one run are recorded in that time. Others of their kind are counted together.
pub(super) const DIFFERENT: u32 = 100;
/// How many denials are remembered at once.
const HELD: usize = 1_024;

/// A denial as far as counting it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    pub(super) pid: Option<u64>,
    pub(super) agent: Option<String>,
    pub(super) action: String,
    pub(super) reason: &'static str,
    pub(super) rules: Vec<String>,
}

impl Denial {
    /// The key of those that are counted together with it when they are too many.
    pub(super) fn sort(&self) -> Key {
        let mut hash = Sha256::new();
        hash.update(self.pid.map_or([0; 9], |pid| {
            let [a, b, c, d, e, f, g, h] = pid.to_be_bytes();
            [1, a, b, c, d, e, f, g, h]
        }));
        for part in [self.action.as_str(), self.reason].into_iter().chain(self.rules.iter().map(String::as_str)) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// What identifies a denial: SHA-256 of all that its entry says but the time, or of what kind it is.
pub(super) type Key = [u8; 32];

#[derive(Debug)]
struct Repeat {
    denial: Denial,
    /// The entry of the first one; nothing if different ones are counted together.
    first: Option<u64>,
    /// How many were recorded.
    recorded: u32,
    since: i64,
    until: i64,
    count: u64,
}

#[derive(Debug, Default)]
struct Table {
    repeats: FxHashMap<Key, Repeat>,
    /// How many were recorded of a run since when.
    recorded: FxHashMap<Option<u64>, (i64, u32)>,
}

/// What is counted and not told yet.
#[derive(Debug)]
pub(super) struct Repeats {
    table: Mutex<Table>,
    /// When the next count has to be told.
    due: AtomicI64,
}

impl Repeats {
    pub(super) fn new() -> Self {
        Self { table: Mutex::default(), due: AtomicI64::new(i64::MAX) }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `tell` has something to do at this time.
    pub(super) fn is_due(&self, now: i64) -> bool {
        now >= self.due.load(Ordering::Relaxed)
    }

    /// The entries for counts whose time is over. With `all`, for every count.
    pub(super) fn tell(&self, now: i64, all: bool) -> Vec<Draft> {
        let mut table = self.table();
        // A clock that went back ends the counting, too.
        let over = |since: i64| all || now < since || now >= since.saturating_add(WINDOW_MICROS);
        let mut told: Vec<(i64, Draft)> = Vec::new();
        table.repeats.retain(|_, repeat| {
            let is_over = over(repeat.since);
            if is_over && repeat.count > 0 {
                told.push((repeat.since, draft(repeat)));
            }
            !is_over
        });
        table.recorded.retain(|_, (since, _)| !over(*since));
        let due = table.repeats.values().map(|repeat| repeat.since.saturating_add(WINDOW_MICROS)).min();
        self.due.store(due.unwrap_or(i64::MAX), Ordering::Relaxed);
        told.sort_by_key(|(since, _)| *since);
        told.into_iter().map(|(_, draft)| draft).collect()
    }

    /// Counts the denial if it need not be recorded. `sort` is the key of those that are counted together with it when
    /// its run has been denied too many different things.
    pub(super) fn counts(&self, same: &Key, sort: &Key, denial: &Denial, now: i64) -> bool {
        let mut table = self.table();
        let current = |since: i64| now >= since && now < since.saturating_add(WINDOW_MICROS);
        if let Some(repeat) = table.repeats.get_mut(same).filter(|repeat| current(repeat.since)) {
            if repeat.recorded < SAME {
                return false;
            }
            (repeat.until, repeat.count) = (now, repeat.count + 1);
            return true;
        }
        let spent =
            table.recorded.get(&denial.pid).is_some_and(|(since, count)| current(*since) && *count >= DIFFERENT);
        if !spent || table.repeats.len() >= HELD {
            return false;
        }
        let fresh = || Repeat { denial: denial.clone(), first: None, recorded: 0, since: now, until: now, count: 0 };
        let repeat = table.repeats.entry(*sort).or_insert_with(fresh);
        (repeat.until, repeat.count) = (now, repeat.count + 1);
        self.due.fetch_min(repeat.since.saturating_add(WINDOW_MICROS), Ordering::Relaxed);
        true
    }

    /// The denial was recorded as entry `seq`.
    pub(super) fn recorded(&self, same: Key, denial: Denial, seq: u64, now: i64) {
        let mut table = self.table();
        let current = |since: i64| now >= since && now < since.saturating_add(WINDOW_MICROS);
        if let Some(repeat) = table.repeats.get_mut(&same).filter(|repeat| current(repeat.since)) {
            repeat.recorded += 1;
            return;
        }
        let (since, count) = table.recorded.entry(denial.pid).or_insert((now, 0));
        if !current(*since) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        if table.repeats.len() < HELD {
            let repeat = Repeat { denial, first: Some(seq), recorded: 1, since: now, until: now, count: 0 };
            table.repeats.insert(same, repeat);
            self.due.fetch_min(now.saturating_add(WINDOW_MICROS), Ordering::Relaxed);
        }
    }
}

fn draft(repeat: &Repeat) -> Draft {
    let Denial { pid, agent, action, reason, rules } = &repeat.denial;
    let mut draft = Draft::new();
    draft.text("action", action);
    if let Some(agent) = agent {
        draft.text("agent", agent);
    }
    draft.number("count", repeat.count);
    if let Some(first) = repeat.first {
        draft.number("first", first);
    }
    draft.text("kind", kind::DENIED_REPEATEDLY);
    if let Some(pid) = pid {
        draft.number("pid", *pid);
    }
    let micros = |at: i64| u64::try_from(at).unwrap_or(0);
    draft
        .text("reason", reason)
        .texts("rules", rules.iter().map(String::as_str))
        .number("since", micros(repeat.since))
        .number("until", micros(repeat.until));
    draft
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;
    use crate::canonical;
    use crate::value::Value;

    fn denial(pid: u64) -> Denial {
        Denial {
            pid: Some(pid),
            agent: Some("desk".to_owned()),
            action: "payments.send".to_owned(),
            reason: "denied_by_rule",
            rules: vec!["no".to_owned()],
        }
    }

    fn entries(drafts: &[Draft]) -> Vec<Value> {
        let entry = |draft: &Draft| {
            let mut out = Vec::new();
            draft.finish("ab", 1, 1, &mut out);
            canonical::decode(&out).unwrap()
        };
        drafts.iter().map(entry).collect()
    }

    #[test]
    fn the_same_again_is_counted_until_its_time_is_over_and_then_told() {
        let repeats = Repeats::new();
        for seq in 40..48 {
            assert!(!repeats.counts(&[1; 32], &[0; 32], &denial(7), 100));
            repeats.recorded([1; 32], denial(7), seq, 100);
        }
        for at in [101, 500, 100 + WINDOW_MICROS - 1] {
            assert!(repeats.counts(&[1; 32], &[0; 32], &denial(7), at));
        }
        assert!(!repeats.counts(&[2; 32], &[0; 32], &denial(7), 101), "another is another");
        assert!(!repeats.is_due(99 + WINDOW_MICROS) && repeats.is_due(100 + WINDOW_MICROS));
        assert!(repeats.tell(99 + WINDOW_MICROS, false).is_empty());
        assert!(!repeats.counts(&[1; 32], &[0; 32], &denial(7), 100 + WINDOW_MICROS), "its time is over");
        let told = entries(&repeats.tell(100 + WINDOW_MICROS, false));
        assert_eq!(told.len(), 1);
        let expected = r#"{"action":"payments.send","agent":"desk","count":3,"first":40,"kind":"denied.repeatedly","log":"ab","pid":7,"reason":"denied_by_rule","rules":["no"],"seq":1,"since":100,"time":1,"until":1000099}"#;
        assert_eq!(told[0], canonical::decode(expected.as_bytes()).unwrap());
        assert!(repeats.tell(i64::MAX, true).is_empty());
        assert!(!repeats.is_due(i64::MAX - 1));
    }

    #[test]
    fn what_did_not_repeat_is_not_told_and_a_clock_that_went_back_ends_the_counting() {
        let repeats = Repeats::new();
        repeats.recorded([1; 32], denial(7), 40, 100);
        assert!(repeats.tell(i64::MAX, false).is_empty());
        for seq in 41..49 {
            repeats.recorded([1; 32], denial(7), seq, 100);
        }
        assert!(repeats.counts(&[1; 32], &[0; 32], &denial(7), 100));
        assert!(!repeats.counts(&[1; 32], &[0; 32], &denial(7), 99));
        assert_eq!(repeats.tell(99, false).len(), 1);
    }

    #[test]
    fn different_denials_are_recorded_up_to_a_bound_and_then_counted_by_sort_and_run() {
        let repeats = Repeats::new();
        let key = |number: u32| {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_le_bytes());
            key
        };
        for number in 0..DIFFERENT {
            assert!(!repeats.counts(&key(number), &[9; 32], &denial(7), 5));
            repeats.recorded(key(number), denial(7), u64::from(number), 5);
        }
        for number in DIFFERENT..5_000 {
            assert!(repeats.counts(&key(number), &[9; 32], &denial(7), 6));
            assert!(!repeats.counts(&key(number), &[8; 32], &denial(8), 6), "another run has room of its own");
        }
        let told = entries(&repeats.tell(0, true));
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].get("count"), Some(&Value::from(i64::from(5_000 - DIFFERENT))));
        assert_eq!(told[0].get("first"), None);
    }

    #[test]
    fn memory_is_bounded_and_what_does_not_fit_is_recorded() {
        let repeats = Repeats::new();
        for number in 0..u64::try_from(HELD).unwrap() * 3 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            assert!(!repeats.counts(&key, &[9; 32], &denial(number), 5));
            repeats.recorded(key, denial(number), number, 5);
        }
        assert!(repeats.table().repeats.len() <= HELD);
    }
}
