//! The normal form of a document: one form for all documents that mean the same by order, repeats and sets.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::canonical;
use crate::value::Value;

/// Lists of a rule whose order and repeats mean nothing.
const UNORDERED: &[&str] = &["action", "redact", "label", "subject"];

/// A document that compiles, with rules in the order of their ids, unordered lists sorted and sets put in their place.
/// `source` stays.
pub(super) fn normal_form(document: Value) -> Value {
    let Value::Map(mut entries) = document else { return document };
    let sets = entries.remove("sets").unwrap_or(Value::Null);
    let default = entries.entry("default".to_owned()).or_insert_with(|| Value::from("deny")).clone();
    if entries.get("shadow_default") == Some(&default) {
        entries.remove("shadow_default");
    }
    if let Some(Value::List(rules)) = entries.get_mut("rules") {
        for rule in rules.iter_mut() {
            normalise_rule(rule, &sets);
        }
        rules.sort_by(|a, b| id_of(a).cmp(id_of(b)));
    }
    Value::Map(entries)
}

/// The canonical bytes of a normal form.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    // INVARIANT: ascending and apart.
    /// Where the bytes say in which places rules were written, each with the comma before it.
    sources: Vec<Range<usize>>,
}

/// Encodes a normal form once, for everything that is asked of its bytes.
pub(super) fn encode(normal_form: &Value) -> Encoded {
    let Value::Map(entries) = normal_form else {
        return Encoded { bytes: canonical::encode(normal_form), sources: Vec::new() };
    };
    let (mut bytes, mut sources) = (Vec::new(), Vec::new());
    canonical::write_entries(entries, &mut bytes, |key, value, _, out| match (key, value) {
        ("rules", Value::List(rules)) => write_rules(rules, &mut sources, out),
        _ => canonical::write(value, out),
    });
    Encoded { bytes, sources }
}

fn write_rules(rules: &[Value], sources: &mut Vec<Range<usize>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (place, rule) in rules.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match rule {
            // It has an id and other keys, so it is never taken for a tag, and `source` is never its first key.
            Value::Map(entries) => canonical::write_entries(entries, out, |key, value, start, out| {
                canonical::write(value, out);
                if key == "source" {
                    sources.push(start..out.len());
                }
            }),
            _ => canonical::write(rule, out),
        }
    }
    out.push(b']');
}

impl Encoded {
    /// SHA-256 of the normal form without the places where rules were written.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut from = 0;
        for source in &self.sources {
            digest.update(self.bytes.get(from..source.start).unwrap_or_default());
            from = source.end;
        }
        digest.update(self.bytes.get(from..).unwrap_or_default());
        digest.finalize().into()
    }
}

/// `sha256:` and the lower-case hex of a digest.
pub(super) fn spelt(digest: &[u8; 32]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn id_of(rule: &Value) -> &str {
    rule.get("id").and_then(Value::as_text).unwrap_or_default()
}

fn normalise_rule(rule: &mut Value, sets: &Value) {
    let Value::Map(entries) = rule else { return };
    if entries.get("mode").and_then(Value::as_text) == Some("enforce") {
        entries.remove("mode");
    }
    for key in UNORDERED {
        if let Some(list) = entries.get_mut(*key) {
            sort_unique(list);
        }
    }
    if let Some(Value::Map(agent)) = entries.get_mut("agent") {
        agent.values_mut().for_each(sort_unique);
    }
    for key in ["when", "unless"] {
        if let Some(condition) = entries.get_mut(key) {
            normalise_condition(condition, sets);
        }
    }
}

fn sort_unique(list: &mut Value) {
    if let Value::List(items) = list {
        // Most lists have one item.
        if items.len() < 2 {
            return;
        }
        if let Value::Set(sorted) = Value::set(std::mem::take(items)) {
            *items = sorted;
        }
    }
}

/// Conditions and tests need no telling apart: operators and paths have different names.
fn normalise_condition(condition: &mut Value, sets: &Value) {
    match condition {
        Value::Map(entries) => normalise_entries(entries, sets),
        Value::List(items) => items.iter_mut().for_each(|item| normalise_condition(item, sets)),
        _ => {}
    }
}

fn normalise_entries(entries: &mut BTreeMap<String, Value>, sets: &Value) {
    for (key, value) in entries {
        match key.as_str() {
            "in" | "not_in" => {
                let set = value.as_text().and_then(|name| name.strip_prefix('$')).and_then(|name| sets.get(name));
                if let Some(set) = set {
                    *value = set.clone();
                    sort_unique(value);
                }
            }
            "seen_in" | "not_seen_in" => sort_unique(value),
            // The other operators' operands are mappings of operators, or hold neither sets nor origins.
            _ => normalise_condition(value, sets),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{encode, normal_form, spelt};
    use crate::canonical::{self, parse_json};
    use crate::value::Value;

    fn digest_of(json: &str) -> String {
        spelt(&encode(&normal_form(parse_json(json.as_bytes()).unwrap())).fingerprint())
    }

    #[test]
    fn the_bytes_are_the_canonical_ones_and_the_digest_is_that_of_the_document_without_sources() {
        let mut form = normal_form(
            parse_json(
                br#"{"agent_os":1,"name":"\u00e9","rules":[
                {"id":"a","effect":"deny","action":["x"],"source":{"file":"f\"","line":3},"unless":{"args.a":{"eq":1}}},
                {"id":"b","effect":"require","action":["y"],"redact":["args.\"\ue000\""],"source":{"file":"g","line":9}},
                {"id":"c","effect":"allow","action":["x"]}]}"#,
            )
            .unwrap(),
        );
        let encoded = encode(&form);
        assert_eq!(encoded.bytes, canonical::encode(&form));
        if let Value::Map(entries) = &mut form {
            if let Some(Value::List(rules)) = entries.get_mut("rules") {
                for rule in rules {
                    if let Value::Map(rule) = rule {
                        rule.remove("source");
                    }
                }
            }
        }
        let without = encode(&form);
        assert!(without.bytes.len() < encoded.bytes.len());
        assert_eq!(without.fingerprint(), encoded.fingerprint());
    }

    #[test]
    fn order_repeats_sets_sources_and_the_spelt_out_default_do_not_change_the_digest() {
        let a = digest_of(
            r#"{"agent_os":1,"name":"n","sets":{"s":["b","a","a"],"unused":[1]},"rules":[
                {"id":"2","effect":"allow","action":["y","x"],"when":{"all":[{"args.a":{"in":"$s"}}]}},
                {"id":"1","effect":"deny","action":["x"],"source":{"file":"f","line":3},
                 "unless":{"args.a":{"each":{"seen_in":["user","system"]}}}}]}"#,
        );
        let b = digest_of(
            r#"{"agent_os":1,"name":"n","default":"deny","rules":[
                {"id":"1","effect":"deny","action":["x","x"],"unless":{"args.a":{"each":{"seen_in":["system","user"]}}}},
                {"id":"2","effect":"allow","action":["x","y"],"when":{"all":[{"args.a":{"in":["a","b"]}}]}}]}"#,
        );
        assert_eq!(a, b);
        assert!(a.starts_with("sha256:") && a.len() == 71);
        assert_ne!(a, digest_of(r#"{"agent_os":1,"name":"n","default":"allow","rules":[]}"#));
    }
}
