//! The tables that are declared once in Rust, and questions about single texts, for docs, schema and tests.

use agent_os_core::policy::{Code, Lint, OPERATORS};
use agent_os_core::reason::Reason;
use agent_os_core::{action, limits as bounds, policy};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::freeze::ACCEPTED;

/// Every operator of conditions, those that are not supported yet included.
#[pyfunction]
pub(crate) fn operators(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let row = |operator: &agent_os_core::policy::Operator| {
        let row = PyDict::new(py);
        row.set_item("name", operator.name)?;
        row.set_item("family", operator.family.code())?;
        row.set_item("operand", operator.operand.code())?;
        row.set_item("accepts", operator.accepts.iter().map(|kind| kind.code()).collect::<Vec<_>>())?;
        row.set_item("doc", operator.doc)?;
        row.set_item("supported", operator.supported)?;
        Ok(row)
    };
    OPERATORS.iter().map(row).collect()
}

/// What is known of programs that shell commands run.
#[pyfunction]
pub(crate) fn shell_programs(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let row = |program: policy::ProgramFacts| {
        let row = PyDict::new(py);
        row.set_item("names", program.names)?;
        row.set_item("runs", program.runs)?;
        row.set_item("writes", program.writes)?;
        row.set_item("has_subcommands", program.has_subcommands)?;
        Ok(row)
    };
    policy::shell_programs().into_iter().map(row).collect()
}

/// Every bound: name, value, what is counted.
#[pyfunction]
pub(crate) fn limits() -> Vec<(String, usize, &'static str)> {
    bounds::TABLE.iter().map(|limit| (limit.name.to_lowercase(), limit.value, limit.doc.trim())).collect()
}

/// Every reason code with its meaning.
#[pyfunction]
pub(crate) fn reasons() -> Vec<(&'static str, &'static str)> {
    Reason::ALL.iter().map(|reason| (reason.code(), reason.doc().trim())).collect()
}

/// Every code of a policy's load errors with its meaning.
#[pyfunction]
pub(crate) fn compile_codes() -> Vec<(&'static str, &'static str)> {
    Code::ALL.iter().map(|code| (code.code(), code.doc().trim())).collect()
}

/// Every code of a finding with its level and meaning.
#[pyfunction]
pub(crate) fn lint_codes() -> Vec<(&'static str, &'static str, &'static str)> {
    Lint::ALL.iter().map(|lint| (lint.code(), lint.level().code(), lint.doc().trim())).collect()
}

/// Every Python type that can be frozen with what becomes of it.
#[pyfunction]
pub(crate) fn accepted_types() -> Vec<(&'static str, &'static str)> {
    ACCEPTED.to_vec()
}

/// `release` or `debug`: benchmarks refuse the latter.
#[pyfunction]
pub(crate) fn build_profile() -> &'static str {
    if cfg!(debug_assertions) { "debug" } else { "release" }
}

/// `None` if the text is an action, else what is wrong with it.
#[pyfunction]
pub(crate) fn check_action(text: &str) -> Option<String> {
    action::check(text).err().map(|fault| fault.to_string())
}

/// True if the action belongs to the kernel.
#[pyfunction]
pub(crate) fn is_reserved(text: &str) -> bool {
    action::is_reserved(text)
}

/// The scheme, host and port that the WHATWG URL standard finds, relative to `base` if there is one. `None` for what
/// must not be parsed.
#[pyfunction]
#[pyo3(signature = (text, base = None))]
pub(crate) fn url_parts(text: &str, base: Option<&str>) -> Option<(String, Option<String>, Option<u16>)> {
    policy::url_parts(text, base).map(|parts| (parts.scheme, parts.host, parts.port))
}

/// True for an agent's id, a role or a label.
#[pyfunction]
pub(crate) fn is_name(text: &str) -> bool {
    action::is_name(text)
}
