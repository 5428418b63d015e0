//! The schemas of tools, and what of a policy does not fit them.

use agent_os_core::policy::{self, Known};
use pyo3::prelude::*;

use crate::bundle::{Bundle, ProblemRow, document_value, failed, problem_rows};

/// JSON Schemas of arguments, by action.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct ToolTypes(policy::ToolTypes);

#[pymethods]
impl ToolTypes {
    /// Reads them, or raises `CompileFailed` with pointers into the mapping.
    #[new]
    fn new(py: Python<'_>, tools: &Bound<'_, PyAny>) -> PyResult<Self> {
        let tools = document_value(tools)?;
        policy::ToolTypes::read(&tools).map(Self).map_err(|problems| failed(py, problems))
    }

    /// What of a normalised document does not fit; pointers are into the document.
    fn check_document(&self, document: &Bound<'_, PyAny>) -> PyResult<Vec<ProblemRow>> {
        let document = document_value(document)?;
        Ok(problem_rows(self.0.check_document(&document, Known::Stated)))
    }

    /// What of a bundle does not fit; pointers are into its document, where rules are in the order of `Bundle.rules`.
    fn check_bundle(&self, py: Python<'_>, bundle: &Bundle) -> Vec<ProblemRow> {
        let core = &bundle.core;
        problem_rows(py.detach(|| core.check_tools(&self.0, Known::Stated)))
    }
}
