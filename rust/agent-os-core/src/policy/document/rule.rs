//! One rule.

use std::collections::BTreeSet;

use super::problems::{shortened, shown};
use super::{Agents, Reader, Rule, Source};
use crate::action;
use crate::limits;
use crate::number::Number;
use crate::policy::effect::{Obligations, Record, RuleEffect};
use crate::policy::path::{Path, Redaction, Root};
use crate::policy::pattern::{ActionPattern, NamePattern};
use crate::policy::problem::Code;
use crate::policy::suggest;
use crate::value::Value;

const KEYS: &[&str] = &[
    "id", "effect", "action", "agent", "when", "unless", "message", "redact", "label", "record", "subject", "limit",
    "over", "mode", "source",
];

/// Keys that the language reserves and this version refuses.
const RESERVED: &[&str] = &["signal"];

/// Bytes of a message.
const MESSAGE_BYTES: usize = 2_000;

impl Reader {
    pub(super) fn rule(&mut self, rule: &Value) -> Option<Rule> {
        let Value::Map(entries) = rule else {
            self.problems.wrong_type(rule, "a rule", "write a mapping with `id`, `effect` and `action`");
            return None;
        };
        let problems_before = self.problems.count();
        self.paths.take_mentioned();
        for key in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.problems.within(key, |problems| {
                if RESERVED.contains(&key.as_str()) {
                    problems.not_supported(key);
                } else {
                    let message = format!("a rule has no key `{}`", shortened(key));
                    problems.add(Code::UnknownKey, message, suggest::hint(key, KEYS.iter().copied()));
                }
            });
        }
        let id = self.required(rule, "id", "name the rule: logs and explanations use it", Self::rule_id);
        let effect = self.required(rule, "effect", "write `allow`, `ask`, `deny` or `require`", Self::effect);
        let actions = self.required(rule, "action", "say which actions the rule is for", Self::actions);
        let agents = self.optional(rule, "agent", Self::agents);
        let when = self.optional(rule, "when", Self::whole_condition);
        let unless = self.optional(rule, "unless", Self::whole_condition);
        let message = self.optional(rule, "message", Self::message);
        let shadow = self.optional(rule, "mode", Self::mode).unwrap_or_default();
        let source = self.optional(rule, "source", Self::source);
        let obligations = self.obligations(rule, effect);
        let limit = self.rule_limit(rule, effect);
        if self.problems.count() > problems_before {
            return None;
        }
        Some(Rule {
            id: id?,
            effect: effect?,
            actions: actions?,
            agents,
            when,
            unless,
            message,
            obligations,
            shadow,
            limit,
            source,
            reads: self.paths.take_mentioned(),
        })
    }

    fn required<T>(
        &mut self,
        rule: &Value,
        key: &str,
        hint: &str,
        read: fn(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        if rule.get(key).is_none() {
            self.problems.missing(key, hint);
        }
        self.optional(rule, key, read)
    }

    pub(super) fn optional<T>(
        &mut self,
        rule: &Value,
        key: &str,
        read: fn(&mut Self, &Value) -> Option<T>,
    ) -> Option<T> {
        let value = rule.get(key)?;
        self.problems.push(key);
        let found = read(self, value);
        self.problems.pop();
        found
    }

    fn rule_id(&mut self, id: &Value) -> Option<String> {
        let text = self.problems.text(id, "a rule's id")?;
        let fits = (1..=limits::NAME_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'-'));
        if !fits {
            let message = format!("`{}` cannot be a rule's id", shortened(text));
            let hint = format!("use 1 to {} characters of A-Z a-z 0-9 _ . : / -", limits::NAME_BYTES);
            self.problems.add(Code::BadName, message, hint);
        }
        fits.then(|| text.to_owned())
    }

    fn effect(&mut self, effect: &Value) -> Option<RuleEffect> {
        let text = self.problems.text(effect, "an effect")?;
        let found = RuleEffect::parse(text);
        if found.is_none() {
            let message = format!("`{}` is not an effect", shortened(text));
            let known = RuleEffect::ALL.iter().map(|effect| effect.code());
            self.problems.add(Code::BadEffect, message, suggest::hint(text, known));
        }
        found
    }

    fn actions(&mut self, actions: &Value) -> Option<Vec<ActionPattern>> {
        let texts = self.texts(actions, "action patterns")?;
        let mut patterns = Vec::new();
        for (place, text) in &texts {
            match ActionPattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(fault) => self.problems.within_place(*place, |problems| {
                    let message = format!("`{}` is not an action pattern: {fault}", shortened(text));
                    let hint = "write segments joined by dots, such as `payments.send`, `payments.*` or `files.**`";
                    problems.add(Code::BadAction, message, hint);
                }),
            }
        }
        patterns.sort_by(|a, b| a.text.cmp(&b.text));
        patterns.dedup();
        (!patterns.is_empty()).then_some(patterns)
    }

    fn agents(&mut self, agents: &Value) -> Option<Agents> {
        const KEYS: &[&str] = &["id", "role"];
        let Value::Map(entries) = agents else {
            self.problems.wrong_type(
                agents,
                "a mapping with `id` or `role`",
                "write `{role: [treasurer]}` or `{id: [desk-7]}`",
            );
            return None;
        };
        for key in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.problems.within(key, |problems| {
                let message = format!("an agent is not chosen by `{}`", shortened(key));
                problems.add(Code::UnknownKey, message, suggest::hint(key, KEYS.iter().copied()));
            });
        }
        if entries.is_empty() {
            self.problems.add(Code::Empty, "no agent is named", "leave `agent` out for any agent");
        }
        let ids = self.optional(agents, "id", Self::agent_ids);
        let roles = self.optional(agents, "role", Self::roles);
        Some(Agents { ids, roles })
    }

    fn agent_ids(&mut self, ids: &Value) -> Option<Vec<NamePattern>> {
        let texts = self.texts(ids, "agents' ids")?;
        let mut patterns = Vec::new();
        for (place, text) in &texts {
            match NamePattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(fault) => self.problems.within_place(*place, |problems| {
                    let message = format!("`{}` is not an agent's id: {fault}", shortened(text));
                    problems.add(Code::BadAgent, message, "write the id, or a pattern such as `desk-*`");
                }),
            }
        }
        patterns.sort_by(|a, b| a.text().cmp(b.text()));
        patterns.dedup();
        Some(patterns)
    }

    fn roles(&mut self, roles: &Value) -> Option<Vec<String>> {
        self.names(roles, "roles", Code::BadAgent, "roles are compared exactly: write the role without `*`")
    }

    fn message(&mut self, message: &Value) -> Option<String> {
        let text = self.problems.text(message, "a message")?;
        if text.trim().is_empty() {
            self.problems.add(Code::Empty, "the message is empty", "say why, or leave `message` out");
            return None;
        }
        if text.len() > MESSAGE_BYTES {
            let message = format!("the message is longer than {MESSAGE_BYTES} bytes");
            self.problems.add(Code::TooLarge, message, "shorten it");
            return None;
        }
        Some(text.to_owned())
    }

    /// True for a rule in shadow.
    fn mode(&mut self, mode: &Value) -> Option<bool> {
        match self.problems.text(mode, "`shadow` or `enforce`")? {
            "shadow" => Some(true),
            "enforce" => Some(false),
            other => {
                let message = format!("`{}` is not a mode", shortened(other));
                self.problems.add(Code::BadEffect, message, suggest::hint(other, ["shadow", "enforce"]));
                None
            }
        }
    }

    fn source(&mut self, source: &Value) -> Option<Source> {
        if let (Some(Value::Str(file)), Some(Value::Number(Number::Int(line))), Value::Map(entries)) =
            (source.get("file"), source.get("line"), source)
        {
            if let (Ok(line), 2) = (u32::try_from(*line), entries.len()) {
                return Some(Source { file: file.clone(), line });
            }
        }
        self.problems.wrong_type(source, "a file and a line", "write `{file: …, line: …}`");
        None
    }

    fn obligations(&mut self, rule: &Value, effect: Option<RuleEffect>) -> Obligations {
        const KEYS: &[&str] = &["redact", "label", "record", "subject"];
        let given: Vec<&str> = KEYS.iter().copied().filter(|key| rule.get(key).is_some()).collect();
        if let (Some(effect), true) = (effect, effect != Some(RuleEffect::Require)) {
            for key in &given {
                self.problems.within(key, |problems| {
                    let message = format!("`{key}` does nothing on a rule whose effect is `{}`", effect.code());
                    problems.add(Code::MisplacedKey, message, "put it on a rule of its own with `effect: require`");
                });
            }
        }
        if effect == Some(RuleEffect::Require) && given.is_empty() && rule.get("limit").is_none() {
            let hint = "add `redact`, `label`, `record`, `subject` or `limit`";
            self.problems.add(Code::MissingKey, "the rule requires nothing", hint);
        }
        Obligations {
            redact: self.optional(rule, "redact", Self::redactions).unwrap_or_default(),
            labels: self.optional(rule, "label", Self::labels).unwrap_or_default(),
            record: self.optional(rule, "record", Self::record),
            subject: self.optional(rule, "subject", Self::subjects).unwrap_or_default(),
        }
    }

    fn redactions(&mut self, paths: &Value) -> Option<Vec<String>> {
        let texts = self.texts(paths, "paths")?;
        let mut found = BTreeSet::new();
        for (place, text) in &texts {
            self.problems.push_place(*place);
            match Redaction::parse(text) {
                Ok(path) => {
                    found.insert(path.spelling());
                }
                Err(fault) => {
                    let message = format!("`{}` is not a path that can be redacted", shortened(text));
                    self.problems.add(Code::BadPath, message, fault.hint);
                }
            }
            self.problems.pop();
        }
        Some(found.into_iter().collect())
    }

    fn subjects(&mut self, paths: &Value) -> Option<Vec<String>> {
        const WRITE: &str = "write `args.` and the name of the argument that says whose data it is, without `?`";
        let texts = self.texts(paths, "paths")?;
        let mut found = BTreeSet::new();
        for (place, text) in &texts {
            self.problems.push_place(*place);
            match Path::parse(text) {
                Ok(path) if path.root == Root::Args && !path.if_present => {
                    found.insert(path.spelling());
                }
                Ok(_) | Err(_) => {
                    let message = format!("`{}` cannot be a subject", shortened(text));
                    self.problems.add(Code::BadPath, message, WRITE);
                }
            }
            self.problems.pop();
        }
        Some(found.into_iter().collect())
    }

    fn labels(&mut self, labels: &Value) -> Option<Vec<String>> {
        self.names(labels, "labels", Code::BadName, "use A-Z a-z 0-9 _ . : -")
    }

    fn record(&mut self, level: &Value) -> Option<Record> {
        let text = self.problems.text(level, "a record level")?;
        let found = Record::parse(text);
        if found.is_none() {
            let message = format!("{} is not a record level", shown(level));
            self.problems.add(Code::BadEffect, message, "use `full`, `fields` or `none`");
        }
        found
    }

    /// A non-empty list of names, sorted and without repeats.
    fn names(&mut self, value: &Value, what: &str, code: Code, hint: &str) -> Option<Vec<String>> {
        let texts = self.texts(value, what)?;
        let mut found = BTreeSet::new();
        for (place, text) in &texts {
            if action::is_name(text) {
                found.insert((*text).to_owned());
            } else {
                self.problems.within_place(*place, |problems| {
                    problems.add(code, format!("`{}` is outside the grammar of {what}", shortened(text)), hint);
                });
            }
        }
        Some(found.into_iter().collect())
    }

    /// A non-empty list of texts, each with its place.
    fn texts<'v>(&mut self, value: &'v Value, what: &str) -> Option<Vec<(usize, &'v str)>> {
        let Value::List(items) = value else {
            self.problems.wrong_type(value, &format!("a list of {what}"), "write a list: `[…]`");
            return None;
        };
        if items.is_empty() {
            self.problems.add(
                Code::Empty,
                format!("the list of {what} is empty"),
                "name at least one, or leave the key out",
            );
            return None;
        }
        let mut texts = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            self.problems.push_place(place);
            texts.extend(self.problems.text(item, "text").map(|text| (place, text)));
            self.problems.pop();
        }
        Some(texts)
    }
}
