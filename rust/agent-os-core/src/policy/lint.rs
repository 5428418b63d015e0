//! What is understood and still looks like a mistake: rules that never decide, guards that absence passes, patterns
//! that say more or less than they seem to.
//!
//! A rule is called dead, shadowed or redundant only on a proof. Where rules are too many to compare, a finding says so.

mod finding;
mod guards;
mod overlaps;
mod regexes;
mod scopes;

pub use finding::{Finding, Level, Lint};

use super::analysis::Studied;
use super::bundle::Bundle;
use super::effect::RuleIx;
use crate::value::Value;

/// Everything that looks like a mistake, by rule, errors first.
///
/// ```
/// use agent_os_core::canonical::parse_json;
/// use agent_os_core::policy::{Bundle, Lint, lint};
/// let bundle = Bundle::compile(&parse_json(br#"{"agent_os": 1, "name": "desk", "rules": [
///     {"id": "open", "effect": "allow", "action": ["payments.send"], "when": {"args.amount": {"le": 500}}},
///     {"id": "shut", "effect": "deny", "action": ["payments.*"], "message": "no"}]}"#)?).unwrap();
/// let findings = lint(&bundle);
/// assert_eq!(findings[0].lint, Lint::ShadowedRule);
/// assert_eq!((findings[0].rule.as_deref(), findings[0].other.as_deref()), (Some("open"), Some("shut")));
/// # Ok::<(), agent_os_core::canonical::DecodeError>(())
/// ```
#[must_use]
pub fn lint(bundle: &Bundle) -> Vec<Finding> {
    let Some(Value::List(rules)) = bundle.document().get("rules") else { return Vec::new() };
    let rules: Vec<Subject<'_>> = (0..)
        .filter_map(RuleIx::new)
        .zip(rules)
        .filter_map(|(place, written)| {
            let info = bundle.rule(place)?;
            Some(Subject { id: &info.id, written, studied: Studied::of(written)?, message: info.message.is_some() })
        })
        .collect();
    let mut findings = Vec::new();
    scopes::bundle(bundle.default_effect(), &mut findings);
    let dead = overlaps::dead(&rules, &mut findings);
    overlaps::covered(&rules, &dead, &mut findings);
    for rule in &rules {
        guards::rule(rule, &mut findings);
        regexes::rule(rule, &mut findings);
        scopes::rule(rule, &mut findings);
    }
    for finding in &mut findings {
        finding.source = finding
            .rule
            .as_deref()
            .and_then(|id| bundle.rule_ix(id))
            .and_then(|place| bundle.rule(place))
            .and_then(|rule| rule.source.clone());
    }
    findings
        .sort_by(|a, b| (a.lint.level(), &a.rule, a.lint, &a.path).cmp(&(b.lint.level(), &b.rule, b.lint, &b.path)));
    findings.dedup();
    findings
}

/// A rule that is looked at.
struct Subject<'b> {
    id: &'b str,
    written: &'b Value,
    studied: Studied,
    /// It has a message.
    message: bool,
}
