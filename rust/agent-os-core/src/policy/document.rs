//! Reading a policy document: every rule is understood completely, or the document is refused with all its problems.

mod check;
mod condition;
mod limit;
mod operand;
mod operand_net;
mod problems;
mod rule;
mod scope;
mod shell;
mod sql;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::condition::Condition;
use super::effect::{Effect, Obligations, RuleEffect};
use super::limit::Limit;
use super::operators::Kind;
use super::pattern::{ActionPattern, NamePattern};
use super::problem::{Code, Problem};
use super::suggest;
use super::types::{Known, ToolTypes};
use crate::limits;
use crate::number::Number;
use crate::request::ArgumentPath;
use crate::value::Value;
pub(super) use problems::{Problems, bare, canonical_text, described, shortened, shown};
use scope::Paths;

/// The version of the language.
const VERSION: i64 = 1;

/// A document that was understood.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) name: String,
    pub(super) default: Effect,
    /// The default as it would be if the files in shadow were enforced.
    pub(super) shadow_default: Effect,
    // INVARIANT: ascending by id, and ids are unique.
    pub(super) rules: Vec<Rule>,
    pub(super) argument_paths: Vec<ArgumentPath>,
    pub(super) argument_spellings: Vec<String>,
}

/// A rule that was understood.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) effect: RuleEffect,
    // INVARIANT: not empty; ascending by text, without repeats.
    pub(super) actions: Vec<ActionPattern>,
    pub(super) agents: Option<Agents>,
    pub(super) when: Option<Condition>,
    pub(super) unless: Option<Condition>,
    pub(super) message: Option<String>,
    pub(super) obligations: Obligations,
    /// The rule decides nothing; what it would have decided is recorded.
    pub(super) shadow: bool,
    pub(super) limit: Option<Limit>,
    pub(super) source: Option<Source>,
    /// Places of the argument paths that conditions mention, operands included; ascending, without repeats.
    pub(super) reads: Vec<u32>,
}

/// Which agents a rule is for: one of the ids and one of the roles, where they are given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Agents {
    pub(super) ids: Option<Vec<NamePattern>>,
    pub(super) roles: Option<Vec<String>>,
}

/// Where a rule was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file, as the front end names it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// What the parts of a document share while it is read.
struct Reader {
    problems: Problems,
    paths: Paths,
    sets: BTreeMap<String, Set>,
}

/// A set whose members are of one kind; `None` if it has problems of its own.
type Set = Option<(Vec<Value>, Kind)>;

const KEYS: &[&str] = &["agent_os", "name", "default", "shadow_default", "sets", "tools", "rules"];

/// Reads a document.
pub(super) fn read(document: &Value) -> Result<Document, Vec<Problem>> {
    let mut reader = Reader { problems: Problems::default(), paths: Paths::default(), sets: BTreeMap::new() };
    let found = reader.document(document);
    let problems = reader.problems.into_vec();
    match found {
        Some((name, [default, shadow_default], rules)) if problems.is_empty() => {
            let (argument_paths, argument_spellings) = reader.paths.into_tables();
            Ok(Document { name, default, shadow_default, rules, argument_paths, argument_spellings })
        }
        _ => Err(problems),
    }
}

impl Reader {
    fn document(&mut self, document: &Value) -> Option<(String, [Effect; 2], Vec<Rule>)> {
        let Value::Map(entries) = document else {
            self.problems.wrong_type(document, "a mapping", "start it with `agent_os: 1`");
            return None;
        };
        for key in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.problems.within(key, |problems| {
                problems.add(
                    Code::UnknownKey,
                    format!("there is no key `{key}`"),
                    suggest::hint(key, KEYS.iter().copied()),
                );
            });
        }
        self.version(entries.get("agent_os"));
        let name = self.name(entries.get("name"));
        let default = self.default_effect("default", entries.get("default"), Effect::Deny);
        let shadow_default = match default {
            Some(default) => self.default_effect("shadow_default", entries.get("shadow_default"), default),
            None => None,
        };
        if let Some(sets) = entries.get("sets") {
            self.problems.push("sets");
            self.sets(sets);
            self.problems.pop();
        }
        let rules = match entries.get("rules") {
            Some(rules) => {
                self.problems.push("rules");
                let rules = self.rules(rules);
                self.problems.pop();
                rules
            }
            None => {
                self.problems.missing("rules", "a policy has at least one rule");
                None
            }
        };
        if let Some(tools) = entries.get("tools") {
            let types = self.problems.within("tools", |problems| ToolTypes::read_into(tools, problems));
            for problem in types.iter().flat_map(|types| types.check_document(document, Known::Stated)) {
                self.problems.take(problem);
            }
        }
        Some((name?, [default?, shadow_default?], rules?))
    }

    fn version(&mut self, version: Option<&Value>) {
        match version {
            None => self.problems.missing("agent_os", "write `agent_os: 1`"),
            Some(Value::Number(Number::Int(VERSION))) => {}
            Some(other) => self.problems.within("agent_os", |problems| {
                let message = format!("{} is not a version of the language", problems::shown(other));
                problems.add(Code::BadVersion, message, "write `agent_os: 1`");
            }),
        }
    }

    fn name(&mut self, name: Option<&Value>) -> Option<String> {
        let Some(name) = name else {
            self.problems.missing("name", "give the policy a name");
            return None;
        };
        self.problems.push("name");
        let text = self.problems.text(name, "a name");
        let found = text
            .filter(|text| !text.is_empty() && text.len() <= limits::NAME_BYTES && !text.contains(char::is_control));
        if let (Some(text), None) = (text, found) {
            let message = format!("`{}` is not a name", problems::shortened(text));
            self.problems.add(Code::BadName, message, format!("use 1 to {} printable bytes", limits::NAME_BYTES));
        }
        self.problems.pop();
        found.map(str::to_owned)
    }

    fn default_effect(&mut self, key: &str, default: Option<&Value>, absent: Effect) -> Option<Effect> {
        let Some(default) = default else { return Some(absent) };
        self.problems.push(key);
        let effect = match self.problems.text(default, "`deny` or `allow`") {
            Some("deny") => Some(Effect::Deny),
            Some("allow") => Some(Effect::Allow),
            Some(other) => {
                let message = format!("`{}` cannot be the default", problems::shortened(other));
                self.problems.add(Code::BadEffect, message, "use `deny` or `allow`");
                None
            }
            None => None,
        };
        self.problems.pop();
        effect
    }

    fn sets(&mut self, sets: &Value) {
        let Value::Map(entries) = sets else {
            self.problems.wrong_type(sets, "a mapping from names to lists", "write `name: [a, b]`");
            return;
        };
        for (name, members) in entries {
            self.problems.push(name);
            let is_name = !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            if !is_name {
                let message = format!("`{}` cannot name a set", problems::shortened(name));
                self.problems.add(Code::BadName, message, "use A-Z a-z 0-9 _ -");
            }
            let set = self.scalars_of_one_kind(members);
            self.sets.insert(name.clone(), set);
            self.problems.pop();
        }
    }

    fn rules(&mut self, rules: &Value) -> Option<Vec<Rule>> {
        let Value::List(items) = rules else {
            self.problems.wrong_type(rules, "a list of rules", "write each rule as an item: `- id: …`");
            return None;
        };
        if items.is_empty() {
            self.problems.add(Code::Empty, "there are no rules".to_owned(), "write at least one rule");
            return None;
        }
        if items.len() > limits::RULES {
            let message = format!("there are {} rules", items.len());
            self.problems.add(
                Code::TooLarge,
                message,
                format!("split the policy: at most {} rules are read", limits::RULES),
            );
            return None;
        }
        // SECURITY: filled with what operators wrote: nobody can make it collide.
        let mut first_with: FxHashMap<&str, usize> = FxHashMap::default();
        let mut found = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            self.problems.push_place(index);
            if let Some(id) = item.get("id").and_then(Value::as_text) {
                match first_with.get(id) {
                    Some(first) => {
                        let message =
                            format!("the rule id `{}` is taken by rule {}", problems::shortened(id), first + 1);
                        self.problems.within("id", |problems| {
                            problems.add(Code::DuplicateId, message, "give each rule an id of its own");
                        });
                    }
                    None => {
                        first_with.insert(id, index);
                    }
                }
            }
            found.extend(self.rule(item));
            self.problems.pop();
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Some(found)
    }
}
