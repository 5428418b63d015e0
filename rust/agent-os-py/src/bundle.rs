//! Compiled bundles.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use agent_os_core::amount::Amount;
use agent_os_core::canonical::{compare_keys, parse_json};
use agent_os_core::kernel::Decision as CoreDecision;
use agent_os_core::policy::{
    self, Obligations, Origin, PathIx, Provenance, RuleIx, StatedUsage, Subject, Verdict, decide, explain,
};
use agent_os_core::request::RunState;
use agent_os_core::value::Value;
use pyo3::exceptions::{PyException, PyLookupError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

use crate::decision::Decision;
use crate::errors;
use crate::freeze::Freezer;
use crate::reader::{DictArguments, Keys};

pyo3::create_exception!(
    agent_os._core,
    CompileFailed,
    PyException,
    "A document could not be compiled; `problems` lists (pointer, code, message, hint)."
);

/// Objects that are let go without a pause.
const AT_ONCE: usize = 64;

/// What the binding keeps beside each core bundle.
pub(crate) struct Extra {
    pub(crate) keys: Keys,
    // One object per outcome that is decided by a single rule, or by none, without anything unknown.
    by_rule: Vec<PyOnceLock<Py<Decision>>>,
    by_default: PyOnceLock<Py<Decision>>,
    // Which arguments the rules for a tool's action mention, in canonical order.
    read: Mutex<HashMap<String, Arc<[PathIx]>>>,
}

impl Extra {
    fn new(py: Python<'_>, bundle: &policy::Bundle) -> Self {
        Self {
            keys: Keys::new(py, bundle.argument_paths()),
            by_rule: bundle.rules().iter().map(|_| PyOnceLock::new()).collect(),
            by_default: PyOnceLock::new(),
            read: Mutex::default(),
        }
    }

    /// Lets go of the prepared decisions, a few at a time: whoever decides meanwhile waits microseconds for the interpreter.
    pub(crate) fn take_apart(self, py: Python<'_>) {
        let mut made = self.by_rule.into_iter().filter_map(PyOnceLock::into_inner);
        while made.by_ref().take(AT_ONCE).map(drop).count() == AT_ONCE {
            py.detach(|| ());
        }
    }

    /// The arguments that the rules for an action mention. Actions are those of registered tools, so they are few.
    pub(crate) fn read_paths(&self, bundle: &policy::Bundle, action: &str) -> Arc<[PathIx]> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(paths) = read.get(action) {
            return Arc::clone(paths);
        }
        let mut paths = bundle.read_paths(action);
        paths.sort_by(|a, b| compare_keys(bundle.path(*a), bundle.path(*b)));
        let paths: Arc<[PathIx]> = paths.into();
        read.insert(action.to_owned(), Arc::clone(&paths));
        paths
    }

    /// The Python object for a verdict; the common ones are made once.
    pub(crate) fn decision(
        &self,
        py: Python<'_>,
        bundle: &Arc<policy::Bundle>,
        verdict: Verdict,
    ) -> PyResult<Py<Decision>> {
        use agent_os_core::reason::Reason;
        let make = |verdict: Verdict| {
            let obligations = if verdict.requires.is_empty() {
                Obligations::default()
            } else {
                bundle.obligations(&verdict.requires)
            };
            Py::new(py, Decision(CoreDecision { verdict, bundle: Arc::clone(bundle), obligations, used: Vec::new() }))
        };
        let plain = verdict.unknowns.is_empty() && verdict.requires.is_empty() && verdict.shadow.is_none();
        let cell = match (plain, verdict.reason, verdict.rules.as_slice()) {
            (true, Reason::AllowedByRule | Reason::AskedByRule | Reason::DeniedByRule, [rule]) => {
                self.by_rule.get(rule.get())
            }
            (true, Reason::AllowedByDefault | Reason::DeniedByDefault | Reason::OnlyObserved, []) => {
                Some(&self.by_default)
            }
            _ => None,
        };
        match cell {
            Some(cell) => cell.get_or_try_init(py, || make(verdict)).map(|decision| decision.clone_ref(py)),
            None => make(verdict),
        }
    }
}

/// The compiled set of rules, named by its digest.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Bundle {
    pub(crate) core: Arc<policy::Bundle>,
    pub(crate) extra: Arc<Extra>,
}

impl Bundle {
    fn new(py: Python<'_>, core: policy::Bundle) -> Self {
        let extra = Arc::new(Extra::new(py, &core));
        Self { core: Arc::new(core), extra }
    }
}

#[pymethods]
impl Bundle {
    /// Compiles a normalised document.
    #[staticmethod]
    fn compile(document: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = document.py();
        let value = document_value(document.as_any())?;
        policy::Bundle::compile(&value).map(|bundle| Self::new(py, bundle)).map_err(|problems| failed(py, problems))
    }

    /// Reads the bytes of a compiled bundle's file.
    #[staticmethod]
    fn load(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        policy::Bundle::load(data)
            .map(|bundle| Self::new(py, bundle))
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The bytes of a compiled bundle's file.
    fn dump<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.core.dump())
    }

    /// `sha256:` and the digest of the canonical form.
    #[getter]
    fn digest(&self) -> &str {
        self.core.digest()
    }

    /// The policy's name.
    #[getter]
    fn name(&self) -> &str {
        self.core.name()
    }

    /// `allow` or `deny`.
    #[getter]
    fn default(&self) -> &'static str {
        self.core.default_effect().code()
    }

    /// True if everything is allowed, because every rule is in shadow.
    #[getter]
    fn only_observes(&self) -> bool {
        self.core.only_observes()
    }

    /// What may be open under `other` and is not under this one; nothing if it is proven that nothing is.
    fn may_open(&self, other: &Self) -> Vec<String> {
        policy::may_open(&self.core, &other.core)
    }

    /// The rules: id, effect, mode, message, file and line.
    #[getter]
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let row = |rule: &policy::RuleInfo| {
            let row = PyDict::new(py);
            row.set_item("id", &rule.id)?;
            row.set_item("effect", rule.effect.code())?;
            row.set_item("mode", mode_of(rule))?;
            row.set_item("message", rule.message.as_deref())?;
            row.set_item("file", rule.source.as_ref().map(|source| source.file.as_str()))?;
            row.set_item("line", rule.source.as_ref().map(|source| source.line))?;
            Ok(row)
        };
        self.core.rules().iter().map(row).collect()
    }

    /// The canonical bytes of the normalised document.
    #[getter]
    fn document<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &agent_os_core::canonical::encode(self.core.document()))
    }

    /// What is understood and still looks like a mistake: code, level, rule, other rule, path, message, hint, file, line.
    fn lint<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let core = &self.core;
        let findings = py.detach(|| policy::lint(core));
        let row = |finding: policy::Finding| {
            let row = PyDict::new(py);
            row.set_item("code", finding.lint.code())?;
            row.set_item("level", finding.lint.level().code())?;
            row.set_item("rule", finding.rule)?;
            row.set_item("other", finding.other)?;
            row.set_item("path", finding.path)?;
            row.set_item("message", finding.message)?;
            row.set_item("hint", finding.hint)?;
            row.set_item("file", finding.source.as_ref().map(|source| source.file.as_str()))?;
            row.set_item("line", finding.source.as_ref().map(|source| source.line))?;
            Ok(row)
        };
        findings.into_iter().map(row).collect()
    }

    /// Requests that another bundle decides differently, how many were tried, whether a bound was hit before all were,
    /// and what differs and was not compared, each with the rule.
    #[expect(clippy::type_complexity, reason = "what a tuple of the binding holds is written out in the stub")]
    fn diff<'py>(
        &self,
        py: Python<'py>,
        other: &Bundle,
    ) -> PyResult<(Vec<Bound<'py, PyDict>>, usize, bool, Vec<(Option<String>, String)>)> {
        let (old, new) = (&self.core, &other.core);
        let found = py.detach(|| policy::diff(old, new));
        let rows =
            found.differences.iter().map(|difference| crate::diff::row(py, difference)).collect::<PyResult<_>>()?;
        let undecided = found.undecided.into_iter().map(|undecided| (undecided.rule, undecided.what)).collect();
        Ok((rows, found.tried, found.is_cut_short, undecided))
    }

    /// Decides a request with everything about it given; no kernel is involved.
    #[pyo3(signature = (action, args=None, *, agent, roles=Vec::new(), labels=Vec::new(), depth=0, parent=None,
                        now_micros=None, texts=Vec::new(), approved=Vec::new(), calls=0, usage=Vec::new(),
                        usage_is_whole=true))]
    #[expect(clippy::too_many_arguments, reason = "a request is given whole")]
    fn decide(
        &self,
        py: Python<'_>,
        action: &str,
        args: Option<&Bound<'_, PyDict>>,
        agent: &str,
        roles: Vec<String>,
        labels: Vec<String>,
        depth: u32,
        parent: Option<&str>,
        now_micros: Option<i64>,
        texts: Vec<(String, String)>,
        approved: Vec<String>,
        calls: u64,
        usage: Vec<(String, String)>,
        usage_is_whole: bool,
    ) -> PyResult<Py<Decision>> {
        let given = Given::new(roles, labels, &texts, &usage)?;
        let subject = self.core.subject(&Subject { id: agent, roles: &given.roles });
        let stated = if usage_is_whole {
            StatedUsage::new(&self.core, &given.used)
        } else {
            StatedUsage::partial(&self.core, &given.used)
        };
        let run = given.run(depth, parent, now_micros, calls, &stated);
        let arguments = DictArguments { dict: args, keys: &self.extra.keys };
        let approved: Vec<RuleIx> = approved
            .iter()
            .map(|id| {
                self.core
                    .rule_ix(id)
                    .ok_or_else(|| PyValueError::new_err(format!("no rule `{id}` to have been approved")))
            })
            .collect::<PyResult<_>>()?;
        let verdict = decide(&self.core, &subject, action, &arguments, &run, &approved);
        if stated.was_asked_more() {
            return Err(PyLookupError::new_err("a rule's limit is asked for of which `usage` says nothing"));
        }
        if approved.is_empty() {
            return self.extra.decision(py, &self.core, verdict);
        }
        let obligations = self.core.obligations(&verdict.requires);
        Py::new(py, Decision(CoreDecision { verdict, bundle: Arc::clone(&self.core), obligations, used: Vec::new() }))
    }

    /// Says of every rule whether it applies and why not, in the order of their ids; or only of those for the action.
    #[pyo3(signature = (action, args=None, *, agent, roles=Vec::new(), labels=Vec::new(), depth=0, parent=None,
                        now_micros=None, texts=Vec::new(), only_for_action=false, calls=0, usage=Vec::new()))]
    #[expect(clippy::too_many_arguments, reason = "a request is given whole")]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        action: &str,
        args: Option<&Bound<'_, PyDict>>,
        agent: &str,
        roles: Vec<String>,
        labels: Vec<String>,
        depth: u32,
        parent: Option<&str>,
        now_micros: Option<i64>,
        texts: Vec<(String, String)>,
        only_for_action: bool,
        calls: u64,
        usage: Vec<(String, String)>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let given = Given::new(roles, labels, &texts, &usage)?;
        let stated = StatedUsage::new(&self.core, &given.used);
        let run = given.run(depth, parent, now_micros, calls, &stated);
        let subject = Subject { id: agent, roles: &given.roles };
        let arguments = DictArguments { dict: args, keys: &self.extra.keys };
        let rows = if only_for_action {
            let rules = self.core.rules_for(action);
            policy::explain_rules(&self.core, rules, &subject, action, &arguments, &run)
        } else {
            explain(&self.core, &subject, action, &arguments, &run)
        };
        let row = |row: policy::Explanation| {
            let out = PyDict::new(py);
            let rule = self.core.rule(row.rule);
            out.set_item("rule", rule.map(|rule| rule.id.as_str()))?;
            out.set_item("effect", rule.map(|rule| rule.effect.code()))?;
            out.set_item("mode", rule.map(mode_of))?;
            out.set_item("applies", row.applies.code())?;
            out.set_item("because", row.because)?;
            out.set_item("path", row.path)?;
            out.set_item("message", rule.and_then(|rule| rule.message.as_deref()))?;
            let source = rule.and_then(|rule| rule.source.as_ref());
            out.set_item("file", source.map(|source| source.file.as_str()))?;
            out.set_item("line", source.map(|source| source.line))?;
            Ok(out)
        };
        rows.into_iter().map(row).collect()
    }

    fn __repr__(&self) -> String {
        format!("<Bundle {} {}>", self.core.name(), self.core.digest())
    }
}

fn mode_of(rule: &policy::RuleInfo) -> &'static str {
    if rule.shadow { "shadow" } else { "enforce" }
}

/// The state of a run that was given in words.
struct Given {
    roles: Vec<String>,
    labels: Vec<String>,
    provenance: Provenance,
    used: BTreeMap<String, Amount>,
}

impl Given {
    fn new(
        mut roles: Vec<String>,
        mut labels: Vec<String>,
        texts: &[(String, String)],
        usage: &[(String, String)],
    ) -> PyResult<Self> {
        for list in [&mut roles, &mut labels] {
            list.sort_unstable();
            list.dedup();
        }
        let mut provenance = Provenance::default();
        for (origin, text) in texts {
            provenance.add(origin_of(origin)?, text);
        }
        let used = usage
            .iter()
            .map(|(rule, used)| {
                let amount = Amount::parse(used).ok_or_else(|| {
                    PyValueError::new_err(format!("`{used}` is not an amount; write a number from 0"))
                })?;
                Ok((rule.clone(), amount))
            })
            .collect::<PyResult<_>>()?;
        Ok(Self { roles, labels, provenance, used })
    }

    fn run<'a>(
        &'a self,
        depth: u32,
        parent: Option<&'a str>,
        now_micros: Option<i64>,
        calls: u64,
        usage: &'a StatedUsage<'a>,
    ) -> RunState<'a> {
        RunState {
            labels: &self.labels,
            calls,
            depth,
            parent,
            now_micros: now_micros.unwrap_or_else(now),
            provenance: &self.provenance,
            usage,
        }
    }
}

/// An origin by its name.
pub(crate) fn origin_of(name: &str) -> PyResult<Origin> {
    Origin::parse(name).ok_or_else(|| {
        PyValueError::new_err(format!("`{name}` is not an origin; use user, system, trusted or untrusted"))
    })
}

/// Microseconds since 1970-01-01T00:00:00Z. A clock before that is an error of the machine, read as its first moment.
pub(crate) fn now() -> i64 {
    // Seconds and the rest apart: a division of 128 bits would cost as much as the clock itself.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs())
        .unwrap_or(0)
        .saturating_mul(1_000_000)
        .saturating_add(i64::from(since.subsec_micros()))
}

/// A problem as Python sees it: pointer, code, message, hint.
pub(crate) type ProblemRow = (String, &'static str, String, String);

pub(crate) fn problem_rows(problems: Vec<policy::Problem>) -> Vec<ProblemRow> {
    let row = |problem: policy::Problem| (problem.pointer, problem.code.code(), problem.message, problem.hint);
    problems.into_iter().map(row).collect()
}

/// `CompileFailed` with its problems.
pub(crate) fn failed(py: Python<'_>, problems: Vec<policy::Problem>) -> PyErr {
    let rows = problem_rows(problems);
    let error = CompileFailed::new_err(format!("{} problems", rows.len()));
    match error.value(py).setattr("problems", rows) {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// A document as the core reads it.
pub(crate) fn document_value(document: &Bound<'_, PyAny>) -> PyResult<Value> {
    parse_json(&document_bytes(document)?).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The canonical bytes of a document.
fn document_bytes(document: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut freezer = Freezer::for_document();
    freezer.value(document, 0).map_err(|fault| errors::invalid(document.py(), &fault.to_string()))?;
    Ok(freezer.out)
}
