//! What is used of limits, read for a decision and reserved for an action: for the run that asks and all runs above it.

use std::cell::{Cell, RefCell};
use std::fmt;

use smallvec::SmallVec;

use super::process::{Agent, Process};
use super::store::{Charge, Charged, Counter, Reserved, Store, StoreFault, Ticket, Window};
use crate::amount::Amount;
use crate::audit::event::write_texts;
use crate::policy::{Bundle, By, Limit, LimitCharge, Measure, Per, RuleIx};
use crate::request::Usage;

/// Who is charged: an agent, and the run that asks, if there is one already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payer<'p> {
    pub(super) agent: &'p Agent,
    pub(super) process: Option<&'p Process>,
}

impl<'p> Payer<'p> {
    pub(super) fn process(process: &'p Process) -> Self {
        Self { agent: &process.agent, process: Some(process) }
    }

    /// The run and those above it. The operator's own calls are charged only to themselves.
    fn runs(self) -> impl Iterator<Item = &'p Process> {
        let mut next = self.process;
        std::iter::from_fn(move || {
            let run = next?;
            next = run.parent().filter(|parent| !parent.is_operator());
            Some(run)
        })
    }

    /// The agents of the run and of those above it.
    fn agents(self) -> impl Iterator<Item = &'p Agent> {
        std::iter::once(self.agent).chain(self.runs().skip(1).map(|run| &*run.agent))
    }
}

/// The counters of one rule for one request.
enum Counters {
    /// One for each run, each kept by its run.
    Runs(Counter),
    /// Those in the store.
    Store(SmallVec<[Counter; 1]>),
}

fn counters(bundle: &Bundle, rule: RuleIx, limit: &Limit, payer: Payer<'_>, action: &str) -> Counters {
    let id = bundle.rule(rule).map_or("", |rule| rule.id.as_str());
    let measure = match limit.measure {
        Measure::Calls => "calls",
        Measure::Sum(path) => bundle.path(path),
    };
    let (window, seconds) = match limit.per {
        Per::Run => (Window::FOREVER, "run".to_owned()),
        // The compiler takes neither 0 nor more than a store can count; for ever is the stricter reading.
        Per::Seconds(seconds) => (Window::seconds(seconds).unwrap_or(Window::FOREVER), seconds.to_string()),
    };
    // What names a counter: a rule that counts something else, or longer, starts anew.
    let counter = |subject: &str| {
        let mut key = Vec::new();
        write_texts([id, measure, seconds.as_str(), limit.by.code(), subject], &mut key);
        Counter { key: String::from_utf8_lossy(&key).into(), window }
    };
    let mut found: SmallVec<[Counter; 1]> = SmallVec::new();
    let mut add = |subject: &str| {
        let counter = counter(subject);
        if !found.contains(&counter) {
            found.push(counter);
        }
    };
    match limit.by {
        By::Process => return Counters::Runs(counter("")),
        By::Agent => payer.agents().for_each(|agent| add(&agent.id)),
        By::Role => {
            for agent in payer.agents() {
                // SECURITY: an agent without roles is not without a limit. No role is spelt as the empty text.
                if agent.roles.is_empty() {
                    add("");
                }
                agent.roles.iter().for_each(|role| add(role));
            }
        }
        By::Action => add(action),
        By::Global => add(""),
    }
    Counters::Store(found)
}

/// Reads what is used, once for each rule, and remembers what it read.
pub(super) struct Meter<'m> {
    store: &'m dyn Store,
    bundle: &'m Bundle,
    payer: Payer<'m>,
    action: &'m str,
    now_micros: i64,
    read: RefCell<Vec<(RuleIx, Amount)>>,
    failed: Cell<bool>,
}

impl<'m> Meter<'m> {
    pub(super) fn new(
        store: &'m dyn Store,
        bundle: &'m Bundle,
        payer: Payer<'m>,
        action: &'m str,
        now_micros: i64,
    ) -> Self {
        Self { store, bundle, payer, action, now_micros, read: RefCell::default(), failed: Cell::new(false) }
    }

    /// The moment that is read for.
    pub(super) fn now_micros(&self) -> i64 {
        self.now_micros
    }

    /// True if something could not be read.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// What was read, in the order of the rules' ids.
    pub(super) fn into_read(self) -> Vec<(RuleIx, Amount)> {
        let mut read = self.read.into_inner();
        read.sort_by_key(|(rule, _)| *rule);
        read
    }

    fn most(&self, rule: RuleIx, limit: &Limit) -> Result<Amount, StoreFault> {
        match counters(self.bundle, rule, limit, self.payer, self.action) {
            Counters::Runs(counter) => {
                let used = self.payer.runs().map(|run| run.counters().used(&counter, self.now_micros));
                Ok(used.max().unwrap_or_default())
            }
            Counters::Store(counters) => {
                Ok(self.store.used(&counters, self.now_micros)?.into_iter().max().unwrap_or_default())
            }
        }
    }
}

impl Usage for Meter<'_> {
    fn used(&self, rule: RuleIx) -> Option<Amount> {
        if let Some((_, used)) = self.read.borrow().iter().find(|(known, _)| *known == rule) {
            return Some(*used);
        }
        // What is in shadow charges nothing, and forbids nothing, not even when the store fails.
        if self.bundle.rule(rule).is_some_and(|rule| rule.shadow) {
            return Some(Amount::ZERO);
        }
        match self.most(rule, self.bundle.limit(rule)?) {
            Ok(used) => {
                self.read.borrow_mut().push((rule, used));
                Some(used)
            }
            Err(_) => {
                self.failed.set(true);
                None
            }
        }
    }
}

impl fmt::Debug for Meter<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Meter").field("action", &self.action).finish_non_exhaustive()
    }
}

/// What was reserved for an action. It is given back if the action never starts.
#[derive(Debug, Default)]
#[must_use = "what is reserved for an action that does not happen is to be given back"]
pub(super) struct Taken {
    store: Ticket,
    runs: SmallVec<[(u64, Charged); 1]>,
}

/// Reserves what a verdict charges, all of it or nothing; `None` if a limit was in the way.
pub(super) fn reserve(
    store: &dyn Store,
    bundle: &Bundle,
    payer: Payer<'_>,
    action: &str,
    now_micros: i64,
    charges: &[LimitCharge],
) -> Result<Option<Taken>, StoreFault> {
    let mut stored: Vec<Charge> = Vec::new();
    let mut taken = Taken::default();
    for LimitCharge { rule, amount, bounded } in charges {
        let Some(limit) = bundle.limit(*rule) else { continue };
        let charge = |counter| Charge { counter, amount: *amount, max: bounded.then_some(limit.max) };
        match counters(bundle, *rule, limit, payer, action) {
            Counters::Store(counters) => stored.extend(counters.into_iter().map(charge)),
            Counters::Runs(counter) => {
                let charge = charge(counter);
                for run in payer.runs() {
                    match run.counters().reserve(std::slice::from_ref(&charge), now_micros) {
                        Reserved::Taken(ticket) => {
                            taken.runs.extend(ticket.into_iter().map(|charged| (run.pid, charged)));
                        }
                        Reserved::Full(_) => {
                            refund_runs(payer, &taken);
                            return Ok(None);
                        }
                    }
                }
            }
        }
    }
    if stored.is_empty() {
        return Ok(Some(taken));
    }
    // The runs' own counters first: what they hold if the store refuses is given back, and was too much, never too little.
    match store.reserve(&stored, now_micros) {
        Ok(Reserved::Taken(ticket)) => {
            taken.store = ticket;
            Ok(Some(taken))
        }
        refused => {
            refund_runs(payer, &taken);
            refused.map(|_| None)
        }
    }
}

/// Gives back what was reserved. If the store cannot take it, it stays used: that is less room, not more.
pub(super) fn refund(store: &dyn Store, process: &Process, taken: &Taken) {
    refund_runs(Payer::process(process), taken);
    if !taken.store.is_empty() {
        let _ = store.refund(&taken.store);
    }
}

fn refund_runs(payer: Payer<'_>, taken: &Taken) {
    for (pid, charged) in &taken.runs {
        if let Some(run) = payer.runs().find(|run| run.pid == *pid) {
            run.counters().refund(std::slice::from_ref(charged));
        }
    }
}
