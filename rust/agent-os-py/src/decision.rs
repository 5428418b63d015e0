//! `Decision`, as Python sees it.

use std::fmt::Write as _;
use std::sync::Arc;

use agent_os_core::kernel::Decision as CoreDecision;
use agent_os_core::policy::{Effect, RuleIx};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::thaw::texts;

/// What would have been decided if nothing of the policy were in shadow.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Shadow(Decision);

#[pymethods]
impl Shadow {
    /// `allow`, `ask` or `deny`.
    #[getter]
    fn effect<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        self.0.effect(py)
    }

    /// The stable code of the reason.
    #[getter]
    fn reason(&self) -> &'static str {
        self.0.reason()
    }

    /// Ids of the rules that would have decided, ascending.
    #[getter]
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.0.rules(py)
    }

    /// Conditions that would have been unknown and counted against the caller.
    #[getter]
    fn unknowns(&self) -> Vec<(&str, &str)> {
        self.0.unknowns()
    }

    /// What would have had to happen with an allow.
    #[getter]
    fn obligations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.0.obligations(py)
    }

    fn __repr__(&self) -> String {
        self.0.words("Shadow")
    }
}

/// What was decided and by which rules. True only for an allow.
#[pyclass(frozen, module = "agent_os", name = "Decision")]
#[derive(Clone)]
pub(crate) struct Decision(pub(crate) CoreDecision);

#[pymethods]
impl Decision {
    /// `allow`, `ask` or `deny`.
    #[getter]
    fn effect<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self.0.verdict.effect {
            Effect::Allow => intern!(py, "allow"),
            Effect::Ask => intern!(py, "ask"),
            Effect::Deny => intern!(py, "deny"),
        }
    }

    /// The stable code of the reason.
    #[getter]
    fn reason(&self) -> &'static str {
        self.0.verdict.reason.code()
    }

    /// Ids of the rules that decided, ascending.
    #[getter]
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        texts(py, self.0.rule_ids())
    }

    /// Conditions that were unknown and counted against the caller: rule id and argument path.
    #[getter]
    fn unknowns(&self) -> Vec<(&str, &str)> {
        let bundle = &self.0.bundle;
        let unknowns = self.0.verdict.unknowns.iter();
        unknowns.map(|unknown| (self.rule_id(unknown.rule), bundle.path(unknown.path))).collect()
    }

    /// The argument that names something of the control plane, if that is the reason.
    #[getter]
    fn argument(&self) -> Option<&str> {
        self.0.verdict.argument.as_deref()
    }

    /// What must happen with an allow: `redact`, `label`, `record` and `subject`, as far as there is any.
    #[getter]
    fn obligations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let obligations = PyDict::new(py);
        let ours = &self.0.obligations;
        if !ours.redact.is_empty() {
            obligations.set_item("redact", texts(py, ours.redact.iter().map(String::as_str))?)?;
        }
        if !ours.labels.is_empty() {
            obligations.set_item("label", texts(py, ours.labels.iter().map(String::as_str))?)?;
        }
        if let Some(record) = ours.record {
            obligations.set_item("record", record.code())?;
        }
        if !ours.subject.is_empty() {
            obligations.set_item("subject", texts(py, ours.subject.iter().map(String::as_str))?)?;
        }
        Ok(obligations)
    }

    /// What would have been decided if nothing of the policy were in shadow; `None` where that is the same.
    #[getter]
    fn shadow(&self) -> Option<Shadow> {
        let CoreDecision { verdict, bundle, .. } = &self.0;
        let verdict = verdict.shadow.as_deref()?.clone();
        let obligations = bundle.obligations(&verdict.requires);
        Some(Shadow(Decision(CoreDecision { verdict, bundle: Arc::clone(bundle), obligations, used: Vec::new() })))
    }

    /// Digest of the bundle that decided.
    #[getter]
    fn bundle(&self) -> &str {
        self.0.bundle.digest()
    }

    /// What the deciding rules say to people, one line each; empty if they say nothing.
    #[getter]
    pub(crate) fn message(&self) -> String {
        let rules = self.0.verdict.rules.iter().filter_map(|rule| self.0.bundle.rule(*rule));
        rules.filter_map(|rule| rule.message.as_deref()).collect::<Vec<_>>().join("\n")
    }

    /// Why, in words: the effect, each rule that decided with its place and message, and what was unknown.
    pub(crate) fn explain(&self) -> String {
        let verdict = &self.0.verdict;
        let mut text =
            format!("{}: {} ({})", verdict.effect.code(), verdict.reason.doc().trim(), verdict.reason.code());
        if let Some(argument) = &verdict.argument {
            let _ = write!(text, "\n  `{argument}` names it; no policy opens this, the operator's own calls may");
        }
        for rule in verdict.rules.iter().chain(&verdict.requires) {
            let Some(info) = self.0.bundle.rule(*rule) else { continue };
            let _ = write!(text, "\n  {} rule `{}`", info.effect.code(), info.id);
            if let Some(source) = &info.source {
                let _ = write!(text, " ({}:{})", source.file, source.line);
            }
            if let Some(message) = &info.message {
                let _ = write!(text, ": {message}");
            }
            for unknown in verdict.unknowns.iter().filter(|unknown| unknown.rule == *rule) {
                let _ = write!(
                    text,
                    "\n    `{}` is unknown, which counts against the caller",
                    self.0.bundle.path(unknown.path)
                );
            }
        }
        if let Some(shadow) = &verdict.shadow {
            let _ = write!(text, "\n  with the rules in shadow: {} ({})", shadow.effect.code(), shadow.reason.code());
            for info in shadow.rules.iter().filter_map(|rule| self.0.bundle.rule(*rule)) {
                let mode = if info.shadow { ", in shadow" } else { "" };
                let _ = write!(text, "\n    {} rule `{}`{mode}", info.effect.code(), info.id);
            }
        }
        let _ = write!(text, "\n  bundle {}", self.0.bundle.digest());
        text
    }

    fn __bool__(&self) -> bool {
        self.0.verdict.effect == Effect::Allow
    }

    fn __repr__(&self) -> String {
        self.words("Decision")
    }
}

impl Decision {
    fn words(&self, what: &str) -> String {
        let rules: Vec<&str> = self.0.rule_ids().collect();
        format!("<{what} {} {} rules={rules:?}>", self.0.verdict.effect.code(), self.0.verdict.reason.code())
    }

    fn rule_id(&self, rule: RuleIx) -> &str {
        self.0.bundle.rule(rule).map_or("", |rule| rule.id.as_str())
    }

    /// What `PolicyDenied` says: what was denied, why, and what to do.
    pub(crate) fn denial(&self, action: &str, agent: Option<&str>) -> String {
        use agent_os_core::reason::Reason;
        let verdict = &self.0.verdict;
        let who = agent.map_or_else(String::new, |agent| format!(" for agent `{agent}`"));
        let mut text = format!("`{action}` is denied{who}");
        match verdict.reason {
            Reason::DeniedByDefault => {
                let _ = write!(
                    text,
                    ": no rule allows it; to allow it add a rule, such as \
                     `- {{id: allow-{}, effect: allow, action: {action}}}`",
                    action.replace('.', "-")
                );
                return text;
            }
            Reason::NoProcess => {
                let _ = write!(
                    text,
                    ": it was called outside any process; call it inside an agent that `kernel.execute` runs, or as the \
                     operator through `kernel.operator()`"
                );
                return text;
            }
            Reason::ProtectedPath => {
                let argument = verdict.argument.as_deref().unwrap_or("args");
                let _ = write!(
                    text,
                    ": `{argument}` names a file of the control plane (log, state store, policy), which no policy opens \
                     to agents; name another file, or call as the operator through `kernel.operator()`"
                );
                return text;
            }
            Reason::DeniedByRule | Reason::ConditionUnknown => {}
            reason => {
                let _ = write!(text, ": {}", lower_first(reason.doc().trim().trim_end_matches('.')));
            }
        }
        for rule in &verdict.rules {
            let Some(info) = self.0.bundle.rule(*rule) else { continue };
            let _ = write!(text, "; {} rule `{}`", info.effect.code(), info.id);
            if let Some(source) = &info.source {
                let _ = write!(text, " ({}:{})", source.file, source.line);
            }
            if let Some(message) = &info.message {
                let _ = write!(text, ": {message}");
            }
            for unknown in verdict.unknowns.iter().filter(|unknown| unknown.rule == *rule) {
                let path = self.0.bundle.path(unknown.path);
                let _ = write!(text, " (`{path}` is unknown: it is missing, or not of the kind that the rule tests)");
            }
        }
        text
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
