//! Conditions of a normal form as trees of single tests.

use std::rc::Rc;

use super::formula::{Fact, Formula};
use crate::policy::kleene::Kleene;
use crate::policy::operators::is_modifier;
use crate::policy::path::Path;
use crate::value::Value;

/// The name of the test that a path leads to nothing; no operator has it.
pub(in crate::policy) const MISSING: &str = "(missing)";

/// What lies behind `length` and `size`: a number that is there whenever the value is one of their kinds.
const COUNTED: &[&str] = &["length", "size"];

/// Operators that `dialect` changes.
const ON_SQL: &[&str] = &["statements", "tables", "functions", "has_where"];

/// One operator on one path. `ne`, `not_in`, `not_seen_in`, `le` and `ge` are the negations of others and are read so.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policy) struct Atom {
    /// The one spelling of the path; for what `length` and `size` count, followed by `#` and their name.
    pub(in crate::policy) path: Rc<str>,
    pub(in crate::policy) operator: String,
    pub(in crate::policy) operand: Value,
    pub(in crate::policy) ignore_case: bool,
}

/// A condition.
#[derive(Clone, Debug)]
pub(in crate::policy) enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Leaf { atom: Rc<Atom>, if_present: bool },
}

/// Some of the three truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Truths(u8);

impl Truths {
    pub(in crate::policy) const FALSE: Self = Self(1);
    pub(in crate::policy) const UNKNOWN: Self = Self(2);
    pub(in crate::policy) const TRUE: Self = Self(4);
    pub(in crate::policy) const NOT_FALSE: Self = Self(6);
    pub(in crate::policy) const NOT_TRUE: Self = Self(3);
    pub(in crate::policy) const ANY: Self = Self(7);

    pub(in crate::policy) fn of(truth: Kleene) -> Self {
        match truth {
            Kleene::False => Self::FALSE,
            Kleene::Unknown => Self::UNKNOWN,
            Kleene::True => Self::TRUE,
        }
    }

    /// What a negation came to.
    pub(in crate::policy) fn negated(self) -> Self {
        Self(self.0 & 2 | (self.0 & 1) << 2 | (self.0 & 4) >> 2)
    }

    pub(in crate::policy) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(in crate::policy) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(in crate::policy) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(in crate::policy) fn may_be(self, other: Self) -> bool {
        !self.and(other).is_empty()
    }
}

impl Tree {
    /// Reads a condition that compiles.
    pub(in crate::policy) fn of(condition: &Value) -> Self {
        let Value::Map(entries) = condition else { return Self::All(Vec::new()) };
        let list = |value: &Value| match value {
            Value::List(items) => items.iter().map(Self::of).collect(),
            _ => Vec::new(),
        };
        let parts = entries.iter().map(|(key, value)| match key.as_str() {
            "all" => Self::All(list(value)),
            "any" => Self::Any(list(value)),
            "not" => Self::Not(Box::new(Self::of(value))),
            key => match Path::parse(key) {
                Ok(path) => tests(&path.spelling().into(), path.if_present, value),
                // Some other kind of path: opaque.
                Err(_) => leaf(&key.into(), false, "(unread)", value, false),
            },
        });
        Self::All(parts.collect())
    }

    /// It came to one of these: one, or all but one, of the truth values. Without condition on anything but the leaves,
    /// because a conjunction is true if all parts are, and false if one is.
    pub(in crate::policy) fn came_to(&self, truths: Truths) -> Formula {
        match self {
            Self::All(parts) => Formula::joined(truths, parts.iter().map(|part| part.came_to(truths)).collect()),
            Self::Any(parts) => {
                let parts = parts.iter().map(|part| part.came_to(truths)).collect();
                if needs_all(truths) { Formula::Any(parts) } else { Formula::All(parts) }
            }
            Self::Not(inner) => inner.came_to(truths.negated()),
            Self::Leaf { atom, if_present } => {
                let plain = Formula::Fact(Fact { atom: Rc::clone(atom), truths });
                let missing = |truths| {
                    let path = Rc::clone(&atom.path);
                    let atom = Atom { path, operator: MISSING.to_owned(), operand: Value::Null, ignore_case: false };
                    Formula::Fact(Fact { atom: Rc::new(atom), truths })
                };
                match (*if_present, truths) {
                    (true, Truths::FALSE) => Formula::Any(vec![missing(Truths::TRUE), plain]),
                    (true, Truths::NOT_FALSE) => Formula::All(vec![missing(Truths::FALSE), plain]),
                    // What is missing makes the plain test unknown, which is not true either.
                    _ => plain,
                }
            }
        }
    }

    /// Does something with each leaf; `negated` is true below an odd number of `not`.
    pub(in crate::policy) fn each_leaf<'t>(&'t self, negated: bool, act: &mut impl FnMut(&'t Atom, bool, bool)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_leaf(negated, act)),
            Self::Not(inner) => inner.each_leaf(!negated, act),
            Self::Leaf { atom, if_present } => act(atom, *if_present, negated),
        }
    }
}

impl Formula {
    /// The parts of a conjunction that came to one of these.
    pub(in crate::policy) fn joined(truths: Truths, parts: Vec<Self>) -> Self {
        if needs_all(truths) { Self::All(parts) } else { Self::Any(parts) }
    }
}

/// True if a conjunction comes to one of these when all parts do, false if when one does.
fn needs_all(truths: Truths) -> bool {
    truths == Truths::TRUE || truths == Truths::NOT_FALSE
}

/// The path leads to nothing.
pub(in crate::policy) fn missing(path: &str) -> Formula {
    leaf(&path.into(), false, MISSING, &Value::Null, false).came_to(Truths::TRUE)
}

fn tests(path: &Rc<str>, if_present: bool, tests: &Value) -> Tree {
    let Value::Map(entries) = tests else { return Tree::All(Vec::new()) };
    let ignore_case = entries.contains_key("ignore_case");
    let dialect = entries.get("dialect").and_then(Value::as_text);
    let parts = entries.iter().filter(|(name, _)| !is_modifier(name)).map(|(name, operand)| {
        if COUNTED.contains(&name.as_str()) {
            let counted = self::tests(&format!("{path}#{name}").into(), false, operand);
            // Absence of the whole, not of the count, is what the `?` is about.
            return if if_present { guarded(path, counted) } else { counted };
        }
        let (name, negated) = match name.as_str() {
            "ne" => ("eq", true),
            "not_in" => ("in", true),
            "not_seen_in" => ("seen_in", true),
            "le" => ("gt", true),
            "ge" => ("lt", true),
            other => (other, false),
        };
        // One test in two dialects is two tests.
        let in_dialect = dialect.filter(|_| ON_SQL.contains(&name)).map(|dialect| format!("{name} in {dialect}"));
        let name = in_dialect.as_deref().unwrap_or(name);
        if !negated {
            return leaf(path, if_present, name, operand, ignore_case);
        }
        let positive = Tree::Not(Box::new(leaf(path, false, name, operand, ignore_case)));
        if if_present { guarded(path, positive) } else { positive }
    });
    Tree::All(parts.collect())
}

/// The tests, false where the path leads to nothing.
fn guarded(path: &Rc<str>, tests: Tree) -> Tree {
    Tree::All(vec![Tree::Not(Box::new(leaf(path, false, MISSING, &Value::Null, false))), tests])
}

fn leaf(path: &Rc<str>, if_present: bool, operator: &str, operand: &Value, ignore_case: bool) -> Tree {
    let atom = Atom { path: Rc::clone(path), operator: operator.to_owned(), operand: operand.clone(), ignore_case };
    Tree::Leaf { atom: Rc::new(atom), if_present }
}
