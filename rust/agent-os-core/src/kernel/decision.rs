//! A decision with the bundle that made it, and how the log spells it.

use std::sync::Arc;

use crate::amount::Amount;
use crate::audit::event::write_texts;
use crate::canonical;
use crate::policy::{Bundle, Obligations, RuleIx, Verdict};
use crate::reason::Reason;

/// What was decided, by which bundle, and what must happen with an allow.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Effect, reason and rules.
    pub verdict: Verdict,
    /// The bundle that was asked.
    pub bundle: Arc<Bundle>,
    /// What the applicable `require` rules demand.
    pub obligations: Obligations,
    // INVARIANT: ascending by rule.
    /// What was used of the limits that were looked at, before this action.
    pub used: Vec<(RuleIx, Amount)>,
}

impl Decision {
    pub(super) fn new(verdict: Verdict, bundle: &Arc<Bundle>) -> Self {
        let obligations =
            if verdict.requires.is_empty() { Obligations::default() } else { bundle.obligations(&verdict.requires) };
        Self { verdict, bundle: Arc::clone(bundle), obligations, used: Vec::new() }
    }

    /// A denial by the kernel itself, whatever the policy says.
    #[must_use]
    pub fn refusal(reason: Reason, bundle: &Arc<Bundle>) -> Self {
        Self::new(Verdict::denied(reason), bundle)
    }

    /// A denial because an argument names something of the control plane.
    pub(super) fn protected(argument: String, bundle: &Arc<Bundle>) -> Self {
        let verdict = Verdict { argument: Some(argument.into()), ..Verdict::denied(Reason::ProtectedPath) };
        Self::new(verdict, bundle)
    }

    /// The ids of the deciding rules, ascending.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        rule_ids(&self.bundle, &self.verdict.rules)
    }

    /// What was used of limits, and what this action adds, by rule.
    pub(super) fn write_limits(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (rule, used)) in self.used.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            canonical::write_str(self.bundle.rule(*rule).map_or("", |rule| rule.id.as_str()), out);
            out.extend_from_slice(b":{");
            if let Some(charge) = self.verdict.charges.iter().find(|charge| charge.rule == *rule) {
                out.extend_from_slice(b"\"charged\":");
                canonical::write_str(&charge.amount.to_string(), out);
                out.push(b',');
            }
            out.extend_from_slice(b"\"used\":");
            canonical::write_str(&used.to_string(), out);
            out.push(b'}');
        }
        out.push(b'}');
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_verdict(&self.bundle, &self.verdict, &self.obligations, out);
    }
}

fn write_verdict(bundle: &Bundle, verdict: &Verdict, obligations: &Obligations, out: &mut Vec<u8>) {
    out.push(b'{');
    if let Some(argument) = &verdict.argument {
        out.extend_from_slice(b"\"argument\":");
        canonical::write_str(argument, out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"effect\":");
    canonical::write_str(verdict.effect.code(), out);
    if !verdict.requires.is_empty() {
        out.extend_from_slice(b",\"obligations\":{");
        if !obligations.labels.is_empty() {
            out.extend_from_slice(b"\"label\":");
            write_texts(obligations.labels.iter().map(String::as_str), out);
            out.push(b',');
        }
        if let Some(record) = obligations.record {
            out.extend_from_slice(b"\"record\":");
            canonical::write_str(record.code(), out);
            out.push(b',');
        }
        if !obligations.redact.is_empty() {
            out.extend_from_slice(b"\"redact\":");
            write_texts(obligations.redact.iter().map(String::as_str), out);
            out.push(b',');
        }
        out.extend_from_slice(b"\"rules\":");
        write_texts(rule_ids(bundle, &verdict.requires), out);
        if !obligations.subject.is_empty() {
            out.extend_from_slice(b",\"subject\":");
            write_texts(obligations.subject.iter().map(String::as_str), out);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b",\"reason\":");
    canonical::write_str(verdict.reason.code(), out);
    out.extend_from_slice(b",\"rules\":");
    write_texts(rule_ids(bundle, &verdict.rules), out);
    if let Some(shadow) = &verdict.shadow {
        out.extend_from_slice(b",\"shadow\":");
        write_verdict(bundle, shadow, &bundle.obligations(&shadow.requires), out);
    }
    if !verdict.unknowns.is_empty() {
        out.extend_from_slice(b",\"unknowns\":[");
        for (index, unknown) in verdict.unknowns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let rule = bundle.rule(unknown.rule).map_or("", |rule| rule.id.as_str());
            write_texts([rule, bundle.path(unknown.path)], out);
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn rule_ids<'b>(bundle: &'b Bundle, rules: &'b [RuleIx]) -> impl Iterator<Item = &'b str> {
    rules.iter().map(|rule| bundle.rule(*rule).map_or("", |rule| rule.id.as_str()))
}
