//! What a text of SQL does, as far as it can be told from the text: the kinds of its statements, the tables and
//! functions it names, and whether what changes rows has a condition.
//!
//! SECURITY: engines read one text in different ways (comments, quotes, escapes), and a text that one engine reads as
//! harmless another one executes. Where the engines of a dialect may differ on the text, nothing is known of it.

mod condition;
mod dialect;
mod kind;
mod lexical;
mod names;
mod script;

use std::cell::OnceCell;

pub(super) use self::dialect::Dialect;
pub use self::kind::StatementKind;
pub(super) use self::script::Script;
use super::kleene::Kleene;
use super::parsed::Parsed;
use crate::limits;

/// What an operator asks of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Statements,
    Tables,
    Functions,
}

/// The texts of one decision, each read once in each dialect that is asked for.
#[derive(Debug)]
pub(super) struct Scripts(Parsed<[OnceCell<Option<Script>>; Dialect::ALL.len()]>);

impl Scripts {
    pub(super) fn new() -> Self {
        Self(Parsed::new())
    }

    /// Tests the list of names; unknown if the text is not understood, or this part of it.
    pub(super) fn test(
        &self,
        text: &str,
        dialect: Dialect,
        part: Part,
        test: impl FnOnce(&[String]) -> Kleene,
    ) -> Kleene {
        self.with(text, dialect, |script| match part {
            Part::Statements => test(&script.statements),
            Part::Tables => script.tables.as_deref().map_or(Kleene::Unknown, test),
            Part::Functions => script.functions.as_deref().map_or(Kleene::Unknown, test),
        })
    }

    /// Whether everything that changes or removes rows has a condition.
    pub(super) fn has_where(&self, text: &str, dialect: Dialect) -> Kleene {
        self.with(text, dialect, |script| script.has_where)
    }

    fn with(&self, text: &str, dialect: Dialect, act: impl FnOnce(&Script) -> Kleene) -> Kleene {
        if text.len() > limits::SQL_BYTES {
            return Kleene::Unknown;
        }
        let readings = self.0.get(text, |_| Default::default());
        let reading = readings.get(dialect as usize).map(|reading| reading.get_or_init(|| Script::read(text, dialect)));
        match reading {
            Some(Some(script)) => act(script),
            _ => Kleene::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Dialect, Kleene, Script, Scripts};
    use proptest::prelude::*;

    const PIECES: &[&str] = &[
        "SELECT",
        "*",
        "FROM",
        "t",
        "WHERE",
        "a",
        "=",
        "1",
        "(",
        ")",
        ",",
        ";",
        "UPDATE",
        "SET",
        "DELETE",
        "INSERT INTO",
        "VALUES",
        "WITH",
        "AS",
        "UNION",
        "NOT",
        "IN",
        "LIKE",
        "'x'",
        "\"y\"",
        "--",
        "\n",
        "/*",
        "*/",
        "$$",
        "`",
        "[",
        "]",
        "\\",
        "'",
        "#",
        "E'",
        "::",
        "INT",
        "CASE",
        "WHEN",
        "THEN",
        "END",
        "EXISTS",
        "JOIN",
        "ON",
        "EXPLAIN",
        "ANALYZE",
        "COPY",
        "TO",
        "STDIN",
        "EXEC",
        "INTERVAL",
        "ARRAY",
        "ROW",
        "IS",
        "NULL",
        "BETWEEN",
        "AND",
        "OR",
        "-",
        "||",
        ".",
        "\u{a0}",
        "ö",
        "CREATE",
        "TABLE",
        "DROP",
        "MERGE",
        "USING",
        "MATCHED",
        "PREPARE",
        "EXECUTE",
        "GRANT",
        "TRUNCATE",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn no_text_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..24),
            dialect in prop::sample::select(&Dialect::ALL[..]),
        ) {
            let _ = Script::read(&pieces.join(" "), dialect);
            let _ = Script::read(&pieces.concat(), dialect);
        }

        #[test]
        fn no_characters_make_it_panic(text in "\\PC{0,40}", dialect in prop::sample::select(&Dialect::ALL[..])) {
            let _ = Script::read(&text, dialect);
        }

        /// SECURITY: what is understood without a dialect is understood alike in each that understands it.
        #[test]
        fn the_generic_reading_is_every_dialects(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14)) {
            let text = pieces.join(" ");
            if let Some(generic) = Script::read(&text, Dialect::Generic) {
                for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite, Dialect::Mssql] {
                    if let Some(special) = Script::read(&text, dialect) {
                        prop_assert_eq!(&generic.statements, &special.statements, "{:?}: {}", dialect, &text);
                    }
                }
            }
        }
    }

    #[test]
    fn a_text_is_read_by_its_dialect_and_once() {
        let scripts = Scripts::new();
        for _ in 0..2 {
            assert_eq!(scripts.has_where("SELECT $$a$$", Dialect::Postgres), Kleene::True);
            assert_eq!(scripts.has_where("SELECT $$a$$", Dialect::Generic), Kleene::Unknown);
        }
    }
}
