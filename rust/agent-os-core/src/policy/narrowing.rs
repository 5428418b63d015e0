//! Whether a bundle may replace another without opening anything: a proof by structure, sound and not complete.
//!
//! [`may_open`] compares the normal forms rule by rule. It never looks at requests, and wherever it cannot show that a
//! decision stays as strong, it says so: most bundles that open nothing in some clever way are not recognised. What
//! counts is the other direction, which a property test holds it to: where it finds nothing, no decision is weaker
//! and no obligation is lost.
//!
//! Truth is ordered false, unknown, true. A conjunction is the least of its parts, so more parts make it smaller, and
//! a smaller condition makes an allow apply less often. The same holds for the rules that restrict, the other way
//! round, because they apply when unknown.

use std::cmp::Ordering;

use super::bundle::Bundle;
use super::effect::{Effect, Record};
use super::operators::is_modifier;
use super::pattern::ActionPattern;
use crate::value::Value;

/// What may be open under `new` and is not under `old`, a line for each part of which it cannot be excluded. None:
/// under `new`, every request gets the decision that it gets under `old` or a stronger one, with the same obligations
/// or more.
///
/// ```
/// use agent_os_core::{canonical::parse_json, policy::{Bundle, may_open}};
/// let bundle = |le: u32| Bundle::compile(&parse_json(format!(r#"{{"agent_os": 1, "name": "n", "rules": [
///     {{"id": "a", "effect": "allow", "action": ["pay"], "when": {{"args.amount": {{"le": {le}}}}}}}]}}"#).as_bytes())
///     .unwrap()).unwrap();
/// assert!(may_open(&bundle(500), &bundle(100)).is_empty());
/// assert_eq!(may_open(&bundle(100), &bundle(500)), ["no allow of the old policy covers the allow rule `a`"]);
/// ```
#[must_use]
pub fn may_open(old: &Bundle, new: &Bundle) -> Vec<String> {
    let (before, after) = (Rules::new(old), Rules::new(new));
    let open_before = old.default_effect() == Effect::Allow;
    let mut found = Vec::new();
    if new.default_effect() == Effect::Allow && !open_before {
        found.push("the default becomes allow".to_owned());
    }
    let mut missing = |rule: &Value, covered: bool, what: &str| {
        if !covered {
            found.push(format!("{what} `{}`", id(rule)));
        }
    };
    for rule in after.of("allow") {
        let covered = open_before || before.of("allow").any(|other| narrower(rule, other));
        missing(rule, covered, "no allow of the old policy covers the allow rule");
    }
    for rule in after.of("ask") {
        // Where an old allow is unknown, it did not apply, and an ask would: only one without conditions is certain.
        let allows = before.of("allow").filter(|other| other.get("when").or_else(|| other.get("unless")).is_none());
        let covered = open_before || before.of("ask").chain(allows).any(|other| narrower(rule, other));
        missing(rule, covered, "what was denied by default may be asked about by the ask rule");
    }
    for rule in before.of("deny") {
        let covered = after.of("deny").any(|other| narrower(rule, other));
        missing(rule, covered, "no deny of the new policy covers the old deny rule");
    }
    for rule in before.of("ask") {
        let covered = after.of("ask").chain(after.of("deny")).any(|other| narrower(rule, other));
        missing(rule, covered, "no ask or deny of the new policy covers the old ask rule");
    }
    for rule in before.of("require") {
        // A limit that is required is an obligation: only the very same rule keeps it.
        let keeps = |other: &Value| narrower(rule, other) && obliges_as_much(other, rule) && !has_limit(rule);
        let covered = after.of("require").any(|other| same(rule, other) || keeps(other));
        missing(rule, covered, "no require of the new policy covers the old require rule");
    }
    for rule in after.of("require") {
        // A label or a redaction changes what later conditions of the run see.
        let covered = !changes_the_run(rule)
            || before.of("require").any(|other| narrower(rule, other) && obliges_as_much(other, rule));
        missing(rule, covered, "what a run has seen may look otherwise to later rules by the require rule");
    }
    found
}

/// The enforced rules of a bundle, as its normal form has them.
struct Rules<'b>(Vec<&'b Value>);

impl<'b> Rules<'b> {
    fn new(bundle: &'b Bundle) -> Self {
        let all = match bundle.document().get("rules") {
            Some(Value::List(rules)) => rules.as_slice(),
            _ => &[],
        };
        Self(all.iter().filter(|rule| rule.get("mode").is_none()).collect())
    }

    fn of<'s>(&'s self, effect: &'static str) -> impl Iterator<Item = &'b Value> + use<'s, 'b> {
        self.0.iter().copied().filter(move |rule| rule.get("effect").and_then(Value::as_text) == Some(effect))
    }
}

/// Keys that say nothing of when a rule applies.
const ASIDE: &[&str] = &["id", "message", "source", "redact", "label", "record", "subject"];

/// Keys that are compared one by one.
const COMPARED: &[&str] = &["effect", "action", "agent", "when", "unless"];

/// True if `wide` applies wherever `narrow` does. Their effects are not compared.
fn narrower(narrow: &Value, wide: &Value) -> bool {
    let (Value::Map(entries), Value::Map(others)) = (narrow, wide) else { return false };
    let extra = |key: &&String| !ASIDE.contains(&key.as_str()) && !COMPARED.contains(&key.as_str());
    if others.keys().any(|key| extra(&key)) {
        // What counts keeps its count by its rule: only the very same rule goes on with it.
        return same(narrow, wide);
    }
    // A limit makes an allow apply less often, `over` a rule that restricts; of any other key nothing is known.
    if entries.keys().filter(extra).any(|key| key != "limit" && key != "over") {
        return false;
    }
    actions_within(narrow, wide)
        && agents_within(narrow.get("agent"), wide.get("agent"))
        && match wide.get("when") {
            Some(condition) => narrow.get("when").is_some_and(|own| below(own, condition)),
            None => true,
        }
        && match wide.get("unless") {
            Some(exception) => narrow.get("unless").is_some_and(|own| below(exception, own)),
            None => true,
        }
}

fn has_limit(rule: &Value) -> bool {
    rule.get("limit").is_some()
}

fn same(one: &Value, other: &Value) -> bool {
    let (Value::Map(one), Value::Map(other)) = (one, other) else { return false };
    let but = |key: &str| key != "message" && key != "source";
    one.iter().filter(|(key, _)| but(key)).eq(other.iter().filter(|(key, _)| but(key)))
}

fn actions_within(narrow: &Value, wide: &Value) -> bool {
    let covered = |action: &str| {
        texts(wide.get("action")).any(|pattern| {
            pattern == action
                || pattern == "**"
                || (!action.contains('*') && ActionPattern::parse(pattern).is_ok_and(|pattern| pattern.matches(action)))
        })
    };
    texts(narrow.get("action")).all(covered)
}

fn agents_within(narrow: Option<&Value>, wide: Option<&Value>) -> bool {
    let Some(Value::Map(wide)) = wide else { return wide.is_none() };
    wide.iter().all(|(key, names)| {
        narrow
            .and_then(|agents| agents.get(key))
            .is_some_and(|own| texts(Some(own)).all(|name| texts(Some(names)).any(|other| other == name)))
    })
}

/// True if the condition `low` is never more true than `high`.
fn below(low: &Value, high: &Value) -> bool {
    let (own, others) = (parts(low), parts(high));
    others.iter().all(|other| own.iter().any(|part| part_below(part, other)))
}

/// A part of a conjunction: a path (or `any` or `not`), an operator of it (or none), and its operand.
type Part<'c> = (&'c str, Option<&'c str>, &'c Value);

fn parts(condition: &Value) -> Vec<Part<'_>> {
    let Value::Map(entries) = condition else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("all", Value::List(all)) => found.extend(all.iter().flat_map(parts)),
            ("any" | "not", _) => found.push((key.as_str(), None, value)),
            // A modifier belongs to what stands beside it.
            (_, Value::Map(tests)) if !tests.keys().any(|name| is_modifier(name)) => {
                found.extend(tests.iter().map(|(operator, operand)| (key.as_str(), Some(operator.as_str()), operand)));
            }
            _ => found.push((key.as_str(), None, value)),
        }
    }
    found
}

fn part_below(low: &Part<'_>, high: &Part<'_>) -> bool {
    if low == high {
        return true;
    }
    let ((path, operator, operand), (other_path, other_operator, other)) = (low, high);
    if (path, operator) != (other_path, other_operator) {
        return false;
    }
    let compared = || match (operand, other) {
        (Value::Number(one), Value::Number(another)) => Some(one.compare(another)),
        _ => None,
    };
    match (*path, *operator) {
        ("not", None) => below(other, operand),
        ("any", None) => all_among(operand, other),
        (_, Some("lt" | "le")) => compared() == Some(Ordering::Less),
        (_, Some("gt" | "ge")) => compared() == Some(Ordering::Greater),
        (_, Some("in")) => all_among(operand, other),
        (_, Some("not_in")) => all_among(other, operand),
        _ => false,
    }
}

/// True if every member of a list is a member of the other.
fn all_among(few: &Value, many: &Value) -> bool {
    match (few, many) {
        (Value::List(few), Value::List(many)) => few.iter().all(|member| many.contains(member)),
        _ => false,
    }
}

/// True if the first demands whatever the second does.
fn obliges_as_much(much: &Value, little: &Value) -> bool {
    let listed = |key: &str| texts(little.get(key)).all(|text| texts(much.get(key)).any(|other| other == text));
    let level = |rule: &Value| rule.get("record").and_then(Value::as_text).and_then(Record::parse);
    listed("redact") && listed("label") && listed("subject") && level(much) >= level(little)
}

fn changes_the_run(rule: &Value) -> bool {
    rule.get("label").or_else(|| rule.get("redact")).is_some()
}

fn id(rule: &Value) -> &str {
    rule.get("id").and_then(Value::as_text).unwrap_or_default()
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = match list {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(Value::as_text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::may_open;
    use crate::canonical::parse_json;
    use crate::policy::Bundle;

    fn allowing(tests: &str) -> Bundle {
        let document = format!(
            r#"{{"agent_os":1,"name":"n","rules":[
                {{"id":"a","effect":"allow","action":["db.query"],"when":{{"args.q":{tests}}}}}]}}"#
        );
        Bundle::compile(&parse_json(document.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_modifier_changes_what_stands_beside_it_and_is_no_further_condition() {
        for (old, new) in [
            // What is unknown without a dialect may be known in one.
            (
                r#"{"statements":{"each":{"in":["select"]}}}"#,
                r#"{"statements":{"each":{"in":["select"]}},"dialect":"mysql"}"#,
            ),
            (r#"{"in":["a","b"]}"#, r#"{"in":["a"],"ignore_case":true}"#),
        ] {
            assert_eq!(may_open(&allowing(old), &allowing(new)).len(), 1, "{new}");
            assert!(may_open(&allowing(new), &allowing(new)).is_empty());
        }
        assert!(may_open(&allowing(r#"{"in":["a","b"]}"#), &allowing(r#"{"in":["a"]}"#)).is_empty());
    }
}
