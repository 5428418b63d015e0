//! Names of tables and functions, folded as the dialect folds them.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use super::dialect::Dialect;

/// The dotted name of a table; `None` if engines of the dialect may understand different tables by it.
pub(super) fn table(name: &ObjectName, dialect: Dialect) -> Option<String> {
    let mut whole = String::new();
    for part in &name.0 {
        let ObjectNamePart::Identifier(ident) = part else { return None };
        if !whole.is_empty() {
            whole.push('.');
        }
        whole.push_str(&folded(ident, dialect)?);
    }
    (!whole.is_empty()).then_some(whole)
}

/// The name of a function and, if it is qualified, its last part: in lower case, whatever the dialect.
pub(super) fn function(name: &ObjectName, found: &mut Vec<String>) -> Option<()> {
    let mut whole = String::new();
    let mut last = String::new();
    for part in &name.0 {
        let ObjectNamePart::Identifier(ident) = part else { return None };
        if ident.value.contains('.') || !ident.value.is_ascii() {
            return None;
        }
        last = ident.value.to_ascii_lowercase();
        if !whole.is_empty() {
            whole.push('.');
        }
        whole.push_str(&last);
    }
    add(found, whole);
    add(found, last);
    Some(())
}

pub(super) fn add(found: &mut Vec<String>, name: String) {
    if !found.contains(&name) {
        found.push(name);
    }
}

/// True if the two surely name one thing.
pub(super) fn are_same(a: &Ident, b: &Ident) -> bool {
    a.quote_style == b.quote_style
        && if a.quote_style.is_none() { a.value.eq_ignore_ascii_case(&b.value) } else { a.value == b.value }
}

fn folded(ident: &Ident, dialect: Dialect) -> Option<String> {
    let value = &ident.value;
    // SECURITY: a dot inside a quoted name would make one name look like two. A text in the place of a name is a file.
    if value.is_empty() || value.contains('.') || ident.quote_style == Some('\'') {
        return None;
    }
    // Collations of MySQL and SQL Server hold letters with accents and of other widths to be the same.
    let is_exact = matches!(dialect, Dialect::Postgres | Dialect::Sqlite);
    let is_kept = |letter: char| letter.is_ascii() || is_exact && letter.is_lowercase();
    if !value.chars().all(is_kept) {
        return None;
    }
    let has_upper = value.bytes().any(|byte| byte.is_ascii_uppercase());
    match (dialect, ident.quote_style) {
        (Dialect::Postgres, Some(_)) => Some(value.clone()),
        // PostgreSQL keeps the case of a quoted name, and the others do not.
        (Dialect::Generic, Some(_)) if has_upper => None,
        _ => Some(value.to_ascii_lowercase()),
    }
}
