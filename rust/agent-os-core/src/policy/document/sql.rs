//! Operands of the operators on SQL. A name that no text can come to is a problem here, not a rule that never applies.

use std::collections::BTreeMap;

use super::Reader;
use super::check::Site;
use super::condition::Standing;
use super::problems::{described, shortened};
use crate::policy::condition::Check;
use crate::policy::problem::Code;
use crate::policy::sql::{Dialect, Part, StatementKind};
use crate::policy::suggest;
use crate::value::Value;

/// Operators on SQL, for the hint.
const OPERATORS: &[&str] = &["statements", "tables", "functions", "has_where"];

impl Reader {
    /// What `dialect` says beside the tests: generic if it says nothing.
    pub(super) fn dialect(&mut self, entries: &BTreeMap<String, Value>) -> Option<Dialect> {
        let Some(written) = entries.get("dialect") else { return Some(Dialect::Generic) };
        let found = written.as_text().and_then(Dialect::find);
        let has_neighbour = OPERATORS.iter().any(|name| entries.contains_key(*name));
        self.problems.within("dialect", |problems| {
            if found.is_none() {
                let codes = Dialect::ALL.map(Dialect::code);
                let message = format!("expected a dialect of SQL, found {}", described(written));
                problems.add(Code::BadOperand, message, format!("write one of {}", codes.join(", ")));
            } else if !has_neighbour {
                let message = "`dialect` has no operator on SQL beside it";
                let hint = format!("put it beside one of {}, or remove it", OPERATORS.join(", "));
                problems.add(Code::MisplacedKey, message, hint);
            }
        });
        found.filter(|_| has_neighbour)
    }

    pub(super) fn sql(&mut self, part: Part, operand: &Value, dialect: Dialect, standing: Standing) -> Option<Check> {
        let tests = self.tests(operand, Site::LIST, standing.deeper())?;
        self.sql_names(part, operand, dialect)?;
        Some(Check::Sql { part, dialect, tests })
    }

    /// Looks at the whole names that the tests compare with.
    fn sql_names(&mut self, part: Part, tests: &Value, dialect: Dialect) -> Option<()> {
        let Value::Map(entries) = tests else { return Some(()) };
        let mut fits = Some(());
        for (key, value) in entries {
            self.problems.push(key);
            let found = match (key.as_str(), value) {
                ("contains" | "eq" | "ne", Value::Str(name)) => self.sql_name(part, name, dialect),
                ("in" | "not_in", Value::List(names)) => {
                    let bad = names
                        .iter()
                        .filter_map(Value::as_text)
                        .filter(|name| self.sql_name(part, name, dialect).is_none());
                    (bad.count() == 0).then_some(())
                }
                ("in" | "not_in", Value::Str(set)) => {
                    let set = set.trim_start_matches('$');
                    let values = self.sets.get(set).and_then(Option::as_ref).map_or(&[][..], |(values, _)| values);
                    let members: Vec<String> =
                        values.iter().filter_map(|value| value.as_text().map(str::to_owned)).collect();
                    let bad = members.iter().filter(|name| self.sql_name(part, name, dialect).is_none());
                    (bad.count() == 0).then_some(())
                }
                ("each" | "some" | "all" | "any" | "not" | "item", inner) => match inner {
                    Value::List(items) => {
                        let bad = items.iter().filter(|item| self.sql_names(part, item, dialect).is_none());
                        (bad.count() == 0).then_some(())
                    }
                    other => self.sql_names(part, other, dialect),
                },
                _ => Some(()),
            };
            fits = fits.and(found);
            self.problems.pop();
        }
        fits
    }

    fn sql_name(&mut self, part: Part, name: &str, dialect: Dialect) -> Option<()> {
        let codes = || StatementKind::ALL.iter().map(|kind| kind.code());
        let keeps_case = part == Part::Tables && dialect == Dialect::Postgres;
        if part == Part::Statements && !codes().any(|code| code == name) {
            let message = format!("there is no kind of statement `{}`", shortened(name));
            self.problems.add(Code::BadOperand, message, suggest::hint(name, codes()));
            return None;
        }
        if part != Part::Statements && !keeps_case && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let message = format!("`{}` never occurs: names are compared in lower case", shortened(name));
            self.problems.add(Code::BadOperand, message, format!("write `{}`", shortened(&name.to_ascii_lowercase())));
            return None;
        }
        Some(())
    }
}
