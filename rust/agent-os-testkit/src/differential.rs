//! The engine against the reference, on random pairs of policy and request.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;

use agent_os_core::value::Value;

use crate::case::{Decided, Request, text_of};
use crate::engine::Engine;
use crate::generate::{self, Policy, Random};
use crate::reference::{self, Texts};
use crate::shrink::{Case, shrink};

/// What a run has seen, to show that its agreement means something.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Pairs that were compared.
    pub pairs: u64,
    /// Decisions that name an unknown.
    pub with_unknowns: u64,
    /// Decisions by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Decisions by effect.
    pub effects: BTreeMap<String, u64>,
    /// Judgements of each operator, modifier and limit, and of each input that is no argument: false, unknown, true.
    pub operators: BTreeMap<String, [u64; 3]>,
    /// Decisions with each kind of obligation and charge, and those that a shadow differs from.
    pub duties: BTreeMap<String, u64>,
}

impl Coverage {
    fn count(&mut self, decided: &Decided) {
        self.pairs += 1;
        self.with_unknowns += u64::from(!decided.unknowns.is_empty());
        *self.reasons.entry(decided.reason.clone()).or_default() += 1;
        *self.effects.entry(decided.effect.clone()).or_default() += 1;
        let mut duty = |name: &str, is_there: bool| {
            if is_there {
                *self.duties.entry(name.to_owned()).or_default() += 1;
            }
        };
        duty("redact", !decided.redact.is_empty());
        duty("label", !decided.labels.is_empty());
        for level in ["none", "fields", "full"] {
            duty(&format!("record {level}"), decided.record.as_deref() == Some(level));
        }
        duty("charge", decided.charges.iter().any(|(_, _, is_bounded)| *is_bounded));
        duty("charge beyond the limit", decided.charges.iter().any(|(_, _, is_bounded)| !is_bounded));
        duty("shadow", decided.shadow.is_some());
    }

    fn judged(&mut self, operator: &str, truth: Option<bool>) {
        let [no, unknown, yes] = self.operators.entry(operator.to_owned()).or_default();
        *match truth {
            Some(false) => no,
            None => unknown,
            Some(true) => yes,
        } += 1;
    }

    /// The share of decisions with an effect, in percent.
    #[must_use]
    pub fn percent(&self, effect: &str) -> f64 {
        percent(self.effects.get(effect).copied().unwrap_or_default(), self.pairs)
    }

    /// The share of decisions that name an unknown, in percent.
    #[must_use]
    pub fn percent_unknown(&self) -> f64 {
        percent(self.with_unknowns, self.pairs)
    }

    /// Adds what another run has seen.
    pub fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.with_unknowns += other.with_unknowns;
        for (key, count) in &other.reasons {
            *self.reasons.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.effects {
            *self.effects.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.duties {
            *self.duties.entry(key.clone()).or_default() += count;
        }
        for (key, counts) in &other.operators {
            let sums = self.operators.entry(key.clone()).or_default();
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

impl fmt::Display for Coverage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "pairs {}  with unknowns {:.1} %", self.pairs, self.percent_unknown())?;
        for (reason, count) in &self.reasons {
            writeln!(out, "  {reason:<20} {:>5.1} %", percent(*count, self.pairs))?;
        }
        for (duty, count) in &self.duties {
            writeln!(out, "  {duty:<24} {count:>9}")?;
        }
        writeln!(out, "judgements               false    unknown       true")?;
        for (operator, [no, unknown, yes]) in &self.operators {
            writeln!(out, "  {operator:<14} {no:>13} {unknown:>10} {yes:>10}")?;
        }
        Ok(())
    }
}

/// A pair on which the two do not agree, made as small as it can be.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// Where it was found.
    pub place: String,
    /// The smallest document and request.
    pub case: Case,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "the engine and the reference disagree ({})", self.place)?;
        writeln!(out, "document:  {}", text_of(&self.case.document))?;
        writeln!(out, "request:   {}", text_of(&self.case.request.to_value()))?;
        writeln!(out, "engine:    {}", answer(&self.case, engine_decides))?;
        writeln!(out, "reference: {}", answer(&self.case, |case| Some(reference_decides(case))))
    }
}

fn answer(case: &Case, decide: impl Fn(&Case) -> Option<Decided>) -> String {
    decide(case).map_or_else(|| "refuses the document".to_owned(), |decided| text_of(&decided.to_value()))
}

fn engine_decides(case: &Case) -> Option<Decided> {
    Some(Engine::new(&case.document, &case.request.texts).ok()?.decide(&case.request))
}

fn reference_decides(case: &Case) -> Decided {
    reference::decide(&case.document, &case.request, &Texts::new(&case.request.texts))
}

/// The policy of that number in the run of that seed, and the chance that draws its requests.
#[must_use]
pub fn draw(seed: u64, number: u64) -> (Policy, Random) {
    let mut random = Random::new(Random::new(seed).bits() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (generate::policy(&mut random), random)
}

/// Compares the two on one random policy and so many requests.
///
/// # Errors
/// The first disagreement.
pub fn compare_policy(seed: u64, number: u64, requests: u32, coverage: &mut Coverage) -> Result<(), Box<Mismatch>> {
    let (policy, mut random) = draw(seed, number);
    let place = format!("seed {seed}, policy {number}");
    let engine = Engine::new(&policy.document, &policy.texts).unwrap_or_else(|problems| {
        let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{place}: a generated document is refused:\n{}\n{}", text_of(&policy.document), listed.join("\n"))
    });
    let texts = Texts::new(&policy.texts);
    let seen = RefCell::new(coverage);
    for _ in 0..requests {
        let request = generate::request(&mut random, &policy);
        let observe = |operator: &str, truth| seen.borrow_mut().judged(operator, truth);
        let expected = reference::decide_observed(&policy.document, &request, &texts, &observe);
        seen.borrow_mut().count(&expected);
        if engine.decide(&request) != expected {
            return Err(mismatch(place, &policy.document, &request));
        }
    }
    Ok(())
}

/// Compares the two on the random policies of those numbers, on every processor.
///
/// # Errors
/// A disagreement.
pub fn compare_policies(seed: u64, numbers: Range<u64>, requests: u32) -> Result<Coverage, Box<Mismatch>> {
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let one_in_so_many = |first: u64| -> Result<Coverage, Box<Mismatch>> {
        let mut coverage = Coverage::default();
        for number in (numbers.start + first..numbers.end).step_by(workers as usize) {
            compare_policy(seed, number, requests, &mut coverage)?;
        }
        Ok(coverage)
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..workers)
            .map(|first| {
                scope.spawn({
                    let one_in_so_many = &one_in_so_many;
                    move || one_in_so_many(first)
                })
            })
            .collect();
        let mut sum = Coverage::default();
        for worker in started {
            sum.add(&worker.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(sum)
    })
}

fn mismatch(place: String, document: &Value, request: &Request) -> Box<Mismatch> {
    let disagree = |case: &Case| engine_decides(case).is_some_and(|decided| decided != reference_decides(case));
    let found = Case { document: document.clone(), request: request.clone() };
    Box::new(Mismatch { place, case: shrink(found, &disagree) })
}
