//! Reading arguments lazily, straight from Python's dicts.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use agent_os_core::canonical::parse_json;
use agent_os_core::limits;
use agent_os_core::number::{Decimal, Number};
use agent_os_core::request::{ArgumentPath, Arguments, Found, Segment, View, is_argument_name};
use agent_os_core::value::{Value, shown_key};
use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::freeze::{self, Freezer};

/// The steps of a bundle's argument paths as Python strings, by the paths' places in the bundle.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Vec<(Py<PyString>, Option<usize>)>>);

impl Keys {
    pub(crate) fn new(py: Python<'_>, paths: &[ArgumentPath]) -> Self {
        let step = |segment: &Segment| {
            let key = PyString::intern(py, segment.key()).unbind();
            match segment {
                Segment::Key(_) => (key, None),
                Segment::Index(index, _) => (key, Some(*index)),
            }
        };
        Self(paths.iter().map(|path| path.segments.iter().map(step).collect()).collect())
    }

    /// What a path leads to.
    pub(crate) fn follow<'py>(&self, arguments: &Bound<'py, PyDict>, path: usize) -> Found<Bound<'py, PyAny>> {
        let py = arguments.py();
        let Some(steps) = self.0.get(path) else { return Found::Malformed };
        let mut current = Cow::Borrowed(arguments.as_any());
        for (key, index) in steps {
            if !current.is_exact_instance_of::<PyDict>() {
                while freeze::is_enum_member(&current) {
                    match current.getattr(intern!(py, "_value_")) {
                        Ok(value) => current = Cow::Owned(value),
                        Err(_) => return Found::Malformed,
                    }
                }
            }
            let next = if let Ok(map) = current.cast_exact::<PyDict>() {
                map.get_item(key.bind(py))
            } else if let Some(list) = as_list(&current) {
                let Some(index) = index else { return Found::Mistyped };
                Ok(list.get_item(*index).ok())
            } else if let Ok(map) = current.cast::<PyDict>() {
                map.get_item(key.bind(py))
            } else {
                return Found::Mistyped;
            };
            match next {
                Ok(Some(next)) => current = Cow::Owned(next),
                Ok(None) => return Found::Missing,
                Err(_) => return Found::Malformed,
            }
        }
        Found::Item(current.into_owned())
    }
}

fn as_list<'py>(value: &Bound<'py, PyAny>) -> Option<Bound<'py, PyList>> {
    if let Ok(list) = value.cast_exact::<PyList>() {
        return Some(list.clone());
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return PyList::new(value.py(), tuple.iter()).ok();
    }
    let list = value.cast::<PyList>().ok()?;
    Some(list.get_slice(0, list.len()))
}

/// The arguments of a request, with the keys of the bundle that judges it.
pub(crate) struct DictArguments<'a, 'py> {
    pub(crate) dict: Option<&'a Bound<'py, PyDict>>,
    pub(crate) keys: &'a Keys,
}

/// What a path led to: a plain object that is read in place, or the value that something larger was turned into.
pub(crate) enum Item<'py> {
    Plain(Bound<'py, PyAny>),
    // Boxed, so that a decision's table of what it read is small.
    Value(Box<Value>),
}

impl<'py> Arguments for DictArguments<'_, 'py> {
    type Item = Item<'py>;

    fn get(&self, path: &ArgumentPath) -> Found<Item<'py>> {
        let Some(dict) = self.dict else { return Found::Missing };
        match self.keys.follow(dict, path.index) {
            Found::Item(object) if is_plain(&object) => Found::Item(Item::Plain(object)),
            Found::Item(object) => match to_value(&object) {
                Some(value) => Found::Item(Item::Value(Box::new(value))),
                None => Found::Malformed,
            },
            Found::Missing => Found::Missing,
            Found::Mistyped => Found::Mistyped,
            Found::Malformed => Found::Malformed,
        }
    }

    fn view<'i>(&self, item: &'i Item<'py>) -> Found<View<'i>> {
        match item {
            Item::Plain(object) => plain_view(object),
            Item::Value(value) => Found::Item(View::Value(Cow::Borrowed(value))),
        }
    }

    fn find_text(&self, passes: &impl Fn(&str) -> bool) -> Option<String> {
        let texts = Texts { passes, later: RefCell::default(), items: Cell::new(0) };
        let found = texts.of_dict(self.dict?, 0, &|| "args".to_owned());
        // Reading these may run code of their classes, so no dict may be in the middle of being read.
        let mut later = texts.later.into_inner().into_iter();
        found.or_else(|| later.find_map(|(path, object)| to_value(&object)?.find_text_below(&path, passes)))
    }
}

/// The walk of [`Arguments::find_text`]: plain values in place, and what has to be converted afterwards.
struct Texts<'t, 'py, P> {
    passes: &'t P,
    later: RefCell<Vec<(String, Bound<'py, PyAny>)>>,
    items: Cell<usize>,
}

impl<'py, P: Fn(&str) -> bool> Texts<'_, 'py, P> {
    fn of_dict(&self, dict: &Bound<'py, PyDict>, depth: usize, path: &dyn Fn() -> String) -> Option<String> {
        let found = Cell::new(None);
        // What fails here is the end of the walk, not a failure of it.
        let _ = dict.locked_for_each(|key, value| {
            let key = key.cast_exact::<PyString>().ok();
            let key = key.as_ref().and_then(|key| key.to_str().ok()).unwrap_or("?");
            let here = if (self.passes)(key) && !(depth == 0 && is_argument_name(key)) {
                Some(path())
            } else {
                self.of(&value, depth, &|| format!("{}.{}", path(), shown_key(key)))
            };
            if here.is_none() {
                return Ok(());
            }
            found.set(here);
            Err(PyStopIteration::new_err(()))
        });
        found.into_inner()
    }

    fn of(&self, value: &Bound<'py, PyAny>, depth: usize, path: &dyn Fn() -> String) -> Option<String> {
        // What is larger than this cannot be frozen, so it never happens.
        self.items.set(self.items.get() + 1);
        if depth > limits::DEPTH || self.items.get() > limits::ITEMS {
            return None;
        }
        if let Ok(text) = value.cast_exact::<PyString>() {
            return text.to_str().is_ok_and(|text| (self.passes)(text)).then(path);
        }
        if is_plain(value) {
            return None;
        }
        let item = |place: usize, item: Bound<'py, PyAny>| self.of(&item, depth + 1, &|| format!("{}.{place}", path()));
        if let Ok(map) = value.cast_exact::<PyDict>() {
            self.of_dict(map, depth + 1, path)
        } else if let Ok(list) = value.cast_exact::<PyList>() {
            list.iter().enumerate().find_map(|(place, value)| item(place, value))
        } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            tuple.iter().enumerate().find_map(|(place, value)| item(place, value))
        } else {
            self.later.borrow_mut().push((path(), value.clone()));
            None
        }
    }
}

fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_none()
}

fn plain_view<'i>(object: &'i Bound<'_, PyAny>) -> Found<View<'i>> {
    if let Ok(text) = object.cast_exact::<PyString>() {
        return match text.to_str() {
            Ok(text) if text.len() <= agent_os_core::limits::STRING_BYTES => Found::Item(View::Str(text)),
            _ => Found::Malformed,
        };
    }
    if let Ok(number) = object.cast_exact::<PyInt>() {
        if let Ok(small) = number.extract() {
            return Found::Item(View::Int(small));
        }
        let big = freeze::big_int_text(number).ok().and_then(|text| Decimal::parse(&text));
        return match big {
            Some(big) => Found::Item(View::Value(Cow::Owned(Value::Number(Number::BigInt(big))))),
            None => Found::Malformed,
        };
    }
    if let Ok(number) = object.cast_exact::<PyFloat>() {
        return Found::Item(View::Float(number.value()));
    }
    if let Ok(flag) = object.cast_exact::<PyBool>() {
        return Found::Item(View::Bool(flag.is_true()));
    }
    Found::Item(View::Null)
}

/// A value by way of its canonical form, so that there is one conversion only.
pub(crate) fn to_value(object: &Bound<'_, PyAny>) -> Option<Value> {
    let mut freezer = Freezer::new();
    freezer.value(object, 0).ok()?;
    parse_json(&freezer.out).ok()
}
