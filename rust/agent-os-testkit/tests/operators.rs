//! Engine and reference agree on single operators, on texts made of the pieces that each of them looks at.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use agent_os_core::canonical::parse_json;
use agent_os_core::value::Value;
use agent_os_testkit::case::{Request, text_of};
use agent_os_testkit::engine::Engine;
use agent_os_testkit::generate::{Random, fuzz};
use agent_os_testkit::reference::{self, Texts};

const ROUNDS: usize = 20_000;

/// A deny whose condition shows in the decision: true, unknown (`condition_unknown`) or false (the default).
fn agree(tests: Value, args: Value, texts: &[(String, String)], reasons: &mut Vec<String>) {
    let rule = Value::from([
        ("id", "only".into()),
        ("effect", "deny".into()),
        ("action", Value::List(vec!["**".into()])),
        ("when", Value::from([("args.value", tests)])),
    ]);
    let document = Value::from([
        ("agent_os", 1.into()),
        ("name", "one-operator".into()),
        ("default", "allow".into()),
        ("sets", Value::from([])),
        ("rules", Value::List(vec![rule])),
    ]);
    let request = Request {
        action: "a".into(),
        agent: "x".into(),
        roles: vec![],
        args,
        labels: vec![],
        calls: 0,
        usage: Vec::new(),
        depth: 0,
        parent: None,
        now_micros: 0,
        texts: texts.to_vec(),
        approved: vec![],
        sql: Vec::new(),
    };
    let engine =
        Engine::new(&document, texts).unwrap_or_else(|problems| panic!("{problems:?}\n{}", text_of(&document)));
    let (decided, expected) = (engine.decide(&request), reference::decide(&document, &request, &Texts::new(texts)));
    let question = || format!("{}\n{}", text_of(&document), text_of(&request.to_value()));
    assert_eq!(decided, expected, "engine, then reference, on\n{}", question());
    reasons.push(decided.reason);
}

fn every_truth_came_up(reasons: &[String]) {
    for reason in ["denied_by_rule", "condition_unknown", "allowed_by_default"] {
        assert!(reasons.iter().filter(|found| *found == reason).count() > 50, "too few of `{reason}`");
    }
}

#[test]
fn paths_are_contained_alike() {
    let (mut random, mut reasons) = (Random::new(11), Vec::new());
    for _ in 0..ROUNDS {
        let base = fuzz::text(&mut random, &["/", "a", "b", ".", "ab", "/a"], 5);
        let start = if random.percent(40) { base.as_str() } else { "" };
        let path = format!("{start}{}", fuzz::text(&mut random, fuzz::PATH_PIECES, 8));
        if !base.is_empty() && !base.contains("..") {
            agree(
                Value::from([("under", base.as_str().into())]),
                Value::from([("value", path.as_str().into())]),
                &[],
                &mut reasons,
            );
        }
    }
    every_truth_came_up(&reasons);
}

/// Texts of these pieces, many of them with a start that makes sense, held to each of the tests.
fn texts_are_judged_alike(seed: u64, starts: &[&str], pieces: &[&str], tests: &[(&str, Value)]) {
    let (mut random, mut reasons) = (Random::new(seed), Vec::new());
    for round in 0..ROUNDS {
        let start = if random.percent(80) { random.one(starts) } else { "" };
        let text = format!("{start}{}", fuzz::text(&mut random, pieces, 5));
        let (name, operand) = &tests[round % tests.len()];
        agree(
            Value::from([(*name, operand.clone())]),
            Value::from([("value", text.as_str().into())]),
            &[],
            &mut reasons,
        );
    }
    every_truth_came_up(&reasons);
}

fn list(texts: &[&str]) -> Value {
    Value::List(texts.iter().copied().map(Value::from).collect())
}

#[test]
fn urls_are_judged_alike() {
    let tests = [
        ("host", list(&["example.com", ".example.com", "127.0.0.1", "::1"])),
        ("host", list(&["a", ".local", "10.0.0.1", "8.8.8.8"])),
        ("private_address", true.into()),
        ("private_address", false.into()),
        ("scheme", list(&["https", "redis"])),
        ("port", Value::List(vec![80.into(), 443.into()])),
    ];
    let starts =
        ["https://", "http://", "https://example.com", "http://127.0.0.1", "redis://", "https://user@", "http://0x7f"];
    texts_are_judged_alike(16, &starts, fuzz::URL_PIECES, &tests);
}

#[test]
fn mail_addresses_are_judged_alike() {
    let tests = [("domain", list(&["example.com", ".example.com", "localhost"]))];
    texts_are_judged_alike(17, &["ada@", "ada@example.com", "a.b@a."], fuzz::MAIL_PIECES, &tests);
}

#[test]
fn addresses_are_judged_alike() {
    let tests = [
        ("network", list(&["10.0.0.0/8", "2001:db8::/32"])),
        ("network", list(&["::/0"])),
        ("network", "0.0.0.0/0".into()),
        ("network", list(&["10.1.2.3", "::1"])),
    ];
    texts_are_judged_alike(
        18,
        &["10.", "10.0.0.1", "::ffff:10.", "2001:db8::", "64:ff9b::"],
        fuzz::ADDRESS_PIECES,
        &tests,
    );
}

#[test]
fn globs_are_matched_alike() {
    let (mut random, mut reasons) = (Random::new(19), Vec::new());
    let mut usable = 0;
    for _ in 0..ROUNDS {
        let glob = fuzz::text(&mut random, fuzz::GLOB_PIECES, 5);
        let rule = Value::from([
            ("id", "only".into()),
            ("effect", "deny".into()),
            ("action", list(&["**"])),
            ("when", Value::from([("args.value", Value::from([("glob", glob.as_str().into())]))])),
        ]);
        let document = Value::from([
            ("agent_os", 1.into()),
            ("name", "globs".into()),
            ("sets", Value::from([])),
            ("rules", Value::List(vec![rule])),
        ]);
        if Engine::new(&document, &[]).is_err() {
            continue;
        }
        usable += 1;
        let text = fuzz::text(&mut random, fuzz::GLOBBED_PIECES, 6);
        agree(
            Value::from([("glob", glob.as_str().into())]),
            Value::from([("value", text.as_str().into())]),
            &[],
            &mut reasons,
        );
    }
    assert!(usable > ROUNDS / 4, "{usable}");
    every_truth_came_up(&reasons);
}

#[test]
fn values_are_seen_alike() {
    let (mut random, mut reasons) = (Random::new(12), Vec::new());
    for _ in 0..ROUNDS {
        let said = fuzz::text(&mut random, fuzz::TOKEN_PIECES, 14);
        let value: Value = match random.between(0, 3) {
            0 => fuzz::text(&mut random, fuzz::TOKEN_PIECES, 5).as_str().into(),
            1 => parse_json(random.one(&["1000", "1012", "10.50", "-1000", "12000", "1.0e4"]).as_bytes()).unwrap(),
            _ => fuzz::part_of(&mut random, &said).as_str().into(),
        };
        let texts = [("user".to_owned(), said), ("system".to_owned(), fuzz::text(&mut random, fuzz::TOKEN_PIECES, 6))];
        let origins =
            Value::List(random.some(&["user", "system", "trusted"], 1, 2).into_iter().map(Value::from).collect());
        let name = random.one(&["seen_in", "seen_in", "not_seen_in"]);
        agree(Value::from([(name, origins)]), Value::from([("value", value)]), &texts, &mut reasons);
    }
    every_truth_came_up(&reasons);
}

#[test]
fn times_are_read_alike() {
    let (mut random, mut reasons) = (Random::new(13), Vec::new());
    let moments = [
        r#"{"$date":"2026-01-31"}"#,
        r#"{"$datetime":"2026-01-31T10:00:00.5Z"}"#,
        r#"{"$datetime":"2026-01-31T11:00:00+01:00"}"#,
    ];
    for _ in 0..ROUNDS {
        let text = format!(
            "{}{}",
            random.one(&["2026-01-31", "2024-02-29", ""]),
            fuzz::text(&mut random, fuzz::TIME_PIECES, 4)
        );
        let text = if random.percent(40) {
            format!(
                "2026-01-31T{}{}",
                random.one(&["10:00:00", "09:59:59"]),
                fuzz::text(&mut random, fuzz::TIME_PIECES, 2)
            )
        } else {
            text
        };
        let operand = parse_json(random.one(&moments).as_bytes()).unwrap();
        let (name, other) =
            (random.one(&["before", "after", "eq", "ne"]), fuzz::text(&mut random, fuzz::TIME_PIECES, 3));
        let operand = if random.percent(20) { Value::from([("arg", "args.other".into())]) } else { operand };
        agree(
            Value::from([(name, operand)]),
            Value::from([("value", text.as_str().into()), ("other", other.as_str().into())]),
            &[],
            &mut reasons,
        );
    }
    every_truth_came_up(&reasons);
}

#[test]
fn case_is_ignored_alike() {
    let (mut random, mut reasons) = (Random::new(14), Vec::new());
    for _ in 0..ROUNDS {
        let text = fuzz::text(&mut random, fuzz::CASE_PIECES, 5);
        let operand = if random.percent(50) {
            fuzz::part_of(&mut random, &text)
        } else {
            fuzz::text(&mut random, fuzz::CASE_PIECES, 3)
        };
        let operand = if random.percent(50) { operand.to_uppercase() } else { operand.to_lowercase() };
        let value: Value = if random.percent(4) { 1.into() } else { text.as_str().into() };
        let name = random.one(&["eq", "ne", "contains", "starts_with", "ends_with"]);
        if !operand.is_empty() {
            agree(
                Value::from([(name, operand.as_str().into()), ("ignore_case", true.into())]),
                Value::from([("value", value)]),
                &[],
                &mut reasons,
            );
        }
    }
    every_truth_came_up(&reasons);
}

#[test]
fn numbers_are_compared_alike() {
    let (mut random, mut reasons) = (Random::new(15), Vec::new());
    for _ in 0..ROUNDS {
        let mut draw = || {
            let text = fuzz::number(&mut random);
            let tagged = match random.between(0, 3) {
                0 => text
                    .trim_start_matches('-')
                    .trim_start_matches('0')
                    .parse::<f64>()
                    .ok()
                    .map(|float| format!("{float:e}")),
                1 => Some(format!("[{{\"$decimal\":\"{text}\"}}]").trim_matches(['[', ']']).to_owned()),
                _ => None,
            };
            let plain = text
                .split(['.', 'e', 'E'])
                .next()
                .unwrap_or("0")
                .trim_start_matches("-")
                .trim_start_matches('0')
                .to_owned();
            let plain = if plain.is_empty() { "0".to_owned() } else { plain };
            parse_json(tagged.as_deref().unwrap_or(&plain).as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        let (value, operand) = (draw(), draw());
        let name = random.one(&["lt", "le", "gt", "ge", "eq", "ne"]);
        let value = if random.percent(4) { true.into() } else { value };
        agree(Value::from([(name, operand)]), Value::from([("value", value)]), &[], &mut reasons);
    }
    every_truth_came_up(&reasons);
}
