//! Conditions: mappings of paths to tests, joined by `all`, `any` and `not`.

use super::Reader;
use super::check::Site;
use super::problems::shortened;
use super::scope;
use crate::policy::condition::{Check, Condition, Leaf, Source};
use crate::policy::effect::PathIx;
use crate::policy::operators::{Kind, OPERATORS};
use crate::policy::path::{Input, Path, PathFault, Root};
use crate::policy::problem::Code;
use crate::policy::sql::Dialect;
use crate::policy::suggest;
use crate::value::Value;

/// Levels of conditions and tests inside one another.
pub(super) const DEPTH: usize = 32;

/// Where a condition or test stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) depth: usize,
    /// Inside `each` or `some`: the path of the outermost list.
    pub(super) list: Option<PathIx>,
}

impl Standing {
    pub(super) fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

pub(super) const JOINS: &[&str] = &["all", "any", "not"];

impl Reader {
    /// `when` or `unless`.
    pub(super) fn whole_condition(&mut self, value: &Value) -> Option<Condition> {
        self.condition(value, Standing { depth: 1, list: None })
    }

    /// A mapping; its entries hold together.
    pub(super) fn condition(&mut self, value: &Value, standing: Standing) -> Option<Condition> {
        if standing.depth > DEPTH {
            let message = format!("conditions are nested more than {DEPTH} levels deep");
            self.problems.add(Code::TooDeep, message, "split the rule into several");
            return None;
        }
        let Value::Map(entries) = value else {
            self.problems.wrong_type(value, "a condition", "write a mapping: `args.amount: {le: 500}`");
            return None;
        };
        if entries.is_empty() {
            self.problems.add(Code::Empty, "the condition is empty", "write what must hold, or leave the key out");
            return None;
        }
        let mut parts = Vec::new();
        let mut complete = true;
        for (key, value) in entries {
            self.problems.push(key);
            let part = match key.as_str() {
                "all" => self.conditions(value, standing).map(|parts| Condition::All(parts.into())),
                "any" => self.conditions(value, standing).map(|parts| Condition::Any(parts.into())),
                "not" => self.condition(value, standing.deeper()).map(|inner| Condition::Not(Box::new(inner))),
                path => self.leaf(path, value, standing).map(Condition::Leaf),
            };
            complete &= part.is_some();
            parts.extend(part);
            self.problems.pop();
        }
        if !complete {
            return None;
        }
        match parts.len() {
            1 => parts.pop(),
            _ => Some(Condition::All(parts.into())),
        }
    }

    /// The list under `all` or `any`.
    fn conditions(&mut self, value: &Value, standing: Standing) -> Option<Vec<Condition>> {
        let Value::List(items) = value else {
            self.problems.wrong_type(value, "a list of conditions", "write `[{…}, {…}]`");
            return None;
        };
        if items.is_empty() {
            self.problems.add(Code::Empty, "the list of conditions is empty", "write at least one condition");
            return None;
        }
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.problems.push_place(index);
            found.extend(self.condition(item, standing.deeper()));
            self.problems.pop();
        }
        (found.len() == items.len()).then_some(found)
    }

    fn leaf(&mut self, key: &str, value: &Value, standing: Standing) -> Option<Leaf> {
        let path = match Path::parse(key) {
            Ok(path) => path,
            Err(fault) => {
                self.bad_path(key, fault);
                return None;
            }
        };
        let if_present = path.if_present;
        if if_present && matches!(path.root, Root::Input(..)) && key != "run.parent?" {
            let message = format!("`{}` is always there", key.trim_end_matches('?'));
            self.problems.add(Code::BadPath, message, "remove the `?`");
            return None;
        }
        let (path, source, kind) = self.place(key, path, standing)?;
        let may_be_absent = match source {
            Source::Argument(_) | Source::Item(_) | Source::Input(Input::Parent) => true,
            Source::Input(Input::Labels | Input::Calls | Input::Depth | Input::Hour | Input::Weekday) => false,
        };
        let inner = Standing { list: standing.list.or(Some(path)), ..standing.deeper() };
        let tests = self.tests(value, Site { kind, may_be_absent, dialect: Dialect::Generic }, inner)?;
        if if_present && tests.checks.iter().any(|check| matches!(check, Check::Present(_))) {
            let message = format!("`{}` and `present` both say what absence means", shortened(key));
            self.problems.add(Code::WrongOperator, message, "remove the `?`");
            return None;
        }
        Some(Leaf { path, source, if_present, tests })
    }

    /// What is named, where it is read, and the kind that it always has.
    fn place(&mut self, key: &str, path: Path, standing: Standing) -> Option<(PathIx, Source, Option<Kind>)> {
        let (message, hint) = match (path.root, standing.list) {
            (Root::Item, Some(list)) => return Some((list, Source::Item(path.segments.into()), None)),
            (Root::Args, None) => {
                let place = self.paths.argument(path);
                return Some((place, Source::Argument(place), None));
            }
            (Root::Input(input, kind), None) => return Some((scope::input(input), Source::Input(input), Some(kind))),
            (Root::Item, None) => ("names an item outside `each` and `some`", "write the argument's path: `args.…`"),
            (Root::Args | Root::Input(..), Some(_)) => (
                "is not part of the item that `each` and `some` look at",
                "write `item` or `item.…` here, and conditions on anything else beside the list's",
            ),
            (Root::Result, _) => ("is not known before the action", "conditions look at `args.`, `run.` and `time.`"),
        };
        self.problems.add(Code::BadPath, format!("`{}` {message}", shortened(key)), hint);
        None
    }

    fn bad_path(&mut self, key: &str, fault: PathFault) {
        let is_word = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let known_operator = OPERATORS.iter().any(|operator| operator.name == key);
        if known_operator {
            let message = format!("`{key}` is an operator, and a condition starts with a path");
            self.problems.add(Code::BadPath, message, format!("write `args.name: {{{key}: …}}`"));
        } else if let (true, Some(join)) = (is_word, suggest::nearest(key, JOINS.iter().copied())) {
            let message = format!("`{key}` is neither a path nor `all`, `any` or `not`");
            self.problems.add(Code::BadPath, message, format!("did you mean `{join}`?"));
        } else {
            self.problems.add(Code::BadPath, fault.message, fault.hint);
        }
    }
}
