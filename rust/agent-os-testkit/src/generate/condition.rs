//! Random conditions: trees of leaves whose operators fit their path's type, and now and then do not.

use std::collections::BTreeMap;

use agent_os_core::value::Value;

use super::Random;
use super::values::{self, Type};
use super::{sql, world};
use crate::sql::DIALECTS;

/// Draws conditions.
pub(super) struct Conditions<'r> {
    random: &'r mut Random,
    /// Where leaves look, if not anywhere.
    focus: &'r [(Type, &'static str)],
}

impl<'r> Conditions<'r> {
    pub(super) fn new(random: &'r mut Random) -> Self {
        Self { random, focus: &[] }
    }

    /// Conditions on these arguments only.
    pub(super) fn on(random: &'r mut Random, focus: &'r [(Type, &'static str)]) -> Self {
        Self { random, focus }
    }

    /// A mapping of conditions, nested at most so deeply.
    pub(super) fn tree(&mut self, depth: u32) -> Value {
        self.tree_of(depth, &mut Self::leaf)
    }

    fn tree_of(&mut self, depth: u32, leaf: &mut dyn FnMut(&mut Self) -> (String, Value)) -> Value {
        let mut entries = BTreeMap::new();
        for _ in 0..self.random.weighted(&[(1, 70), (2, 30)]) {
            let (key, body) = match self.random.weighted(&[("leaf", 65), ("all", 10), ("any", 15), ("not", 10)]) {
                "not" if depth > 0 => ("not".to_owned(), self.tree_of(depth - 1, leaf)),
                key @ ("all" | "any") if depth > 0 => {
                    let children = (0..self.random.between(1, 3)).map(|_| self.tree_of(depth - 1, leaf)).collect();
                    (key.to_owned(), Value::List(children))
                }
                _ => leaf(self),
            };
            entries.insert(key, body);
        }
        Value::Map(entries)
    }

    fn leaf(&mut self) -> (String, Value) {
        let (kind, path) = if self.focus.is_empty() {
            if self.random.percent(12) {
                return self.state_leaf();
            }
            world::path(self.random)
        } else {
            self.random.one(self.focus)
        };
        self.leaf_at(path, kind, true)
    }

    fn leaf_at(&mut self, path: &str, kind: Type, may_be_optional: bool) -> (String, Value) {
        if self.random.percent(6) {
            let present = Value::from([("present", self.random.percent(60).into())]);
            return (path.to_owned(), present);
        }
        let optional = may_be_optional && self.random.percent(15);
        let kind = if self.random.percent(4) { values::any_type(self.random) } else { kind };
        (format!("{path}{}", if optional { "?" } else { "" }), self.tests(kind, 1))
    }

    /// Conditions on the run and the time, whose types are known at load.
    fn state_leaf(&mut self) -> (String, Value) {
        let path = self.random.one(&[
            "run.labels",
            "run.depth",
            "run.calls",
            "run.parent",
            "run.parent?",
            "time.hour",
            "time.weekday",
        ]);
        let tests = match path {
            "run.labels" => match self.random.between(0, 2) {
                0 => one("contains", self.random.one(world::LABELS).into()),
                1 => one("size", self.number_tests()),
                _ => one("some", one("starts_with", "se".into())),
            },
            "run.parent" | "run.parent?" => one("eq", self.random.one(world::AGENTS).into()),
            _ => self.number_tests(),
        };
        (path.to_owned(), tests)
    }

    /// Operators that fit a type.
    fn tests(&mut self, kind: Type, depth: u32) -> Value {
        let mut entries = BTreeMap::new();
        for _ in 0..self.random.weighted(&[(1, 80), (2, 20)]) {
            let (name, operand) = self.test(kind, depth);
            entries.insert(name.to_owned(), operand);
        }
        let folds = [
            "eq",
            "ne",
            "in",
            "not_in",
            "starts_with",
            "ends_with",
            "contains",
            "matches",
            "glob",
            "name",
            "extension",
        ];
        let string_operand =
            |(name, operand): (&String, &Value)| folds.contains(&name.as_str()) && speaks_of_text(operand);
        if entries.iter().any(string_operand) && self.random.percent(30) {
            entries.insert("ignore_case".to_owned(), true.into());
        }
        if kind == Type::Sql && self.random.percent(60) {
            entries.insert("dialect".to_owned(), self.random.one(&DIALECTS).into());
        }
        Value::Map(entries)
    }

    fn test(&mut self, kind: Type, depth: u32) -> (&'static str, Value) {
        let collection: &[&str] =
            if depth > 0 { &["size", "contains", "each", "some", "eq", "ne"] } else { &["size", "contains", "eq"] };
        let names: &[&'static str] = match kind {
            Type::Word => {
                &["eq", "ne", "in", "not_in", "starts_with", "ends_with", "contains", "matches", "length", "glob"]
            }
            Type::Said => &["seen_in", "not_seen_in", "seen_in", "not_seen_in", "eq", "contains"],
            Type::Number => &["eq", "ne", "in", "not_in", "lt", "le", "gt", "ge", "gt", "le"],
            Type::Flag => &["eq", "ne", "in", "not_in"],
            Type::Path => {
                &["under", "under", "under", "eq", "starts_with", "length", "name", "extension", "extension", "glob"]
            }
            Type::Url => &["scheme", "host", "host", "port", "private_address", "private_address", "eq", "glob"],
            Type::Command => &["programs", "command", "command", "writes", "writes", "redirects", "has_substitution"],
            Type::Sql => &["statements", "tables", "functions", "has_where"],
            Type::Address => &["network", "network", "network", "eq"],
            Type::Mail => &["domain", "domain", "domain", "ends_with", "seen_in"],
            Type::Day | Type::Moment => &["eq", "ne", "in", "before", "after"],
            Type::Words | Type::Numbers | Type::Rows => collection,
            Type::Items => {
                if depth > 0 {
                    &["size", "each", "some"]
                } else {
                    &["size"]
                }
            }
            Type::Record => &["size", "keys", "eq", "ne"],
            Type::Nothing | Type::Bytes => &["eq", "ne"],
        };
        let name = self.random.one(names);
        (name, self.operand(name, kind, depth))
    }

    fn operand(&mut self, name: &str, kind: Type, depth: u32) -> Value {
        let whole_collections =
            matches!(kind, Type::Words | Type::Numbers | Type::Rows | Type::Items | Type::Record | Type::Bytes);
        let compares = matches!(
            name,
            "eq" | "ne" | "starts_with" | "ends_with" | "contains" | "lt" | "le" | "gt" | "ge" | "before" | "after"
        );
        let by_argument = match name {
            "eq" | "ne" if whole_collections => true,
            "contains" if kind == Type::Rows => true,
            _ => compares && self.random.percent(20),
        };
        if by_argument {
            let compared = match (name, kind) {
                ("contains", Type::Words) => Type::Word,
                ("contains", Type::Numbers) => Type::Number,
                ("contains", Type::Rows) => Type::Numbers,
                _ => kind,
            };
            return one("arg", world::path_like(self.random, compared).into());
        }
        match name {
            "in" | "not_in" => self.choices(kind),
            "starts_with" | "ends_with" if self.random.percent(30) => {
                Value::List(self.random.some(values::PARTS, 1, 3).into_iter().map(Value::from).collect())
            }
            "starts_with" | "ends_with" => self.random.one(values::PARTS).into(),
            "contains" if !whole_collections => self.random.one(values::PARTS).into(),
            "matches" => self.pattern(),
            "length" | "size" => self.number_tests(),
            "before" | "after" if kind == Type::Moment => values::instant(self.random),
            "each" | "some" => self.item_tests(kind, depth),
            "keys" => self.key_tests(),
            "under" if self.random.percent(40) => {
                Value::List(self.random.some(values::BASES, 1, 3).into_iter().map(Value::from).collect())
            }
            "under" => self.random.one(values::BASES).into(),
            "programs" | "writes" | "redirects" => self.word_list_tests(),
            "statements" => self.name_list_tests(sql::KINDS),
            "tables" => self.name_list_tests(sql::TABLE_NAMES),
            "functions" => self.name_list_tests(sql::FUNCTION_NAMES),
            "has_where" => self.random.percent(50).into(),
            "command" => self.command_form(1),
            "has_substitution" => self.random.percent(50).into(),
            "name" => self.one_or_some(values::FILE_NAMES),
            "extension" => self.one_or_some(values::EXTENSIONS),
            "glob" => self.one_or_some(values::GLOBS),
            "scheme" => self.one_or_some(values::SCHEMES),
            "host" => self.one_or_some(values::HOSTS),
            "domain" => self.one_or_some(values::DOMAINS),
            "network" => self.one_or_some(values::NETWORKS),
            "port" if self.random.percent(50) => 443.into(),
            "port" => Value::List(vec![80.into(), 8080.into(), 6379.into()]),
            "private_address" => self.random.percent(50).into(),
            "seen_in" | "not_seen_in" => {
                Value::List(self.random.some(world::ORIGINS, 1, 3).into_iter().map(Value::from).collect())
            }
            _ => values::literal(self.random, kind),
        }
    }

    fn one_or_some(&mut self, pool: &[&'static str]) -> Value {
        match self.random.percent(60) {
            true => self.random.one(pool).into(),
            false => Value::List(self.random.some(pool, 1, 3).into_iter().map(Value::from).collect()),
        }
    }

    fn choices(&mut self, kind: Type) -> Value {
        match kind {
            Type::Word if self.random.percent(20) => "$words".into(),
            Type::Number if self.random.percent(20) => "$numbers".into(),
            _ => Value::List((0..self.random.between(1, 4)).map(|_| values::literal(self.random, kind)).collect()),
        }
    }

    fn pattern(&mut self) -> Value {
        let pattern: Value = self.random.one(values::PATTERNS).into();
        match self.random.between(0, 3) {
            0 => Value::from([("pattern", pattern), ("anchored", false.into())]),
            1 => Value::from([("pattern", pattern), ("anchored", true.into())]),
            _ => pattern,
        }
    }

    /// Operators on a list of words of a command.
    fn word_list_tests(&mut self) -> Value {
        let word = values::command_word(self.random);
        match self.random.between(0, 4) {
            0 => one("contains", word.as_str().into()),
            1 => one("size", self.number_tests()),
            2 => one("each", one("in", Value::List(vec![word.as_str().into(), "ls".into(), "git".into()]))),
            3 => one("some", one("not", one("item", one("starts_with", "g".into())))),
            _ => one("some", one("in", Value::List(vec![word.as_str().into(), "rm".into()]))),
        }
    }

    /// Operators on a list of names that a text of SQL comes to.
    fn name_list_tests(&mut self, pool: &[&'static str]) -> Value {
        let some = |random: &mut Random| Value::List(random.some(pool, 1, 4).into_iter().map(Value::from).collect());
        match self.random.between(0, 5) {
            0 => one("size", self.number_tests()),
            1 => one("contains", self.random.one(pool).into()),
            2 => one("each", one("not_in", some(self.random))),
            3 => one("each", one("in", some(self.random))),
            4 => one("some", one("eq", self.random.one(pool).into())),
            _ => one("some", one("in", some(self.random))),
        }
    }

    /// The operand of `command`.
    fn command_form(&mut self, depth: u32) -> Value {
        let mut words = |count| -> Value {
            Value::List((0..count).map(|_| values::command_word(self.random).as_str().into()).collect())
        };
        let (prefix, program, flags, args) = (words(2), words(3), words(2), words(1));
        if self.random.percent(15) {
            return prefix;
        }
        let mut entries = BTreeMap::from([("program".to_owned(), program)]);
        if self.random.percent(35) {
            let flags = if self.random.percent(50) { flags } else { Value::List(vec![flags, "-f".into()]) };
            entries.insert("flags".to_owned(), flags);
        }
        if self.random.percent(30) {
            entries.insert("args".to_owned(), args);
        }
        if self.random.percent(20) {
            entries.insert("no_flags".to_owned(), self.random.one(&["-r", "--force"]).into());
        }
        if self.random.percent(25) {
            entries.insert("targets".to_owned(), self.word_list_tests());
        }
        if self.random.percent(15) {
            entries.insert("writes".to_owned(), self.word_list_tests());
        }
        if depth > 0 && self.random.percent(30) {
            entries.insert("except".to_owned(), Value::List(vec![self.command_form(0)]));
        }
        if depth > 0 && self.random.percent(20) {
            entries.insert("sure".to_owned(), true.into());
        }
        Value::Map(entries)
    }

    /// Operators on a number that is known to be one.
    fn number_tests(&mut self) -> Value {
        let name = self.random.one(&["eq", "ne", "lt", "le", "gt", "ge", "in", "not_in"]);
        let operand = i64::from(self.random.between(0, 4));
        match name {
            "in" | "not_in" => one(name, Value::List(vec![operand.into(), (operand + 1).into()])),
            _ if self.random.percent(10) => one(name, one("arg", world::path_like(self.random, Type::Number).into())),
            _ => one(name, operand.into()),
        }
    }

    fn item_tests(&mut self, kind: Type, depth: u32) -> Value {
        match kind {
            Type::Items if self.random.percent(75) => self.item_conditions(),
            Type::Items => self.tests(Type::Record, 0),
            Type::Rows => self.tests(Type::Numbers, depth),
            Type::Numbers => self.tests(Type::Number, 0),
            _ if self.random.percent(25) => {
                let tests = self.tests(Type::Word, 0);
                one("not", one("item", tests))
            }
            _ => self.tests(Type::Word, 0),
        }
    }

    fn item_conditions(&mut self) -> Value {
        self.tree_of(1, &mut |conditions| {
            let (path, kind) = conditions.random.one(&[
                ("item.sku", Type::Word),
                ("item.qty", Type::Number),
                ("item.force", Type::Flag),
                ("item", Type::Record),
                ("item.\"$int\"", Type::Word),
            ]);
            conditions.leaf_at(path, kind, path != "item")
        })
    }

    fn key_tests(&mut self) -> Value {
        let key: Value = self.random.one(&["force", "sku", "qty", "FORCE"]).into();
        match self.random.between(0, 4) {
            0 => one("size", self.number_tests()),
            1 => one("each", one("in", Value::List(vec!["sku".into(), "qty".into(), key]))),
            2 => Value::from([("contains", key), ("ignore_case", true.into())]),
            _ => one("contains", key),
        }
    }
}

fn one(key: &str, value: Value) -> Value {
    Value::from([(key, value)])
}

/// Whether `ignore_case` has something to say about an operand.
fn speaks_of_text(operand: &Value) -> bool {
    match operand {
        Value::Str(text) => text != "$numbers",
        Value::List(items) => items.iter().all(speaks_of_text),
        Value::Map(entries) => entries.contains_key("pattern") || entries.contains_key("arg"),
        _ => false,
    }
}
