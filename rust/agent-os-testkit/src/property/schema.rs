//! JSON Schemas of tools' arguments.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use agent_os_core::canonical::parse_json;
use agent_os_core::policy::{Bundle, Code, Known, Problem, ToolTypes};
use agent_os_core::value::Value;

/// Tests of every kind of value, and paths that a schema may not have.
const TESTS: &[&str] = &[
    r#""args.x":{"gt":5}"#,
    r#""args.x":{"eq":"a"}"#,
    r#""args.x":{"in":["a","b"]}"#,
    r#""args.x":{"eq":true}"#,
    r#""args.x":{"starts_with":"a"}"#,
    r#""args.x":{"before":{"$date":"2026-01-01"}}"#,
    r#""args.x":{"size":{"gt":1}}"#,
    r#""args.x":{"some":{"eq":1}}"#,
    r#""args.x":{"each":{"starts_with":"a"}}"#,
    r#""args.x":{"keys":{"contains":"a"}}"#,
    r#""args.x":{"host":"example.com"}"#,
    r#""args.x.y":{"gt":5}"#,
    r#""args.x.0":{"eq":"a"}"#,
    r#""args.y?":{"eq":{"arg":"args.x"}}"#,
    r#""args.longer":{"present":true}"#,
];

static RULES: LazyLock<Bundle> = LazyLock::new(|| {
    let rule = |(place, test): (usize, &&str)| {
        format!(r#"{{"id":"r{place}","effect":"deny","action":["a"],"when":{{{test}}}}}"#)
    };
    let rules: Vec<String> = TESTS.iter().enumerate().map(rule).collect();
    bundle(&format!(r#"{{"agent_os":1,"name":"n","default":"allow","rules":[{}]}}"#, rules.join(",")))
});

fn bundle(document: &str) -> Bundle {
    let document = parse_json(document.as_bytes()).unwrap_or_else(|error| panic!("{error}: {document}"));
    Bundle::compile(&document).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A schema is read in bounded time, or refused with words for each mistake; what it claims of rules is the same the next
/// time, and nothing is claimed of values where anything is allowed besides. Tells whether it is understood.
///
/// # Panics
/// It does not hold.
pub fn holds(text: &str) -> bool {
    let Ok(schema) = parse_json(text.as_bytes()) else { return false };
    let start = Instant::now();
    let read = claims(&schema);
    assert!(start.elapsed() < Duration::from_secs(20), "a schema takes long: {text}");
    let claimed = match read {
        Ok(claimed) => claimed,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a word: {text}");
            assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.hint.is_empty()), "{text}");
            return false;
        }
    };
    assert_eq!(claims(&schema).ok().as_ref(), Some(&claimed), "the same schema claims something else: {text}");
    // A reference leads nowhere where the schema stands in another.
    if text.contains("$ref") {
        return true;
    }
    let or = |other: &str| {
        let other = parse_json(other.as_bytes()).unwrap_or_else(|error| panic!("{error}: {other}"));
        claims(&Value::from([("anyOf", Value::List(vec![schema.clone(), other]))]))
            .unwrap_or_else(|problems| panic!("a schema that is read is none beside another: {problems:?}: {text}"))
    };
    assert_eq!(or("{}"), BTreeSet::new(), "claimed where anything is allowed: {text}");
    true
}

/// Where rules do not fit, by pointer and code. What is no argument is left out: a listed tool is held to the names that
/// its schema has, also where it says that there may be others.
fn claims(schema: &Value) -> Result<BTreeSet<(String, &'static str)>, Vec<Problem>> {
    let tools = ToolTypes::read(&Value::from([("a", schema.clone())]))?;
    let problems = RULES.check_tools(&tools, Known::Stated);
    let of_values = problems.into_iter().filter(|problem| problem.code != Code::UnknownArgument);
    Ok(of_values.map(|problem| (problem.pointer, problem.code.code())).collect())
}
