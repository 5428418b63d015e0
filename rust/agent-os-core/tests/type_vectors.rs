//! Runs `tests/vectors/types/*.json`; the format is described in `tests/vectors/README.md`.
// A test may read its vectors; the crate may not.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::Path;

use agent_os_core::canonical::parse_json;
use agent_os_core::policy::{ArgumentTypes, Bundle, Known, Problem, ToolTypes};
use agent_os_core::value::Value;

fn vectors() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/types/schemas.json");
    parse_json(&std::fs::read(file).unwrap()).unwrap()
}

fn cases<'v>(vectors: &'v Value, key: &str) -> &'v [Value] {
    match vectors.get(key) {
        Some(Value::List(cases)) => cases,
        _ => panic!("there is no list `{key}`"),
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_text).unwrap_or_else(|| panic!("no `{key}` in {value:?}"))
}

/// A document with the case's rule, and its tools if they are to be part of it.
fn document(case: &Value, tools: Option<&Value>) -> Value {
    let Some(Value::Map(rule)) = case.get("rule") else { panic!("no rule") };
    let mut rule = rule.clone();
    rule.insert("id".to_owned(), Value::from("r"));
    rule.entry("effect".to_owned()).or_insert_with(|| Value::from("deny"));
    let mut document = BTreeMap::from([
        ("agent_os".to_owned(), Value::from(1)),
        ("name".to_owned(), Value::from("vector")),
        ("rules".to_owned(), Value::List(vec![Value::Map(rule)])),
    ]);
    document.extend(case.get("sets").map(|sets| ("sets".to_owned(), sets.clone())));
    document.extend(tools.map(|tools| ("tools".to_owned(), tools.clone())));
    Value::Map(document)
}

/// Compares found problems with those of the case, whose pointers start below the rule.
fn compare(name: &str, found: &[Problem], case: &Value) {
    let mut found: Vec<(&str, &str, &Problem)> = found
        .iter()
        .map(|problem| (problem.pointer.strip_prefix("/rules/0").unwrap(), problem.code.code(), problem))
        .collect();
    found.sort_by_key(|(pointer, ..)| *pointer);
    let mut expected: Vec<&Value> = cases(case, "problems").iter().collect();
    expected.sort_by_key(|problem| text(problem, "pointer"));
    let places: Vec<(&str, &str)> = found.iter().map(|(pointer, code, _)| (*pointer, *code)).collect();
    let expected_places: Vec<(&str, &str)> =
        expected.iter().map(|problem| (text(problem, "pointer"), text(problem, "code"))).collect();
    assert_eq!(places, expected_places, "{name}: {found:?}");
    for ((_, _, problem), expected) in found.iter().zip(&expected) {
        assert!(problem.hint.contains(text(expected, "hint")), "{name}: {problem:?}");
    }
}

#[test]
fn rules_are_held_against_schemas() {
    let vectors = vectors();
    let all = cases(&vectors, "rules");
    assert!(all.len() >= 80);
    for case in all {
        let name = text(case, "name");
        let tools = case.get("tools").or(vectors.get("tools")).unwrap();
        let types = ToolTypes::read(tools).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        let bundle = Bundle::compile(&document(case, None)).unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
        let is_stated = case.get("known").is_none();
        let known = if is_stated { Known::Stated } else { Known::SoFar };
        compare(name, &bundle.check_tools(&types, known), case);
        if is_stated {
            // A document that states its tools itself is held against them as it is compiled, and comes back as it was.
            let compiled = Bundle::compile(&document(case, Some(tools)));
            match compiled {
                Ok(bundle) => {
                    assert!(cases(case, "problems").is_empty(), "{name}");
                    let again = Bundle::load(&bundle.dump()).unwrap();
                    assert_eq!((again.digest(), again.document()), (bundle.digest(), bundle.document()));
                    assert_eq!(bundle.document().get("tools"), Some(tools));
                }
                Err(problems) => compare(name, &problems, case),
            }
        } else {
            let Value::Map(tools) = tools else { panic!("{name}") };
            let told: Vec<Problem> = tools.keys().flat_map(|action| bundle.check_tool(&types, action)).collect();
            compare(name, &told, case);
        }
    }
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    let vectors = vectors();
    let all = cases(&vectors, "schemas");
    assert!(all.len() >= 20);
    for case in all {
        let name = text(case, "name");
        let problems = ArgumentTypes::read(case.get("schema").unwrap()).expect_err(name);
        let found: Vec<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        let expected: Vec<&str> = cases(case, "problems").iter().map(|pointer| pointer.as_text().unwrap()).collect();
        assert_eq!(found, expected, "{name}: {problems:?}");
        assert!(problems.iter().all(|problem| problem.code.code() == "bad_schema" && !problem.hint.is_empty()));
    }
}

#[test]
fn a_schema_that_is_hard_to_walk_is_given_up_and_not_waited_for() {
    let doubled = |levels: usize| {
        let parts: Vec<String> = (0..levels)
            .map(|level| {
                let next = format!(r##"{{"$map":{{"$ref":"#/$defs/l{}"}}}}"##, level + 1);
                format!(r#""l{level}":{{"anyOf":[{next},{next}]}}"#)
            })
            .collect();
        let last = format!(r#""l{levels}":{{"type":"string"}}"#);
        let text = format!(
            r##"{{"pay":{{"properties":{{"a":{{"$map":{{"$ref":"#/$defs/l0"}}}}}},"$defs":{{{},{last}}}}}}}"##,
            parts.join(",")
        );
        ToolTypes::read(&parse_json(text.as_bytes()).unwrap()).unwrap()
    };
    let bundle = Bundle::compile(
        &parse_json(
            br#"{"agent_os":1,"name":"n","rules":[
                {"id":"r","effect":"deny","action":["pay"],"when":{"args.a":{"gt":1}}}]}"#,
        )
        .unwrap(),
    )
    .unwrap();
    assert_eq!(bundle.check_tools(&doubled(4), Known::Stated).len(), 1);
    for levels in [40, 3_000, 60_000] {
        assert!(bundle.check_tools(&doubled(levels), Known::Stated).is_empty(), "{levels}");
    }
}
