//! Differences between two bundles, as dicts.

use agent_os_core::canonical;
use agent_os_core::policy::{Difference, LimitUse, Per, Side};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

/// One difference; the arguments are the bytes of their canonical form.
pub(crate) fn row<'py>(py: Python<'py>, difference: &Difference) -> PyResult<Bound<'py, PyDict>> {
    let request = &difference.request;
    let row = PyDict::new(py);
    row.set_item("change", difference.change.code())?;
    row.set_item("action", &request.action)?;
    row.set_item("agent", &request.agent)?;
    row.set_item("roles", &request.roles)?;
    row.set_item("args", PyBytes::new(py, &canonical::encode(&request.args)))?;
    row.set_item("labels", &request.labels)?;
    row.set_item("calls", request.calls)?;
    row.set_item("depth", request.depth)?;
    row.set_item("parent", request.parent.as_deref())?;
    row.set_item("now_micros", request.now_micros)?;
    let texts: Vec<(&str, &str)> = request.texts.iter().map(|(origin, text)| (origin.code(), text.as_str())).collect();
    row.set_item("texts", texts)?;
    row.set_item("before", side(py, &difference.before)?)?;
    row.set_item("after", side(py, &difference.after)?)?;
    Ok(row)
}

fn side<'py>(py: Python<'py>, side: &Side) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("effect", side.effect.code())?;
    row.set_item("reason", side.reason)?;
    row.set_item("rules", &side.rules)?;
    row.set_item("requires", &side.requires)?;
    row.set_item("redact", &side.obligations.redact)?;
    row.set_item("labels", &side.obligations.labels)?;
    row.set_item("subject", &side.obligations.subject)?;
    row.set_item("record", side.obligations.record.map(|level| level.code()))?;
    row.set_item("limits", side.limits.iter().map(|limit| limit_use(py, limit)).collect::<PyResult<Vec<_>>>()?)?;
    Ok(row)
}

fn limit_use<'py>(py: Python<'py>, used: &LimitUse) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    let seconds = match used.limit.per {
        Per::Seconds(seconds) => Some(seconds),
        Per::Run => None,
    };
    row.set_item("rule", &used.rule)?;
    row.set_item("sum", used.sum.as_deref())?;
    row.set_item("max", used.limit.max.to_string())?;
    row.set_item("per_seconds", seconds)?;
    row.set_item("by", used.limit.by.code())?;
    row.set_item("used", used.used.to_string())?;
    row.set_item("amount", used.amount.map(|amount| amount.to_string()))?;
    Ok(row)
}
