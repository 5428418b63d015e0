//! One action on its way: frozen, judged, perhaps confirmed, dispatched, and its outcome recorded.

mod description;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use agent_os_core::audit::event::{Draft, kind};
use agent_os_core::canonical::{encode, parse_floats, write_str};
use agent_os_core::kernel::{
    Agent, Approval, Audited, Decision as CoreDecision, Gate, Judged, Message, Outcome, Process as CoreProcess,
    RecordFault, Recorder, Request, Shown, Subjects, redact,
};
use agent_os_core::policy::{Record, RedactionRoot};
use agent_os_core::reason::Reason;
use agent_os_core::signal::{Signal, Status};
use agent_os_core::value::Value;
use agent_os_log::{Log, Reservation, Sealing};
use pyo3::exceptions::{PyBaseException, PyException, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

pub(crate) use self::description::INLINE_ARGUMENTS;
use crate::bundle::now;
use crate::decision::Decision;
use crate::errors;
use crate::flight::{Flight, State};
use crate::freeze::{Freezer, class_name, hex};
use crate::kernel::CoreKernel;
use crate::process::Process;
use crate::reader::DictArguments;
use crate::thaw::to_python;
use crate::tool::{Declared, Injected};

pyo3::create_exception!(
    agent_os._core,
    Held,
    PyException,
    "The process must look at its signals before this call; nothing was decided."
);

/// The action that running an agent and waiting for it is.
const RUN: &str = "agent.run";
/// The action that starting an agent beside oneself is.
const SPAWN: &str = "agent.spawn";
/// Results larger than this stand in the side store: an outcome has little reserved room.
const INLINE_RESULT: usize = 512;
/// How often an action is confirmed anew because other rules ask after a reload.
const ROUNDS: u8 = 3;

type Spans = SmallVec<[(Py<PyString>, Range<usize>); 8]>;

/// What is called.
pub(crate) enum Target {
    /// A tool.
    Tool(Arc<Declared>),
    /// The run of an agent.
    Run {
        /// Whose.
        agent: Arc<Agent>,
        /// True if nobody waits for it: whoever started it collects later how it ended.
        spawned: bool,
    },
}

impl Target {
    fn action(&self) -> &str {
        match self {
            Self::Tool(declared) => &declared.action,
            Self::Run { spawned: false, .. } => RUN,
            Self::Run { spawned: true, .. } => SPAWN,
        }
    }
}

/// One governed call.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Call {
    pub(crate) kernel: Arc<CoreKernel>,
    pub(crate) log: Arc<Log>,
    target: Target,
    // INVARIANT: the copy that was judged; nobody else holds it before it is dispatched.
    frozen: Py<PyDict>,
    injected: Injected,
    canonical: Vec<u8>,
    spans: Spans,
    rounds: Mutex<u8>,
    flight: Arc<Flight>,
    // The rules that were confirmed so far, and by whom; one bundle's only.
    confirmed: Mutex<Option<Approval>>,
    // How what is recorded of it is written, from the first entry about it on.
    sealing: Mutex<(BTreeSet<String>, Sealing)>,
    // The place of the outcome, once it was recorded and until it is known to be durable.
    outcome: Mutex<Option<u64>>,
    // What it returned, until its outcome is durable.
    held: Mutex<Option<Py<PyAny>>>,
}

impl Call {
    /// Freezes and judges. Raises `Held`, and nothing happened, if signals must be looked at first, unless `through`.
    #[expect(clippy::too_many_arguments, reason = "a call is described whole")]
    pub(crate) fn begin(
        py: Python<'_>,
        kernel: &Arc<CoreKernel>,
        log: &Arc<Log>,
        process: Option<Arc<CoreProcess>>,
        target: Target,
        arguments: &Bound<'_, PyDict>,
        injected: Option<Injected>,
        through: bool,
    ) -> PyResult<Self> {
        let held = |process: &CoreProcess| match process.gate() {
            Gate::Stopped => true,
            Gate::Signalled => process.is_threaded(),
            Gate::Open | Gate::Ended | Gate::Killed => false,
        };
        if !through && process.as_deref().is_some_and(held) {
            return Err(Held::new_err("the process is stopped, or a signal waits for it"));
        }
        let mut freezer = Freezer::new();
        let (frozen, spans) = match freezer.arguments(arguments) {
            Ok(frozen) => frozen,
            Err(fault) => {
                Self::refuse_invalid(kernel, process.as_deref(), &target);
                return Err(errors::invalid(
                    py,
                    &format!("the arguments of `{}` cannot be judged: {fault}", target.action()),
                ));
            }
        };
        let call = Self {
            kernel: Arc::clone(kernel),
            log: Arc::clone(log),
            flight: Arc::new(Flight::new(kernel, process)),
            target,
            frozen: frozen.unbind(),
            injected: injected.unwrap_or_default(),
            canonical: freezer.out,
            spans: spans.into_iter().map(|(key, span)| (key.unbind(), span)).collect(),
            rounds: Mutex::new(0),
            confirmed: Mutex::new(None),
            sealing: Mutex::default(),
            outcome: Mutex::new(None),
            held: Mutex::new(None),
        };
        call.judge(py, None)?;
        if let (Target::Run { agent, spawned }, Some(parent)) = (&call.target, &call.flight.process) {
            let _ =
                call.flight.child.set(call.kernel.create(agent, parent, !spawned, *spawned && parent.is_operator()));
        }
        call.flight.attach();
        Ok(call)
    }

    /// Records that arguments could not be bound or frozen. The caller raises the error.
    pub(crate) fn refuse_invalid(kernel: &CoreKernel, process: Option<&CoreProcess>, target: &Target) {
        Self::refuse_unjudged(kernel, process, target.action(), Reason::RequestInvalid);
    }

    /// Records a denial of what no rule was asked about. The caller raises the error.
    pub(crate) fn refuse_unjudged(kernel: &CoreKernel, process: Option<&CoreProcess>, action: &str, reason: Reason) {
        let nothing = |_: &Shown<'_>, out: &mut Vec<u8>| {
            out.extend_from_slice(b"null");
            Ok(())
        };
        let request = Request { action, args: &(), now_micros: now(), describe: &nothing };
        // If this cannot be recorded the call is refused all the same.
        let _ = kernel.refuse(process, &request, reason);
    }

    fn judge(&self, py: Python<'_>, approval: Option<&Approval>) -> PyResult<()> {
        let in_force = self.kernel.in_force();
        let arguments = DictArguments { dict: Some(self.frozen.bind(py)), keys: &in_force.extra.keys };
        let describe = |shown: &Shown<'_>, out: &mut Vec<u8>| self.describe(py, &in_force, shown, out);
        let request =
            Request { action: self.target.action(), args: &arguments, now_micros: now(), describe: &describe };
        match self.kernel.judge(&in_force, self.flight.process.as_deref(), &request, approval) {
            Judged::Go(audited) => {
                self.tell_subjects();
                self.flight.put(State::Ready(audited));
                Ok(())
            }
            Judged::Ask(decision) => {
                let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
                *rounds += 1;
                if *rounds > ROUNDS {
                    let (decision, _) = self.kernel.refuse_asked(
                        self.flight.process.as_deref(),
                        &request,
                        decision,
                        Reason::ApprovalChanged,
                    );
                    return Err(self.denied(py, decision));
                }
                self.flight.put(State::Asking { decision, deadline: None });
                Ok(())
            }
            Judged::Denied(decision, Some(fault)) if decision.verdict.reason == Reason::RecordFailed => {
                Err(self.not_recorded(py, &fault))
            }
            Judged::Denied(decision, _) => Err(self.denied(py, decision)),
        }
    }

    fn denied(&self, py: Python<'_>, decision: CoreDecision) -> PyErr {
        if let (Reason::ProcessKilled, Some(process)) = (decision.verdict.reason, &self.flight.process) {
            return killed(py, process);
        }
        let decision = Decision(decision);
        let agent = self.flight.process.as_ref().map(|process| process.agent().id.as_str());
        errors::denied(py, &decision.denial(self.target.action(), agent), decision)
    }

    fn take_asking(&self) -> PyResult<(CoreDecision, Option<i64>)> {
        match self.flight.take_if(|state| matches!(state, State::Asking { .. })) {
            State::Asking { decision, deadline } => Ok((decision, deadline)),
            _ => Err(out_of_order()),
        }
    }

    fn take_ready(&self, py: Python<'_>) -> PyResult<Audited<CoreDecision, Reservation>> {
        self.flight.take_ready().ok_or_else(|| match self.killed_meanwhile() {
            Some(process) => killed(py, process),
            None => out_of_order(),
        })
    }

    /// The salted digest of the request, in hex: what an approval is bound to.
    fn request_digest(&self, decision: &CoreDecision) -> Result<String, RecordFault> {
        let mut hash = Sha256::new();
        let (agent, pid) =
            self.flight.process.as_ref().map_or(("", 0), |process| (process.agent().id.as_str(), process.pid()));
        for part in
            [b"agent-os request 1".as_slice(), self.target.action().as_bytes(), agent.as_bytes(), &pid.to_be_bytes()]
        {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(&self.canonical);
        let sealing = self.seal_for(Subjects::At(&decision.obligations.subject))?;
        Ok(hex(&sealing.digest(&self.log, &hash.finalize())))
    }

    fn approval_event(
        &self,
        what: &'static str,
        decision: &CoreDecision,
        by: Option<&str>,
        expires: Option<i64>,
    ) -> Result<(), RecordFault> {
        let mut draft = Draft::new();
        draft.text("action", self.target.action());
        if let Some(process) = &self.flight.process {
            draft.text("agent", &process.agent().id);
        }
        if let Some(by) = by {
            draft.text("by", by);
        }
        if let Some(expires) = expires {
            draft.number("expires", u64::try_from(expires).unwrap_or(0));
        }
        draft.text("kind", what);
        if let Some(process) = &self.flight.process {
            draft.number("pid", process.pid());
        }
        draft.text("request", &self.request_digest(decision)?).texts("rules", decision.rule_ids());
        self.kernel.recorder().event(&draft).map(|_| ())
    }

    /// Adds the rules that were shown to those that were confirmed before under the same bundle.
    fn confirm(&self, decision: &CoreDecision, by: &str) -> Result<Approval, RecordFault> {
        let request = self.request_digest(decision)?;
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let bundle = decision.bundle.digest();
        let mut rules =
            confirmed.take().filter(|before| before.bundle == bundle).map_or_else(Vec::new, |before| before.rules);
        rules.extend(decision.rule_ids().map(str::to_owned));
        let approval = Approval { request, bundle: bundle.to_owned(), rules, by: by.to_owned() };
        *confirmed = Some(approval.clone());
        Ok(approval)
    }

    fn refuse_asked(&self, py: Python<'_>, decision: CoreDecision, reason: Reason) -> PyErr {
        self.finish_child(Status::Raised);
        let in_force = self.kernel.in_force();
        let describe = |shown: &Shown<'_>, out: &mut Vec<u8>| self.describe(py, &in_force, shown, out);
        let request = Request { action: self.target.action(), args: &(), now_micros: now(), describe: &describe };
        let (decision, _) = self.kernel.refuse_asked(self.flight.process.as_deref(), &request, decision, reason);
        self.denied(py, decision)
    }
}

#[pymethods]
impl Call {
    /// The process of the run that was asked for.
    #[getter]
    fn child(&self) -> PyResult<Process> {
        self.flight.child.get().map(|child| self.handle(child)).ok_or_else(out_of_order)
    }

    /// True while somebody must confirm it.
    #[getter]
    fn asks(&self) -> bool {
        matches!(*self.flight.state(), State::Asking { .. })
    }

    /// Records that confirmation is asked for, and says what an approver needs to know. After `seconds` it is too late.
    fn ask<'py>(&self, py: Python<'py>, seconds: f64) -> PyResult<Bound<'py, PyDict>> {
        let (decision, _) = self.take_asking()?;
        let expires = now().saturating_add((seconds * 1e6) as i64);
        self.approval_event(kind::APPROVAL_REQUESTED, &decision, None, Some(expires))
            .map_err(|fault| errors::unrecorded(py, &fault))?;
        let asked = PyDict::new(py);
        asked.set_item("action", self.target.action())?;
        asked.set_item("agent_id", self.flight.process.as_ref().map(|process| process.agent().id.as_str()))?;
        asked.set_item("pid", self.flight.process.as_ref().map(|process| process.pid()))?;
        // The approver gets a copy of its own, without what must not be seen.
        let mut shown = parse_floats(&self.canonical).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        redact(&mut shown, RedactionRoot::Args, &decision.obligations.redact);
        asked.set_item("args", to_python(py, &shown)?)?;
        let rules: Vec<(&str, Option<&str>)> = decision
            .verdict
            .rules
            .iter()
            .filter_map(|rule| decision.bundle.rule(*rule))
            .map(|rule| (rule.id.as_str(), rule.message.as_deref()))
            .collect();
        asked.set_item("rules", rules)?;
        let request = self.request_digest(&decision).map_err(|fault| errors::unrecorded(py, &fault))?;
        asked.set_item("request", request)?;
        asked.set_item("bundle", decision.bundle.digest())?;
        asked.set_item("expires_micros", expires)?;
        self.flight.put(State::Asking { decision, deadline: Some(expires) });
        Ok(asked)
    }

    /// Takes the approver's answer. Only the very object `True` confirms. The request is then decided again, with the
    /// rules and the state of this moment, and may have to be confirmed anew.
    fn answer(&self, py: Python<'_>, answer: &Bound<'_, PyAny>, by: &str) -> PyResult<()> {
        let (decision, deadline) = self.take_asking()?;
        let reason = match (answer.cast_exact::<PyBool>(), deadline) {
            (_, None) => Reason::ApprovalInvalid,
            (_, Some(deadline)) if now() > deadline => Reason::ApprovalExpired,
            (Err(_), _) => Reason::ApprovalInvalid,
            (Ok(answer), _) if !answer.is_true() => Reason::ApprovalRefused,
            (Ok(_), Some(_)) => {
                self.approval_event(kind::APPROVAL_GRANTED, &decision, Some(by), None)
                    .map_err(|fault| errors::unrecorded(py, &fault))?;
                let approval = self.confirm(&decision, by).map_err(|fault| errors::unrecorded(py, &fault))?;
                return self.judge(py, Some(&approval));
            }
        };
        let recorded = self.approval_event(kind::APPROVAL_REFUSED, &decision, Some(by), None);
        let denied = self.refuse_asked(py, decision, reason);
        recorded.map_err(|fault| errors::unrecorded(py, &fault))?;
        Err(denied)
    }

    /// The caller no longer waits: what has not begun does not begin, and the run that has, ends.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(audited) = self.flight.take_ready() {
            self.kernel.withdraw(&audited, self.flight.process.as_deref());
            self.finish_child(Status::Raised);
            return self.finish(py, audited, Instant::now(), "cancelled", None, None, None);
        }
        if let (State::Running { .. }, Some(child)) = (&*self.flight.state(), self.flight.child.get()) {
            self.kernel.end(child, Status::Raised);
        }
        Ok(())
    }

    /// Denies what nobody can confirm.
    fn unanswered(&self, py: Python<'_>) -> PyResult<()> {
        let (decision, _) = self.take_asking()?;
        Err(self.refuse_asked(py, decision, Reason::ApprovalMissing))
    }

    /// Calls the tool's function with the frozen arguments and returns what it returns: for an async tool, its
    /// coroutine.
    fn invoke<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Target::Tool(declared) = &self.target else { return Err(out_of_order()) };
        // A signal may have come while it was confirmed, or waited for a thread or the disk.
        if self.flight.process.as_deref().is_some_and(|process| process.gate() == Gate::Stopped) {
            return Err(Held::new_err("the process is stopped"));
        }
        let audited = self.take_ready(py)?;
        let right = match self.kernel.clear(&audited) {
            Ok(right) => right,
            Err(fault) => return Err(self.not_cleared(py, &audited, &fault)),
        };
        let started = Instant::now();
        let result = declared.invoke(right, self.frozen.bind(py), &self.injected);
        self.flight.begun(py, audited, started, result.as_ref().ok());
        result
    }

    /// Starts the agent's run and returns its handle. The operator's words become text of origin `user`.
    fn start(&self, py: Python<'_>, args: &Bound<'_, PyTuple>, kwargs: &Bound<'_, PyDict>) -> PyResult<Process> {
        let (Some(child), Some(parent)) = (self.flight.child.get(), &self.flight.process) else {
            return Err(out_of_order());
        };
        let audited = self.take_ready(py)?;
        let right = match self.kernel.clear(&audited) {
            Ok(right) => right,
            Err(fault) => return Err(self.not_cleared(py, &audited, &fault)),
        };
        let started = Instant::now();
        let begun = self
            .kernel
            .start(right, child)
            .and_then(|_| if parent.is_operator() { self.tell(child, args, kwargs) } else { Ok(()) });
        match begun {
            Ok(()) => {
                self.flight.begun(py, audited, started, None);
                Ok(self.handle(child))
            }
            Err(fault) => {
                // Nothing ran; the room for saying so was reserved.
                self.kernel.withdraw(&audited, self.flight.process.as_deref());
                Err(self.withheld(py, audited, started, Status::Raised, &fault)?)
            }
        }
    }

    /// How many entries must be durable before the next step does not block: the intent's before the effect, the
    /// outcome's before the result. 0 if nothing has to be waited for.
    #[getter]
    fn unsettled(&self) -> u64 {
        let size = match &*self.flight.state() {
            State::Ready(audited) => self.kernel.needs(audited),
            _ => self.outcome.lock().unwrap_or_else(PoisonError::into_inner).map_or(0, |seq| seq + 1),
        };
        if self.log.is_settled(size) { 0 } else { size }
    }

    /// Records that it returned, waits until that is durable, and gives the result back as the agent may see it.
    fn returned<'py>(&self, py: Python<'py>, result: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let given = self.record_returned(py, result)?;
        self.settle_outcome(py)?;
        Ok(given)
    }

    /// Records that it returned, and keeps the result until `release`.
    fn hold(&self, py: Python<'_>, result: Bound<'_, PyAny>) -> PyResult<()> {
        let given = self.record_returned(py, result)?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(given.unbind());
        Ok(())
    }

    /// Gives back what was held, when its outcome is durable.
    fn release(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.settle_outcome(py)?;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(out_of_order)
    }

    /// Records that it raised or was cancelled. With `wait` that is durable when this returns.
    #[pyo3(signature = (error, cancelled, wait=true))]
    fn raised(&self, py: Python<'_>, error: &Bound<'_, PyBaseException>, cancelled: bool, wait: bool) -> PyResult<()> {
        self.record_raised(py, error, cancelled)?;
        if wait { self.settle_outcome(py) } else { Ok(()) }
    }
}

impl Call {
    fn record_returned<'py>(&self, py: Python<'py>, result: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (audited, started) = match (self.flight.take_running(), self.killed_meanwhile()) {
            (Some(running), _) => running,
            (None, Some(process)) => return Err(killed(py, process)),
            (None, None) => return Err(out_of_order()),
        };
        if let Some(process) = self.killed_meanwhile() {
            self.finish_child(Status::Returned);
            self.finish(py, audited, started, "dropped", None, None, None)?;
            return Err(killed(py, process));
        }
        let (labels, origin): (&[String], _) = match &self.target {
            Target::Tool(declared) => (&declared.labels, Some(declared.origin)),
            Target::Run { .. } => (&[], None),
        };
        let decision = audited.get();
        let redactions = decision.obligations.redact.clone();
        let full_wanted = self.kernel.level(&decision.obligations) == Record::Full;
        let mut freezer = Freezer::new();
        let frozen = if result.is_none() {
            freezer.out.extend_from_slice(b"null");
            true
        } else {
            freezer.value(&result, 0).is_ok()
        };
        if !frozen && acts_later(&result) {
            self.finish_child(Status::Returned);
            // A coroutine or generator that is closed before its first step has done nothing.
            let _ = result.call_method0(intern!(py, "close"));
            self.finish(py, audited, started, "withheld", None, None, None)?;
            return Err(errors::unsupported(
                py,
                &format!(
                    "`{}` returned a `{}`, which would act after the call was governed, so it is withheld; make it an \
                     `async def` function, or return what it yields",
                    self.target.action(),
                    class_name(&result)
                ),
            ));
        }
        let mut canonical = frozen.then_some(freezer.out);
        let mut seen: Option<Value> = None;
        let mut given = result;
        if !redactions.is_empty() {
            let parsed = canonical.as_deref().and_then(|bytes| parse_floats(bytes).ok());
            let mut value = parsed.unwrap_or(Value::Null);
            if redact(&mut value, RedactionRoot::Result, &redactions) {
                let shown = canonical.is_some().then(|| to_python(py, &value));
                let Some(Ok(shown)) = shown else {
                    self.finish_child(Status::Returned);
                    let message = format!(
                        "`{}` returned something that cannot be redacted as the policy demands, so it is withheld; \
                         return plain values",
                        self.target.action()
                    );
                    self.finish(py, audited, started, "withheld", None, None, None)?;
                    return Err(errors::withheld(py, Reason::ObligationFailed, &message));
                };
                canonical = Some(encode(&value));
                given = shown;
                seen = Some(value);
            }
        }
        let mut reference = Vec::new();
        let sealing = self.sealing_after(self.flight.child.get());
        let full = match &canonical {
            Some(bytes) if full_wanted && sealing.is_some() => {
                match self.write_value(bytes, INLINE_RESULT, &mut reference) {
                    Ok(()) => Some(reference.as_slice()),
                    Err(fault) => {
                        // The room for a small outcome is reserved; the payload has none.
                        return Err(self.withheld(py, audited, started, Status::Returned, &fault)?);
                    }
                }
            }
            _ => None,
        };
        if let Some(process) = &self.flight.process {
            process.add_labels(labels);
            if let Some(origin) = origin {
                match &canonical {
                    Some(bytes) if bytes != b"null" => {
                        let value = seen.or_else(|| parse_floats(bytes).ok()).unwrap_or(Value::Null);
                        process.add_text(origin, &value.run_text());
                    }
                    Some(_) => {}
                    None => process.lose_text(),
                }
            }
        }
        self.finish_child(Status::Returned);
        let digest = sealing.and_then(|sealing| canonical.as_deref().map(|bytes| sealing.digest(&self.log, bytes)));
        self.finish(py, audited, started, "returned", digest, None, full)?;
        Ok(given)
    }

    fn record_raised(&self, py: Python<'_>, error: &Bound<'_, PyBaseException>, cancelled: bool) -> PyResult<()> {
        let running = self.flight.take_running();
        self.finish_child(Status::Raised);
        // A kill has recorded the outcome already.
        let Some((audited, started)) = running else { return Ok(()) };
        let class = class_name(error.as_any());
        // What a message says cannot be redacted by path, so where anything is to be, it is left out.
        let hidden = !audited.get().obligations.redact.is_empty();
        let spoken = error.str().ok().and_then(|text| text.to_str().map(str::to_owned).ok());
        let message = if hidden { "" } else { spoken.as_deref().unwrap_or_default() };
        if let (Some(process), Target::Tool(declared)) = (&self.flight.process, &self.target) {
            process.add_labels(&declared.labels);
            process.add_text(declared.origin, spoken.as_deref().unwrap_or_default());
            // A group, notes, or an error that cannot be spelt: the run has seen more than this text.
            let more = |name: &str| error.hasattr(name).unwrap_or(true);
            if spoken.is_none() || more("__notes__") || more("exceptions") {
                process.lose_text();
            }
        }
        let status = match self.killed_meanwhile() {
            Some(_) => "killed",
            None if cancelled => "cancelled",
            None => "raised",
        };
        let mut written = Vec::new();
        let message = match self.sealing_after(self.flight.child.get()) {
            Some(sealing) if sealing.is_open() => Message::Said(message),
            Some(sealing) => {
                let mut words = Vec::new();
                write_str(Message::recorded(message), &mut words);
                match sealing.write(&self.log, &words, usize::MAX, &mut written) {
                    Ok(()) => Message::Written(&written),
                    Err(_) => Message::Said(""),
                }
            }
            // What cannot be sealed is not told.
            None => Message::Said(""),
        };
        self.finish(py, audited, started, status, None, Some((&class, message)), None)
    }

    /// Records that the result is withheld because the recorder failed, and gives the error for the caller.
    fn withheld(
        &self,
        py: Python<'_>,
        audited: Audited<CoreDecision, Reservation>,
        started: Instant,
        status: Status,
        fault: &RecordFault,
    ) -> PyResult<PyErr> {
        self.finish_child(status);
        let said = Some(("RecorderError", Message::Said(&fault.message)));
        self.finish(py, audited, started, "withheld", None, said, None)?;
        Ok(errors::unrecorded(py, fault))
    }

    #[expect(clippy::too_many_arguments, reason = "an outcome is recorded whole")]
    fn finish(
        &self,
        py: Python<'_>,
        audited: Audited<CoreDecision, Reservation>,
        started: Instant,
        status: &'static str,
        digest: Option<[u8; 32]>,
        error: Option<(&str, Message<'_>)>,
        full: Option<&[u8]>,
    ) -> PyResult<()> {
        let (labels, origin): (&[String], _) = match &self.target {
            Target::Tool(declared) => (&declared.labels, Some(declared.origin.code())),
            Target::Run { .. } => (&[], None),
        };
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let outcome = Outcome { status, digest, full, error, labels, origin, micros };
        match self.kernel.finish(audited, self.flight.process.as_deref(), &outcome) {
            Ok(seq) => {
                *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(seq);
                Ok(())
            }
            Err(fault) => Err(self.outcome_lost(py, &fault)),
        }
    }

    /// Waits until the outcome is durable.
    fn settle_outcome(&self, py: Python<'_>) -> PyResult<()> {
        let recorded = *self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match recorded.map_or(Ok(()), |seq| self.kernel.settle_outcome(seq)) {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.outcome_lost(py, &fault)),
        }
    }

    fn outcome_lost(&self, py: Python<'_>, fault: &RecordFault) -> PyErr {
        errors::withheld(
            py,
            Reason::OutcomeUnrecorded,
            &format!(
                "`{}` happened but its outcome could not be recorded, so its result is withheld and no effect passes \
                 from now on; repair the log and start a new kernel ({})",
                self.target.action(),
                fault.message
            ),
        )
    }

    /// The intent stands in the log, and whether it would survive a loss of power is not known: nothing happens.
    fn not_cleared(&self, py: Python<'_>, audited: &Audited<CoreDecision, Reservation>, fault: &RecordFault) -> PyErr {
        self.kernel.withdraw(audited, self.flight.process.as_deref());
        self.not_recorded(py, fault)
    }

    fn not_recorded(&self, py: Python<'_>, fault: &RecordFault) -> PyErr {
        let message = format!(
            "`{}` did not happen because its intent could not be recorded: {}",
            self.target.action(),
            fault.message
        );
        errors::unrecorded(py, &RecordFault { code: fault.code, message })
    }

    /// Ends the run that this call started; what it has seen, its parent has now seen. Of a run that was spawned somebody
    /// collects later how it ended.
    fn finish_child(&self, status: Status) {
        let Some(child) = self.flight.child.get() else { return };
        self.kernel.end(child, status);
        if matches!(self.target, Target::Run { spawned: false, .. }) {
            self.kernel.reap(child);
        }
        if let Some(parent) = &self.flight.process {
            parent.absorb(child);
        }
    }

    /// The process that a signal has ended while the call ran: the one that it started, or the one that called.
    fn killed_meanwhile(&self) -> Option<&Arc<CoreProcess>> {
        [self.flight.child.get(), self.flight.process.as_ref()]
            .into_iter()
            .flatten()
            .find(|process| process.gate() == Gate::Killed)
    }

    fn handle(&self, process: &Arc<CoreProcess>) -> Process {
        Process { core: Arc::clone(process), kernel: Arc::clone(&self.kernel) }
    }
}

fn killed(py: Python<'_>, process: &CoreProcess) -> PyErr {
    let signal = match process.signals().status() {
        Some(Status::Killed(signal)) => signal,
        Some(Status::Returned | Status::Raised) | None => Signal::Kill,
    };
    errors::killed(py, process, signal)
}

/// True for awaitables and generators, by their type.
fn acts_later(value: &Bound<'_, PyAny>) -> bool {
    let class = value.get_type();
    let has = |name: &str| class.hasattr(name).unwrap_or(true);
    has("__await__") || has("__anext__") || (has("__next__") && has("send"))
}

fn out_of_order() -> PyErr {
    PyRuntimeError::new_err("the steps of a governed call were taken out of order; nothing was done")
}
