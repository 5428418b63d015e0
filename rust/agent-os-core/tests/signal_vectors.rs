//! Runs `tests/vectors/signals/*.json`; the format is described in `tests/vectors/README.md`.
// A test may read its vectors; the crate may not.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;
use std::path::Path;

use agent_os_core::canonical::parse_json;
use agent_os_core::signal::{Control, Delivery, Disposition, Mask, Signal, SignalSet, State, Status, transition};
use agent_os_core::value::Value;

#[test]
fn every_transition_is_what_the_vectors_say() {
    let mut seen = HashSet::new();
    for row in list(&file("transitions.json"), "rows") {
        let state = State::from_code(text(&row, "state")).unwrap();
        let signals = row.get("signals").map_or_else(|| Signal::ALL.to_vec(), |names| signals(names).collect());
        let dispositions = row.get("dispositions").map_or_else(
            || Disposition::ALL.to_vec(),
            |codes| texts(codes).map(|code| Disposition::from_code(code).unwrap()).collect(),
        );
        let blocked = match row.get("blocked") {
            None => vec![false, true],
            Some(Value::Bool(blocked)) => vec![*blocked],
            Some(other) => panic!("{other:?}"),
        };
        let discards = row.get("discards").map_or(SignalSet::EMPTY, signals_of);
        for &signal in &signals {
            for &disposition in &dispositions {
                for &blocked in &blocked {
                    let case = (state, signal, disposition, blocked);
                    let to = transition(state, signal, disposition, blocked);
                    assert_eq!(to.effect.code(), text(&row, "effect"), "{case:?}");
                    assert_eq!(to.state.code(), text(&row, "to"), "{case:?}");
                    assert_eq!(to.discards, discards, "{case:?}");
                    assert!(seen.insert(case), "{case:?} is in two rows");
                }
            }
        }
    }
    assert_eq!(seen.len(), State::ALL.len() * Signal::ALL.len() * Disposition::ALL.len() * 2);
}

#[test]
fn every_script_comes_to_what_the_vectors_say() {
    let cases = list(&file("scripts.json"), "cases");
    assert!(cases.len() >= 45);
    for case in cases {
        let name = text(&case, "name").to_owned();
        let mut control = Control::new();
        if case.get("created").is_none() {
            control.start();
        }
        for (number, step) in list(&case, "steps").iter().enumerate() {
            let at = format!("{name}, step {number}: {step:?}");
            take(&mut control, step, &at);
            if let Some(state) = step.get("state") {
                assert_eq!(control.state().code(), state.as_text().unwrap(), "{at}");
            }
            if let Some(pending) = step.get("pending") {
                assert_eq!(control.pending(), signals_of(pending), "{at}");
            }
            if let Some(blocked) = step.get("blocked") {
                assert_eq!(control.blocked(), signals_of(blocked), "{at}");
            }
        }
    }
}

/// Does one step and compares what it gives.
fn take(control: &mut Control, step: &Value, at: &str) {
    let Value::Map(entries) = step else { panic!("{at}") };
    let has = |key: &str| entries.contains_key(key);
    if has("start") {
        assert_eq!(control.start().code(), text(step, "start"), "{at}");
    } else if has("post") {
        assert_eq!(control.post(signal(text(step, "post"))).code(), text(step, "gives"), "{at}");
    } else if has("next") {
        assert_eq!(control.next(), delivery(step.get("next").unwrap()), "{at}");
    } else if has("handled") {
        control.handled(signals_of(step.get("handled").unwrap()));
    } else if has("arrange") {
        let mask = step.get("mask").map_or(SignalSet::EMPTY, signals_of);
        let disposition = Disposition::from_code(text(step, "disposition")).unwrap();
        let was = control.set_disposition(signal(text(step, "arrange")), disposition, mask);
        assert_eq!(was.ok().map(Disposition::code), step.get("was").unwrap().as_text(), "{at}");
    } else if has("mask") {
        let how = Mask::from_code(text(step, "mask")).unwrap();
        let was = control.set_mask(how, signals_of(step.get("signals").unwrap()));
        assert_eq!(was, signals_of(step.get("was").unwrap()), "{at}");
    } else if has("end") {
        let status = match text(step, "end") {
            "returned" => Status::Returned,
            "raised" => Status::Raised,
            other => Status::Killed(signal(other)),
        };
        assert_eq!(control.end(status).map(Status::code), step.get("gives").unwrap().as_text(), "{at}");
    } else if has("reap") {
        assert_eq!(control.reap().map(Status::code), step.get("reap").unwrap().as_text(), "{at}");
    } else {
        panic!("no step: {at}");
    }
}

fn delivery(value: &Value) -> Option<Delivery> {
    match value {
        Value::Null => None,
        Value::Str(word) if word == "stop" => Some(Delivery::Stop),
        other if other.get("throw").is_some() => Some(Delivery::Throw(signal(text(other, "throw")))),
        other => Some(Delivery::Handle {
            signal: signal(text(other, "handle")),
            restore: signals_of(other.get("restore").unwrap()),
        }),
    }
}

fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/signals").join(name);
    parse_json(&std::fs::read(path).unwrap()).unwrap()
}

fn list(of: &Value, key: &str) -> Vec<Value> {
    match of.get(key) {
        Some(Value::List(items)) => items.clone(),
        other => panic!("`{key}` is not a list: {other:?}"),
    }
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_text).unwrap_or_else(|| panic!("no `{key}` in {of:?}"))
}

fn texts(of: &Value) -> impl Iterator<Item = &str> {
    let Value::List(items) = of else { panic!("{of:?}") };
    items.iter().map(|item| item.as_text().unwrap())
}

fn signal(name: &str) -> Signal {
    Signal::from_name(name).unwrap_or_else(|| panic!("`{name}`"))
}

fn signals(of: &Value) -> impl Iterator<Item = Signal> {
    texts(of).map(signal)
}

fn signals_of(of: &Value) -> SignalSet {
    signals(of).collect()
}
