//! The table of signals, and one process's share of them. Signals are numbers here, everything else its code.

use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_os_core::signal::{Control, Delivery, Disposition, Mask, Signal, SignalSet, State, Status, transition};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Every signal, in ascending number.
#[pyfunction]
pub(crate) fn signals(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let row = |signal: &Signal| {
        let row = PyDict::new(py);
        row.set_item("name", signal.name())?;
        row.set_item("number", signal.number())?;
        row.set_item("default", signal.default_action().code())?;
        row.set_item("handler", signal.handler().code())?;
        row.set_item("blockable", signal.is_blockable())?;
        row.set_item("kernel", signal.is_kernels())?;
        row.set_item("doc", signal.doc().trim())?;
        Ok(row)
    };
    Signal::ALL.iter().map(row).collect()
}

/// One entry of the table of transitions: the state after it, the effect, and the pending signals that it discards.
#[pyfunction]
pub(crate) fn signal_transition<'py>(
    py: Python<'py>,
    state: &str,
    signal: i64,
    disposition: &str,
    blocked: bool,
) -> PyResult<(&'static str, &'static str, Bound<'py, PyTuple>)> {
    let state = State::from_code(state).ok_or_else(|| unknown(state, "state"))?;
    let to = transition(state, numbered(signal)?, arranged(disposition)?, blocked);
    Ok((to.state.code(), to.effect.code(), numbers(py, to.discards)?))
}

/// What signals have done to one process, and what it has arranged for them.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct SignalControl(Mutex<Control>);

#[pymethods]
impl SignalControl {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(Control::new()))
    }

    /// The first step is due; the state.
    fn start(&self) -> &'static str {
        self.lock().start().code()
    }

    /// A signal is sent; what became of it.
    fn post(&self, signal: i64) -> PyResult<&'static str> {
        Ok(self.lock().post(numbered(signal)?).code())
    }

    /// What must be done before the next step: `("handle", signal, mask to restore)`, `("throw", signal, ())`,
    /// `("stop", None, ())`, or `None`.
    #[allow(clippy::type_complexity)]
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<(&'static str, Option<u8>, Bound<'py, PyTuple>)>> {
        let delivery = self.lock().next();
        let told =
            |word, signal: Option<Signal>, restore| Ok(Some((word, signal.map(Signal::number), numbers(py, restore)?)));
        match delivery {
            None => Ok(None),
            Some(Delivery::Handle { signal, restore }) => told("handle", Some(signal), restore),
            Some(Delivery::Throw(signal)) => told("throw", Some(signal), SignalSet::EMPTY),
            Some(Delivery::Stop) => told("stop", None, SignalSet::EMPTY),
        }
    }

    /// A handler is done: the mask is to be this.
    fn handled(&self, restore: Vec<i64>) -> PyResult<()> {
        self.lock().handled(all(restore)?);
        Ok(())
    }

    /// `block`, `unblock` or `set` these signals; what was blocked.
    fn set_mask<'py>(&self, py: Python<'py>, how: &str, signals: Vec<i64>) -> PyResult<Bound<'py, PyTuple>> {
        let how = Mask::from_code(how).ok_or_else(|| unknown(how, "change of a mask"))?;
        let before = self.lock().set_mask(how, all(signals)?);
        numbers(py, before)
    }

    /// `default`, `ignore` or `handle` the signal, its handler with those signals blocked; what was arranged.
    #[pyo3(signature = (signal, disposition, mask = Vec::new()))]
    fn set_disposition(&self, signal: i64, disposition: &str, mask: Vec<i64>) -> PyResult<&'static str> {
        let (signal, disposition, mask) = (numbered(signal)?, arranged(disposition)?, all(mask)?);
        let before = self.lock().set_disposition(signal, disposition, mask);
        before.map(Disposition::code).map_err(|refused| PyValueError::new_err(refused.to_string()))
    }

    /// The code has `returned` or `raised`, or the named signal ended it; the status, `None` if it had ended before.
    fn end(&self, status: &str) -> PyResult<Option<&'static str>> {
        let status = match status {
            "returned" => Status::Returned,
            "raised" => Status::Raised,
            name => Status::Killed(Signal::from_name(name).ok_or_else(|| unknown(name, "end of a process"))?),
        };
        Ok(self.lock().end(status).map(Status::code))
    }

    /// Collects the status of a process that has ended, once.
    fn reap(&self) -> Option<&'static str> {
        self.lock().reap().map(Status::code)
    }

    /// What is arranged for a signal.
    fn disposition(&self, signal: i64) -> PyResult<&'static str> {
        Ok(self.lock().disposition(numbered(signal)?).code())
    }

    /// Where the process is.
    #[getter]
    fn state(&self) -> &'static str {
        self.lock().state().code()
    }

    /// What was sent and not delivered.
    #[getter]
    fn pending<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let pending = self.lock().pending();
        numbers(py, pending)
    }

    /// What is held back.
    #[getter]
    fn blocked<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let blocked = self.lock().blocked();
        numbers(py, blocked)
    }

    /// The first signal that was thrown into the code.
    #[getter]
    fn thrown(&self) -> Option<u8> {
        self.lock().thrown().map(Signal::number)
    }

    /// How it ended, if it has.
    #[getter]
    fn status(&self) -> Option<&'static str> {
        self.lock().status().map(Status::code)
    }

    /// The signal that ended the process and that a handler of it is told of.
    #[getter]
    fn observed(&self) -> Option<u8> {
        self.lock().observed().map(Signal::number)
    }

    /// True if `next` has something to look at.
    #[getter]
    fn ready(&self) -> bool {
        self.lock().is_ready()
    }

    fn __repr__(&self) -> String {
        format!("<SignalControl of a process that is {}>", self.state())
    }
}

impl SignalControl {
    // Never held while Python runs.
    fn lock(&self) -> MutexGuard<'_, Control> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn numbered(number: i64) -> PyResult<Signal> {
    let known = u8::try_from(number).ok().and_then(Signal::from_number);
    known.ok_or_else(|| unknown(&number.to_string(), "number of a signal"))
}

fn all(numbers: Vec<i64>) -> PyResult<SignalSet> {
    numbers.into_iter().map(numbered).collect()
}

fn arranged(code: &str) -> PyResult<Disposition> {
    Disposition::from_code(code).ok_or_else(|| unknown(code, "disposition"))
}

fn unknown(given: &str, kind: &str) -> PyErr {
    PyValueError::new_err(format!("`{given}` is no {kind}; `_core.pyi` names them all"))
}

fn numbers<'py>(py: Python<'py>, signals: SignalSet) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, signals.iter().map(Signal::number).collect::<Vec<_>>())
}
