//! From canonical bytes and core values to Python objects.

use agent_os_core::canonical::parse_floats;
use agent_os_core::number::Number;
use agent_os_core::value::Value;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyTuple};

/// The Python object that JSON with our tags spells. A member of an enumeration comes back as its value.
#[pyfunction]
pub(crate) fn thaw<'py>(py: Python<'py>, json: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let value = parse_floats(json).map_err(|error| PyValueError::new_err(error.to_string()))?;
    to_python(py, &value)
}

/// What provenance conditions see of a value, from its canonical bytes.
#[pyfunction]
pub(crate) fn run_text(json: &[u8]) -> PyResult<String> {
    let value = parse_floats(json).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(value.run_text())
}

/// Converts a value.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::Number(Number::Int(number)) => number.into_pyobject(py)?.into_any(),
        Value::Number(Number::BigInt(number)) => py.get_type::<PyInt>().call1((number.to_string(),))?,
        Value::Number(Number::Float(number)) => PyFloat::new(py, *number).into_any(),
        Value::Number(Number::Decimal(number)) => {
            py.import("decimal")?.getattr("Decimal")?.call1((number.to_string(),))?
        }
        Value::Str(text) => text.into_pyobject(py)?.into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Date(date) => {
            py.import("datetime")?.getattr("date")?.call_method1("fromisoformat", (date.to_string(),))?
        }
        Value::DateTime(instant) => {
            // Python 3.10 does not read `Z`.
            let text = instant.text().replace('Z', "+00:00");
            py.import("datetime")?.getattr("datetime")?.call_method1("fromisoformat", (text,))?
        }
        Value::Uuid(text) => py.import("uuid")?.getattr("UUID")?.call1((text,))?,
        Value::Path(text) => py.import("pathlib")?.getattr("PurePosixPath")?.call1((text,))?,
        Value::Enum(member) => to_python(py, &member.value)?,
        Value::List(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Set(items) => {
            let items = items
                .iter()
                .map(|item| match item {
                    Value::List(_) => to_python(py, item)?
                        .cast_into::<PyList>()
                        .map(|list| list.to_tuple().into_any())
                        .map_err(PyErr::from),
                    item => to_python(py, item),
                })
                .collect::<PyResult<Vec<_>>>()?;
            let (count, set) = (items.len(), PySet::new(py, items)?);
            if set.len() != count {
                return Err(PyValueError::new_err(
                    "a set has members that Python takes for equal, such as a member of an enumeration and its value; \
                     read it as a list",
                ));
            }
            set.into_any()
        }
        Value::Map(entries) => {
            let map = PyDict::new(py);
            for (key, value) in entries {
                map.set_item(key, to_python(py, value)?)?;
            }
            map.into_any()
        }
    })
}

/// A tuple of strings.
pub(crate) fn texts<'py, 't>(
    py: Python<'py>,
    texts: impl IntoIterator<Item = &'t str>,
) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, texts.into_iter().collect::<Vec<_>>())
}
