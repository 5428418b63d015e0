//! Texts of SQL whose facts are known because they were made from them, and not because somebody read them.

use std::collections::BTreeMap;

use agent_os_core::value::Value;

use crate::case::strings;

/// The dialects, as policies name them.
pub const DIALECTS: [&str; 5] = ["generic", "postgres", "mysql", "sqlite", "mssql"];

/// What one dialect is to be told of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    // INVARIANT: the lists are without repeats.
    /// The kinds of all statements.
    pub statements: Vec<String>,
    /// `None` if the names cannot all be told.
    pub tables: Option<Vec<String>>,
    /// `None` if the names cannot all be told.
    pub functions: Option<Vec<String>>,
    /// Whether what changes rows has a condition that is not the same for all of them; `None` if it cannot be told.
    pub has_where: Option<bool>,
}

/// A text, and what is to be told of it.
#[derive(Clone, Debug)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// Facts by dialect. Of a dialect that is not here nothing is to be told.
    pub facts: BTreeMap<&'static str, Facts>,
}

impl Sql {
    /// The facts by dialect as a value, for evaluators in other languages.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let names = |names: &Option<Vec<String>>| names.as_deref().map_or(Value::Null, strings);
        let facts = self.facts.iter().map(|(dialect, facts)| {
            let facts = Value::from([
                ("statements", strings(&facts.statements)),
                ("tables", names(&facts.tables)),
                ("functions", names(&facts.functions)),
                ("has_where", facts.has_where.map_or(Value::Null, Value::from)),
            ]);
            ((*dialect).to_owned(), facts)
        });
        Value::Map(facts.collect())
    }
}
