//! SQL: nothing is read here. What the generator knows of a text comes with the request, and of any other text, such as
//! a word that came to the place of one, nothing is known.

use agent_os_core::value::Value;

use super::condition::{Scope, Truth};
use super::operator::all_hold;
use super::path::Found;
use crate::case::strings;

/// The truth of one operator on a text.
pub(super) fn holds(name: &str, text: &str, operand: &Value, dialect: &str, scope: &Scope<'_>) -> Truth {
    let made = scope.request.sql.iter().find(|made| made.text == text)?;
    let facts = made.facts.get(dialect)?;
    let names = match name {
        "statements" => &facts.statements,
        "tables" => facts.tables.as_ref()?,
        "functions" => facts.functions.as_ref()?,
        "has_where" => return Some(Value::Bool(facts.has_where?) == *operand),
        other => panic!("no operator `{other}`"),
    };
    all_hold(&Found::Here(strings(names)), operand, scope)
}
