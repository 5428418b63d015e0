//! Whether a `WHERE` restricts what a statement changes.
//!
//! It does if it compares a column with something else. It does not if it is the same for every row (`true`, `1 = 1`,
//! `id = id`, `name LIKE '%'`). What is neither of these for sure is unknown.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator as Op, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, InTarget, Query, SetExpr,
    UnaryOperator, Value, visit_expressions,
};

use super::dialect::Dialect;
use crate::policy::kleene::Kleene;

/// `None` is a statement without a condition.
pub(super) fn restricts(condition: Option<&Expr>, dialect: Dialect) -> Kleene {
    let Some(condition) = condition else { return Kleene::False };
    let contents = Contents::of(condition);
    if contents.doubtful && matches!(dialect, Dialect::Generic | Dialect::Mysql) {
        return Kleene::Unknown;
    }
    Reader { dialect }.restricts(condition)
}

struct Reader {
    dialect: Dialect,
}

impl Reader {
    fn restricts(&self, expr: &Expr) -> Kleene {
        match expr {
            Expr::Nested(inner) => self.restricts(inner),
            Expr::BinaryOp { left, op: Op::And, right } => self.restricts(left).or(self.restricts(right)),
            Expr::BinaryOp { left, op: Op::Or, right } => {
                let both = self.restricts(left).and(self.restricts(right));
                // `a = 1 OR a <> 1` holds for every row, and so may anything but a choice of equalities.
                if both == Kleene::True && !(is_choice(left) && is_choice(right)) { Kleene::Unknown } else { both }
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => match &**expr {
                Expr::Nested(inner) if !matches!(&**inner, Expr::BinaryOp { op: Op::And | Op::Or, .. }) => {
                    self.negated(inner)
                }
                other => self.negated(other),
            },
            Expr::BinaryOp { left, op, right } if is_comparison(op) => self.compared(left, right),
            Expr::Between { expr, low, high, .. } => self.compared(expr, low).and(self.compared(expr, high)),
            Expr::In { expr, target: InTarget::List(members), .. } => {
                Kleene::all(members.iter().map(|member| self.compared(expr, member)))
            }
            Expr::In { target: InTarget::Subquery(query), .. } | Expr::Exists { subquery: query, .. } => {
                self.subquery(query)
            }
            Expr::Like { negated, expr, pattern, .. } | Expr::ILike { negated, expr, pattern, .. } => {
                match &**pattern {
                    Expr::Value(value) => match &value.value {
                        Value::SingleQuotedString(text) if text.chars().all(|letter| letter == '%') && !negated => {
                            Kleene::False
                        }
                        _ => self.compared(expr, pattern),
                    },
                    _ => self.compared(expr, pattern),
                }
            }
            Expr::IsNull(inner) | Expr::IsTrue(inner) | Expr::IsFalse(inner) => self.column_or_unknown(inner),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.column_or_unknown(expr),
            other => without_columns_false(other),
        }
    }

    fn negated(&self, inner: &Expr) -> Kleene {
        match inner {
            Expr::BinaryOp { op, .. } if is_comparison(op) => self.restricts(inner),
            Expr::In { target: InTarget::List(_), .. } | Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                self.restricts(inner)
            }
            other => without_columns_false(other),
        }
    }

    fn compared(&self, left: &Expr, right: &Expr) -> Kleene {
        let (a, b) = (Contents::of(left), Contents::of(right));
        if !a.columns && !b.columns && !a.queries && !b.queries {
            return Kleene::False;
        }
        if left == right {
            return Kleene::False;
        }
        match (self.column(left), self.column(right)) {
            (Some(left), Some(right)) => Kleene::from(!are_same_column(left, right)),
            (Some(_), None) if !b.columns && !b.queries => Kleene::True,
            (None, Some(_)) if !a.columns && !a.queries => Kleene::True,
            _ => Kleene::Unknown,
        }
    }

    fn column_or_unknown(&self, expr: &Expr) -> Kleene {
        if self.column(expr).is_some() { Kleene::True } else { without_columns_false(expr) }
    }

    /// The column that is looked at, as it is or through a function that keeps rows apart.
    fn column<'e>(&self, expr: &'e Expr) -> Option<&'e [Ident]> {
        let parts = match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => return self.column(inner),
            Expr::Identifier(ident) => std::slice::from_ref(ident),
            Expr::CompoundIdentifier(parts) => parts,
            Expr::Function(function) => {
                let name = function.name.to_string();
                let FunctionArguments::List(list) = &function.args else { return None };
                return match &list.args[..] {
                    [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))]
                        if KEEPING.iter().any(|known| name.eq_ignore_ascii_case(known)) =>
                    {
                        self.column(argument)
                    }
                    _ => None,
                };
            }
            _ => return None,
        };
        // MySQL reads "x" as a text, and SQLite does where there is no such column.
        let is_text =
            |part: &Ident| part.quote_style == Some('"') && !matches!(self.dialect, Dialect::Postgres | Dialect::Mssql);
        parts.iter().all(|part| is_column_name(part) && !is_text(part)).then_some(parts)
    }

    /// A subquery restricts as much as its own condition does.
    fn subquery(&self, query: &Query) -> Kleene {
        match &*query.body {
            SetExpr::Select(select) if query.with.is_none() => match self.restricts_some(select.selection.as_ref()) {
                Kleene::True => Kleene::True,
                _ => Kleene::Unknown,
            },
            _ => Kleene::Unknown,
        }
    }

    fn restricts_some(&self, condition: Option<&Expr>) -> Kleene {
        condition.map_or(Kleene::False, |condition| self.restricts(condition))
    }
}

/// Functions of one argument whose result differs from row to row as the argument does.
const KEEPING: &[&str] = &["lower", "upper", "trim", "date", "year", "month", "day"];

/// Words that look like columns and are the same for every row.
const CONSTANTS: &[&str] = &[
    "true",
    "false",
    "null",
    "user",
    "current_user",
    "session_user",
    "system_user",
    "current_role",
    "current_catalog",
    "current_schema",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "sysdate",
    "default",
    "on",
    "off",
];

fn is_column_name(ident: &Ident) -> bool {
    ident.quote_style.is_some()
        || !ident.value.starts_with(['@', ':', '$', '?'])
            && !CONSTANTS.iter().any(|known| ident.value.eq_ignore_ascii_case(known))
}

/// `t.id` and `id` may be one column.
fn are_same_column(a: &[Ident], b: &[Ident]) -> bool {
    a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a.value.eq_ignore_ascii_case(&b.value))
}

/// Equality with values, or a choice of such: no number of them covers every row.
fn is_choice(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_choice(inner),
        Expr::BinaryOp { left, op: Op::Or | Op::And, right } => is_choice(left) && is_choice(right),
        Expr::BinaryOp { op: Op::Eq, .. } => true,
        Expr::In { negated, target: InTarget::List(_), .. } | Expr::Like { negated, .. } => !negated,
        _ => false,
    }
}

fn is_comparison(op: &Op) -> bool {
    matches!(op, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq)
}

fn without_columns_false(expr: &Expr) -> Kleene {
    let contents = Contents::of(expr);
    if contents.columns || contents.queries { Kleene::Unknown } else { Kleene::False }
}

/// What an expression has in it.
#[derive(Default)]
struct Contents {
    columns: bool,
    queries: bool,
    /// Operators that join conditions for some engines and values for others: `||`, `&&`, `XOR`.
    doubtful: bool,
}

impl Contents {
    fn of(expr: &Expr) -> Self {
        let mut found = Self::default();
        let _ = visit_expressions(expr, |part| {
            match part {
                Expr::Identifier(ident) => found.columns |= is_column_name(ident),
                Expr::CompoundIdentifier(_) | Expr::CompoundFieldAccess { .. } | Expr::Wildcard(_) => {
                    found.columns = true;
                }
                Expr::Subquery(_) | Expr::Exists { .. } => found.queries = true,
                Expr::In { target: InTarget::Subquery(_) | InTarget::Table { .. }, .. } => found.queries = true,
                Expr::BinaryOp { op: Op::StringConcat | Op::PGOverlap | Op::Xor, .. } => found.doubtful = true,
                _ => {}
            }
            ControlFlow::<()>::Continue(())
        });
        found
    }
}
