//! What the entries of a kernel have to have, whatever else they have: their readers rely on it.
//!
//! A log may be written by something else, which its first entry says; of such a log only the links between entries are
//! checked. An entry of a kind that is not known here is no fault, for a later version may have added it.

use super::json::Json;

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Text,
    Whole,
    Texts,
    Object,
    /// A text, or one that was sealed.
    Said,
    Any,
}

use Type::{Any, Object, Said, Text, Texts, Whole};

/// A path of keys, with `?` after it where it may be missing, and what stands there.
type Field = (&'static str, Type);

/// What any entry of a known kind may have.
const SHARED: &[Field] = &[
    ("action?", Text),
    ("agent?", Text),
    ("by?", Text),
    ("labels?", Texts),
    ("parent?", Whole),
    ("pid?", Whole),
    ("roles?", Texts),
    ("rules?", Texts),
];

const DECIDED: &[Field] = &[
    ("action", Text),
    ("approval?", Object),
    ("approval.by?", Text),
    ("approval.request?", Text),
    ("args", Any),
    ("bundle", Text),
    ("decision", Object),
    ("decision.effect", Text),
    ("decision.obligations?", Object),
    ("decision.obligations.label?", Texts),
    ("decision.obligations.rules?", Texts),
    ("decision.obligations.subject?", Texts),
    ("decision.reason", Text),
    ("decision.rules", Texts),
    ("decision.shadow?", Object),
    ("limits?", Object),
    ("run?", Object),
    ("run.calls?", Whole),
    ("run.depth?", Whole),
    ("run.labels?", Texts),
    ("when", Whole),
];

const ASKED: &[Field] = &[("action", Text), ("expires?", Whole), ("request", Text), ("rules", Texts)];

/// The kinds, with what each has.
const SHAPES: &[(&str, &[Field])] = &[
    ("agent.registered", &[("agent", Text), ("roles", Texts)]),
    ("approval.granted", ASKED),
    ("approval.refused", ASKED),
    ("approval.requested", ASKED),
    ("denied", DECIDED),
    (
        "denied.repeatedly",
        &[
            ("action", Text),
            ("count", Whole),
            ("first?", Whole),
            ("reason", Text),
            ("rules", Texts),
            ("since", Whole),
            ("until", Whole),
        ],
    ),
    ("intent", DECIDED),
    ("log.recovered", &[("at", Whole), ("dropped_bytes", Whole)]),
    ("log.redacted", &[("entry?", Whole), ("keys?", Texts), ("payloads?", Texts)]),
    ("log.retained", &[("root", Text), ("to", Whole)]),
    (
        "outcome",
        &[
            ("error?", Object),
            ("error.message?", Said),
            ("error.type?", Text),
            ("intent", Whole),
            ("micros", Whole),
            ("origin?", Text),
            ("status", Text),
        ],
    ),
    ("policy.loaded", &[("bundle", Text), ("document", Any), ("name", Text), ("reason", Text)]),
    ("policy.pending", &[("bundle", Text), ("name", Text), ("opens", Texts)]),
    ("policy.rejected", &[("error", Text)]),
    ("process.started", &[("agent", Text), ("intent", Whole), ("parent", Whole), ("pid", Whole)]),
    (
        "signal.sent",
        &[("agent", Text), ("cause?", Text), ("intent?", Whole), ("pid", Whole), ("sender", Whole), ("signal", Text)],
    ),
    ("text", &[("origin", Text), ("pid", Whole)]),
    ("tool.registered", &[("action", Text), ("labels", Texts), ("origin", Text)]),
];

/// The kinds that have to have something: each field, `?` after it where it may be missing, and what stands there. Those
/// that any of them may have come last, under the kind `*`.
#[must_use]
pub fn entry_shapes() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let kinds = SHAPES.iter().copied().chain([("*", SHARED)]);
    kinds.map(|(kind, fields)| (kind, fields.iter().map(|(path, of)| (*path, spelt(*of))).collect())).collect()
}

/// Whether the first entry says that a kernel writes this log: it has the kernel's name and version.
pub(super) fn is_by_a_kernel(created: &Json<'_>) -> bool {
    let says = |key| created.get("meta").and_then(|meta| meta.get(key)).and_then(Json::text).is_some();
    says("name") && says("version")
}

/// What is wrong with an entry of this kind; nothing if it has what its readers rely on.
pub(super) fn fault(kind: &str, entry: &Json<'_>) -> Option<String> {
    let (_, fields) = SHAPES.iter().find(|(known, _)| *known == kind)?;
    fields.iter().chain(SHARED).find_map(|(path, of)| {
        let (path, may_be_missing) = path.strip_suffix('?').map_or((*path, false), |path| (path, true));
        match path.split('.').try_fold(entry, |at, key| at.get(key)) {
            None if may_be_missing => None,
            None => Some(format!("`{path}` is missing")),
            Some(found) if is(found, *of) => None,
            Some(_) => Some(format!("`{path}` is not {}", spelt(*of))),
        }
    })
}

/// What is wrong with these bytes as an entry of a kernel's log, for those who read one without verifying it.
#[must_use]
pub fn entry_fault(bytes: &[u8]) -> Option<String> {
    let entry = match Json::read(bytes) {
        Ok(entry @ Json::Object(_)) => entry,
        Ok(_) => return Some("an entry is not an object".to_owned()),
        Err(what) => return Some(format!("an entry is not canonical JSON, {what}")),
    };
    let Some(seq) = entry.get("seq").and_then(Json::whole) else { return Some("an entry has no `seq`".to_owned()) };
    let wrong = |what: &str| Some(format!("entry {seq} is not as a kernel writes it: {what}"));
    if entry.get("time").and_then(Json::whole).is_none() {
        return wrong("it has no `time`");
    }
    let Some(kind) = entry.get("kind").and_then(Json::text) else { return wrong("it has no `kind`") };
    fault(kind, &entry).and_then(|what| wrong(&what))
}

fn is(found: &Json<'_>, of: Type) -> bool {
    match of {
        Text => found.text().is_some(),
        Said => found.text().is_some() || found.get("$sealed").is_some(),
        Whole => found.whole().is_some(),
        Texts => matches!(found, Json::List(items) if items.iter().all(|item| item.text().is_some())),
        Object => matches!(found, Json::Object(_)),
        Any => true,
    }
}

fn spelt(of: Type) -> &'static str {
    match of {
        Text => "a text",
        Whole => "a whole number",
        Texts => "a list of texts",
        Object => "an object",
        Said => "a text, or a sealed one",
        Any => "anything",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_first_thing_that_is_wrong_is_named() {
        for (entry, expected) in [
            (r#"{"kind":"text","origin":"user","pid":1,"seq":3,"time":5}"#, None),
            (r#"{"kind":"of.tomorrow","seq":3,"time":5}"#, None),
            (r#"{"kind":"text","pid":1,"seq":3,"time":5}"#, Some("`origin` is missing")),
            (r#"{"kind":"text","origin":[],"pid":1,"seq":3,"time":5}"#, Some("`origin` is not a text")),
            (r#"{"kind":"text","origin":"user","pid":1.5,"seq":3,"time":5}"#, Some("`pid` is not a whole number")),
            (r#"{"kind":"text","labels":[1],"origin":"user","pid":1,"seq":3,"time":5}"#, Some("a list of texts")),
            (r#"{"kind":"denied","seq":3,"time":5}"#, Some("entry 3 is not as a kernel writes it: `action`")),
            (r#"{"kind":"text","origin":"user","pid":1,"seq":3}"#, Some("no `time`")),
            (r#"{"seq":3,"time":5}"#, Some("no `kind`")),
            (r#"{"kind":"text"}"#, Some("no `seq`")),
            ("[]", Some("not an object")),
            ("{ }", Some("not canonical JSON")),
        ] {
            let found = entry_fault(entry.as_bytes());
            match expected {
                None => assert_eq!(found, None, "{entry}"),
                Some(words) => assert!(found.clone().unwrap().contains(words), "{entry}: {found:?}"),
            }
        }
    }
}
