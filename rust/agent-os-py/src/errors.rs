//! The one place where Rust's failures become the classes of `agent_os.errors`.

use agent_os_core::kernel::{Process, RecordFault};
use agent_os_core::reason::Reason;
use agent_os_core::signal::Signal;
use agent_os_log::LogError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use crate::decision::Decision;

static DENIED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static KILLED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static INVALID: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static STORE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static RECORDER: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static UNSUPPORTED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static NOT_SUPPORTED: PyOnceLock<Py<PyType>> = PyOnceLock::new();

const MODULE: &str = "agent_os.errors";

/// `PolicyDenied` with its decision.
pub(crate) fn denied(py: Python<'_>, message: &str, decision: Decision) -> PyErr {
    build(py, &DENIED, "PolicyDenied", message, |keywords| keywords.set_item("decision", Bound::new(py, decision)?))
}

/// `RequestInvalid`.
pub(crate) fn invalid(py: Python<'_>, message: &str) -> PyErr {
    build(py, &INVALID, "RequestInvalid", message, |_| Ok(()))
}

/// `RecorderError` with the recorder's own code.
pub(crate) fn unrecorded(py: Python<'_>, fault: &RecordFault) -> PyErr {
    build(py, &RECORDER, "RecorderError", &fault.message, |keywords| keywords.set_item("code", fault.code))
}

/// `RecorderError` for a result that is withheld.
pub(crate) fn withheld(py: Python<'_>, reason: Reason, message: &str) -> PyErr {
    build(py, &RECORDER, "RecorderError", message, |keywords| keywords.set_item("code", reason.code()))
}

/// `StoreError` with the store's own code.
pub(crate) fn store(py: Python<'_>, error: &agent_os_store::StoreError) -> PyErr {
    build(py, &STORE, "StoreError", &error.to_string(), |keywords| keywords.set_item("code", error.code()))
}

/// `UnsupportedEntryPoint`.
pub(crate) fn unsupported(py: Python<'_>, message: &str) -> PyErr {
    build(py, &UNSUPPORTED, "UnsupportedEntryPoint", message, |_| Ok(()))
}

/// `AgentKilled`: a signal has ended the process.
pub(crate) fn killed(py: Python<'_>, process: &Process, signal: Signal) -> PyErr {
    let agent = &process.agent().id;
    let message = format!("process {} of agent `{agent}` was ended by {}", process.pid(), signal.name());
    build(py, &KILLED, "AgentKilled", &message, |keywords| {
        keywords.set_item("pid", process.pid())?;
        keywords.set_item("agent_id", agent)?;
        keywords.set_item("signal", signal.number())
    })
}

/// The error for a log that cannot be opened, read or written.
pub(crate) fn log(py: Python<'_>, error: &LogError) -> PyErr {
    if error.code() == "not_supported" {
        return build(py, &NOT_SUPPORTED, "NotSupported", &error.to_string(), |_| Ok(()));
    }
    unrecorded(py, &fault(error))
}

/// The error for an index that cannot be used, or a log that cannot be read for it.
pub(crate) fn index(py: Python<'_>, error: &agent_os_index::IndexError) -> PyErr {
    if let agent_os_index::IndexError::Log(error) = error {
        return log(py, error);
    }
    unrecorded(py, &RecordFault { code: "index_unusable", message: error.to_string() })
}

/// What the road is told of the log's failure.
pub(crate) fn fault(error: &LogError) -> RecordFault {
    RecordFault { code: error.code(), message: error.to_string() }
}

fn build(
    py: Python<'_>,
    class: &PyOnceLock<Py<PyType>>,
    name: &str,
    message: &str,
    fill: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let class = class.import(py, MODULE, name)?;
        let keywords = PyDict::new(py);
        fill(&keywords)?;
        Ok(PyErr::from_value(class.call((message,), Some(&keywords))?))
    };
    // Whatever goes wrong while the error is made is an error too: nothing passes.
    make().unwrap_or_else(|error| {
        let failure = PyRuntimeError::new_err(format!("{message} (and `{MODULE}.{name}` could not be raised)"));
        failure.set_cause(py, Some(error));
        failure
    })
}
