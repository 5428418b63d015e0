//! Governed tools: what is declared of them, and how a call's arguments are bound to their parameters.

use std::sync::Arc;

use agent_os_core::limits;
use agent_os_core::policy::{ArgumentTypes, Origin};
use agent_os_log::Log;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use smallvec::SmallVec;

use crate::bundle::origin_of;
use crate::call::{Call, Target};
use crate::errors;
use crate::kernel::{CoreKernel, Kernel};
use crate::process::Process;

/// Labels that one tool may put on its output: they must fit into an outcome's reserved room.
const LABELS: usize = 8;

/// How a parameter takes its argument, in the order of `inspect.Parameter.kind`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    PositionalOnly,
    PositionalOrKeyword,
    VarPositional,
    KeywordOnly,
    VarKeyword,
}

/// A parameter as Python declares it: name, kind, whether there is a default, the default, whether it is injected.
pub(crate) type DeclaredParameter = (Py<PyString>, u8, bool, Py<PyAny>, bool);

struct Parameter {
    name: Py<PyString>,
    kind: Kind,
    default: Option<Py<PyAny>>,
    injected: bool,
}

/// What is declared of a tool. Its function is reached only through `invoke`.
pub(crate) struct Declared {
    pub(crate) action: String,
    pub(crate) labels: Vec<String>,
    pub(crate) origin: Origin,
    function: Py<PyAny>,
    signature: Py<PyAny>,
    parameters: Vec<Parameter>,
}

/// A governed tool: an action with the function that does it.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Tool {
    kernel: Arc<CoreKernel>,
    log: Arc<Log>,
    declared: Arc<Declared>,
}

/// The arguments of one call that are passed on by reference, by the place of their parameter.
pub(crate) type Injected = SmallVec<[(usize, Py<PyAny>); 2]>;

impl Tool {
    #[expect(clippy::too_many_arguments, reason = "a tool is declared whole")]
    pub(crate) fn new(
        py: Python<'_>,
        kernel: &Kernel,
        action: &str,
        function: Py<PyAny>,
        parameters: Vec<DeclaredParameter>,
        mut labels: Vec<String>,
        origin: &str,
        signature: Py<PyAny>,
        types: ArgumentTypes,
    ) -> PyResult<Self> {
        labels.sort_unstable();
        labels.dedup();
        if let Some(bad) = labels.iter().find(|label| !agent_os_core::action::is_name(label)) {
            return Err(PyValueError::new_err(format!(
                "`{bad}` is not a label; use 1 to {} of A-Z a-z 0-9 _ . : -",
                limits::NAME_BYTES
            )));
        }
        if labels.len() > LABELS {
            return Err(PyValueError::new_err(format!("`{action}` has more than {LABELS} labels; declare fewer")));
        }
        let origin = origin_of(origin)?;
        if origin == Origin::User {
            return Err(PyValueError::new_err(
                "a tool's output cannot be of origin `user`; use untrusted, trusted or system",
            ));
        }
        let injected = parameters
            .iter()
            .filter(|parameter| parameter.4)
            .map(|parameter| parameter.0.extract(py))
            .collect::<PyResult<Vec<String>>>()?;
        let parameters = parameters
            .into_iter()
            .map(|(name, kind, has_default, default, injected)| {
                let kind = match kind {
                    0 => Kind::PositionalOnly,
                    1 => Kind::PositionalOrKeyword,
                    2 => Kind::VarPositional,
                    3 => Kind::KeywordOnly,
                    _ => Kind::VarKeyword,
                };
                Parameter { name, kind, default: has_default.then_some(default), injected }
            })
            .collect();
        kernel.add_tool(py, action, &labels, origin.code(), &injected, types)?;
        let declared = Declared { action: action.to_owned(), labels, origin, function, signature, parameters };
        Ok(Self { kernel: Arc::clone(&kernel.core), log: Arc::clone(kernel.log()), declared: Arc::new(declared) })
    }
}

#[pymethods]
impl Tool {
    /// The action.
    #[getter]
    fn action(&self) -> &str {
        &self.declared.action
    }

    /// Marks on the output.
    #[getter]
    fn labels(&self) -> Vec<String> {
        self.declared.labels.clone()
    }

    /// Origin of the output's text.
    #[getter]
    fn origin(&self) -> &'static str {
        self.declared.origin.code()
    }

    /// Binds, freezes, decides and records; the call that comes back may run, unless it has to be confirmed first. Raises
    /// `Held` for a process that must look at its signals first, or with `through` denies what it asks for.
    #[pyo3(signature = (process, args, kwargs, through=false))]
    fn begin(
        &self,
        py: Python<'_>,
        process: Option<&Process>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        through: bool,
    ) -> PyResult<Call> {
        let process = process.map(|process| Arc::clone(&process.core));
        let target = Target::Tool(Arc::clone(&self.declared));
        let (arguments, injected) = match self.declared.bind(py, args, kwargs) {
            Ok(Binding::Arguments(arguments, injected)) => (arguments, injected),
            Err(error) => {
                Call::refuse_invalid(&self.kernel, process.as_deref(), &target);
                return Err(error);
            }
            Ok(Binding::Ambiguous(message)) => {
                Call::refuse_invalid(&self.kernel, process.as_deref(), &target);
                return Err(errors::invalid(py, &message));
            }
        };
        Call::begin(py, &self.kernel, &self.log, process, target, &arguments, Some(injected), through)
    }
}

enum Binding<'py> {
    Arguments(Bound<'py, PyDict>, Injected),
    Ambiguous(String),
}

impl Declared {
    /// Binds as a call of the function would. Defaults are judged like anything that was given, because they run. What is judged goes by parameter name; keywords that `**` takes go by
    /// their own names.
    fn bind<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Binding<'py>> {
        let judged = PyDict::new(py);
        let mut injected = Injected::new();
        let mut place = |index: usize, parameter: &Parameter, value: Bound<'py, PyAny>| {
            if parameter.injected {
                injected.push((index, value.unbind()));
                Ok(())
            } else {
                judged.set_item(parameter.name.bind(py), value)
            }
        };
        let mut positional = 0;
        let mut by_keyword = 0;
        let mut rest = None;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let keyword = || match kwargs {
                Some(kwargs) => kwargs.get_item(parameter.name.bind(py)),
                None => Ok(None),
            };
            let given = match parameter.kind {
                Kind::PositionalOnly | Kind::PositionalOrKeyword if positional < args.len() => {
                    positional += 1;
                    if parameter.kind == Kind::PositionalOrKeyword && keyword()?.is_some() {
                        return Err(self.mismatch(py, args, kwargs));
                    }
                    Some(args.get_item(positional - 1)?)
                }
                Kind::PositionalOnly => None,
                Kind::PositionalOrKeyword | Kind::KeywordOnly => {
                    let given = keyword()?;
                    by_keyword += usize::from(given.is_some());
                    given
                }
                Kind::VarPositional => {
                    let more = args.get_slice(positional, args.len());
                    positional = args.len();
                    Some(more.into_any())
                }
                Kind::VarKeyword => {
                    rest = Some((index, parameter));
                    continue;
                }
            };
            match (given, &parameter.default) {
                (Some(value), _) => place(index, parameter, value)?,
                // Left out and `None` by default is missing, so that a rule can tell it from what was given.
                (None, Some(default)) if default.is_none(py) => {}
                (None, Some(default)) => place(index, parameter, default.bind(py).clone())?,
                (None, None) => return Err(self.mismatch(py, args, kwargs)),
            }
        }
        let keywords = kwargs.map_or(0, |kwargs| kwargs.len());
        if positional < args.len() || (rest.is_none() && by_keyword < keywords) {
            return Err(self.mismatch(py, args, kwargs));
        }
        let Some((index, parameter)) = rest else { return Ok(Binding::Arguments(judged, injected)) };
        let more = PyDict::new(py);
        for (key, value) in kwargs.into_iter().flat_map(|kwargs| kwargs.iter()) {
            if !self.is_named(&key, |kind| matches!(kind, Kind::PositionalOrKeyword | Kind::KeywordOnly)) {
                more.set_item(key, value)?;
            }
        }
        if parameter.injected {
            injected.push((index, more.into_any().unbind()));
            return Ok(Binding::Arguments(judged, injected));
        }
        for (key, value) in more {
            if self.is_named(&key, |_| true) {
                let action = &self.action;
                return Ok(Binding::Ambiguous(format!(
                    "`{action}` was given the keyword `{key}`, which is also the name of one of its parameters, so the two \
                     could not be told apart by a rule; rename the parameter"
                )));
            }
            judged.set_item(key, value)?;
        }
        Ok(Binding::Arguments(judged, injected))
    }

    /// True if a parameter of such a kind has this name.
    fn is_named(&self, key: &Bound<'_, PyAny>, of: impl Fn(Kind) -> bool) -> bool {
        let Ok(key) = key.cast::<PyString>() else { return false };
        let named = |parameter: &Parameter| match (parameter.name.bind(key.py()).to_str(), key.to_str()) {
            (Ok(name), Ok(key)) => name == key,
            _ => false,
        };
        self.parameters.iter().any(|parameter| of(parameter.kind) && named(parameter))
    }

    /// The `TypeError` that Python itself would raise for such a call.
    fn mismatch(&self, py: Python<'_>, args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyErr {
        match self.signature.bind(py).call_method(intern!(py, "bind"), args, kwargs) {
            Err(error) => PyTypeError::new_err(format!("`{}`: {}", self.action, error.value(py))),
            Ok(_) => PyTypeError::new_err(format!("`{}` cannot be called with these arguments", self.action)),
        }
    }

    /// Calls the function with frozen arguments. The cleared decision is the right to do so.
    pub(crate) fn invoke<'py, Receipt>(
        &self,
        _right: agent_os_core::kernel::Cleared<'_, agent_os_core::kernel::Decision, Receipt>,
        frozen: &Bound<'py, PyDict>,
        injected: &Injected,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = frozen.py();
        let function = self.function.bind(py);
        let mut positional: SmallVec<[Bound<'py, PyAny>; 8]> = SmallVec::new();
        let mut keywords: Option<Bound<'py, PyDict>> = None;
        let mut named = 0;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let reference = injected.iter().find(|(place, _)| *place == index).map(|(_, value)| value.bind(py).clone());
            let name = parameter.name.bind(py);
            let value = match reference {
                Some(value) => Some(value),
                None if parameter.kind == Kind::VarKeyword => None,
                None => {
                    let value = frozen.get_item(name)?;
                    named += usize::from(value.is_some());
                    value.or_else(|| parameter.default.as_ref().map(|_| py.None().into_bound(py)))
                }
            };
            match (parameter.kind, value) {
                (Kind::PositionalOnly | Kind::PositionalOrKeyword, Some(value)) => positional.push(value),
                (Kind::VarPositional, Some(value)) => {
                    positional.extend(value.try_iter()?.collect::<PyResult<Vec<_>>>()?)
                }
                (Kind::KeywordOnly, Some(value)) => {
                    keywords.get_or_insert_with(|| PyDict::new(py)).set_item(name, value)?;
                }
                (Kind::VarKeyword, Some(value)) => {
                    keywords.get_or_insert_with(|| PyDict::new(py)).update(value.cast::<PyDict>()?.as_mapping())?;
                }
                (Kind::VarKeyword, None) => {}
                (_, None) => return Err(PyTypeError::new_err(format!("`{}` lost an argument", self.action))),
            }
        }
        if frozen.len() > named {
            // What `**` takes goes by its own names.
            let keywords = keywords.get_or_insert_with(|| PyDict::new(py));
            for (key, value) in frozen.iter() {
                if !self.is_named(&key, |_| true) {
                    keywords.set_item(key, value)?;
                }
            }
        }
        let positional = PyTuple::new(py, positional)?;
        function.call(positional, keywords.as_ref())
    }
}
