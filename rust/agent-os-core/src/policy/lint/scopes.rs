//! What a rule is for, what is said to whoever meets it, and what holds where there is none.

use super::{Finding, Lint, Subject};
use crate::action;
use crate::policy::analysis::is_wild_only;
use crate::policy::effect::{Effect, RuleEffect};

pub(super) fn bundle(default: Effect, findings: &mut Vec<Finding>) {
    if default == Effect::Allow {
        let message = "what no rule names is allowed, and so is every tool that is added later";
        let hint = "write `default: deny`, and an allow for each action that is meant";
        findings.push(Finding::new(Lint::DefaultAllow, None, None, message, hint));
    }
}

pub(super) fn rule(rule: &Subject<'_>, findings: &mut Vec<Finding>) {
    let studied = &rule.studied;
    let is_open = studied.when.is_none() && studied.unless.is_none() && !studied.is_partial;
    if studied.effect == RuleEffect::Allow && is_open {
        for pattern in studied.actions.iter().filter(|pattern| !pattern.is_literal()) {
            let text = pattern.text();
            let what = if is_wild_only(pattern) {
                "every action, whatever tools there will be"
            } else if action::is_reserved(text) {
                "what belongs to the kernel, whatever it will be"
            } else {
                continue;
            };
            let message = format!("`{}` allows `{text}`: {what}", rule.id);
            let hint = "name the actions that are meant, or add a condition";
            findings.push(Finding::new(Lint::OverBroadAllow, Some(rule.id), None, message, hint));
        }
    }
    if matches!(studied.effect, RuleEffect::Deny | RuleEffect::Ask) && !rule.message {
        let message = format!("`{}` says nothing to the person who meets it", rule.id);
        findings.push(Finding::new(Lint::NoMessage, Some(rule.id), None, message, "add `message: …` with the reason"));
    }
}
