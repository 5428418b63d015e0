//! What diff finds is a difference on both engines; what a mutation changes on many requests, diff finds.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;

use agent_os_core::policy::{Bundle, Change, Difference, Side, diff};
use agent_os_core::value::Value;
use agent_os_testkit::case::{Decided, Request};
use agent_os_testkit::engine::Engine;
use agent_os_testkit::generate::{Policy, Random, policy, request, rule};

const POLICIES: u64 = 1_000;
const SAMPLE: u32 = 3_000;
/// Of the mutations that change a decision in the sample, how many diff must find.
const FOUND_PERCENT: f64 = 88.0;

#[test]
fn diff_finds_what_a_mutation_changes_and_shows_requests_that_replay() {
    let seed: u64 = std::env::var("AGENT_OS_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("seed {seed} (set AGENT_OS_SEED for another)");
    let (mut changing, mut found, mut told, mut shown) = (0_u32, 0_u32, 0_u32, 0_u32);
    for number in 0..POLICIES {
        let mut random = Random::new(seed.wrapping_mul(3_000_017).wrapping_add(number));
        let policy = policy(&mut random);
        let Some(mutated) = mutated(&policy.document, &mut random) else { continue };
        let (Ok(old), Ok(new)) = (Bundle::compile(&policy.document), Bundle::compile(&mutated)) else { continue };
        let whole = diff(&old, &new);
        let differences = whole.differences;
        for difference in &differences {
            shown += 1;
            replay(difference, &policy.document, &mutated);
        }
        if changes(&policy, &mutated, &mut random) {
            changing += 1;
            if differences.is_empty() {
                told += u32::from(whole.is_cut_short || !whole.undecided.is_empty());
                println!("missed in policy {number}:\n{}\n{}", text(&policy.document), text(&mutated));
            } else {
                found += 1;
            }
        }
    }
    let percent = f64::from(found) * 100.0 / f64::from(changing);
    println!("{changing} mutations change a decision, diff finds {found} ({percent:.1} %), {shown} requests shown");
    println!("of the {} others, {told} are told as not compared", changing - found);
    assert!(changing >= 200, "mutations hardly ever change anything");
    assert!(percent >= FOUND_PERCENT, "diff finds {percent:.1} %");
}

/// True if some request of a large sample is decided differently.
fn changes(policy: &Policy, mutated: &Value, random: &mut Random) -> bool {
    let old = Engine::new(&policy.document, &policy.texts).unwrap();
    let new = Engine::new(mutated, &policy.texts).unwrap();
    let said = |decided: Decided| (decided.effect, decided.redact, decided.labels, decided.record);
    (0..SAMPLE).any(|_| {
        let mut request = request(random, policy);
        request.approved.clear();
        said(old.decide(&request)) != said(new.decide(&request))
    })
}

/// Both engines, newly made, say what the difference says.
fn replay(difference: &Difference, old: &Value, new: &Value) {
    let shown = &difference.request;
    let texts: Vec<(String, String)> =
        shown.texts.iter().map(|(origin, text)| (origin.code().to_owned(), text.clone())).collect();
    let request = |is_new: bool| Request {
        action: shown.action.clone(),
        agent: shown.agent.clone(),
        roles: shown.roles.clone(),
        args: shown.args.clone(),
        labels: shown.labels.clone(),
        calls: shown.calls,
        usage: shown
            .used
            .iter()
            .map(|(rule, used)| (rule.clone(), if is_new { used.after } else { used.before }.to_string()))
            .collect(),
        depth: shown.depth,
        parent: shown.parent.clone(),
        now_micros: shown.now_micros,
        texts: texts.clone(),
        approved: Vec::new(),
        sql: Vec::new(),
    };
    let agrees = |document: &Value, side: &Side, is_new: bool| {
        let decided = Engine::new(document, &texts).unwrap().decide(&request(is_new));
        assert_eq!((decided.effect.as_str(), &decided.rules), (side.effect.code(), &side.rules), "{difference:?}");
        assert_eq!((&decided.redact, &decided.labels), (&side.obligations.redact, &side.obligations.labels));
        (decided.effect, decided.redact, decided.labels, decided.record)
    };
    let (before, after) = (agrees(old, &difference.before, false), agrees(new, &difference.after, true));
    assert_ne!(before, after, "{difference:?}");
    assert_eq!(difference.change == Change::Obligations, before.0 == after.0);
}

/// The document with one rule taken out, put in or changed, or with another default.
fn mutated(document: &Value, random: &mut Random) -> Option<Value> {
    let mut document = document.clone();
    let Value::Map(entries) = &mut document else { return None };
    let was_open = entries.get("default").and_then(Value::as_text) == Some("allow");
    let Some(Value::List(rules)) = entries.get_mut("rules") else { return None };
    let place = random.between(0, u32::try_from(rules.len() - 1).ok()?) as usize;
    match random.between(0, 9) {
        0 if rules.len() > 1 => {
            rules.remove(place);
        }
        1 => rules.push(rule(random, "added")),
        2 => {
            entries.insert("default".to_owned(), if was_open { "deny" } else { "allow" }.into());
        }
        3 => {
            let Some(Value::Map(rule)) = rules.get_mut(place) else { return None };
            let effect = random.one(&["allow", "ask", "deny"]);
            if rule.get("effect").and_then(Value::as_text) == Some("require") {
                return None;
            }
            rule.insert("effect".to_owned(), effect.into());
        }
        4 => {
            let Some(Value::Map(rule)) = rules.get_mut(place) else { return None };
            rule.remove(random.one(&["when", "unless", "agent"]))?;
        }
        5 => {
            let Some(Value::Map(rule)) = rules.get_mut(place) else { return None };
            let Some(Value::List(actions)) = rule.get_mut("action") else { return None };
            if actions.len() < 2 {
                return None;
            }
            actions.remove(0);
        }
        _ => {
            let Some(Value::Map(rule)) = rules.get_mut(place) else { return None };
            let key = random.one(&["when", "unless"]);
            tweak(rule.get_mut(key)?, random);
        }
    }
    Some(document)
}

/// Changes one thing inside of a condition: a number, a text, a member, an operator.
fn tweak(value: &mut Value, random: &mut Random) {
    match value {
        Value::Map(entries) => {
            let keys: Vec<String> = entries.keys().cloned().collect();
            let key = keys.get(random.between(0, u32::try_from(keys.len() - 1).unwrap_or(0)) as usize).cloned();
            let Some(key) = key else { return };
            let swaps: BTreeMap<&str, &str> = BTreeMap::from([
                ("lt", "le"),
                ("le", "lt"),
                ("gt", "ge"),
                ("ge", "gt"),
                ("eq", "ne"),
                ("ne", "eq"),
                ("in", "not_in"),
                ("not_in", "in"),
                ("all", "any"),
                ("any", "all"),
                ("starts_with", "ends_with"),
                ("some", "each"),
                ("each", "some"),
                ("before", "after"),
                ("after", "before"),
                ("seen_in", "not_seen_in"),
            ]);
            if let (Some(other), true) = (swaps.get(key.as_str()), random.percent(40)) {
                if let Some(operand) = entries.remove(&key) {
                    entries.insert((*other).to_owned(), operand);
                }
            } else if let Some(inner) = entries.get_mut(&key) {
                tweak(inner, random);
            }
        }
        Value::List(items) if items.len() > 1 && random.percent(50) => {
            items.pop();
        }
        Value::List(items) => {
            if let Some(first) = items.first_mut() {
                tweak(first, random);
            }
        }
        Value::Number(_) => *value = i64::from(random.between(0, 1_000)).into(),
        Value::Str(text) => text.push('z'),
        Value::Bool(truth) => *truth = !*truth,
        _ => {}
    }
}

fn text(value: &Value) -> String {
    agent_os_testkit::case::text_of(value)
}
