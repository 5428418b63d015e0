//! Why each rule does or does not apply: rule by rule, without the index, with the first condition that decides.

use super::bundle::{Bundle, RuleCode, RuleScope};
use super::condition::{Check, Condition, Leaf, Source, Words};
use super::document::{Agents, canonical_text, shortened};
use super::effect::{RuleEffect, RuleIx};
use super::evaluate::Evaluation;
use super::kleene::Kleene;
use super::limit::{Limit, Measure, Per};
use super::reading::Reading;
use crate::action;
use crate::number::Number;
use crate::request::{Arguments, Found, RunState, Segment, Subject};
use crate::value::Value;

/// What is to be said of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rule.
    pub rule: RuleIx,
    /// Whether its action, agent and conditions hold. Unknown makes a deny, ask or require apply, and an allow not.
    pub applies: Kleene,
    /// Why, in words. A value of the arguments is shown up to 80 characters.
    pub because: String,
    /// The path of the condition that decides, if one does.
    pub path: Option<String>,
}

/// Explains every rule of the bundle for one request, in the order of their ids.
///
/// ```
/// use agent_os_core::canonical::parse_json;
/// use agent_os_core::policy::{Bundle, Kleene, Provenance, explain};
/// use agent_os_core::request::{RunState, Subject};
/// let bundle = Bundle::compile(&parse_json(br#"{"agent_os": 1, "name": "desk", "rules": [
///     {"id": "small", "effect": "allow", "action": ["payments.send"], "when": {"args.amount": {"le": 500}}}]}"#)?).unwrap();
/// let (desk, provenance) = (Subject { id: "desk-7", roles: &[] }, Provenance::default());
/// let run = RunState::start(&provenance);
/// let large = parse_json(br#"{"amount": 900}"#)?;
/// let lines = explain(&bundle, &desk, "payments.send", &&large, &run);
/// assert_eq!(lines[0].because, "`args.amount` is the number 900: `le: 500` does not hold");
/// # Ok::<(), agent_os_core::canonical::DecodeError>(())
/// ```
pub fn explain<A: Arguments>(
    bundle: &Bundle,
    subject: &Subject<'_>,
    action: &str,
    args: &A,
    run: &RunState<'_>,
) -> Vec<Explanation> {
    explain_rules(bundle, (0..).map(RuleIx).take(bundle.rules().len()), subject, action, args, run)
}

/// Explains these rules of the bundle for one request: those that are for the action ([`Bundle::rules_for`]) are few,
/// and all that is to be said of the others is that they are not.
pub fn explain_rules<A: Arguments>(
    bundle: &Bundle,
    rules: impl IntoIterator<Item = RuleIx>,
    subject: &Subject<'_>,
    action: &str,
    args: &A,
    run: &RunState<'_>,
) -> Vec<Explanation> {
    let explainer = Explainer { bundle, evaluation: Evaluation::new(bundle, args, run) };
    rules
        .into_iter()
        .filter_map(|rule| {
            let info = bundle.rule(rule)?;
            let code = bundle.code(rule)?;
            let mut said = explainer.rule(code, bundle.scope(rule)?, subject, action);
            if let Some(limit) = &code.limit {
                said = explainer.limited(rule, info.effect, limit, said);
            }
            let (applies, because, path) = said;
            let because = match (applies, info.effect.applies_on_unknown()) {
                (Kleene::Unknown, true) => format!("{because}, which counts against the caller"),
                (Kleene::Unknown, false) => format!("{because}, which opens nothing"),
                (Kleene::True | Kleene::False, _) => because,
            };
            Some(Explanation { rule, applies, because, path })
        })
        .collect()
}

struct Explainer<'e, A: Arguments> {
    bundle: &'e Bundle,
    evaluation: Evaluation<'e, A>,
}

type Said = (String, Option<String>);

impl<A: Arguments> Explainer<'_, A> {
    fn rule(
        &self,
        code: &RuleCode,
        scope: &RuleScope,
        subject: &Subject<'_>,
        action: &str,
    ) -> (Kleene, String, Option<String>) {
        if let Err(fault) = action::check(action) {
            return (Kleene::False, format!("`{}` is not an action: {fault}", shortened(action)), None);
        }
        if !scope.actions.iter().any(|pattern| pattern.matches(action)) {
            let patterns: Vec<&str> = scope.actions.iter().map(|pattern| pattern.text()).collect();
            return (Kleene::False, format!("the action is not {}", one_of(&patterns)), None);
        }
        if let Some(agents) = scope.agents.as_ref().filter(|agents| !agents.include(subject)) {
            return (Kleene::False, not_among(agents, subject), None);
        }
        let when = code.when.as_ref().map(|when| (when, self.evaluation.condition(when, None)));
        let unless = code.unless.as_deref().map(|unless| (unless, !self.evaluation.condition(unless, None)));
        let whole = self.evaluation.holds(code.when.as_ref(), code.unless.as_deref());
        // The part that decides: the one that came out as the whole did. Both did where everything holds.
        let deciding_when = when.filter(|(_, truth)| *truth == whole);
        let deciding_unless = unless.filter(|(_, truth)| *truth == whole);
        let (because, path) = match (deciding_when, deciding_unless) {
            (Some((when, truth)), _) => self.condition(when, truth, None),
            (None, Some((unless, truth))) => {
                let (because, path) = self.condition(unless, !truth, None);
                (format!("under `unless`, {because}"), path)
            }
            (None, None) => ("the rule has no conditions".to_owned(), None),
        };
        (whole, because, path)
    }

    /// Adds what the rule's limit makes of it.
    fn limited(
        &self,
        rule: RuleIx,
        effect: RuleEffect,
        limit: &Limit,
        (holds, because, path): (Kleene, String, Option<String>),
    ) -> (Kleene, String, Option<String>) {
        if holds == Kleene::False {
            return (holds, because, path);
        }
        let within = self.evaluation.within(rule, limit);
        let applies = match effect {
            RuleEffect::Allow => holds.and(within),
            RuleEffect::Deny | RuleEffect::Ask => holds.and(!within),
            RuleEffect::Require => holds,
        };
        let summed = match limit.measure {
            Measure::Calls => None,
            Measure::Sum(path) => Some(self.bundle.path(path).to_owned()),
        };
        let what = match (self.evaluation.amount(limit), self.evaluation.used(rule)) {
            (None, _) => format!("`{}` is not an amount from 0", summed.as_deref().unwrap_or_default()),
            (Some(_), None) => "what is used cannot be told".to_owned(),
            (Some(amount), Some(used)) => {
                let verdict = if within == Kleene::True { "within" } else { "beyond" };
                format!("{used} used and {amount} more is {verdict} {}", spelt(limit))
            }
        };
        if applies == holds && holds == Kleene::Unknown {
            return (applies, format!("{because}, and {what}"), path);
        }
        let because = if holds == Kleene::Unknown { format!("{because}, and {what}") } else { what };
        (applies, because, summed.or(path))
    }

    /// Why the condition came to `truth`: the first part that decides.
    fn condition(&self, condition: &Condition, truth: Kleene, item: Option<&Reading<'_>>) -> Said {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                let deciding = parts.iter().find(|part| self.evaluation.condition(part, item) == truth);
                match deciding {
                    Some(part) => self.condition(part, truth, item),
                    None => ("the condition is empty".to_owned(), None),
                }
            }
            Condition::Not(inner) => {
                let (because, path) = self.condition(inner, !truth, item);
                (format!("under `not`, {because}"), path)
            }
            Condition::Leaf(leaf) => self.leaf(leaf, truth, item),
        }
    }

    fn leaf(&self, leaf: &Leaf, truth: Kleene, item: Option<&Reading<'_>>) -> Said {
        let name = match &leaf.source {
            Source::Argument(path) => self.bundle.path(*path).to_owned(),
            Source::Input(_) => self.bundle.path(leaf.path).to_owned(),
            Source::Item(path) => path.iter().map(Segment::key).fold("item".to_owned(), |name, key| name + "." + key),
        };
        let because = self.evaluation.read(&leaf.source, item, |found| {
            let mut tests = leaf.tests.with_words();
            let deciding = tests.find(|(check, _)| self.evaluation.check_found(check, found) == truth);
            match (deciding, found) {
                (_, Found::Missing) if leaf.if_present && truth == Kleene::False => {
                    format!("`{name}` is absent, and asked for only if present")
                }
                (Some((check, words)), _) => format!("`{name}` {}: {}", what(found), outcome(check, words, truth)),
                (None, _) => format!("`{name}` {}", what(found)),
            }
        });
        (because, Some(self.bundle.path(leaf.path).to_owned()))
    }
}

/// A limit in the words of policies.
fn spelt(limit: &Limit) -> String {
    let (max, by) = (limit.max, limit.by.code());
    let count = match limit.measure {
        Measure::Calls => format!("calls: {max}"),
        Measure::Sum(_) => format!("max: {max}"),
    };
    match limit.per {
        Per::Run => format!("`{count}` per run"),
        Per::Seconds(seconds) => {
            let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];
            let unit = units.into_iter().find(|(size, _)| seconds % size == 0).unwrap_or((1, 's'));
            format!("`{count}` per {}{} by {by}", seconds / unit.0, unit.1)
        }
    }
}

fn outcome(check: &Check, words: &Words, truth: Kleene) -> String {
    let written = format!("`{}: {}`", words.operator, words.operand);
    match (truth, check) {
        (Kleene::True, _) => format!("{written} holds"),
        (Kleene::False, _) => format!("{written} does not hold"),
        (Kleene::Unknown, Check::SeenIn { .. }) => {
            format!("{written} is unknown (too short or long, not text or a number, or text of the run was lost)")
        }
        (Kleene::Unknown, _) => format!("{written} is unknown"),
    }
}

/// What was found, by kind, with its text if that is short to say.
fn what(found: &Found<Reading<'_>>) -> String {
    match found {
        Found::Missing => "is missing".to_owned(),
        Found::Mistyped => "goes through something that is neither a mapping nor a list".to_owned(),
        Found::Malformed => "cannot be read".to_owned(),
        Found::Item(reading) => match reading {
            Reading::Null => "is null".to_owned(),
            Reading::Bool(truth) => format!("is {truth}"),
            Reading::Number(number) => format!("is the number {}", shortened(&number.with(Number::normal_text))),
            Reading::Text(text) => format!("is the text {}", canonical_text(&Value::from(&*shortened(text)))),
            Reading::Bytes(bytes) => format!("is {} bytes", bytes.len()),
            Reading::Date(date) => format!("is the date {date}"),
            Reading::DateTime(instant) => format!("is the datetime {}", instant.text()),
            Reading::List(items) => format!("is a list of {}", items.len()),
            Reading::Set(items) => format!("is a set of {}", items.len()),
            Reading::Texts(texts) => format!("is {}", shortened(&format!("[{}]", texts.join(", ")))),
            Reading::Keys(entries) | Reading::Map(entries) => format!("is a mapping of {}", entries.len()),
            Reading::Words(words) => format!("is a list of {}", words.len()),
            Reading::Glob(pattern) => format!("is the pattern {}", canonical_text(&Value::from(&*shortened(pattern)))),
            Reading::Unclear => "cannot be told".to_owned(),
            Reading::NotFinite => "is not a finite number".to_owned(),
        },
    }
}

fn not_among(agents: &Agents, subject: &Subject<'_>) -> String {
    let ids: Option<Vec<&str>> = agents.ids.as_ref().map(|ids| ids.iter().map(|id| id.text()).collect());
    match ids.filter(|_| !agents.ids.iter().flatten().any(|id| id.matches(subject.id))) {
        Some(ids) => format!("the agent `{}` is not {}", shortened(subject.id), one_of(&ids)),
        None => {
            let roles: Vec<&str> = agents.roles.iter().flatten().map(String::as_str).collect();
            format!("the agent `{}` has not the role {}", shortened(subject.id), one_of(&roles))
        }
    }
}

/// `a`, `b` or `c`, shortened.
fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().take(4).map(|name| format!("`{name}`")).collect();
    let rest = if names.len() > 4 { format!(" or one of {} more", names.len() - 4) } else { String::new() };
    format!("{}{rest}", quoted.join(" or "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::{Explanation, explain};
    use crate::canonical::parse_json;
    use crate::policy::{Bundle, Kleene, Provenance};
    use crate::request::{RunState, Subject};

    fn first(rule: &str, args: &str) -> Explanation {
        let document =
            format!(r#"{{"agent_os":1,"name":"n","rules":[{{"id":"r","effect":"deny","action":["a.*"],{rule}}}]}}"#);
        let bundle = Bundle::compile(&parse_json(document.as_bytes()).unwrap()).unwrap();
        let provenance = Provenance::default();
        let run = RunState::start(&provenance);
        let args = parse_json(args.as_bytes()).unwrap();
        explain(&bundle, &Subject { id: "desk", roles: &[] }, "a.b", &&args, &run).remove(0)
    }

    #[test]
    fn the_first_condition_that_decides_is_named() {
        for (rule, args, applies, because) in [
            (r#""agent":{"role":["x"]}"#, "{}", Kleene::False, "the agent `desk` has not the role `x`"),
            (r#""agent":{"id":["z*"]}"#, "{}", Kleene::False, "the agent `desk` is not `z*`"),
            (r#""message":"m""#, "{}", Kleene::True, "the rule has no conditions"),
            (
                r#""when":{"args.x":{"eq":"a"},"args.y":{"eq":"b"}}"#,
                r#"{"x":"a","y":"c"}"#,
                Kleene::False,
                r#"`args.y` is the text "c": `eq: "b"` does not hold"#,
            ),
            (
                r#""unless":{"args.x":{"seen_in":["user"]}}"#,
                r#"{"x":"ABCD"}"#,
                Kleene::True,
                r#"under `unless`, `args.x` is the text "ABCD": `seen_in: ["user"]` does not hold"#,
            ),
            (
                r#""when":{"not":{"args.x.y":{"eq":1}}}"#,
                r#"{"x":5}"#,
                Kleene::Unknown,
                "under `not`, `args.x.y` goes through something that is neither a mapping nor a list: `eq: 1` is unknown, \
                 which counts against the caller",
            ),
            (
                r#""when":{"args.x?":{"eq":1}}"#,
                "{}",
                Kleene::False,
                "`args.x` is absent, and asked for only if present",
            ),
        ] {
            let said = first(rule, args);
            assert_eq!((said.applies, said.because.as_str()), (applies, because));
        }
    }

    #[test]
    fn long_values_are_never_shown_whole() {
        let said = first(r#""when":{"args.x":{"eq":"a"}}"#, &format!(r#"{{"x":"{}"}}"#, "s3cret".repeat(100)));
        assert!(said.because.chars().count() < 160, "{}", said.because);
    }
}
