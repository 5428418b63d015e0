//! Handles to runs. Only the kernel issues them; Python can neither make nor change one.

use std::sync::Arc;

use agent_os_core::kernel::Process as CoreProcess;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::thaw::texts;

/// One run of an agent, as the kernel knows it.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Process(pub(crate) Arc<CoreProcess>);

#[pymethods]
impl Process {
    /// Number of the run; 0 is the operator's.
    #[getter]
    fn pid(&self) -> u64 {
        self.0.pid()
    }

    /// Whose run it is.
    #[getter]
    fn agent_id(&self) -> &str {
        &self.0.agent().id
    }

    /// Number of the run that started this one; `None` for the operator's.
    #[getter]
    fn parent(&self) -> Option<u64> {
        self.0.parent().map(CoreProcess::pid)
    }

    /// Runs above this one.
    #[getter]
    fn depth(&self) -> u32 {
        self.0.depth()
    }

    /// Marks on the data that the run has seen.
    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, self.0.data().labels.iter().map(String::as_str))
    }

    /// True until the run has ended.
    #[getter]
    fn alive(&self) -> bool {
        !self.0.is_ended()
    }

    /// True for the operator's own calls.
    #[getter]
    fn is_operator(&self) -> bool {
        self.0.is_operator()
    }

    fn __repr__(&self) -> String {
        format!("<Process {} of {}>", self.0.pid(), self.0.agent().id)
    }
}
