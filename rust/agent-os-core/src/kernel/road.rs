//! The steps of the road, in the one order in which they compile.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::{ArcSwap, Guard};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::decision::Decision;
use super::gate::Gate;
use super::lifecycle::Processes;
use super::outcome::{Outcome, bounded};
use super::process::{Agent, OPERATOR, Process, RunData};
use super::protected::Protected;
use super::record::{DescribeArguments, RecordFault, Recorder, Shown, Subjects};
use super::repeats::{Denial, Repeats};
use super::retired::Retired;
use super::store::Store;
use super::usage::{self, Meter, Payer, Taken};
use crate::audit::event::{Draft, kind, write_texts};
use crate::canonical;
use crate::limits;
use crate::policy::{
    Bundle, Effect, Obligations, Provenance, Record, RuleIx, Subject, SubjectKey, ToolTypes, Verdict, decide, required,
};
use crate::reason::Reason;
use crate::request::{Arguments, RunState, Unused, Usage};

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const UNRECORDED: u8 = 2;

/// How often an action is decided anew because others used up what the decision counted on.
const ROUNDS: u8 = 8;

/// The bundle that decides, with what was made of it for speed.
#[derive(Debug)]
pub struct InForce<X> {
    /// The rules.
    pub bundle: Arc<Bundle>,
    /// What the caller keeps beside each bundle.
    pub extra: Arc<X>,
    /// What no governed action may name, whatever the rules say.
    pub protected: Arc<Protected>,
    // INVARIANT: one for each registered agent, at the agent's index.
    subjects: Vec<Arc<SubjectKey>>,
    // INVARIANT: as long as `subjects`.
    agents: Vec<Arc<Agent>>,
}

impl<X> InForce<X> {
    pub(super) fn new(bundle: Arc<Bundle>, extra: Arc<X>, protected: Arc<Protected>, agents: &[Arc<Agent>]) -> Self {
        let subjects = agents
            .iter()
            .map(|agent| Arc::new(bundle.subject(&Subject { id: &agent.id, roles: &agent.roles })))
            .collect();
        Self { bundle, extra, protected, subjects, agents: agents.to_vec() }
    }
}

/// A value whose intent stands in the log. Only [`Kernel::judge`] makes one, after the recorder has answered, so code
/// that needs one cannot run before.
///
/// ```compile_fail
/// // A decision that was not recorded cannot be passed off as one that was.
/// let audited = agent_os_core::kernel::Audited { value: (), receipt: (), taken: None };
/// ```
#[derive(Debug)]
#[must_use = "an intent without an outcome stays open in the log"]
pub struct Audited<T, Receipt> {
    // INVARIANT: the intent that this value is about was recorded, and `receipt` is what the recorder gave for it.
    value: T,
    receipt: Receipt,
    // What was reserved for it; for most actions nothing is.
    taken: Option<Box<Taken>>,
}

impl<T, Receipt> Audited<T, Receipt> {
    /// What was audited.
    pub fn get(&self) -> &T {
        &self.value
    }
}

/// The right to let the effect of an audited value pass. Only [`Kernel::clear`] makes one, when the intent is as durable
/// as the recorder promises.
///
/// ```compile_fail
/// fn pass(audited: &agent_os_core::kernel::Audited<(), ()>) -> agent_os_core::kernel::Cleared<'_, (), ()> {
///     agent_os_core::kernel::Cleared(audited)
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cleared<'a, T, Receipt>(&'a Audited<T, Receipt>);

impl<T, Receipt> Cleared<'_, T, Receipt> {
    pub(super) fn receipt(&self) -> &Receipt {
        &self.0.receipt
    }
}

/// What judging came to.
#[derive(Debug)]
pub enum Judged<Receipt> {
    /// Recorded, and free to happen.
    Go(Audited<Decision, Receipt>),
    /// Somebody must confirm it first; nothing was recorded yet.
    Ask(Decision),
    /// It must not happen, and the log says so, unless the fault says why the log could not.
    Denied(Decision, Option<RecordFault>),
}

/// An action with its frozen arguments.
pub struct Request<'a, A> {
    /// The action's name.
    pub action: &'a str,
    /// The arguments.
    pub args: &'a A,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub now_micros: i64,
    /// What the log is to say of the arguments.
    pub describe: &'a DescribeArguments<'a>,
}

/// Which of a kernel's agents asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentPlace(usize);

/// A confirmation of one request under one bundle.
#[derive(Clone, Debug)]
pub struct Approval {
    /// SHA-256 of the request, in hex.
    pub request: String,
    /// Digest of the bundle whose ask rules were shown.
    pub bundle: String,
    /// The ids of the ask rules that were shown.
    pub rules: Vec<String>,
    /// Who confirmed.
    pub by: String,
}

/// The kernel: policy in force, agents, runs and the recorder.
pub struct Kernel<R: Recorder, X> {
    pub(super) number: u64,
    in_force: ArcSwap<InForce<X>>,
    // SECURITY: looked up with what the operator's code names, filled by it: nobody can make it collide.
    agents: RwLock<FxHashMap<String, Arc<Agent>>>,
    pub(super) roster: Mutex<Vec<Arc<Agent>>>,
    // SECURITY: held while a tool is added and while a bundle is put in force, so that none meets one that it was not held
    // against.
    pub(super) tools: Mutex<ToolTypes>,
    retired: Mutex<Retired<X>>,
    pub(super) recorder: R,
    store: Arc<dyn Store>,
    level: Record,
    pub(super) processes: Processes,
    status: AtomicU8,
    pub(super) operator: Arc<Process>,
    // What a run that does not exist has seen.
    /// Denials that are counted and not told yet.
    repeats: Repeats,
    nothing_seen: Provenance,
}

impl<R: Recorder, X> Kernel<R, X> {
    /// A kernel with this bundle in force. `number` tells its processes from those of other kernels.
    ///
    /// # Errors
    /// The recorder did not take the first entry.
    #[expect(clippy::too_many_arguments, reason = "a kernel is configured whole")]
    pub fn new(
        number: u64,
        bundle: Arc<Bundle>,
        extra: Arc<X>,
        protected: Arc<Protected>,
        recorder: R,
        store: Arc<dyn Store>,
        level: Record,
        loaded: &Draft,
    ) -> Result<Self, RecordFault> {
        recorder.event(loaded)?;
        let agent = Arc::new(Agent { id: OPERATOR.to_owned(), roles: Vec::new(), index: 0 });
        let roster = vec![Arc::clone(&agent)];
        Ok(Self {
            number,
            in_force: ArcSwap::from_pointee(InForce::new(bundle, extra, protected, &roster)),
            agents: RwLock::default(),
            roster: Mutex::new(roster),
            tools: Mutex::default(),
            retired: Mutex::default(),
            recorder,
            store,
            level,
            processes: Processes::new(),
            status: AtomicU8::new(OPEN),
            operator: Arc::new(Process::new(number, 0, agent, None, false, true)),
            repeats: Repeats::new(),
            nothing_seen: Provenance::default(),
        })
    }

    /// The recorder.
    pub fn recorder(&self) -> &R {
        &self.recorder
    }

    /// Where state is kept.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The bundle that decides now.
    pub fn in_force(&self) -> Guard<Arc<InForce<X>>> {
        self.in_force.load()
    }

    /// The operator's own identity.
    #[must_use]
    pub fn operator(&self) -> &Arc<Process> {
        &self.operator
    }

    /// Makes an agent known; `None` if the id is taken. `roles` are sorted here.
    ///
    /// # Errors
    /// The recorder did not take the entry; the agent is not known.
    pub fn register(&self, id: &str, mut roles: Vec<String>) -> Result<Option<Arc<Agent>>, RecordFault> {
        let mut roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        if roster.iter().any(|agent| agent.id == id) {
            return Ok(None);
        }
        roles.sort_unstable();
        roles.dedup();
        let mut draft = Draft::new();
        draft.text("agent", id).text("kind", kind::AGENT_REGISTERED).texts("roles", roles.iter().map(String::as_str));
        self.recorder.event(&draft)?;
        let agent = Arc::new(Agent { id: id.to_owned(), roles, index: roster.len() });
        let in_force = self.in_force.load_full();
        let subject = in_force.bundle.subject(&Subject { id: &agent.id, roles: &agent.roles });
        let mut subjects = in_force.subjects.clone();
        subjects.push(Arc::new(subject));
        roster.push(Arc::clone(&agent));
        let before = self.in_force.swap(Arc::new(InForce {
            bundle: Arc::clone(&in_force.bundle),
            extra: Arc::clone(&in_force.extra),
            protected: Arc::clone(&in_force.protected),
            subjects,
            agents: roster.clone(),
        }));
        drop(in_force);
        // What is beside the bundle stays in force.
        drop(self.retire(before));
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        agents.insert(agent.id.clone(), Arc::clone(&agent));
        Ok(Some(agent))
    }

    /// A registered agent.
    #[must_use]
    pub fn agent(&self, id: &str) -> Option<Arc<Agent>> {
        self.agents.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The place of a registered agent, for [`Kernel::check`]: asking a question takes no share of the agent.
    #[must_use]
    pub fn agent_place(&self, id: &str) -> Option<AgentPlace> {
        self.agents.read().unwrap_or_else(PoisonError::into_inner).get(id).map(|agent| AgentPlace(agent.index))
    }

    /// Protects other files under the bundle that is in force.
    pub fn protect(&self, protected: Arc<Protected>) {
        let _roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.in_force.load_full();
        let next = InForce {
            bundle: Arc::clone(&now.bundle),
            extra: Arc::clone(&now.extra),
            protected,
            subjects: now.subjects.clone(),
            agents: now.agents.clone(),
        };
        drop(now);
        // What is beside the bundle stays in force.
        drop(self.replace(next));
    }

    /// INVARIANT: called with the roster held, so that of two who change what is in force none is lost.
    pub(super) fn replace(&self, next: InForce<X>) -> Vec<Arc<X>> {
        self.retire(self.in_force.swap(Arc::new(next)))
    }

    /// Takes apart the bundles that were in force and of which no decision and nobody else has a share. One that is still
    /// shared is taken apart at a later call, never by whoever gives the last other share back.
    pub fn release(&self) {
        let _unshared = self.retired.lock().unwrap_or_else(PoisonError::into_inner).take_unshared();
    }

    fn retire(&self, before: Arc<InForce<X>>) -> Vec<Arc<X>> {
        let unread = {
            let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
            retired.add(before);
            retired.take_unread()
        };
        unread.into_iter().map(|in_force| Arc::clone(&in_force.extra)).collect()
    }

    /// Decides without effect and without record, for a run that does not exist: no labels, no text seen.
    pub fn check<A: Arguments>(
        &self,
        in_force: &InForce<X>,
        agent: AgentPlace,
        action: &str,
        args: &A,
        now: i64,
    ) -> Verdict {
        let Some((subject, agent)) = in_force.subjects.get(agent.0).zip(in_force.agents.get(agent.0)) else {
            return Decision::refusal(Reason::InternalError, &in_force.bundle).verdict;
        };
        if let Some(argument) = in_force.protected.find_in(args) {
            return Decision::protected(argument, &in_force.bundle).verdict;
        }
        let meter = Meter::new(&*self.store, &in_force.bundle, Payer { agent, process: None }, action, now);
        let run = RunState {
            labels: &[],
            calls: 0,
            depth: 0,
            parent: None,
            now_micros: now,
            provenance: &self.nothing_seen,
            usage: &meter,
        };
        let verdict = decide(&in_force.bundle, subject, action, args, &run, &[]);
        if meter.has_failed() { Decision::refusal(Reason::StoreFailed, &in_force.bundle).verdict } else { verdict }
    }

    /// Decides without effect and without record, for a live run.
    pub fn check_process<A: Arguments>(
        &self,
        in_force: &InForce<X>,
        process: &Process,
        action: &str,
        args: &A,
        now: i64,
    ) -> Verdict {
        match self.standing(Some(process)) {
            Ok(process) => {
                if let Some(denied) = self.control_plane(in_force, process, args) {
                    return denied.verdict;
                }
                let meter = Meter::new(&*self.store, &in_force.bundle, Payer::process(process), action, now);
                self.decide(in_force, process, action, args, &meter, &[])
            }
            Err(reason) => Decision::refusal(reason, &in_force.bundle).verdict,
        }
    }

    /// Decides, and records the intent of an allow or the denial.
    ///
    /// An approval counts for the ask rules that were shown, and only while the bundle is the one that was shown.
    ///
    /// `in_force` is what [`Kernel::in_force`] gave: the arguments are read with its bundle's paths.
    pub fn judge<A: Arguments>(
        &self,
        in_force: &InForce<X>,
        process: Option<&Process>,
        request: &Request<'_, A>,
        approval: Option<&Approval>,
    ) -> Judged<R::Receipt> {
        let live = match self.standing(process) {
            Ok(live) => live,
            Err(reason) => {
                let refusal = Decision::refusal(reason, &in_force.bundle);
                let (decision, fault) = self.record_denial(process, request, refusal, None);
                return Judged::Denied(decision, fault);
            }
        };
        if let Some(denied) = self.control_plane(in_force, live, request.args) {
            return self.deny(in_force, live, request, denied);
        }
        let approved: SmallVec<[RuleIx; 4]> = approval
            .filter(|approval| approval.bundle == in_force.bundle.digest())
            .map(|approval| approval.rules.iter().filter_map(|id| in_force.bundle.rule_ix(id)).collect())
            .unwrap_or_default();
        for _ in 0..ROUNDS {
            if let Some(judged) = self.judge_once(in_force, live, request, &approved, approval) {
                return judged;
            }
        }
        // Others were faster each time.
        self.deny(in_force, live, request, Decision::refusal(Reason::LimitExceeded, &in_force.bundle))
    }

    /// `None`, and nothing happened, if others used a limit up between the decision and the reservation.
    fn judge_once<A: Arguments>(
        &self,
        in_force: &InForce<X>,
        live: &Process,
        request: &Request<'_, A>,
        approved: &[RuleIx],
        approval: Option<&Approval>,
    ) -> Option<Judged<R::Receipt>> {
        let (bundle, now_micros) = (&in_force.bundle, request.now_micros);
        let payer = Payer::process(live);
        let meter = Meter::new(&*self.store, bundle, payer, request.action, now_micros);
        let verdict = self.decide(in_force, live, request.action, request.args, &meter, approved);
        let mut decision = Decision::new(verdict, bundle);
        decision.used = meter.into_read();
        match decision.verdict.effect {
            Effect::Deny => Some(self.deny(in_force, live, request, decision)),
            Effect::Ask => Some(Judged::Ask(decision)),
            Effect::Allow if decision.verdict.charges.is_empty() => {
                Some(self.admit(in_force, live, request, decision, approval, None))
            }
            Effect::Allow => {
                let charges = &decision.verdict.charges;
                match usage::reserve(&*self.store, bundle, payer, request.action, now_micros, charges) {
                    Ok(Some(taken)) => {
                        Some(self.admit(in_force, live, request, decision, approval, Some(Box::new(taken))))
                    }
                    Ok(None) => None,
                    Err(_) => Some(self.deny(in_force, live, request, Decision::refusal(Reason::StoreFailed, bundle))),
                }
            }
        }
    }

    /// Records the intent of what is allowed, and gives back what was reserved if it cannot be recorded.
    fn admit<A: Arguments>(
        &self,
        in_force: &InForce<X>,
        live: &Process,
        request: &Request<'_, A>,
        decision: Decision,
        approval: Option<&Approval>,
        taken: Option<Box<Taken>>,
    ) -> Judged<R::Receipt> {
        if self.repeats.is_due(request.now_micros) {
            self.tell_repeats(request.now_micros, false);
        }
        let recorded = self
            .draft(kind::INTENT, Some(live), request, &decision, Some(&decision.obligations), approval)
            .and_then(|mut draft| {
                draft.field("when", |out| canonical::write_int(request.now_micros, out));
                self.recorder.intent(&draft)
            });
        match recorded {
            Ok(receipt) => {
                live.add_labels(&decision.obligations.labels);
                live.count_call();
                Judged::Go(Audited { value: decision, receipt, taken })
            }
            Err(fault) => {
                if let Some(taken) = &taken {
                    usage::refund(&*self.store, live, taken);
                }
                Judged::Denied(Decision::refusal(Reason::RecordFailed, &in_force.bundle), Some(fault))
            }
        }
    }

    /// Records that the action does not happen, for a reason of the kernel's own.
    pub fn refuse<A>(
        &self,
        process: Option<&Process>,
        request: &Request<'_, A>,
        reason: Reason,
    ) -> (Decision, Option<RecordFault>) {
        let decision = Decision::refusal(reason, &self.in_force.load().bundle);
        self.record_denial(process, request, decision, None)
    }

    /// The denial of what only the operator may do, if it is asked from inside a running agent, whichever kernel runs
    /// it; `None` if it may be done.
    pub fn control(&self, process: Option<&Process>, action: &str, now_micros: i64) -> Option<Decision> {
        if process.is_none_or(Process::is_operator) {
            return None;
        }
        let nothing = |_: &Shown<'_>, out: &mut Vec<u8>| {
            out.extend_from_slice(b"null");
            Ok(())
        };
        let request = Request { action, args: &(), now_micros, describe: &nothing };
        // If the denial cannot be recorded it is one all the same.
        Some(self.refuse(process, &request, Reason::ControlPlane).0)
    }

    /// Records that an action that was to be confirmed does not happen; the decision keeps the rules that asked.
    pub fn refuse_asked<A>(
        &self,
        process: Option<&Process>,
        request: &Request<'_, A>,
        mut asked: Decision,
        reason: Reason,
    ) -> (Decision, Option<RecordFault>) {
        asked.verdict.effect = Effect::Deny;
        asked.verdict.reason = reason;
        asked.verdict.requires.clear();
        let honoured = std::mem::take(&mut asked.obligations);
        self.record_denial(process, request, asked, Some(&honoured))
    }

    /// Waits until the intent is as durable as the recorder promises; only then the effect may pass.
    ///
    /// # Errors
    /// It never will be; nothing may happen.
    pub fn clear<'a>(
        &self,
        audited: &'a Audited<Decision, R::Receipt>,
    ) -> Result<Cleared<'a, Decision, R::Receipt>, RecordFault> {
        self.recorder.settle(self.recorder.intent_seq(&audited.receipt) + 1)?;
        Ok(Cleared(audited))
    }

    /// How many entries must be durable before the effect may pass.
    pub fn needs(&self, audited: &Audited<Decision, R::Receipt>) -> u64 {
        self.recorder.intent_seq(&audited.receipt) + 1
    }

    /// Gives back what was reserved for an action that did not start.
    pub fn withdraw(&self, allowed: &Audited<Decision, R::Receipt>, process: Option<&Process>) {
        if let (Some(taken), Some(process)) = (&allowed.taken, process) {
            usage::refund(&*self.store, process, taken);
        }
    }

    /// Records the outcome and gives its place; the result is free once [`Kernel::settle_outcome`] has returned for it.
    /// If recording fails the result must be withheld, and from now on no effect passes.
    ///
    /// # Errors
    /// The outcome was not kept.
    pub fn finish(
        &self,
        audited: Audited<Decision, R::Receipt>,
        process: Option<&Process>,
        outcome: &Outcome<'_>,
    ) -> Result<u64, RecordFault> {
        let draft = outcome.draft(self.recorder.intent_seq(&audited.receipt), process);
        self.recorder.outcome(audited.receipt, &draft).inspect_err(|_| self.stop_effects())
    }

    /// Waits until an outcome is as durable as the recorder promises. If it never will be the result must be withheld,
    /// and from now on no effect passes.
    ///
    /// # Errors
    /// The outcome was not kept.
    pub fn settle_outcome(&self, seq: u64) -> Result<(), RecordFault> {
        self.recorder.settle(seq + 1).inspect_err(|_| self.stop_effects())
    }

    fn stop_effects(&self) {
        // A kernel that was closed meanwhile stays closed.
        let _ = self.status.compare_exchange(OPEN, UNRECORDED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Closes the kernel: no effect passes any more. True the first time.
    pub fn close(&self) -> bool {
        let first = self.status.swap(CLOSED, Ordering::AcqRel) != CLOSED;
        if first {
            self.tell_repeats(i64::MAX, true);
        }
        first
    }

    /// True if effects may pass, as far as the kernel itself is concerned.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.load(Ordering::Acquire) == OPEN
    }

    /// How much is recorded of an action under these obligations: what they say, else what the kernel was told.
    #[must_use]
    pub fn level(&self, obligations: &Obligations) -> Record {
        obligations.record.unwrap_or(self.level)
    }

    /// How much is recorded of what no rule speaks about.
    #[must_use]
    pub fn default_level(&self) -> Record {
        self.level
    }

    /// Whether this process may ask for anything at all.
    fn standing<'p>(&self, process: Option<&'p Process>) -> Result<&'p Process, Reason> {
        match self.status.load(Ordering::Acquire) {
            OPEN => {}
            UNRECORDED => return Err(Reason::OutcomeUnrecorded),
            _ => return Err(Reason::KernelClosed),
        }
        let process = process.ok_or(Reason::NoProcess)?;
        if process.kernel != self.number {
            return Err(Reason::NoProcess);
        }
        match process.gate() {
            Gate::Open | Gate::Signalled => {}
            Gate::Stopped => return Err(Reason::ProcessStopped),
            Gate::Ended => return Err(Reason::ProcessEnded),
            Gate::Killed => return Err(Reason::ProcessKilled),
        }
        if process.depth as usize > limits::RUN_DEPTH {
            return Err(Reason::RunTooDeep);
        }
        Ok(process)
    }

    /// The denial of what names the control plane. It is no rule's: no policy opens it, and none in shadow suspends it.
    /// The operator's own calls may.
    fn control_plane<A: Arguments>(&self, in_force: &InForce<X>, process: &Process, args: &A) -> Option<Decision> {
        if process.is_operator() {
            return None;
        }
        in_force.protected.find_in(args).map(|argument| Decision::protected(argument, &in_force.bundle))
    }

    fn decide<A: Arguments>(
        &self,
        in_force: &InForce<X>,
        process: &Process,
        action: &str,
        args: &A,
        meter: &Meter<'_>,
        approved: &[RuleIx],
    ) -> Verdict {
        let data = process.data();
        let run = run_state(process, &data, meter, meter.now_micros());
        let verdict = match in_force.subjects.get(process.agent.index) {
            Some(subject) => decide(&in_force.bundle, subject, action, args, &run, approved),
            None => Decision::refusal(Reason::InternalError, &in_force.bundle).verdict,
        };
        // SECURITY: whatever came out without knowing what is used counts for nothing.
        if meter.has_failed() { Decision::refusal(Reason::StoreFailed, &in_force.bundle).verdict } else { verdict }
    }

    /// A denial by the policy. What the applicable `require` rules say of the record holds for it too.
    fn deny<A: Arguments>(
        &self,
        in_force: &InForce<X>,
        process: &Process,
        request: &Request<'_, A>,
        decision: Decision,
    ) -> Judged<R::Receipt> {
        let data = process.data();
        let run = run_state(process, &data, &Unused, request.now_micros);
        let honoured = in_force.subjects.get(process.agent.index).map(|subject| {
            let rules = required(&in_force.bundle, subject, request.action, request.args, &run);
            in_force.bundle.obligations(&rules)
        });
        let (decision, fault) = self.record_denial(Some(process), request, decision, honoured.as_ref());
        Judged::Denied(decision, fault)
    }

    /// Records a denial. Without obligations to honour, no rule was asked, and the arguments are recorded by digest.
    fn record_denial<A>(
        &self,
        process: Option<&Process>,
        request: &Request<'_, A>,
        decision: Decision,
        honoured: Option<&Obligations>,
    ) -> (Decision, Option<RecordFault>) {
        // A process of another kernel is a stranger here; its names mean nothing in this log.
        let process = process.filter(|process| process.kernel == self.number);
        let fault = self
            .draft(kind::DENIED, process, request, &decision, honoured, None)
            .and_then(|draft| self.record_or_count(process, request.action, request.now_micros, &decision, draft))
            .err();
        (decision, fault)
    }

    /// Records a denial, unless the same was recorded a moment ago.
    fn record_or_count(
        &self,
        process: Option<&Process>,
        action: &str,
        now_micros: i64,
        decision: &Decision,
        mut draft: Draft,
    ) -> Result<(), RecordFault> {
        let denial = Denial {
            pid: process.map(|process| process.pid),
            agent: process.map(|process| process.agent.id.clone()),
            action: bounded(action, limits::ACTION_BYTES).to_owned(),
            reason: decision.verdict.reason.code(),
            rules: decision.rule_ids().map(str::to_owned).collect(),
        };
        let (same, sort) = (draft.digest(), denial.sort());
        if self.repeats.counts(&same, &sort, &denial, now_micros) {
            return Ok(());
        }
        self.tell_repeats(now_micros, false);
        draft.field("when", |out| canonical::write_int(now_micros, out));
        let seq = self.recorder.event(&draft)?;
        self.repeats.recorded(same, denial, seq, now_micros);
        Ok(())
    }

    /// Records how often denials were repeated, as far as the time for counting them is over.
    fn tell_repeats(&self, now_micros: i64, all: bool) {
        for draft in self.repeats.tell(now_micros, all) {
            // If a count cannot be recorded, nothing more can be.
            let _ = self.recorder.event(&draft);
        }
    }

    fn draft<A>(
        &self,
        kind: &'static str,
        process: Option<&Process>,
        request: &Request<'_, A>,
        decision: &Decision,
        honoured: Option<&Obligations>,
        approval: Option<&Approval>,
    ) -> Result<Draft, RecordFault> {
        let shown = match honoured {
            Some(obligations) => Shown {
                level: self.level(obligations),
                redact: &obligations.redact,
                subjects: Subjects::At(&obligations.subject),
            },
            None if decision.bundle.names_subjects() => {
                Shown { level: Record::None, redact: &[], subjects: Subjects::Unknown }
            }
            None => Shown { level: Record::None, redact: &[], subjects: Subjects::At(&[]) },
        };
        let mut draft = Draft::new();
        draft.text("action", bounded(request.action, limits::ACTION_BYTES));
        if let Some(process) = process {
            draft.text("agent", &process.agent.id);
        }
        if let Some(approval) = approval {
            draft.field("approval", |out| {
                out.extend_from_slice(b"{\"by\":");
                canonical::write_str(&approval.by, out);
                out.extend_from_slice(b",\"request\":");
                canonical::write_str(&approval.request, out);
                out.push(b'}');
            });
        }
        let mut described = Ok(());
        draft.field("args", |out| described = (request.describe)(&shown, out));
        described?;
        draft.text("bundle", decision.bundle.digest());
        draft.field("decision", |out| decision.write(out)).text("kind", kind);
        if !decision.used.is_empty() {
            draft.field("limits", |out| decision.write_limits(out));
        }
        if let Some(process) = process {
            if let Some(parent) = &process.parent {
                draft.number("parent", parent.pid);
            }
            draft.number("pid", process.pid);
            let data = process.data();
            draft.field("run", |out| {
                out.extend_from_slice(b"{\"calls\":");
                canonical::write_int(i64::try_from(process.calls()).unwrap_or(i64::MAX), out);
                out.extend_from_slice(b",\"depth\":");
                canonical::write_int(i64::from(process.depth), out);
                out.extend_from_slice(b",\"labels\":");
                write_texts(data.labels.iter().map(String::as_str), out);
                out.push(b'}');
            });
        }
        Ok(draft)
    }
}

fn run_state<'r>(process: &'r Process, data: &'r RunData, usage: &'r dyn Usage, now_micros: i64) -> RunState<'r> {
    RunState {
        labels: &data.labels,
        calls: process.calls(),
        depth: process.depth,
        parent: process.parent_agent(),
        now_micros,
        provenance: &data.provenance,
        usage,
    }
}
