//! The kernel, as Python drives it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use agent_os_core::audit::event::{Draft, kind};
use agent_os_core::canonical;
use agent_os_core::kernel::{Decision as CoreDecision, Kernel as Road, NotFit, Process as CoreProcess, Store};
use agent_os_core::policy::{ArgumentTypes, Record};
use agent_os_core::reason::Reason;
use agent_os_core::signal::Signal;
use agent_os_core::value::Value;
use agent_os_log::{Durability, Log, Options};
use agent_os_store::{MemoryStore, SqliteStore};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::approvals::Waiting;
use crate::bundle::{Bundle, Extra, ProblemRow, document_value, failed, now, problem_rows};
use crate::call::{Call, Target};
use crate::decision::Decision;
use crate::errors;
use crate::freeze::hex;
use crate::log::{LogEntries, LogRecorder};
use crate::process::Process;
use crate::proof;
use crate::protected::Protected;
use crate::reader::DictArguments;
use crate::store::Detached;
use crate::tool::{DeclaredParameter, Tool};

pub(crate) type CoreKernel = Road<LogRecorder, Extra>;

/// Documents larger than this stand in the side store.
const INLINE_DOCUMENT: usize = 32_768;

/// How many things that a waiting bundle may open are told in its entry.
const SHOWN_OPENINGS: usize = 20;

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Policy in force, agents, runs and the log.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Kernel {
    pub(crate) core: Arc<CoreKernel>,
    log: Arc<Log>,
    // Gives the handle of the run that the caller is in, or `None`.
    current: Py<PyAny>,
}

#[pymethods]
impl Kernel {
    #[new]
    #[pyo3(signature = (bundle, *, current, protected, directory, durability, keys, key, store, record, name, version))]
    #[expect(clippy::too_many_arguments, reason = "a kernel is configured whole")]
    fn new(
        py: Python<'_>,
        bundle: &Bundle,
        current: Py<PyAny>,
        protected: &Protected,
        directory: Option<PathBuf>,
        durability: &str,
        keys: Option<PathBuf>,
        key: Option<PathBuf>,
        store: Option<PathBuf>,
        record: &str,
        name: &str,
        version: &str,
    ) -> PyResult<Self> {
        let durability = Durability::parse(durability).ok_or_else(|| {
            PyValueError::new_err(format!("`{durability}` is not a durability; use written, commit or memory"))
        })?;
        let level = Record::parse(record).ok_or_else(|| {
            PyValueError::new_err(format!("`{record}` is not a record level; use none, fields or full"))
        })?;
        let meta = Value::from([("name", Value::from(name)), ("version", Value::from(version))]);
        let log = py
            .detach(|| {
                let options = Options { keys: proof::keys(keys, key)?, ..Options::new(durability, meta) };
                match &directory {
                    Some(directory) => Log::open(directory, options),
                    None => Log::memory(options),
                }
            })
            .map_err(|error| errors::log(py, &error))?;
        let log = Arc::new(log);
        let store: Arc<dyn Store> = match store {
            Some(path) => {
                Arc::new(Detached(py.detach(|| SqliteStore::open(&path)).map_err(|error| errors::store(py, &error))?))
            }
            None => Arc::new(MemoryStore::new()),
        };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let loaded = loaded(&log, bundle, "start", None).map_err(|fault| errors::unrecorded(py, &fault))?;
        let core = Road::new(
            number,
            Arc::clone(&bundle.core),
            Arc::clone(&bundle.extra),
            Arc::clone(&protected.0),
            LogRecorder(Arc::clone(&log)),
            store,
            level,
            &loaded,
        )
        .map_err(|fault| errors::unrecorded(py, &fault))?;
        Ok(Self { core: Arc::new(core), log, current })
    }

    /// Decides without effect and without record. `agent` names a registered agent, as at the start of a run of its;
    /// without it the run that the caller is in asks.
    #[pyo3(signature = (action, args=None, *, agent=None))]
    fn check(
        &self,
        py: Python<'_>,
        action: &Bound<'_, PyString>,
        args: Option<&Bound<'_, PyDict>>,
        agent: Option<&Bound<'_, PyString>>,
    ) -> PyResult<Py<Decision>> {
        let in_force = self.core.in_force();
        let arguments = DictArguments { dict: args, keys: &in_force.extra.keys };
        let action = action.to_str()?;
        let verdict = match agent {
            Some(_) if !self.core.is_open() => CoreDecision::refusal(Reason::KernelClosed, &in_force.bundle).verdict,
            Some(agent) => match self.core.agent_place(agent.to_str()?) {
                Some(agent) => self.core.check(&in_force, agent, action, &arguments, moment(&in_force.bundle)),
                None => CoreDecision::refusal(Reason::AgentUnknown, &in_force.bundle).verdict,
            },
            None => match self.current.bind(py).call0()?.cast::<Process>() {
                Ok(process) => self.core.check_process(
                    &in_force,
                    &process.get().core,
                    action,
                    &arguments,
                    moment(&in_force.bundle),
                ),
                Err(_) => CoreDecision::refusal(Reason::NoProcess, &in_force.bundle).verdict,
            },
        };
        in_force.extra.decision(py, &in_force.bundle, verdict)
    }

    /// Refuses inside a running agent; `action` says what was asked for.
    fn control(&self, py: Python<'_>, action: &str) -> PyResult<()> {
        let current = self.current.bind(py).call0()?;
        let process = current.cast::<Process>().ok().map(|process| Arc::clone(&process.get().core));
        let Some(decision) = self.core.control(process.as_deref(), action, now()) else { return Ok(()) };
        let decision = Decision(decision);
        let agent = process.as_ref().map(|process| process.agent().id.as_str());
        Err(errors::denied(py, &decision.denial(action, agent), decision))
    }

    /// Notes that the run that the caller is in asked for an action that no tool does.
    fn unknown(&self, py: Python<'_>, action: &str) -> PyResult<()> {
        let current = self.current.bind(py).call0()?;
        let process = current.cast::<Process>().ok().map(|process| Arc::clone(&process.get().core));
        Call::refuse_unjudged(&self.core, process.as_deref(), action, Reason::ActionUnknown);
        Ok(())
    }

    /// Makes an agent known.
    fn register(&self, py: Python<'_>, agent_id: &str, roles: Vec<String>) -> PyResult<()> {
        self.control(py, "kernel.register")?;
        for (what, name) in
            std::iter::once(("an agent id", agent_id)).chain(roles.iter().map(|role| ("a role", role.as_str())))
        {
            if !agent_os_core::action::is_name(name) {
                return Err(PyValueError::new_err(format!(
                    "`{name}` is not {what}; use 1 to {} of A-Z a-z 0-9 _ . : -",
                    agent_os_core::limits::NAME_BYTES
                )));
            }
        }
        match self.core.register(agent_id, roles).map_err(|fault| errors::unrecorded(py, &fault))? {
            Some(_) => Ok(()),
            None => {
                Err(PyValueError::new_err(format!("an agent `{agent_id}` is there already; choose another `agent_id`")))
            }
        }
    }

    /// Makes a tool known. `parameters` lists name, kind (as `inspect` counts), whether there is a default, the
    /// default, and whether it is injected. `schema` is the JSON Schema of what is judged. Raises `CompileFailed` if it is
    /// none, with the code `bad_schema`, or if rules in force do not fit it, with pointers into the bundle's document.
    #[expect(clippy::too_many_arguments, reason = "a tool is declared whole")]
    fn tool(
        &self,
        py: Python<'_>,
        action: &str,
        function: Py<PyAny>,
        parameters: Vec<DeclaredParameter>,
        labels: Vec<String>,
        origin: &str,
        signature: Py<PyAny>,
        schema: &Bound<'_, PyAny>,
    ) -> PyResult<Tool> {
        self.control(py, "kernel.tool")?;
        let types = ArgumentTypes::read(&document_value(schema)?).map_err(|problems| failed(py, problems))?;
        Tool::new(py, self, action, function, parameters, labels, origin, signature, types)
    }

    /// Asks to run an agent, or with `spawned` to start it beside oneself; `arguments` says of what types its arguments
    /// are.
    #[pyo3(signature = (agent_id, process, arguments, spawned=false))]
    fn run(
        &self,
        py: Python<'_>,
        agent_id: &str,
        process: Option<&Process>,
        arguments: &Bound<'_, PyDict>,
        spawned: bool,
    ) -> PyResult<Call> {
        let agent = self
            .core
            .agent(agent_id)
            .ok_or_else(|| PyValueError::new_err(format!("no agent `{agent_id}` is registered; register it first")))?;
        let process = process.map(|process| Arc::clone(&process.core));
        Call::begin(py, &self.core, &self.log, process, Target::Run { agent, spawned }, arguments, None, false)
    }

    /// The processes that were not reaped, by number.
    fn processes(&self) -> Vec<Process> {
        let handle = |core| Process { core, kernel: Arc::clone(&self.core) };
        self.core.processes().into_iter().map(handle).collect()
    }

    /// Sends a signal in the name of the run that the caller is in, or of the operator, and says what became of it. A run
    /// that has not started the process needs an allow for `signal.send`.
    fn signal(&self, py: Python<'_>, target: &Process, number: u8) -> PyResult<&'static str> {
        let sender = self.caller(py)?;
        target.signal(py, &sender, number)
    }

    /// Arranges what is to happen on a signal (`default`, `ignore` or `handle`), and gives what was arranged. Refused to
    /// runs but the process itself.
    fn arrange(
        &self,
        py: Python<'_>,
        target: &Process,
        number: u8,
        disposition: &str,
        mask: Vec<u8>,
    ) -> PyResult<&'static str> {
        self.refuse_others(py, target)?;
        target.arrange(number, disposition, mask)
    }

    /// Blocks signals until they are unblocked (`how` is `block`, `unblock` or `set`), and gives those that were blocked.
    /// Refused to runs but the process itself.
    fn mask(&self, py: Python<'_>, target: &Process, how: &str, numbers: Vec<u8>) -> PyResult<Vec<u32>> {
        self.refuse_others(py, target)?;
        target.mask(how, numbers)
    }

    /// Raises a signal in the kernel's own name; `why` stands in the log. Refused inside a running agent.
    fn raise_signal(&self, py: Python<'_>, target: &Process, number: u8, why: &str) -> PyResult<&'static str> {
        self.control(py, "kernel.signal")?;
        let signal =
            Signal::from_number(number).ok_or_else(|| PyValueError::new_err(format!("there is no signal {number}")))?;
        let posted = self.core.raise(&target.core, signal, why).map_err(|fault| errors::unrecorded(py, &fault))?;
        Ok(posted.code())
    }

    /// The operator's own identity; refused inside a running agent.
    #[getter]
    fn operator(&self, py: Python<'_>) -> PyResult<Process> {
        self.control(py, "kernel.operator")?;
        Ok(Process { core: Arc::clone(self.core.operator()), kernel: Arc::clone(&self.core) })
    }

    /// Puts another bundle in force; `reason` is `reload` or `watch`. Without `protected`, that stays what it is.
    #[pyo3(signature = (bundle, reason="reload", protected=None))]
    fn reload(&self, py: Python<'_>, bundle: &Bundle, reason: &str, protected: Option<&Protected>) -> PyResult<()> {
        self.control(py, "kernel.reload")?;
        let protected =
            protected.map_or_else(|| Arc::clone(&self.core.in_force().protected), |given| Arc::clone(&given.0));
        // Writing the policy into the log takes longer than many decisions, and other threads go on deciding meanwhile.
        let unread = py
            .detach(|| {
                loaded(&self.log, bundle, reason, None).map_err(NotFit::Record).and_then(|draft| {
                    self.core.reload(Arc::clone(&bundle.core), Arc::clone(&bundle.extra), protected, &draft)
                })
            })
            .map_err(|fault| not_fit(py, fault))?;
        unread.into_iter().filter_map(Arc::into_inner).for_each(|extra| extra.take_apart(py));
        py.detach(|| self.core.release());
        Ok(())
    }

    /// What of a bundle does not fit the registered tools; pointers are into its document.
    fn misfits(&self, py: Python<'_>, bundle: &Bundle) -> Vec<ProblemRow> {
        problem_rows(py.detach(|| self.core.misfits(&bundle.core)))
    }

    /// Puts a bundle in force that may open something, if the operator's token has signed for exactly this bundle. Says
    /// how the request stands, as [`Waiting::poll`] does; an approval is good for one reload.
    fn reload_approved(
        &self,
        py: Python<'_>,
        bundle: &Bundle,
        waiting: &Waiting,
        protected: &Protected,
    ) -> PyResult<&'static str> {
        self.control(py, "kernel.reload")?;
        let how = waiting.poll(py)?;
        if how != "approved" {
            return Ok(how);
        }
        // SECURITY: the operator signed for a digest, and for one reload.
        if !waiting.is_good_for(bundle.core.digest()) {
            return Ok("forged");
        }
        let unread = py
            .detach(|| {
                loaded(&self.log, bundle, "approved", Some(waiting.request())).map_err(NotFit::Record).and_then(
                    |draft| {
                        let (core, extra) = (Arc::clone(&bundle.core), Arc::clone(&bundle.extra));
                        self.core.reload(core, extra, Arc::clone(&protected.0), &draft)
                    },
                )
            })
            .map_err(|fault| not_fit(py, fault))?;
        unread.into_iter().filter_map(Arc::into_inner).for_each(|extra| extra.take_apart(py));
        py.detach(|| self.core.release());
        Ok(how)
    }

    /// Protects other files under the bundle in force.
    fn protect(&self, py: Python<'_>, protected: &Protected) -> PyResult<()> {
        self.control(py, "kernel.reload")?;
        self.core.protect(Arc::clone(&protected.0));
        Ok(())
    }

    /// Notes that a reload failed.
    fn rejected(&self, py: Python<'_>, error: &str) -> PyResult<()> {
        self.control(py, "kernel.reload")?;
        let mut draft = Draft::new();
        let short: String = error.chars().take(2_000).collect();
        draft.text("error", &short).text("kind", kind::POLICY_REJECTED);
        self.event(&draft).map_err(|fault| errors::unrecorded(py, &fault))
    }

    /// Notes that a bundle waits for the operator, because it may open something.
    fn pending(&self, py: Python<'_>, bundle: &Bundle, opens: Vec<String>) -> PyResult<()> {
        self.control(py, "kernel.reload")?;
        let mut draft = Draft::new();
        draft
            .text("bundle", bundle.core.digest())
            .text("kind", kind::POLICY_PENDING)
            .text("name", bundle.core.name())
            .texts("opens", opens.iter().take(SHOWN_OPENINGS).map(String::as_str));
        self.event(&draft).map_err(|fault| errors::unrecorded(py, &fault))
    }

    /// The bundle in force.
    #[getter]
    fn bundle(&self) -> Bundle {
        let in_force = self.core.in_force();
        Bundle { core: Arc::clone(&in_force.bundle), extra: Arc::clone(&in_force.extra) }
    }

    /// Closes the kernel and its log.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.control(py, "kernel.close")?;
        self.core.close();
        self.core.store().close();
        py.detach(|| self.log.close()).map_err(|error| errors::log(py, &error))
    }

    /// True while effects may pass.
    #[getter]
    fn is_open(&self) -> bool {
        self.core.is_open() && self.log.state().is_ok()
    }

    /// The log's id in hex.
    #[getter]
    fn log_id(&self) -> &str {
        self.log.id()
    }

    /// Number of entries.
    #[getter]
    fn log_size(&self) -> u64 {
        self.log.size()
    }

    /// Root of the tree over the entries, in hex.
    #[getter]
    fn log_root(&self) -> String {
        hex(&self.log.root())
    }

    /// A checkpoint over every entry so far: synced, signed, and in the log's directory.
    fn log_checkpoint(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.log.checkpoint()).map_err(|error| errors::log(py, &error))
    }

    /// The key that signs checkpoints, in the spelling of signed notes; `None` for a log in memory.
    #[getter]
    fn log_key(&self) -> Option<String> {
        self.log.public_key().map(|key| key.vkey(self.log.id()))
    }

    /// The entries from a place on.
    #[pyo3(signature = (start=0))]
    fn log_entries(&self, py: Python<'_>, start: u64) -> PyResult<LogEntries> {
        self.log.read_from(start).map(LogEntries::new).map_err(|error| errors::log(py, &error))
    }

    /// A payload of the side store, by its SHA-256 in hex.
    fn log_payload<'py>(&self, py: Python<'py>, sha256: &str) -> PyResult<Bound<'py, PyBytes>> {
        self.log.payload(sha256).map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| errors::log(py, &error))
    }

    /// The canonical bytes of a sealed value: the ids of its keys, and its text.
    fn log_unseal<'py>(&self, py: Python<'py>, keys: Vec<String>, text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.log.unseal(&keys, text).map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| errors::log(py, &error))
    }

    /// Destroys the key of a person, or removes the payloads of an entry. Gives the entry that tells of it, if there was
    /// anything to be destroyed.
    fn log_redact(&self, py: Python<'_>, subject: Option<&str>, seq: Option<u64>) -> PyResult<Option<u64>> {
        self.control(py, "kernel.redact")?;
        py.detach(|| proof::redact(&self.log, subject, seq)).map_err(|error| errors::log(py, &error))
    }

    /// Drops what entries before `before` say, as far as whole segments hold no other; their hashes stay. Gives what was
    /// dropped, if there was anything.
    fn log_retain<'py>(&self, py: Python<'py>, before: u64) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.control(py, "kernel.retain")?;
        let done = py.detach(|| self.log.retain(before)).map_err(|error| errors::log(py, &error))?;
        done.map(|retained| proof::retained(py, &retained)).transpose()
    }

    /// Returns when so many entries are as durable as the log promises.
    fn log_settle(&self, py: Python<'_>, size: u64) -> PyResult<()> {
        py.detach(|| self.log.settle(size)).map_err(|error| errors::log(py, &error))
    }

    /// Whether `log_settle` would return at once.
    fn log_is_settled(&self, size: u64) -> bool {
        self.log.is_settled(size)
    }

    /// Makes everything durable now.
    fn log_flush(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.log.flush()).map_err(|error| errors::log(py, &error))
    }
}

impl Kernel {
    /// Whose code calls: the run that it is in, or the operator.
    fn caller(&self, py: Python<'_>) -> PyResult<Arc<CoreProcess>> {
        let current = self.current.bind(py).call0()?;
        let run = current.cast::<Process>().ok().map(|process| Arc::clone(&process.get().core));
        Ok(run.unwrap_or_else(|| Arc::clone(self.core.operator())))
    }

    /// What a process has arranged for its signals is its own, and the operator's.
    fn refuse_others(&self, py: Python<'_>, target: &Process) -> PyResult<()> {
        if Arc::ptr_eq(&self.caller(py)?, &target.core) { Ok(()) } else { self.control(py, "signal.arrange") }
    }

    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    fn event(&self, draft: &Draft) -> Result<(), agent_os_core::kernel::RecordFault> {
        use agent_os_core::kernel::Recorder as _;
        self.core.recorder().event(draft).map(|_| ())
    }

    /// Makes a tool known and notes it, unless rules in force do not fit it.
    pub(crate) fn add_tool(
        &self,
        py: Python<'_>,
        action: &str,
        labels: &[String],
        origin: &str,
        injected: &[String],
        types: ArgumentTypes,
    ) -> PyResult<()> {
        let mut draft = Draft::new();
        draft
            .text("action", action)
            .texts("injected", injected.iter().map(String::as_str))
            .text("kind", kind::TOOL_REGISTERED)
            .texts("labels", labels.iter().map(String::as_str))
            .text("origin", origin);
        // Waiting for a reload on another thread must not keep that thread from ending it.
        py.detach(|| self.core.add_tool(action, types, &draft)).map_err(|fault| not_fit(py, fault))
    }
}

fn not_fit(py: Python<'_>, fault: NotFit) -> PyErr {
    match fault {
        NotFit::Rules(problems) => failed(py, problems),
        NotFit::Record(fault) => errors::unrecorded(py, &fault),
    }
}

/// Now, for a bundle that asks for the time: reading the clock costs as much as several conditions.
fn moment(bundle: &agent_os_core::policy::Bundle) -> i64 {
    if bundle.reads_time() { now() } else { 0 }
}

/// `approval` is the digest of what the operator has signed for.
fn loaded(
    log: &Log,
    bundle: &Bundle,
    reason: &str,
    approval: Option<&str>,
) -> Result<Draft, agent_os_core::kernel::RecordFault> {
    let document = canonical::encode(bundle.core.document());
    let mut written = Vec::new();
    if document.len() > INLINE_DOCUMENT {
        log.put_payload(&document).map_err(|error| errors::fault(&error))?.write(&mut written);
    } else {
        written = document;
    }
    let mut draft = Draft::new();
    if let Some(approval) = approval {
        draft.text("approval", approval);
    }
    draft
        .text("bundle", bundle.core.digest())
        .field("document", |out| out.extend_from_slice(&written))
        .text("kind", kind::POLICY_LOADED)
        .text("name", bundle.core.name());
    if bundle.core.only_observes() {
        draft.field("only_observes", |out| out.extend_from_slice(b"true"));
    }
    draft.text("reason", reason);
    Ok(draft)
}
