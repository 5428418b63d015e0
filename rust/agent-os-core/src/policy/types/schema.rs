//! Reading JSON Schemas (draft 2020-12, and what draft 7 writes otherwise).
//!
//! What is understood: `type`, `enum`, `const`, `format` of dates and bytes, `properties`, `required`,
//! `additionalProperties`, `patternProperties`, `items`, `prefixItems`, `additionalItems`, `anyOf`, `oneOf`, `allOf`,
//! `nullable`, `default`, and `$ref` inside the schema. Every other keyword can only forbid more, so leaving it out
//! allows at least as much. What is understood must be well formed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::ArgumentTypes;
use super::kinds::Kinds;
use super::shape::{ANY, NOTHING, Node, NodeIx, Shape};
use super::wording::shortened;
use crate::limits;
use crate::policy::document::Problems;
use crate::policy::operators::Kind;
use crate::policy::problem::Code;
use crate::policy::reading::Reading;
use crate::policy::suggest;
use crate::value::Value;

/// The names that `type` has for kinds.
const TYPES: &[(&str, Kind)] = &[
    ("null", Kind::Null),
    ("boolean", Kind::Bool),
    ("number", Kind::Number),
    ("integer", Kind::Number),
    ("string", Kind::String),
    ("array", Kind::List),
    ("object", Kind::Map),
];

/// Keywords that hold schemas which look at the same value.
const IN_PLACE: &[&str] = &["allOf", "anyOf", "oneOf", "if", "then", "else"];

/// Reads the schema of an action's arguments; `None` after saying what is wrong with it.
pub(super) fn read(schema: &Value, problems: &mut Problems) -> Option<ArgumentTypes> {
    let before = problems.count();
    let mut reader = Reader {
        whole: schema,
        nodes: vec![Node::Any, Node::Nothing],
        by_pointer: BTreeMap::new(),
        waiting: VecDeque::new(),
        problems,
        before,
        is_full: false,
    };
    let root = match schema {
        Value::Map(_) => reader.schema(schema, Place::default()),
        Value::Bool(true) => ANY,
        other => {
            reader.bad(format!("expected a JSON Schema of an object, found {}", super::wording::described(other)));
            ANY
        }
    };
    while let Some((pointer, node)) = reader.waiting.pop_front() {
        reader.referenced(&pointer, node);
    }
    reader.object_only(schema);
    let nodes = std::mem::take(&mut reader.nodes);
    let is_full = reader.is_full;
    if problems.count() > before {
        return None;
    }
    if is_full {
        // Too much to know is nothing known.
        return Some(ArgumentTypes { nodes: vec![Node::Any, Node::Nothing], root: ANY, names: None });
    }
    Some(ArgumentTypes { nodes, root, names: names(schema) })
}

/// Where a schema stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Below a schema that has an `$id` of its own, from which its references start.
    is_elsewhere: bool,
    is_below: bool,
}

struct Reader<'s> {
    whole: &'s Value,
    nodes: Vec<Node>,
    by_pointer: BTreeMap<String, NodeIx>,
    /// References that were met and not yet followed. A queue, so that a long chain of them is no deep recursion.
    waiting: VecDeque<(String, NodeIx)>,
    problems: &'s mut Problems,
    /// Problems that there were before.
    before: usize,
    is_full: bool,
}

impl Reader<'_> {
    fn add(&mut self, node: Node) -> NodeIx {
        if self.nodes.len() >= limits::SCHEMA_PARTS {
            self.is_full = true;
            return ANY;
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn either(&mut self, nodes: Vec<NodeIx>) -> NodeIx {
        match nodes.as_slice() {
            [] => NOTHING,
            [one] => *one,
            nodes if nodes.contains(&ANY) => ANY,
            _ => self.add(Node::Either(nodes)),
        }
    }

    fn both(&mut self, mut nodes: Vec<NodeIx>) -> NodeIx {
        nodes.retain(|node| *node != ANY);
        match nodes.as_slice() {
            [] => ANY,
            [one] => *one,
            _ => self.add(Node::Both(nodes)),
        }
    }

    fn schema(&mut self, schema: &Value, place: Place) -> NodeIx {
        let entries = match schema {
            Value::Map(entries) => entries,
            Value::Bool(true) => return ANY,
            Value::Bool(false) => return NOTHING,
            other => {
                self.bad(format!("expected a JSON Schema, found {}", super::wording::described(other)));
                return ANY;
            }
        };
        let has_id = place.is_below && matches!(entries.get("$id").or(entries.get("id")), Some(Value::Str(_)));
        let place = Place { is_elsewhere: place.is_elsewhere || has_id, is_below: true };
        let mut parts = vec![self.shape(entries, place), self.listed(entries)];
        for keyword in ["anyOf", "oneOf"] {
            if let Some(members) = self.members(entries, keyword, place) {
                parts.push(self.either(members));
            }
        }
        parts.extend(self.members(entries, "allOf", place).unwrap_or_default());
        self.definitions(entries, place);
        // Older drafts take nothing of what stands beside a reference, newer ones take all of it.
        let stated = match entries.get("$ref") {
            Some(reference) => self.reference(reference, place),
            None => self.both(parts),
        };
        self.widened(stated, entries)
    }

    /// What the schema allows although its other keywords do not: null where it says so, and the default.
    fn widened(&mut self, stated: NodeIx, entries: &BTreeMap<String, Value>) -> NodeIx {
        let mut allowed = vec![stated];
        if entries.get("nullable") == Some(&Value::Bool(true)) {
            allowed.push(self.value(&Value::Null));
        }
        if let Some(default) = entries.get("default") {
            allowed.push(self.value(default));
        }
        self.either(allowed)
    }

    /// `type`, `format`, and what is said of maps and lists.
    fn shape(&mut self, entries: &BTreeMap<String, Value>, place: Place) -> NodeIx {
        let (kinds, is_whole) = self.kinds(entries).unwrap_or((Kinds::ALL, false));
        let mut shape = Shape { is_whole, ..Shape::of(kinds) };
        self.map(entries, place, &mut shape);
        self.list(entries, place, &mut shape);
        let says_nothing = kinds == Kinds::ALL
            && shape.entries.is_empty()
            && shape.rest == ANY
            && shape.first.is_empty()
            && shape.items == ANY;
        if says_nothing { ANY } else { self.add(Node::Shape(Box::new(shape))) }
    }

    fn kinds(&mut self, entries: &BTreeMap<String, Value>) -> Option<(Kinds, bool)> {
        let written = entries.get("type")?;
        let names: Vec<&Value> = match written {
            Value::List(names) if !names.is_empty() => names.iter().collect(),
            one => vec![one],
        };
        let mut found = Vec::new();
        let mut kinds = Kinds::NONE;
        for name in names {
            match name.as_text().and_then(|name| TYPES.iter().find(|(known, _)| *known == name)) {
                Some((name, kind)) => {
                    found.push(*name);
                    kinds = kinds.with(*kind);
                }
                None => {
                    let hint = suggest::hint(name.as_text().unwrap_or_default(), TYPES.iter().map(|(name, _)| *name));
                    let message = format!("{} is no type of JSON Schema", super::wording::described(name));
                    self.problems.within("type", |problems| problems.add(Code::BadSchema, message, hint));
                    return None;
                }
            }
        }
        if kinds.has(Kind::String) {
            let format = entries.get("format").and_then(Value::as_text).unwrap_or_default();
            // A program may pass the thing itself, which JSON has to write as text.
            if matches!(format, "date" | "date-time" | "time") {
                kinds = kinds.with(Kind::Date).with(Kind::DateTime);
            }
            let is_encoded = entries.contains_key("contentEncoding") || entries.contains_key("contentMediaType");
            if is_encoded || matches!(format, "binary" | "byte" | "base64" | "base64url") {
                kinds = kinds.with(Kind::Bytes);
            }
        }
        Some((kinds, found.contains(&"integer") && !found.contains(&"number")))
    }

    fn map(&mut self, entries: &BTreeMap<String, Value>, place: Place, shape: &mut Shape) {
        if let Some(properties) = self.mapping(entries, "properties") {
            for (name, schema) in properties {
                let node = self.below(&["properties", name], schema, place);
                shape.entries.insert(name.clone(), node);
            }
        }
        let patterns = self.mapping(entries, "patternProperties");
        for (pattern, schema) in patterns.into_iter().flatten() {
            self.below(&["patternProperties", pattern], schema, place);
        }
        if let Some(schema) = entries.get("additionalProperties") {
            let rest = self.below(&["additionalProperties"], schema, place);
            // What a pattern says of a name is not asked.
            shape.rest = if patterns.is_some_and(|patterns| !patterns.is_empty()) { ANY } else { rest };
        }
        match entries.get("required") {
            None => {}
            Some(Value::List(names)) if names.iter().all(|name| matches!(name, Value::Str(_))) => {}
            // Draft 3 and its like say it of the property itself.
            Some(Value::Bool(_)) if place.is_below => {}
            Some(_) => self.bad_at("required", "`required` is a list of names"),
        }
    }

    fn list(&mut self, entries: &BTreeMap<String, Value>, place: Place, shape: &mut Shape) {
        let mut rest = "items";
        for keyword in ["prefixItems", "items"] {
            match entries.get(keyword) {
                Some(Value::List(schemas)) => {
                    for (index, schema) in schemas.iter().enumerate() {
                        let node = self.below(&[keyword, &index.to_string()], schema, place);
                        shape.first.push(node);
                    }
                    if keyword == "items" {
                        rest = "additionalItems";
                    }
                }
                Some(_) if keyword == "prefixItems" => self.bad_at(keyword, "`prefixItems` is a list of schemas"),
                Some(_) | None => {}
            }
        }
        if let Some(schema) = entries.get(rest) {
            shape.items = self.below(&[rest], schema, place);
        }
    }

    /// `enum` and `const`.
    fn listed(&mut self, entries: &BTreeMap<String, Value>) -> NodeIx {
        let mut parts = Vec::new();
        match entries.get("enum") {
            Some(Value::List(values)) if !values.is_empty() => {
                let (plain, compound): (Vec<&Value>, Vec<&Value>) = values.iter().partition(|value| is_scalar(value));
                let mut allowed: Vec<NodeIx> = compound.into_iter().map(|value| self.value(value)).collect();
                if !plain.is_empty() {
                    allowed.push(self.scalars(plain.into_iter().cloned().collect()));
                }
                parts.push(self.either(allowed));
            }
            Some(_) => self.bad_at("enum", "`enum` is a list of at least one value"),
            None => {}
        }
        if let Some(value) = entries.get("const") {
            parts.push(self.value(value));
        }
        self.both(parts)
    }

    /// Exactly this value.
    fn value(&mut self, value: &Value) -> NodeIx {
        let mut shape = match value {
            Value::Map(_) => Shape::of(Kinds::of(&[Kind::Map])),
            Value::List(_) | Value::Set(_) => Shape::of(Kinds::of(&[Kind::List])),
            scalar => return self.scalars(vec![scalar.clone()]),
        };
        match value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    let node = self.value(value);
                    shape.entries.insert(key.clone(), node);
                }
                shape.rest = NOTHING;
            }
            Value::List(items) | Value::Set(items) => {
                shape.first = items.iter().map(|item| self.value(item)).collect();
                shape.items = NOTHING;
            }
            _ => {}
        }
        self.add(Node::Shape(Box::new(shape)))
    }

    fn scalars(&mut self, values: Vec<Value>) -> NodeIx {
        let kinds: Vec<Kind> = values.iter().filter_map(|value| Reading::of(value).kind()).collect();
        self.add(Node::Shape(Box::new(Shape { values: Some(values), ..Shape::of(Kinds::of(&kinds)) })))
    }

    /// Schemas that nothing leads to must be well formed as well.
    fn definitions(&mut self, entries: &BTreeMap<String, Value>, place: Place) {
        for keyword in ["$defs", "definitions"] {
            for name in self.mapping(entries, keyword).into_iter().flatten().map(|(name, _)| name.clone()) {
                if let Some(schema) = entries.get(keyword).and_then(|schemas| schemas.get(&name)) {
                    self.below(&[keyword, &name], schema, place);
                }
            }
        }
    }

    fn members(&mut self, entries: &BTreeMap<String, Value>, keyword: &str, place: Place) -> Option<Vec<NodeIx>> {
        match entries.get(keyword)? {
            Value::List(schemas) if !schemas.is_empty() => {
                let one = |(index, schema): (usize, &Value)| self.below(&[keyword, &index.to_string()], schema, place);
                Some(schemas.iter().enumerate().map(one).collect())
            }
            _ => {
                self.bad_at(keyword, &format!("`{keyword}` is a list of at least one schema"));
                None
            }
        }
    }

    fn reference(&mut self, reference: &Value, place: Place) -> NodeIx {
        let Some(reference) = reference.as_text() else {
            self.bad_at("$ref", "`$ref` is a text such as `#/$defs/name`");
            return ANY;
        };
        // Elsewhere, and by other spellings, anything may stand.
        let Some(pointer) = reference.strip_prefix('#') else { return ANY };
        if place.is_elsewhere || pointer.contains('%') || !(pointer.is_empty() || pointer.starts_with('/')) {
            return ANY;
        }
        if let Some(node) = self.by_pointer.get(pointer) {
            return *node;
        }
        let node = self.add(Node::Any);
        if node != ANY {
            self.by_pointer.insert(pointer.to_owned(), node);
            self.waiting.push_back((pointer.to_owned(), node));
        }
        node
    }

    /// Puts what a reference leads to where it is waited for.
    fn referenced(&mut self, pointer: &str, node: NodeIx) {
        let mut here = self.whole;
        let mut place = Place::default();
        for step in pointer.split('/').skip(1) {
            let key = step.replace("~1", "/").replace("~0", "~");
            let next = match here {
                Value::Map(entries) => entries.get(&key),
                Value::List(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            let Some(next) = next else {
                self.bad(format!("the reference `#{}` leads nowhere", shortened(pointer)));
                return;
            };
            place.is_below = true;
            place.is_elsewhere |= matches!(next.get("$id"), Some(Value::Str(_)));
            here = next;
        }
        // What is wrong there is said where it stands: schemas are read in their places before references are followed.
        let told = std::mem::take(self.problems);
        let target = self.schema(here, place);
        let aside = std::mem::replace(self.problems, told);
        if aside.count() > 0 && self.problems.count() == self.before {
            self.bad(format!("what the reference `#{}` leads to is no JSON Schema", shortened(pointer)));
        }
        if let Some(waiting) = self.nodes.get_mut(node) {
            *waiting = Node::Either(vec![target]);
        }
    }

    fn mapping<'e>(
        &mut self,
        entries: &'e BTreeMap<String, Value>,
        keyword: &str,
    ) -> Option<&'e BTreeMap<String, Value>> {
        match entries.get(keyword)? {
            Value::Map(entries) => Some(entries),
            _ => {
                self.bad_at(keyword, &format!("`{keyword}` is a mapping from names to schemas"));
                None
            }
        }
    }

    fn below(&mut self, steps: &[&str], schema: &Value, place: Place) -> NodeIx {
        steps.iter().for_each(|step| self.problems.push(step));
        let node = self.schema(schema, place);
        steps.iter().for_each(|_| self.problems.pop());
        node
    }

    /// Arguments are one object.
    fn object_only(&mut self, schema: &Value) {
        let types = match schema.get("type") {
            Some(Value::List(types)) => types.iter().collect(),
            Some(one) => vec![one],
            None => return,
        };
        let is_known = |name: &&Value| TYPES.iter().any(|(known, _)| name.as_text() == Some(*known));
        // What is no type at all was said.
        if types.iter().all(is_known) && !types.iter().any(|name| name.as_text() == Some("object")) {
            self.bad_at("type", "the arguments of an action are an object");
        }
    }

    fn bad(&mut self, message: String) {
        self.problems.add(Code::BadSchema, message, HINT);
    }

    fn bad_at(&mut self, keyword: &str, message: &str) {
        self.problems.within(keyword, |problems| problems.add(Code::BadSchema, message, HINT));
    }
}

const HINT: &str = "give the JSON Schema of the arguments: `{type: object, properties: {amount: {type: number}}}`";

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Map(_) | Value::List(_) | Value::Set(_))
}

/// The names of all arguments, if there are no others.
///
/// By the letter of JSON Schema a schema that lists properties allows any others beside them. A tool takes those that
/// it lists, and an argument that is not among them is a mistake: so unless the schema says something of others, there
/// are none.
fn names(schema: &Value) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let mut lists_any = false;
    let mut seen = BTreeSet::new();
    let mut waiting = vec![schema];
    while let Some(part) = waiting.pop() {
        let Value::Map(entries) = part else { continue };
        if may_have_others(entries) {
            return None;
        }
        if let Some(Value::Map(properties)) = entries.get("properties") {
            lists_any = true;
            names.extend(properties.keys().cloned());
        }
        if let Some(Value::List(required)) = entries.get("required") {
            names.extend(required.iter().filter_map(Value::as_text).map(str::to_owned));
        }
        if let Some(reference) = entries.get("$ref").and_then(Value::as_text) {
            if seen.insert(reference) {
                waiting.push(follow(schema, reference.strip_prefix('#')?)?);
            }
        }
        waiting.extend(IN_PLACE.iter().filter_map(|keyword| entries.get(*keyword)).flat_map(members));
        let dependent = ["dependentSchemas", "dependencies"].iter().filter_map(|keyword| entries.get(*keyword));
        for schemas in dependent {
            if let Value::Map(schemas) = schemas {
                waiting.extend(schemas.values());
            }
        }
    }
    lists_any.then_some(names)
}

/// True if the schema says something of arguments that it does not name.
fn may_have_others(entries: &BTreeMap<String, Value>) -> bool {
    let says_more = |keyword: &str| entries.get(keyword).is_some_and(|schema| *schema != Value::Bool(false));
    let has_patterns = matches!(entries.get("patternProperties"), Some(Value::Map(patterns)) if !patterns.is_empty());
    let is_dynamic = ["$dynamicRef", "$recursiveRef"].iter().any(|keyword| entries.contains_key(*keyword));
    says_more("additionalProperties") || says_more("unevaluatedProperties") || has_patterns || is_dynamic
}

fn members(part: &Value) -> Vec<&Value> {
    match part {
        Value::List(schemas) => schemas.iter().collect(),
        one => vec![one],
    }
}

fn follow<'s>(whole: &'s Value, pointer: &str) -> Option<&'s Value> {
    let mut here = whole;
    for step in pointer.split('/').skip(1) {
        here = match here {
            Value::Map(entries) => entries.get(&step.replace("~1", "/").replace("~0", "~"))?,
            Value::List(items) => items.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    (pointer.is_empty() || pointer.starts_with('/')).then_some(here)
}
