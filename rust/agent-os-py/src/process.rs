//! Handles to runs. Only the kernel issues them; Python can neither make nor change one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use agent_os_core::canonical::encode;
use agent_os_core::kernel::{
    Attached, Audited, Cleared, Decision as CoreDecision, Gate, Judged, NotPermitted, Outcome, Process as CoreProcess,
    Request, Shown,
};
use agent_os_core::reason::Reason;
use agent_os_core::signal::{Delivery, Disposition, Mask, Signal, SignalSet, Status};
use agent_os_core::value::Value;
use agent_os_log::Reservation;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::bundle::now;
use crate::decision::Decision;
use crate::errors;
use crate::kernel::CoreKernel;
use crate::thaw::texts;

/// The action that signalling a process that one has not started is.
const SEND: &str = "signal.send";

/// One run of an agent, as the kernel knows it.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Process {
    pub(crate) core: Arc<CoreProcess>,
    pub(crate) kernel: Arc<CoreKernel>,
}

#[pymethods]
impl Process {
    /// Number of the run; 0 is the operator's.
    #[getter]
    fn pid(&self) -> u64 {
        self.core.pid()
    }

    /// Whose run it is.
    #[getter]
    fn agent_id(&self) -> &str {
        &self.core.agent().id
    }

    /// Number of the run that started this one; `None` for the operator's.
    #[getter]
    fn parent(&self) -> Option<u64> {
        self.core.parent().map(CoreProcess::pid)
    }

    /// Runs above this one.
    #[getter]
    fn depth(&self) -> u32 {
        self.core.depth()
    }

    /// Marks on the data that the run has seen.
    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, self.core.data().labels.iter().map(String::as_str))
    }

    /// What tells it apart from every other process of this program.
    #[getter]
    fn key(&self) -> (u64, u64) {
        (self.core.kernel_number(), self.core.pid())
    }

    /// True until the run has ended.
    #[getter]
    fn alive(&self) -> bool {
        !self.core.is_ended()
    }

    /// `created`, `running`, `stopped`, `terminated` or `reaped`.
    #[getter]
    fn state(&self) -> &'static str {
        self.core.state().code()
    }

    /// How it ended: `returned` or `raised`, or `killed` with the signal's number. `None` until then.
    #[getter]
    fn status(&self) -> Option<(&'static str, Option<u8>)> {
        self.core.signals().status().map(|status| match status {
            Status::Returned => ("returned", None),
            Status::Raised => ("raised", None),
            Status::Killed(signal) => ("killed", Some(signal.number())),
        })
    }

    /// Number of the process whose group it is in.
    #[getter]
    fn group(&self) -> u64 {
        self.core.group()
    }

    /// Number of the process that it belongs to now: its parent, or 0 when that has ended.
    #[getter]
    fn ppid(&self) -> u64 {
        self.core.parent().filter(|parent| !parent.is_ended()).map_or(0, CoreProcess::pid)
    }

    /// Actions that it and the processes below it have had allowed.
    #[getter]
    fn calls(&self) -> u64 {
        self.core.calls()
    }

    /// Takes it out of the kernel's table, if it has ended.
    fn reap(&self) -> bool {
        self.kernel.reap(&self.core).is_some()
    }

    /// Calls `callback` whenever what the process may do has changed, on the thread of whoever changed it, for as long as
    /// the returned object lives.
    fn watch(&self, callback: Py<PyAny>) -> Watch {
        let attached: Arc<dyn Attached> = Arc::new(Callback(callback));
        self.core.attach(&attached);
        Watch { _attached: attached }
    }

    /// Its code is about to run in this thread, where nobody drives it.
    fn run_in_thread(&self) {
        self.core.run_in_thread();
    }

    /// True if its code runs in a thread of its own.
    #[getter]
    fn is_threaded(&self) -> bool {
        self.core.is_threaded()
    }

    /// What must be done before its next step, for code that nobody drives: `("handle", number, restore)`,
    /// `("throw", number, [])`, `("stop", 0, [])`, or `None`.
    fn next_delivery(&self) -> Option<(&'static str, u8, Vec<u32>)> {
        self.core.next_delivery().map(|delivery| match delivery {
            Delivery::Handle { signal, restore } => ("handle", signal.number(), numbers_of(restore)),
            Delivery::Throw(signal) => ("throw", signal.number(), Vec::new()),
            Delivery::Stop => ("stop", 0, Vec::new()),
        })
    }

    /// A handler is done; `restore` is blocked again.
    fn handled(&self, restore: Vec<u8>) -> PyResult<()> {
        self.core.handled(set_of(restore)?);
        Ok(())
    }

    /// The error that whoever awaits it gets if `number` has ended it.
    fn killed(&self, py: Python<'_>, number: u8) -> PyResult<Py<PyAny>> {
        Ok(errors::killed(py, &self.core, known(number)?).into_value(py).into_any())
    }

    /// Waits in this thread while the process is stopped.
    fn wait_while_stopped(&self, py: Python<'_>) {
        py.detach(|| {
            let bell = Arc::new(Bell::default());
            let attached: Arc<dyn Attached> = Arc::clone(&bell) as Arc<dyn Attached>;
            self.core.attach(&attached);
            let mut rung = bell.rung.lock().unwrap_or_else(PoisonError::into_inner);
            while self.core.gate() == Gate::Stopped {
                rung = bell.ring.wait(rung).unwrap_or_else(PoisonError::into_inner);
            }
            drop(rung);
        });
    }

    /// True for the operator's own calls.
    #[getter]
    fn is_operator(&self) -> bool {
        self.core.is_operator()
    }

    fn __repr__(&self) -> String {
        format!("<Process {} of {}>", self.core.pid(), self.core.agent().id)
    }
}

impl Process {
    /// Sends it a signal in the name of `sender` and says what became of it. If `sender` has not started the process it
    /// needs an allow for `signal.send`. Raises `PolicyDenied`, and `ValueError` for what nobody but the kernel sends.
    pub(crate) fn signal(&self, py: Python<'_>, sender: &CoreProcess, number: u8) -> PyResult<&'static str> {
        let signal = known(number)?;
        if signal.is_kernels() {
            return Err(PyValueError::new_err(format!("`{}` is raised by the kernel only", signal.name())));
        }
        if self.kernel.may_signal(sender, &self.core) {
            return self.posted(py, sender, signal, None);
        }
        let audited = self.judge(py, sender, signal)?;
        let right = self.kernel.clear(&audited).map_err(|fault| errors::unrecorded(py, &fault))?;
        let posted = self.posted(py, sender, signal, Some(right));
        let status = if posted.is_ok() { "returned" } else { "raised" };
        let outcome = Outcome { status, digest: None, full: None, error: None, labels: &[], origin: None, micros: 0 };
        self.kernel
            .finish(audited, Some(sender), &outcome)
            .and_then(|seq| self.kernel.settle_outcome(seq))
            .map_err(|fault| errors::unrecorded(py, &fault))?;
        posted
    }

    /// Blocks signals until they are unblocked (`how` is `block`, `unblock` or `set`), and gives those that were blocked.
    pub(crate) fn mask(&self, how: &str, numbers: Vec<u8>) -> PyResult<Vec<u32>> {
        let how = Mask::from_code(how).ok_or_else(|| {
            PyValueError::new_err(format!("`{how}` is no way to change a mask; use block, unblock or set"))
        })?;
        Ok(numbers_of(self.core.set_mask(how, set_of(numbers)?)))
    }

    /// Arranges what is to happen on a signal (`default`, `ignore` or `handle`), and gives what was arranged.
    pub(crate) fn arrange(&self, number: u8, disposition: &str, mask: Vec<u8>) -> PyResult<&'static str> {
        let disposition = Disposition::from_code(disposition).ok_or_else(|| {
            PyValueError::new_err(format!("`{disposition}` is no disposition; use default, ignore or handle"))
        })?;
        let before = self.core.set_disposition(known(number)?, disposition, set_of(mask)?);
        before.map(Disposition::code).map_err(|fault| PyValueError::new_err(fault.to_string()))
    }

    fn posted(
        &self,
        py: Python<'_>,
        sender: &CoreProcess,
        signal: Signal,
        right: Option<Cleared<'_, CoreDecision, Reservation>>,
    ) -> PyResult<&'static str> {
        match self.kernel.signal(sender, &self.core, signal, right) {
            Some(Ok(posted)) => Ok(posted.code()),
            Some(Err(fault)) => Err(errors::unrecorded(py, &fault)),
            None => Err(PyRuntimeError::new_err(NotPermitted.to_string())),
        }
    }

    /// Asks the policy for `signal.send`. Nobody is asked to confirm it: who sends a signal does not wait.
    fn judge(
        &self,
        py: Python<'_>,
        sender: &CoreProcess,
        signal: Signal,
    ) -> PyResult<Audited<CoreDecision, Reservation>> {
        let arguments = Value::from([
            ("signal", Value::from(signal.name())),
            ("target", Value::from(self.core.agent().id.as_str())),
        ]);
        let describe = |_: &Shown<'_>, out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"full\":");
            out.extend_from_slice(&encode(&arguments));
            out.push(b'}');
            Ok(())
        };
        let request = Request { action: SEND, args: &&arguments, now_micros: now(), describe: &describe };
        let in_force = self.kernel.in_force();
        let (decision, fault) = match self.kernel.judge(&in_force, Some(sender), &request, None) {
            Judged::Go(audited) => return Ok(audited),
            Judged::Ask(decision) => {
                self.kernel.refuse_asked(Some(sender), &request, decision, Reason::ApprovalMissing)
            }
            Judged::Denied(decision, fault) => (decision, fault),
        };
        if let (Reason::RecordFailed, Some(fault)) = (decision.verdict.reason, fault) {
            return Err(errors::unrecorded(py, &fault));
        }
        let decision = Decision(decision);
        Err(errors::denied(py, &decision.denial(SEND, Some(&sender.agent().id)), decision))
    }
}

/// Keeps a callback of [`Process::watch`] alive.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Watch {
    _attached: Arc<dyn Attached>,
}

struct Callback(Py<PyAny>);

impl Attached for Callback {
    fn look_again(&self) {
        Python::attach(|py| {
            if let Err(error) = self.0.call0(py) {
                error.write_unraisable(py, None);
            }
        });
    }
}

/// Wakes a thread that waits for a process to go on.
#[derive(Default)]
struct Bell {
    rung: Mutex<()>,
    ring: Condvar,
}

impl Attached for Bell {
    fn look_again(&self) {
        // Whoever has looked at the gate and not yet waits holds this.
        drop(self.rung.lock().unwrap_or_else(PoisonError::into_inner));
        self.ring.notify_all();
    }
}

fn known(number: u8) -> PyResult<Signal> {
    Signal::from_number(number).ok_or_else(|| PyValueError::new_err(format!("there is no signal {number}")))
}

/// As numbers: a list of bytes would become a text of them.
fn numbers_of(set: SignalSet) -> Vec<u32> {
    set.iter().map(|signal| u32::from(signal.number())).collect()
}

fn set_of(numbers: Vec<u8>) -> PyResult<SignalSet> {
    numbers.into_iter().try_fold(SignalSet::EMPTY, |set, number| Ok(set.with(known(number)?)))
}
