//! JSON Schemas of a tool's arguments, most of them well made.

use super::Random;

const NAMES: &[&str] = &["x", "y", "longer", "0", "lnoger", "X"];
const TYPES: &[&str] = &["string", "number", "integer", "boolean", "null", "array", "object", "money"];
const VALUES: &[&str] = &["1", "\"a\"", "true", "null", "1.5", "[]", "{}", "\"2026-01-01\""];

/// The text of one.
pub fn text(random: &mut Random) -> String {
    if random.percent(80) {
        let arguments = properties(random, 3);
        return format!("{{\"type\":\"object\",{arguments}}}");
    }
    schema(random, 4)
}

fn schema(random: &mut Random, depth: u32) -> String {
    if depth == 0 || random.percent(10) {
        return random.one(&["{}", "true", "false", "{\"type\":\"string\"}", "5"]).to_owned();
    }
    let count = random.between(1, 3);
    let keywords: std::collections::BTreeSet<String> = (0..count).map(|_| keyword(random, depth - 1)).collect();
    format!("{{{}}}", keywords.into_iter().collect::<Vec<_>>().join(","))
}

fn keyword(random: &mut Random, depth: u32) -> String {
    let list = |random: &mut Random, of: &dyn Fn(&mut Random) -> String| {
        let count = random.between(0, 3);
        (0..count).map(|_| of(random)).collect::<Vec<_>>().join(",")
    };
    match random.between(0, 13) {
        0..=3 => format!("\"type\":\"{}\"", random.one(TYPES)),
        4 => format!("\"type\":[{}]", list(random, &|random| format!("\"{}\"", random.one(TYPES)))),
        5 => format!("\"enum\":[{}]", list(random, &|random| random.one(VALUES).to_owned())),
        6 => format!("\"const\":{}", random.one(VALUES)),
        7 => format!("\"items\":{}", schema(random, depth)),
        8 => format!("\"prefixItems\":[{}]", list(random, &|random| schema(random, depth))),
        9 => {
            let word = random.one(&["anyOf", "oneOf", "allOf"]);
            format!("\"{word}\":[{}]", list(random, &|random| schema(random, depth)))
        }
        10 => format!("\"default\":{}", random.one(VALUES)),
        11 => {
            format!("\"$ref\":\"{}\"", random.one(&["#", "#/properties/x", "#/nowhere", "other.json", "#/$defs/a~1"]))
        }
        12 => format!("\"format\":\"{}\"", random.one(&["date", "date-time", "uri", "byte"])),
        _ => properties(random, depth),
    }
}

fn properties(random: &mut Random, depth: u32) -> String {
    let count = random.between(0, 3);
    let names: std::collections::BTreeSet<&str> = (0..count).map(|_| random.one(NAMES)).collect();
    let entries = names.into_iter().map(|name| format!("\"{name}\":{}", schema(random, depth)));
    let entries = entries.collect::<Vec<_>>().join(",");
    let more = match random.between(0, 3) {
        0 => ",\"additionalProperties\":false".to_owned(),
        1 => format!(",\"additionalProperties\":{}", schema(random, depth)),
        _ => String::new(),
    };
    format!("\"properties\":{{{entries}}}{more}")
}
