//! Texts of SQL.

use std::sync::LazyLock;

use agent_os_core::policy::{Kleene, StatementKind};

use super::Tests;
use crate::sql::DIALECTS;

/// One for each dialect; that without a dialect first.
static TESTS: LazyLock<[Tests; 5]> = LazyLock::new(|| DIALECTS.map(tests));

fn tests(dialect: &str) -> Tests {
    let test = |name: &str, test: String| (name.to_owned(), format!(r#"{{{test},"dialect":"{dialect}"}}"#));
    let mut tests = vec![
        test("any", r#""statements":{"size":{"ge":1}}"#.to_owned()),
        test("table", r#""tables":{"contains":"secrets"}"#.to_owned()),
        test("unrestricted", r#""has_where":false"#.to_owned()),
    ];
    let kinds = StatementKind::ALL.iter().map(|kind| kind.code());
    tests.extend(kinds.map(|kind| test(kind, format!(r#""statements":{{"contains":"{kind}"}}"#))));
    Tests::new(&tests)
}

/// A statement before or after a text is told, or nothing is known of the whole; and the kinds that are told without a
/// dialect are those of every dialect that understands the text. Tells whether some dialect does.
///
/// # Panics
/// It does not hold.
pub fn holds(text: &str) -> bool {
    let mut is_understood = false;
    let generic = TESTS.first().map(|tests| tests.of(text));
    for (tests, dialect) in TESTS.iter().zip(DIALECTS) {
        let alone = tests.of(text);
        assert_ne!(alone("any"), Kleene::False, "a list has no statement: {dialect}: {text:?}");
        told(tests, dialect, &format!("DELETE FROM secrets;\n{text}"));
        if alone("any") == Kleene::True {
            is_understood = true;
            told(tests, dialect, &format!("{text}\n; DELETE FROM secrets"));
        }
        for kind in StatementKind::ALL.iter().map(|kind| kind.code()) {
            let truths = [generic.as_ref().map_or(Kleene::Unknown, |generic| generic(kind)), alone(kind)];
            let [first, second] = truths;
            assert!(
                first == second || truths.contains(&Kleene::Unknown),
                "`{kind}` is told otherwise without a dialect: {dialect}: {text:?}"
            );
        }
    }
    is_understood
}

fn told(tests: &Tests, dialect: &str, whole: &str) {
    let truths = tests.of(whole);
    for fact in ["delete", "table", "unrestricted"] {
        assert_ne!(truths(fact), Kleene::False, "`{fact}` is lost: {dialect}: {whole:?}");
    }
}
