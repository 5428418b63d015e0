//! What must stay true of a decision when the policy changes, whatever the policy is.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use agent_os_core::policy::{Bundle, may_open};
use agent_os_core::value::Value;
use agent_os_testkit::case::{Decided, Request, text_of};
use agent_os_testkit::differential::draw;
use agent_os_testkit::engine::Engine;
use agent_os_testkit::generate::{self, Policy, Random};

const SEED: u64 = 21;
const POLICIES: u64 = 400;
const REQUESTS: usize = 25;

/// Runs a test on many policies, each with requests that are likely to meet it.
fn for_many(test: impl Fn(&Policy, &Engine, &[Request], &mut Random)) {
    for number in 0..POLICIES {
        let (policy, mut random) = draw(SEED, number);
        let requests: Vec<Request> = (0..REQUESTS).map(|_| generate::request(&mut random, &policy)).collect();
        test(&policy, &engine(&policy, &policy.document), &requests, &mut random);
    }
}

fn engine(policy: &Policy, document: &Value) -> Engine {
    Engine::new(document, &policy.texts).unwrap_or_else(|problems| panic!("{problems:?}\n{}", text_of(document)))
}

fn rules(document: &Value) -> Vec<Value> {
    match document.get("rules") {
        Some(Value::List(rules)) => rules.clone(),
        other => panic!("no rules: {other:?}"),
    }
}

fn with_rules(document: &Value, rules: Vec<Value>) -> Value {
    let Value::Map(mut entries) = document.clone() else { panic!("not a map") };
    entries.insert("rules".to_owned(), Value::List(rules));
    Value::Map(entries)
}

fn openness(decided: &Decided) -> u8 {
    match decided.effect.as_str() {
        "allow" => 2,
        "ask" => 1,
        "deny" => 0,
        other => panic!("no effect {other}"),
    }
}

#[test]
fn the_order_of_rules_changes_nothing() {
    for_many(|policy, engine_before, requests, random| {
        let mut shuffled = rules(&policy.document);
        random.shuffle(&mut shuffled);
        let after = engine(policy, &with_rules(&policy.document, shuffled));
        assert_eq!(after.bundle().digest(), engine_before.bundle().digest());
        assert!(requests.iter().all(|request| after.decide(request) == engine_before.decide(request)));
    });
}

#[test]
fn the_order_and_repetition_inside_lists_of_names_change_nothing() {
    for_many(|policy, engine_before, requests, _| {
        let doubled = rules(&policy.document).into_iter().map(|rule| {
            let Value::Map(mut entries) = rule else { panic!("not a map") };
            for key in ["action", "redact", "label"] {
                if let Some(Value::List(items)) = entries.get_mut(key) {
                    let mut again: Vec<Value> = items.iter().rev().cloned().collect();
                    again.append(items);
                    *items = again;
                }
            }
            Value::Map(entries)
        });
        let document = with_rules(&policy.document, doubled.collect());
        // A document may refuse repetition; if it takes it, it must mean the same.
        if let Ok(after) = Engine::new(&document, &policy.texts) {
            assert_eq!(after.bundle().digest(), engine_before.bundle().digest());
            assert!(requests.iter().all(|request| after.decide(request) == engine_before.decide(request)));
        }
    });
}

#[test]
fn adding_a_deny_an_ask_or_a_require_never_opens() {
    let closed = std::cell::Cell::new(0);
    for_many(|policy, before, requests, random| {
        for effect in ["deny", "ask", "require"] {
            let mut more = rules(&policy.document);
            more.push(generate::rule_of(random, "added", effect));
            let after = engine(policy, &with_rules(&policy.document, more));
            for request in requests {
                let (was, is) = (before.decide(request), after.decide(request));
                // An ask lets a person be asked about what was denied by default only, also because the limit of what
                // allowed it is used up; without one, nothing opens.
                let by_default = was.reason == "denied_by_default"
                    || was.reason == "limit_exceeded" && was.rules.iter().all(|id| effect_of(policy, id) == "allow");
                let asked = effect == "ask" && by_default && is.rules == ["added"];
                assert!(asked || openness(&is) <= openness(&was), "adding a {effect} opened {request:?}");
                assert!(is.effect != "allow" || was.effect == "allow", "adding a {effect} allowed {request:?}");
                closed.set(closed.get() + u32::from(openness(&is) < openness(&was)));
                if effect == "require" && is.rules.iter().any(|rule| rule == "added") {
                    // Its limit holds the action back.
                    assert_eq!(is.effect, "deny");
                } else if effect == "require" {
                    assert_eq!((&is.effect, &is.rules), (&was.effect, &was.rules));
                    // A policy that enforced nothing now enforces something.
                    let enforces = was.reason == "only_observed" && is.reason == "allowed_by_default";
                    assert!(enforces || is.reason == was.reason, "{} became {}", was.reason, is.reason);
                    assert!(was.redact.iter().all(|path| is.redact.contains(path)));
                    assert!(was.labels.iter().all(|label| is.labels.contains(label)));
                }
            }
        }
    });
    assert!(closed.get() > 1_000, "the added rules must matter: {}", closed.get());
}

fn effect_of(policy: &Policy, id: &str) -> String {
    let rule = rules(&policy.document).into_iter().find(|rule| rule.get("id") == Some(&id.into()));
    rule.and_then(|rule| rule.get("effect").and_then(Value::as_text).map(str::to_owned)).unwrap_or_default()
}

#[test]
fn removing_an_allow_never_opens() {
    let closed = std::cell::Cell::new(0);
    for_many(|policy, before, requests, _| {
        let all = rules(&policy.document);
        for place in 0..all.len() {
            let mut fewer = all.clone();
            let removed = fewer.remove(place);
            if removed.get("effect") != Some(&"allow".into()) || fewer.is_empty() {
                continue;
            }
            let after = engine(policy, &with_rules(&policy.document, fewer));
            assert_ne!(after.bundle().digest(), before.bundle().digest());
            for request in requests {
                let (was, is) = (before.decide(request), after.decide(request));
                assert!(openness(&is) <= openness(&was), "removing {removed:?} opened {request:?}");
                closed.set(closed.get() + u32::from(openness(&is) < openness(&was)));
            }
        }
    });
    assert!(closed.get() > 500, "the removed rules must matter: {}", closed.get());
}

#[test]
fn approving_an_ask_opens_at_most_what_was_asked() {
    let opened = std::cell::Cell::new(0);
    for_many(|_, engine, requests, _| {
        for request in requests {
            let unapproved = engine.decide(&Request { approved: vec![], ..request.clone() });
            let approved = engine.decide(&Request { approved: unapproved.rules.clone(), ..request.clone() });
            match unapproved.effect.as_str() {
                "ask" => {
                    assert_eq!(approved.effect, "allow");
                    assert_eq!(
                        (&approved.redact, &approved.labels, &approved.record),
                        (&unapproved.redact, &unapproved.labels, &unapproved.record)
                    );
                    opened.set(opened.get() + 1);
                }
                _ => assert_eq!(approved, unapproved),
            }
        }
    });
    assert!(opened.get() > 200, "asks must come up: {}", opened.get());
}

#[test]
fn a_bundle_that_is_written_and_loaded_decides_the_same() {
    for_many(|policy, before, requests, _| {
        let loaded = Bundle::load(&before.bundle().dump()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded.digest(), before.bundle().digest());
        assert_eq!(loaded.dump(), before.bundle().dump());
        let recompiled = Bundle::compile(before.bundle().document()).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(recompiled.digest(), before.bundle().digest());
        let after = Engine::of(loaded, &policy.texts);
        assert!(requests.iter().all(|request| after.decide(request) == before.decide(request)));
    });
}

#[test]
fn rules_in_shadow_change_no_decision_and_say_what_they_would_have_decided() {
    let told = std::cell::Cell::new(0);
    for_many(|policy, _, requests, random| {
        let Value::Map(mut entries) = policy.document.clone() else { panic!("not a map") };
        entries.remove("shadow_default");
        let bare = Value::Map(entries);
        let enforced: Vec<Value> = rules(&bare).into_iter().map(|rule| with_mode(rule, "enforce")).collect();
        let mut shadowed: Vec<Value> = (0..3).map(|n| generate::rule(random, &format!("shadow-{n}"))).collect();
        let all = engine(policy, &with_rules(&bare, [enforced.clone(), shadowed.clone()].concat()));
        shadowed = shadowed.into_iter().map(|rule| with_mode(rule, "shadow")).collect();
        let with = engine(policy, &with_rules(&bare, [enforced.clone(), shadowed].concat()));
        let without = engine(policy, &with_rules(&bare, enforced));
        for request in requests {
            let (is, was, would) = (with.decide(request), without.decide(request), all.decide(request));
            assert_eq!(Decided { shadow: None, ..is.clone() }, was, "shadow changed a decision: {request:?}");
            // What would have been charged is not.
            let [was, would] = [was, would].map(|decided| Decided { charges: Vec::new(), ..decided });
            match is.shadow {
                Some(shadow) => {
                    assert_eq!(*shadow, would);
                    assert_ne!(*shadow, was);
                    told.set(told.get() + 1);
                }
                None => assert_eq!(would, was),
            }
        }
    });
    assert!(told.get() > 1_000, "shadow must matter: {}", told.get());
}

fn with_mode(rule: Value, mode: &str) -> Value {
    let Value::Map(mut entries) = rule else { panic!("not a map") };
    entries.insert("mode".to_owned(), mode.into());
    Value::Map(entries)
}

#[test]
fn any_changed_rule_is_another_bundle() {
    for_many(|policy, before, _, random| {
        let mut changed = rules(&policy.document);
        let id = match changed.first().and_then(|rule| rule.get("id")) {
            Some(Value::Str(id)) => id.clone(),
            other => panic!("no id: {other:?}"),
        };
        let replacement = generate::rule(random, &id);
        let same = changed.first() == Some(&replacement);
        if let Some(first) = changed.first_mut() {
            *first = replacement;
        }
        let after = engine(policy, &with_rules(&policy.document, changed));
        assert!(same || after.bundle().digest() != before.bundle().digest());
    });
}

/// A document that is like this one but for a change that may close, open or do nothing.
fn changed(document: &Value, random: &mut Random) -> Value {
    let mut all = rules(document);
    let place = random.between(0, all.len() as u32 - 1) as usize;
    let mut entries = match all.get(place) {
        Some(Value::Map(entries)) => entries.clone(),
        other => panic!("no rule: {other:?}"),
    };
    match random.between(0, 6) {
        0 => all.push(generate::rule(random, "added")),
        1 if all.len() > 1 => {
            all.remove(place);
        }
        2 | 3 => {
            // A further condition, or a further exception.
            let extra = Value::from([("args.amount", Value::from([("le", 5.into())]))]);
            let key = random.one(&["when", "unless"]);
            let parts = [entries.remove(key), Some(extra)].into_iter().flatten().collect();
            entries
                .insert(key.to_owned(), Value::from([(if key == "when" { "all" } else { "any" }, Value::List(parts))]));
            all[place] = Value::Map(entries);
        }
        4 => {
            entries.remove(random.one(&["when", "unless", "agent"]));
            all[place] = Value::Map(entries);
        }
        5 => {
            entries.insert("action".to_owned(), Value::List(vec![random.one(&["**", "payments.send", "db"]).into()]));
            all[place] = Value::Map(entries);
        }
        _ => {
            entries.insert("mode".to_owned(), random.one(&["shadow", "enforce"]).into());
            all[place] = Value::Map(entries);
        }
    }
    with_rules(document, all)
}

#[test]
fn a_bundle_that_is_said_to_open_nothing_makes_no_decision_weaker() {
    let (silent, closed, opened) = (std::cell::Cell::new(0), std::cell::Cell::new(0), std::cell::Cell::new(0));
    for_many(|policy, before, requests, random| {
        for _ in 0..6 {
            let document = changed(&policy.document, random);
            let after = engine(policy, &document);
            let opens_nothing = may_open(before.bundle(), after.bundle()).is_empty();
            silent.set(silent.get() + u32::from(opens_nothing));
            for request in requests {
                let bare = Request { approved: vec![], ..request.clone() };
                let (was, is) = (before.decide(&bare), after.decide(&bare));
                opened.set(opened.get() + u32::from(openness(&is) > openness(&was)));
                if opens_nothing {
                    assert!(
                        openness(&is) <= openness(&was),
                        "{bare:?}\n{}\n{}",
                        text_of(&policy.document),
                        text_of(&document)
                    );
                    closed.set(closed.get() + u32::from(openness(&is) < openness(&was)));
                    assert!(is.effect == "deny" || was.redact.iter().all(|path| is.redact.contains(path)));
                    assert!(is.effect == "deny" || was.labels.iter().all(|label| is.labels.contains(label)));
                }
            }
        }
    });
    assert!(silent.get() > 300 && closed.get() > 300, "too little is proven: {} {}", silent.get(), closed.get());
    assert!(opened.get() > 300, "hardly any change opens: {}", opened.get());
}
