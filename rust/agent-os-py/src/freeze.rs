//! Freezing: one walk over Python values that yields their canonical bytes and an owned copy of them.
//!
//! Exact types are read by their storage; subclasses of `str`, `int`, `float`, `bytes`, `dict`, `list` and `tuple` are
//! converted by the base type's storage, so that no overridden method is ever run; everything else is refused.

use std::fmt;
use std::ops::Range;

use agent_os_core::time::{Date, DateTime};
use agent_os_core::{canonical as canon, limits};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple, PyType};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::errors;

/// Every Python type that can be frozen and what becomes of it: docs and tests are made from it.
pub(crate) const ACCEPTED: &[(&str, &str)] = &[
    ("NoneType", "null"),
    ("bool", "true or false; never a number"),
    ("int", "an integer; beyond ±2^53 tagged `$int`"),
    ("float", "a number; NaN and the infinities are refused"),
    ("str", "a string; lone surrogates are refused"),
    ("bytes", "tagged `$bytes`"),
    ("list", "a list"),
    ("tuple", "a list; the frozen copy is a tuple"),
    ("dict", "a map; keys must be exact strings"),
    ("set", "tagged `$set`"),
    ("frozenset", "tagged `$set`"),
    ("enum.Enum", "tagged `$enum`; conditions see its value"),
    ("decimal.Decimal", "tagged `$decimal`; NaN and the infinities are refused"),
    ("datetime.datetime", "tagged `$datetime`; without a zone, or with one of datetime.timezone or zoneinfo"),
    ("datetime.date", "tagged `$date`"),
    ("uuid.UUID", "tagged `$uuid`"),
    ("pathlib.PurePath", "tagged `$path`; pathlib's own six classes"),
];

/// Why a value cannot be frozen.
#[derive(Debug)]
pub(crate) struct Fault {
    // INVARIANT: innermost step first.
    steps: Vec<String>,
    what: String,
}

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self { steps: Vec::new(), what: what.into() }
    }

    fn under(mut self, step: String) -> Self {
        self.steps.push(step);
        self
    }

    fn from_error(py: Python<'_>, error: &PyErr) -> Self {
        Self::new(format!("cannot be read ({})", error.value(py)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: String = self.steps.iter().rev().map(String::as_str).collect();
        let path = path.strip_prefix('.').unwrap_or(&path);
        if path.is_empty() { write!(out, "the value {}", self.what) } else { write!(out, "`{path}` {}", self.what) }
    }
}

/// The place of each argument's bytes in the canonical form.
pub(crate) type Spans<'py> = SmallVec<[(Bound<'py, PyString>, Range<usize>); 8]>;

/// The walk: canonical bytes so far and what was counted.
pub(crate) struct Freezer {
    /// Canonical bytes.
    pub(crate) out: Vec<u8>,
    items: usize,
    bounds: Bounds,
}

/// How much a walk accepts.
struct Bounds {
    depth: usize,
    items: usize,
    bytes: usize,
}

impl Freezer {
    pub(crate) fn new() -> Self {
        let bounds = Bounds { depth: limits::DEPTH, items: limits::ITEMS, bytes: limits::CANONICAL_BYTES };
        Self { out: Vec::with_capacity(256), items: 0, bounds }
    }

    /// For documents of rules, whose own limits are the compiler's.
    pub(crate) fn for_document() -> Self {
        let bounds = Bounds { depth: 4 * limits::DEPTH, items: usize::MAX, bytes: usize::MAX };
        Self { out: Vec::with_capacity(4096), items: 0, bounds }
    }

    /// Freezes the arguments of a request. Beside the copy it gives the place of each argument's bytes.
    pub(crate) fn arguments<'py>(
        &mut self,
        arguments: &Bound<'py, PyDict>,
    ) -> Result<(Bound<'py, PyDict>, Spans<'py>), Fault> {
        let mut spans = SmallVec::new();
        let copy = self.map(arguments, 0, Some(&mut spans))?;
        Ok((copy, spans))
    }

    /// Freezes one value: appends its canonical bytes and returns its copy.
    pub(crate) fn value<'py>(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> Result<Bound<'py, PyAny>, Fault> {
        self.items += 1;
        if self.items > self.bounds.items {
            return Err(Fault::new(format!("has more than {} values in all; pass less", self.bounds.items)));
        }
        if let Ok(text) = value.cast_exact::<PyString>() {
            self.text(text)?;
        } else if value.is_none() {
            self.out.extend_from_slice(b"null");
        } else if let Ok(flag) = value.cast_exact::<PyBool>() {
            self.out.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
        } else if let Ok(number) = value.cast_exact::<PyInt>() {
            self.int(number)?;
        } else if let Ok(number) = value.cast_exact::<PyFloat>() {
            self.float(number.value())?;
        } else {
            return self.compound(value, depth);
        }
        self.bounded()?;
        Ok(value.clone())
    }

    fn compound<'py>(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> Result<Bound<'py, PyAny>, Fault> {
        let py = value.py();
        if depth > self.bounds.depth {
            return Err(Fault::new(format!("is nested more than {} levels deep; flatten it", self.bounds.depth)));
        }
        if let Ok(map) = value.cast_exact::<PyDict>() {
            return Ok(self.map(map, depth, None)?.into_any());
        }
        if let Ok(list) = value.cast_exact::<PyList>() {
            return Ok(self.list(&list.get_slice(0, list.len()), depth)?.into_any());
        }
        if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            return Ok(self.tuple(tuple, depth)?.into_any());
        }
        if is_instance(value, &ENUM, "enum", "Enum") {
            return self.member(value, depth);
        }
        if let Ok(bytes) = value.cast::<PyBytes>() {
            if bytes.as_bytes().len() > limits::STRING_BYTES {
                return Err(Fault::new(format!("is longer than {} bytes; pass less", limits::STRING_BYTES)));
            }
            canon::write_bytes(bytes.as_bytes(), &mut self.out);
            self.bounded()?;
            return Ok(if value.is_exact_instance_of::<PyBytes>() {
                value.clone()
            } else {
                PyBytes::new(py, bytes.as_bytes()).into_any()
            });
        }
        if value.is_exact_instance_of::<PySet>() || value.is_exact_instance_of::<PyFrozenSet>() {
            return self.set(value, depth);
        }
        if let Some(copy) = self.scalar_class(value)? {
            self.bounded()?;
            return Ok(copy);
        }
        self.subclass(value, depth)
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Result<(), Fault> {
        let text =
            text.to_str().map_err(|_| Fault::new("holds a lone surrogate, so it is not UTF-8; repair the text"))?;
        if text.len() > limits::STRING_BYTES {
            return Err(Fault::new(format!("is longer than {} bytes; pass less", limits::STRING_BYTES)));
        }
        canon::write_str(text, &mut self.out);
        Ok(())
    }

    fn int(&mut self, number: &Bound<'_, PyInt>) -> Result<(), Fault> {
        if let Ok(small) = number.extract::<i64>() {
            canon::write_int(small, &mut self.out);
            return Ok(());
        }
        let text = big_int_text(number)?;
        canon::write_tagged("$int", &text, &mut self.out);
        Ok(())
    }

    fn float(&mut self, number: f64) -> Result<(), Fault> {
        if !number.is_finite() {
            return Err(Fault::new("is NaN or infinite; pass a finite number"));
        }
        canon::write_float(number, &mut self.out);
        Ok(())
    }

    fn map<'py>(
        &mut self,
        map: &Bound<'py, PyDict>,
        depth: usize,
        mut spans: Option<&mut Spans<'py>>,
    ) -> Result<Bound<'py, PyDict>, Fault> {
        let py = map.py();
        // INVARIANT: nobody else holds `copy`. A dict is copied at once; of a subclass only its storage is read, which
        // its own `keys` and `__getitem__` would not show.
        let exact = map.is_exact_instance_of::<PyDict>();
        let copy = if exact { map.copy().map_err(|error| Fault::from_error(py, &error))? } else { PyDict::new(py) };
        let mut entries: SmallVec<[(Bound<'py, PyString>, Bound<'py, PyAny>); 8]> = SmallVec::new();
        if exact {
            for (key, value) in copy.iter() {
                entries.push((map_key(key)?, value));
            }
        } else {
            for entry in map.items() {
                let (key, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) =
                    entry.extract().map_err(|error| Fault::from_error(py, &error))?;
                let key = map_key(key)?;
                copy.set_item(&key, &value).map_err(|error| Fault::from_error(py, &error))?;
                entries.push((key, value));
            }
        }
        entries.sort_by(|(a, _), (b, _)| {
            canon::compare_keys(a.to_str().unwrap_or_default(), b.to_str().unwrap_or_default())
        });
        let escaped = entries.len() == 1
            && entries.first().is_some_and(|(key, _)| key.to_str().is_ok_and(|key| key.starts_with('$')));
        if escaped {
            self.out.extend_from_slice(b"{\"$map\":");
        }
        self.out.push(b'{');
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.text(&key)?;
            self.out.push(b':');
            let start = self.out.len();
            let frozen = self.value(&value, depth + 1).map_err(|fault| fault.under(format!(".{key}")))?;
            if !frozen.is(&value) {
                copy.set_item(&key, frozen).map_err(|error| Fault::from_error(py, &error))?;
            }
            if let Some(spans) = spans.as_deref_mut() {
                spans.push((key, start..self.out.len()));
            }
        }
        self.out.extend_from_slice(if escaped { b"}}" } else { b"}" });
        self.bounded()?;
        Ok(copy)
    }

    /// Freezes the items of a list that nobody else holds, in place.
    fn list<'py>(&mut self, list: &Bound<'py, PyList>, depth: usize) -> Result<Bound<'py, PyList>, Fault> {
        self.out.push(b'[');
        for index in 0..list.len() {
            if index > 0 {
                self.out.push(b',');
            }
            let item = list.get_item(index).map_err(|error| Fault::from_error(list.py(), &error))?;
            let frozen = self.value(&item, depth + 1).map_err(|fault| fault.under(format!("[{index}]")))?;
            if !frozen.is(&item) {
                list.set_item(index, frozen).map_err(|error| Fault::from_error(list.py(), &error))?;
            }
        }
        self.out.push(b']');
        self.bounded()?;
        Ok(list.clone())
    }

    fn tuple<'py>(&mut self, tuple: &Bound<'py, PyTuple>, depth: usize) -> Result<Bound<'py, PyTuple>, Fault> {
        let items = PyList::new(tuple.py(), tuple.iter()).map_err(|error| Fault::from_error(tuple.py(), &error))?;
        let frozen = self.list(&items, depth)?;
        let same = tuple.is_exact_instance_of::<PyTuple>() && frozen.iter().zip(tuple.iter()).all(|(a, b)| a.is(&b));
        Ok(if same { tuple.clone() } else { frozen.to_tuple() })
    }

    fn set<'py>(&mut self, set: &Bound<'py, PyAny>, depth: usize) -> Result<Bound<'py, PyAny>, Fault> {
        let py = set.py();
        let read = |error: &PyErr| Fault::from_error(py, error);
        let items: Vec<Bound<'py, PyAny>> =
            set.try_iter().and_then(Iterator::collect).map_err(|error: PyErr| read(&error))?;
        let start = self.out.len();
        let mut spelled = Vec::with_capacity(items.len());
        let mut frozen = Vec::with_capacity(items.len());
        for item in &items {
            frozen.push(self.value(item, depth + 1).map_err(|fault| fault.under("{…}".to_owned()))?);
            spelled.push(self.out.split_off(start));
        }
        // `1` and `1.0` cannot both be in a set, so two members of one spelling do not occur; if they did, the digest
        // of what runs would be that of a smaller set.
        spelled.sort_unstable();
        spelled.dedup();
        self.out.extend_from_slice(b"{\"$set\":[");
        self.out.extend_from_slice(&spelled.join(&b','));
        self.out.extend_from_slice(b"]}");
        self.bounded()?;
        let copy = PySet::new(py, frozen).map_err(|error| read(&error))?;
        if set.is_exact_instance_of::<PySet>() {
            return Ok(copy.into_any());
        }
        PyFrozenSet::new(py, copy.iter()).map(Bound::into_any).map_err(|error| read(&error))
    }

    /// A member of an enumeration is shared: it is one object for the whole program.
    fn member<'py>(&mut self, member: &Bound<'py, PyAny>, depth: usize) -> Result<Bound<'py, PyAny>, Fault> {
        let py = member.py();
        let read = |error: PyErr| Fault::from_error(py, &error);
        let class = member.get_type();
        let class_text = class.fully_qualified_name().map_err(read)?;
        let name = member.getattr(intern!(py, "_name_")).map_err(read)?;
        let name = name
            .cast_exact::<PyString>()
            .map_err(|_| Fault::new("is a combination of flags without a name; pass its value"))?;
        let value = member.getattr(intern!(py, "_value_")).map_err(read)?;
        canon::open_enum(class_text.to_str().map_err(read)?, name.to_str().map_err(read)?, &mut self.out);
        let frozen = self.value(&value, depth + 1).map_err(|fault| fault.under(".value".to_owned()))?;
        if !frozen.is(&value) {
            return Err(Fault::new("is a member of an enumeration whose value can change; pass its value"));
        }
        self.out.extend_from_slice(b"}}");
        Ok(member.clone())
    }

    /// Decimals, dates, times, UUIDs and paths, of exactly these classes.
    fn scalar_class<'py>(&mut self, value: &Bound<'py, PyAny>) -> Result<Option<Bound<'py, PyAny>>, Fault> {
        let py = value.py();
        let read = |error: PyErr| Fault::from_error(py, &error);
        let text_of =
            |value: &Bound<'py, PyAny>| value.str().and_then(|text| Ok(text.to_str()?.to_owned())).map_err(read);
        if is_exactly(value, &DECIMAL, "decimal", "Decimal") {
            let text = text_of(value)?;
            if agent_os_core::number::Decimal::parse(&text).is_none_or(|decimal| decimal.to_string() != text) {
                return Err(Fault::new(format!(
                    "is NaN, infinite, or has more than {} digits or an exponent beyond ±{}; pass a smaller number",
                    limits::DIGITS,
                    limits::EXPONENT
                )));
            }
            canon::write_tagged("$decimal", &text, &mut self.out);
            return Ok(Some(value.clone()));
        }
        if is_exactly(value, &DATETIME, "datetime", "datetime") {
            let zone = value.getattr(intern!(py, "tzinfo")).map_err(read)?;
            let known = zone.is_none()
                || is_exactly(&zone, &TIMEZONE, "datetime", "timezone")
                || is_exactly(&zone, &ZONEINFO, "zoneinfo", "ZoneInfo");
            let text = value.call_method0(intern!(py, "isoformat")).map_err(read).and_then(|text| text_of(&text))?;
            if !known || DateTime::parse(&text).is_none() {
                return Err(Fault::new(
                    "has a time zone of another class than datetime.timezone or zoneinfo.ZoneInfo, or one that is not \
                     whole minutes; convert it with `.astimezone(datetime.timezone.utc)`",
                ));
            }
            canon::write_tagged("$datetime", &text, &mut self.out);
            return Ok(Some(value.clone()));
        }
        if is_exactly(value, &DATE, "datetime", "date") {
            let text = value.call_method0(intern!(py, "isoformat")).map_err(read).and_then(|text| text_of(&text))?;
            if Date::parse(&text).is_none() {
                return Err(Fault::new("is not a date that can be spelt"));
            }
            canon::write_tagged("$date", &text, &mut self.out);
            return Ok(Some(value.clone()));
        }
        if is_exactly(value, &UUID, "uuid", "UUID") {
            let text = text_of(value)?;
            canon::write_tagged("$uuid", &text, &mut self.out);
            return value.get_type().call1((text,)).map(Some).map_err(read);
        }
        for (cell, name) in PATHS {
            if is_exactly(value, cell, "pathlib", name) {
                let text = value.str().map_err(read)?;
                let text = text.to_str().map_err(|_| Fault::new("is not UTF-8; pass another path"))?;
                canon::write_tagged("$path", text, &mut self.out);
                return value.get_type().call1((text,)).map(Some).map_err(read);
            }
        }
        Ok(None)
    }

    /// Subclasses of the plain types become the plain type, by its storage.
    fn subclass<'py>(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> Result<Bound<'py, PyAny>, Fault> {
        let py = value.py();
        if let Ok(text) = value.cast::<PyString>() {
            self.text(text)?;
            self.bounded()?;
            return Ok(PyString::new(py, text.to_str().unwrap_or_default()).into_any());
        }
        if let Ok(number) = value.cast::<PyInt>() {
            self.int(number)?;
            let exact = match number.extract::<i64>() {
                Ok(small) => small.into_pyobject(py).map_err(|never| match never {})?.into_any(),
                Err(_) => py
                    .get_type::<PyInt>()
                    .call1((big_int_text(number)?,))
                    .map_err(|error| Fault::from_error(py, &error))?,
            };
            return Ok(exact);
        }
        if let Ok(number) = value.cast::<PyFloat>() {
            self.float(number.value())?;
            return Ok(PyFloat::new(py, number.value()).into_any());
        }
        if let Ok(map) = value.cast::<PyDict>() {
            return Ok(self.map(map, depth, None)?.into_any());
        }
        if let Ok(list) = value.cast::<PyList>() {
            return Ok(self.list(&list.get_slice(0, list.len()), depth)?.into_any());
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            return Ok(self.tuple(tuple, depth)?.into_any());
        }
        let class = class_name(value);
        Err(Fault::new(format!(
            "is a `{class}`, which cannot be frozen; pass plain values (str, int, float, bool, None, list, dict, …), or \
             declare the parameter with `injected=` if your code, not the model, supplies it"
        )))
    }

    fn bounded(&self) -> Result<(), Fault> {
        if self.out.len() > self.bounds.bytes {
            return Err(Fault::new(format!("is larger than {} bytes in all; pass less", self.bounds.bytes)));
        }
        Ok(())
    }
}

static ENUM: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static DATETIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static TIMEZONE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static ZONEINFO: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static DATE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static UUID: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static POSIX_PATH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static WINDOWS_PATH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static PURE_POSIX_PATH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static PURE_WINDOWS_PATH: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static PATHS: [(&PyOnceLock<Py<PyType>>, &str); 4] = [
    (&POSIX_PATH, "PosixPath"),
    (&WINDOWS_PATH, "WindowsPath"),
    (&PURE_POSIX_PATH, "PurePosixPath"),
    (&PURE_WINDOWS_PATH, "PureWindowsPath"),
];

/// The class, if it can be imported; a class that cannot be has no instances.
fn class<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyType>>,
    module: &str,
    name: &str,
) -> Option<&'py Bound<'py, PyType>> {
    cell.import(py, module, name).ok()
}

fn is_exactly(value: &Bound<'_, PyAny>, cell: &'static PyOnceLock<Py<PyType>>, module: &str, name: &str) -> bool {
    class(value.py(), cell, module, name).is_some_and(|class| value.get_type().is(class))
}

/// A key, if it is exactly a string that has a canonical form.
fn map_key(key: Bound<'_, PyAny>) -> Result<Bound<'_, PyString>, Fault> {
    let key = key.cast_into_exact::<PyString>().map_err(|error| {
        let class = class_name(&error.into_inner());
        Fault::new(format!("has a key of type `{class}`; use strings as keys"))
    })?;
    if key.to_str().is_err() {
        return Err(Fault::new("has a key with a lone surrogate; repair the text"));
    }
    Ok(key)
}

/// True for instances by their type's ancestry. What an object or its metaclass says of itself is not asked: the check
/// is that of the class that is looked for.
fn is_instance(value: &Bound<'_, PyAny>, cell: &'static PyOnceLock<Py<PyType>>, module: &str, name: &str) -> bool {
    class(value.py(), cell, module, name).is_some_and(|class| value.get_type().is_subclass(class).unwrap_or(false))
}

/// True for members of enumerations.
pub(crate) fn is_enum_member(value: &Bound<'_, PyAny>) -> bool {
    is_instance(value, &ENUM, "enum", "Enum")
}

pub(crate) fn class_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().fully_qualified_name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// The decimal digits of an integer, by `int`'s own method.
pub(crate) fn big_int_text(number: &Bound<'_, PyInt>) -> Result<String, Fault> {
    let py = number.py();
    let text = py
        .get_type::<PyInt>()
        .call_method1(intern!(py, "__repr__"), (number,))
        .and_then(|text| text.extract::<String>())
        .ok()
        .filter(|text| text.trim_start_matches('-').len() <= limits::DIGITS);
    text.ok_or_else(|| Fault::new(format!("has more than {} digits; pass a smaller number", limits::DIGITS)))
}

/// The frozen copy of a value, as a governed tool would get it.
#[pyfunction]
pub(crate) fn freeze<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    Freezer::new().value(value, 0).map_err(|fault| errors::invalid(value.py(), &fault.to_string()))
}

/// The canonical bytes of a value.
#[pyfunction]
pub(crate) fn canonical<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(value.py(), &canonical_bytes(value)?))
}

/// SHA-256 of the canonical bytes of a value, in hex.
#[pyfunction]
pub(crate) fn digest(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(hex(&Sha256::digest(canonical_bytes(value)?)))
}

pub(crate) fn canonical_bytes(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut freezer = Freezer::new();
    freezer.value(value, 0).map_err(|fault| errors::invalid(value.py(), &fault.to_string()))?;
    Ok(freezer.out)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    text
}
