//! What may be used of a limit when a request comes: nothing, all of it, or just so much that the request still fits.
//!
//! A limit that counts something else, or longer, or for somebody else keeps a count of its own, so the two policies may
//! have used different amounts of one rule's limit.

use std::collections::BTreeMap;

use super::Engine;
use super::request::Request;
use crate::amount::Amount;
use crate::number::Number;
use crate::policy::limit::{By, Limit, Measure, Per};
use crate::request::Segment;
use crate::value::Value;

/// What is used of the limit of one rule, as each policy counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// As the old policy counts.
    pub before: Amount,
    /// As the new policy counts.
    pub after: Amount,
}

/// How much is used of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Nothing,
    /// All of so much.
    All(Amount),
    /// So much that the request uses up the rest.
    AllButThis(Amount),
}

/// What is used of the limit of a rule that differs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scenario {
    rule: String,
    before: Level,
    after: Level,
    order: Order,
}

/// What is known of two counts of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    before_is_no_more: bool,
    after_is_no_more: bool,
}

/// What to try for a rule, nothing used first. `counts_alike` says that both versions count the same actions.
pub(super) fn scenarios(rule: &str, old: &Engine<'_>, new: &Engine<'_>, counts_alike: bool) -> Vec<Option<Scenario>> {
    let (before, after) = (old.limit(rule), new.limit(rule));
    let mut found = vec![None];
    let is_the_same = match (before, after) {
        (Some(one), Some(other)) => one.max == other.max && is_one_counter((old, one), (new, other)),
        (None, None) => true,
        _ => false,
    };
    // What is used up is used up in both, and shows nothing.
    if is_the_same {
        return found;
    }
    let order = match (before, after) {
        // What names a counter is the same, so it is one counter.
        (Some(one), Some(other)) if is_one_counter((old, one), (new, other)) => {
            Order { before_is_no_more: true, after_is_no_more: true }
        }
        (Some(one), Some(other)) if counts_alike => Order {
            before_is_no_more: counts_within((old, one), (new, other)),
            after_is_no_more: counts_within((new, other), (old, one)),
        },
        _ => Order { before_is_no_more: false, after_is_no_more: false },
    };
    let with = |engine, limit: Option<_>| limit.map(|limit| (engine, limit));
    for one in levels(with(old, before), with(new, after)) {
        for other in levels(with(new, after), with(old, before)) {
            if (one, other) != (Level::Nothing, Level::Nothing) {
                found.push(Some(Scenario { rule: rule.to_owned(), before: one, after: other, order }));
            }
        }
    }
    found
}

/// What may be used of a limit, as far as it and the one that it is compared with tell anything apart.
fn levels(own: Option<(&Engine<'_>, &Limit)>, other: Option<(&Engine<'_>, &Limit)>) -> Vec<Level> {
    let mut found = vec![Level::Nothing];
    let Some(own) = own else { return found };
    let bounds = other.filter(|other| measures_alike(own, *other)).map(|(_, limit)| limit.max);
    for max in std::iter::once(own.1.max).chain(bounds) {
        for level in [Level::All(max), Level::AllButThis(max)] {
            if !found.contains(&level) {
                found.push(level);
            }
        }
    }
    found
}

impl Scenario {
    /// Puts into the request what is used, and the amounts that are summed where they are missing; false if no history
    /// leads to that.
    pub(super) fn apply(&self, request: &mut Request, old: &Engine<'_>, new: &Engine<'_>) -> bool {
        let limits = [old, new].map(|engine| engine.limit(&self.rule).map(|limit| (engine, limit)));
        let least = limits.into_iter().flatten().map(|(_, limit)| limit.max).filter(|max| *max > Amount::ZERO).min();
        for (engine, limit) in limits.into_iter().flatten() {
            if let Measure::Sum(path) = limit.measure {
                if amount(engine, limit, request).is_none() {
                    let one = least.unwrap_or(Amount::ONE).min(Amount::ONE);
                    let number = crate::number::Decimal::parse(&one.to_string()).map(Number::Decimal);
                    number.into_iter().for_each(|number| request.put(engine.bundle.path(path), &Value::Number(number)));
                }
            }
        }
        let [before, after] = [(old, self.before), (new, self.after)].map(|(engine, level)| {
            let used = match level {
                Level::Nothing => Amount::ZERO,
                Level::All(max) => max,
                Level::AllButThis(max) => {
                    let limit = engine.limit(&self.rule)?;
                    max.saturating_sub(amount(engine, limit, request)?)
                }
            };
            Some(used)
        });
        let (Some(before), Some(after)) = (before, after) else { return false };
        if self.order.before_is_no_more && before > after || self.order.after_is_no_more && after > before {
            return false;
        }
        request.used.insert(self.rule.clone(), Used { before, after });
        true
    }
}

/// What the request adds to a limit.
pub(super) fn amount(engine: &Engine<'_>, limit: &Limit, request: &Request) -> Option<Amount> {
    match limit.measure {
        Measure::Calls => Some(Amount::ONE),
        Measure::Sum(path) => {
            let steps = engine.bundle.segments(path).iter().map(Segment::key);
            match steps.into_iter().try_fold(&request.args, |value, key| value.get(key))? {
                Value::Number(number) => Amount::of_number(number),
                _ => None,
            }
        }
    }
}

/// What one engine has used, by rule.
pub(super) fn of_side(used: &BTreeMap<String, Used>, is_new: bool) -> BTreeMap<String, Amount> {
    used.iter().map(|(rule, used)| (rule.clone(), if is_new { used.after } else { used.before })).collect()
}

fn is_one_counter(one: (&Engine<'_>, &Limit), other: (&Engine<'_>, &Limit)) -> bool {
    measures_alike(one, other) && (one.1.per, one.1.by) == (other.1.per, other.1.by)
}

/// Whatever counts for the first limit counts for the second, so that no less is used of it.
fn counts_within(one: (&Engine<'_>, &Limit), other: (&Engine<'_>, &Limit)) -> bool {
    let lasts = match (one.1.per, other.1.per) {
        (Per::Seconds(short), Per::Seconds(long)) => short <= long,
        (one, other) => one == other,
    };
    let counted_for = match (one.1.by, other.1.by) {
        (one, other) if one == other => true,
        (_, By::Global) | (By::Process, By::Agent | By::Role) | (By::Agent, By::Role) => true,
        _ => false,
    };
    measures_alike(one, other) && lasts && counted_for
}

fn measures_alike((engine, one): (&Engine<'_>, &Limit), (with, other): (&Engine<'_>, &Limit)) -> bool {
    match (one.measure, other.measure) {
        (Measure::Calls, Measure::Calls) => true,
        (Measure::Sum(one), Measure::Sum(other)) => engine.bundle.path(one) == with.bundle.path(other),
        (Measure::Calls, Measure::Sum(_)) | (Measure::Sum(_), Measure::Calls) => false,
    }
}
