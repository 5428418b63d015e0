//! Texts of SQL that are made to take long or to overflow the stack do neither.
#![allow(clippy::unwrap_used, clippy::disallowed_types, missing_docs)]

use std::time::{Duration, Instant};

use agent_os_core::canonical::parse_json;
use agent_os_core::limits;
use agent_os_core::policy::{Bundle, Provenance, explain};
use agent_os_core::request::{RunState, Subject};
use agent_os_core::value::Value;

/// What the smallest of the main threads that Python has comes with, that of Windows.
const STACK: usize = 1024 * 1024;

/// Chains that make deep trees, and openings that make a parser go back and forth.
fn hostile() -> Vec<String> {
    let most = limits::SQL_TOKENS;
    let mut texts = Vec::new();
    for (start, piece, end) in [
        ("SELECT 1", "+1", ""),
        ("SELECT 1", " UNION SELECT 1", ""),
        ("SELECT 1", " UNION ALL SELECT 1", ""),
        ("SELECT a", "::int", ""),
        ("SELECT a", " IS NULL", ""),
        ("SELECT a", " AND a", ""),
        ("SELECT ", "NOT ", "a"),
        ("SELECT ", "- ", "1"),
        ("SELECT a", ".b", ""),
        ("SELECT a", " COLLATE x", ""),
        ("SELECT a", " AT TIME ZONE 'x'", ""),
        ("SELECT a", " IN (1)", ""),
        ("SELECT a", " BETWEEN 1 AND 2", ""),
        ("SELECT a", "[1]", ""),
        ("SELECT a", " -> 'b'", ""),
        ("SELECT * FROM a", " JOIN a", ""),
        ("SELECT * FROM a", " JOIN a ON 1 = 1", ""),
        ("SELECT * FROM ", "(", "a"),
        ("SELECT ", "(", "1"),
        ("SELECT ", "CASE WHEN ", "1"),
        ("SELECT ", "CASE ", "1"),
        ("SELECT ", "f(", "1"),
        ("SELECT ", "EXISTS (SELECT ", "1"),
        ("", "EXPLAIN ", "SELECT 1"),
        ("", "EXPLAIN ANALYZE ", "SELECT 1"),
        ("", "PREPARE p AS ", "SELECT 1"),
        ("", "WITH a AS (", "SELECT 1"),
        ("SELECT CAST(a AS ", "ARRAY<", "INT"),
        ("SELECT ", "INTERVAL ", "1"),
        ("SELECT ", "ARRAY[", "1"),
        ("SELECT a", " OR a = 1", ""),
        ("DELETE FROM t WHERE a = 1", " OR a = 1", ""),
        ("DELETE FROM t WHERE a = 1", " AND (a = 1 OR b = 2)", ""),
        ("INSERT INTO t VALUES (1)", ", (1)", ""),
        ("SELECT 1", ";", ""),
        ("SELECT 1", "; SELECT 1", ""),
        ("BEGIN ", "BEGIN ", ""),
        ("IF a THEN ", "IF a THEN ", ""),
        ("SELECT '", "''", ""),
        ("SELECT ", "/*", ""),
        ("SELECT ", "$a$", ""),
        ("", "(", ""),
        ("", "((SELECT 1) UNION ", ""),
    ] {
        for count in [10, 20, 31, 300, most / 4, most / 2 - 4, most - 8, most, 1_000_000 / piece.len()] {
            texts.push(format!("{start}{}{end}", piece.repeat(count)));
        }
        let closed = piece.matches('(').count();
        for count in [8, 15, 30] {
            texts.push(format!("{start}{}{end}{}", piece.repeat(count), ")".repeat(closed * count)));
        }
    }
    texts
}

#[test]
fn hostile_texts_end_soon_and_on_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(|| {
        let mut slowest = (Duration::ZERO, String::new());
        for dialect in ["generic", "postgres", "mysql", "sqlite", "mssql"] {
            let document = format!(
                r#"{{"agent_os":1,"name":"n","rules":[{{"id":"r","effect":"deny","action":["a"],
                "when":{{"args.sql":{{"has_where":false,"dialect":"{dialect}"}}}}}}]}}"#
            );
            let bundle = Bundle::compile(&parse_json(document.as_bytes()).unwrap()).unwrap();
            for text in hostile() {
                let args = Value::from([("sql", text.as_str().into())]);
                let provenance = Provenance::default();
                let run = RunState::start(&provenance);
                let start = Instant::now();
                let said = explain(&bundle, &Subject { id: "x", roles: &[] }, "a", &&args, &run);
                assert_eq!(said.len(), 1);
                let took = start.elapsed();
                if took > slowest.0 {
                    let start: String = text.chars().take(80).collect();
                    slowest = (took, format!("{dialect} {} bytes: {start}", text.len()));
                }
            }
        }
        slowest
    });
    let (took, text) = thread.unwrap().join().unwrap();
    println!("the slowest took {took:?}: {text}");
    assert!(took.as_millis() < 500, "{took:?}: {text}");
}
