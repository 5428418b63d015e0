//! Tests: mappings of operators to operands.

use std::cmp::Ordering;

use super::Reader;
use super::condition::{DEPTH, JOINS, Standing};
use super::problems::{bare, canonical_text, described, shortened};
use crate::policy::condition::{Accepted, Check, ItemCheck, Members, Operand, ShellCheck, Tests, Words};
use crate::policy::operators::{self, Kind, OPERATORS, Operator};
use crate::policy::path_name::NameTest;
use crate::policy::problem::Code;
use crate::policy::sql::{Dialect, Part};
use crate::policy::url::UrlTest;
use crate::value::Value;

/// What is known of the value that tests look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// The kind that it always has, where that is known.
    pub(super) kind: Option<Kind>,
    pub(super) may_be_absent: bool,
    /// How text of SQL is read there.
    pub(super) dialect: Dialect,
}

impl Site {
    /// An item of a list.
    const ANYTHING: Self = Self { kind: None, may_be_absent: false, dialect: Dialect::Generic };
    const NUMBER: Self = Self { kind: Some(Kind::Number), may_be_absent: false, dialect: Dialect::Generic };
    pub(super) const LIST: Self = Self { kind: Some(Kind::List), may_be_absent: false, dialect: Dialect::Generic };
}

/// Operators that compare text, which `ignore_case` changes.
const TEXT_COMPARISONS: &[&str] =
    &["eq", "ne", "in", "not_in", "starts_with", "ends_with", "contains", "matches", "glob", "name", "extension"];

impl Reader {
    /// The tests on one value, which hold together.
    pub(super) fn tests(&mut self, value: &Value, site: Site, standing: Standing) -> Option<Tests> {
        if standing.depth > DEPTH {
            let message = format!("tests are nested more than {DEPTH} levels deep");
            self.problems.add(Code::TooDeep, message, "split the rule into several");
            return None;
        }
        let Value::Map(entries) = value else {
            let hint = match value {
                Value::Map(_) | Value::List(_) | Value::Set(_) => {
                    "write a mapping of operators: `{in: […]}`".to_owned()
                }
                scalar => format!("write {{eq: {}}}", bare(scalar)),
            };
            self.problems.wrong_type(value, "a mapping of operators", &hint);
            return None;
        };
        if entries.is_empty() {
            self.problems.add(Code::Empty, "no operator is given", "write what must hold, such as `{eq: …}`");
            return None;
        }
        let ignore_case = entries.contains_key("ignore_case");
        let site = Site { dialect: self.dialect(entries)?, ..site };
        let mut tests = Vec::new();
        let mut complete = true;
        for (name, operand) in entries {
            self.problems.push(name);
            match self.check(name, operand, site, ignore_case, standing) {
                Some(Some((operator, check))) => {
                    let words = Words { operator: operator.name, operand: canonical_text(operand).into() };
                    tests.push((check, words));
                }
                Some(None) => {}
                None => complete = false,
            }
            self.problems.pop();
        }
        if complete && ignore_case && !tests.iter().any(|(check, _)| compares_text(check)) {
            let names = TEXT_COMPARISONS.join(", ");
            self.problems.within("ignore_case", |problems| {
                let message = "`ignore_case` has no comparison of text beside it";
                problems.add(Code::MisplacedKey, message, format!("put it beside one of {names}, or remove it"));
            });
            return None;
        }
        complete.then(|| Tests::new(tests))
    }

    /// `None`: there is a problem. `Some(None)`: the operator is a modifier.
    fn check(
        &mut self,
        name: &str,
        operand: &Value,
        site: Site,
        ignore_case: bool,
        standing: Standing,
    ) -> Option<Option<(&'static Operator, Check)>> {
        let Some(operator) = Operator::find(name) else {
            let message = format!("there is no operator `{}`", shortened(name));
            self.problems.add(Code::UnknownOperator, message, operators::hint(name));
            return None;
        };
        if !operator.supported {
            self.problems.not_supported(name);
            return None;
        }
        let kind = site.kind;
        if let Some(kind) = kind.filter(|kind| !operator.accepts.is_empty() && !operator.accepts.contains(kind)) {
            let message = format!("`{name}` does not take a {}, which always stands here", kind.code());
            let known = OPERATORS.iter().filter(|operator| operator.supported && operator.accepts.contains(&kind));
            let names: Vec<&str> = known.map(|operator| operator.name).collect();
            self.problems.add(Code::WrongOperator, message, format!("use one of: {}", names.join(", ")));
            return None;
        }
        let accepted = |less, equal, greater| Accepted { less, equal, greater };
        let check = match name {
            "eq" | "ne" => {
                let operand = self.scalar_or_argument(operand, kind, ignore_case)?;
                Check::Equals { operand, negate: name == "ne", ignore_case }
            }
            "in" | "not_in" => {
                let members = self.members(operand, kind, ignore_case)?;
                Check::OneOf { members, negate: name == "not_in", ignore_case }
            }
            "present" => Check::Present(self.present(operand, site)?),
            "starts_with" => Check::StartsWith { parts: self.parts(operand, ignore_case)?, ignore_case },
            "ends_with" => Check::EndsWith { parts: self.parts(operand, ignore_case)?, ignore_case },
            "contains" => Check::Contains { operand: self.contained(operand, ignore_case)?, ignore_case },
            "matches" => Check::Matches(self.regex(operand, ignore_case)?),
            "length" => Check::Length(self.tests(operand, Site::NUMBER, standing.deeper())?),
            "lt" => Check::Order { operand: self.number_or_argument(operand)?, accepted: accepted(true, false, false) },
            "le" => Check::Order { operand: self.number_or_argument(operand)?, accepted: accepted(true, true, false) },
            "gt" => Check::Order { operand: self.number_or_argument(operand)?, accepted: accepted(false, false, true) },
            "ge" => Check::Order { operand: self.number_or_argument(operand)?, accepted: accepted(false, true, true) },
            "before" => Check::Time { operand: self.moment_or_argument(operand)?, accepted: Ordering::Less },
            "after" => Check::Time { operand: self.moment_or_argument(operand)?, accepted: Ordering::Greater },
            "size" => Check::Size(self.tests(operand, Site::NUMBER, standing.deeper())?),
            "each" => Check::Each(self.item_check(operand, standing.deeper())?),
            "some" => Check::Some(self.item_check(operand, standing.deeper())?),
            "keys" => Check::Keys(self.tests(operand, Site::LIST, standing.deeper())?),
            "glob" => Check::Glob(self.globs(operand, ignore_case)?),
            "name" => Check::Name(NameTest::Is { names: self.file_names(operand, ignore_case)?, ignore_case }),
            "extension" => Check::Name(NameTest::Ends { endings: self.extensions(operand, ignore_case)?, ignore_case }),
            "scheme" => Check::Url(UrlTest::Scheme(self.schemes(operand)?)),
            "host" => Check::Url(UrlTest::Host(self.hosts(operand)?)),
            "port" => Check::Url(UrlTest::Port(self.ports(operand)?)),
            "private_address" => Check::Url(UrlTest::Private(self.truth(operand, "private_address")?)),
            "network" => Check::Network(self.networks(operand)?),
            "domain" => Check::Domain(self.domains(operand)?),
            "under" => Check::Under(self.bases(operand)?.into()),
            "programs" => Check::Shell(ShellCheck::Programs(self.tests(operand, Site::LIST, standing.deeper())?)),
            "writes" => Check::Shell(ShellCheck::Writes(self.tests(operand, Site::LIST, standing.deeper())?)),
            "redirects" => Check::Shell(ShellCheck::Redirects(self.tests(operand, Site::LIST, standing.deeper())?)),
            "has_substitution" => Check::Shell(ShellCheck::HasSubstitution(self.bool(operand)?)),
            "command" => Check::Shell(ShellCheck::Command(Box::new(self.command(operand, standing.deeper())?))),
            "statements" => self.sql(Part::Statements, operand, site.dialect, standing)?,
            "tables" => self.sql(Part::Tables, operand, site.dialect, standing)?,
            "functions" => self.sql(Part::Functions, operand, site.dialect, standing)?,
            "has_where" => Check::HasWhere { expected: self.truth(operand, "has_where")?, dialect: site.dialect },
            "dialect" => return Some(None),
            "seen_in" | "not_seen_in" => {
                Check::SeenIn { origins: self.origins(operand)?, negate: name == "not_seen_in" }
            }
            "ignore_case" => {
                if *operand != Value::Bool(true) {
                    let message = format!("`ignore_case` is `true` or absent, found {}", described(operand));
                    self.problems.add(Code::BadOperand, message, "write `ignore_case: true`, or remove it");
                    return None;
                }
                return Some(None);
            }
            // INVARIANT: every supported operator of the table is above; a test compares the two.
            _ => {
                self.problems.not_supported(name);
                return None;
            }
        };
        Some(Some((operator, check)))
    }

    fn present(&mut self, operand: &Value, site: Site) -> Option<bool> {
        if !site.may_be_absent {
            let message = "`present` says nothing about what is always there";
            self.problems.add(Code::WrongOperator, message, "remove it");
            return None;
        }
        let Value::Bool(expected) = operand else {
            self.bad_operand(operand, "`true` or `false`", "write `present: true` or `present: false`");
            return None;
        };
        Some(*expected)
    }

    /// Tests on each item, or a condition over `item`.
    fn item_check(&mut self, operand: &Value, standing: Standing) -> Option<ItemCheck> {
        let is_condition_key = |key: &String| {
            JOINS.contains(&key.as_str()) || key == "item" || key.starts_with("item.") || key.starts_with("item?")
        };
        match operand {
            Value::Map(entries) if entries.keys().any(is_condition_key) => {
                self.condition(operand, standing).map(ItemCheck::Condition)
            }
            _ => self.tests(operand, Site::ANYTHING, standing).map(ItemCheck::Tests),
        }
    }
}

/// True if the check compares text, or may.
fn compares_text(check: &Check) -> bool {
    match check {
        Check::Equals { operand, .. } | Check::Contains { operand, .. } => match operand {
            Operand::Literal(value) => value.as_text().is_some(),
            Operand::Argument(_) => true,
        },
        Check::OneOf { members, .. } => match members {
            Members::Texts(_) | Members::FewTexts(_) => true,
            Members::Numbers(_) | Members::Few(_) => false,
        },
        Check::StartsWith { .. } | Check::EndsWith { .. } | Check::Matches(_) | Check::Glob(_) | Check::Name(_) => true,
        Check::Present(_)
        | Check::Length(_)
        | Check::Order { .. }
        | Check::Time { .. }
        | Check::Size(_)
        | Check::Each(_)
        | Check::Some(_)
        | Check::Keys(_)
        | Check::Under(_)
        | Check::Url(_)
        | Check::Network(_)
        | Check::Domain(_)
        | Check::Shell(_)
        | Check::Sql { .. }
        | Check::HasWhere { .. }
        | Check::SeenIn { .. } => false,
    }
}
