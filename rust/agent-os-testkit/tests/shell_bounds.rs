//! Whatever a shell command looks like, it is judged in bounded time on a small stack, and counts against the caller.
#![allow(clippy::unwrap_used, missing_docs)]

use agent_os_core::canonical::parse_json;
use agent_os_core::value::Value;
use agent_os_testkit::case::Request;
use agent_os_testkit::engine::Engine;

#[test]
fn hostile_texts_are_answered_in_bounded_time_and_stack() {
    let deep = |open: &str, close: &str, count: usize| format!("{}rm{}", open.repeat(count), close.repeat(count));
    let mut texts = vec!["a ".repeat(500_000), "a".repeat(1_000_000), "a;".repeat(8_000), "a|".repeat(8_000)];
    for count in [9, 40, 700, 2_000] {
        for (open, close) in [
            ("(", ")"),
            ("( ", " )"),
            ("((", "))"),
            ("$(", ")"),
            ("\"$(", ")\""),
            ("${a:-", "}"),
            ("`", "`"),
            ("{ ", "; }"),
            ("if a; then ", "; fi"),
            ("while a; do ", "; done"),
            ("case a in a) ", ";; esac"),
            ("f() { ", "; }"),
            ("<(", ")"),
            ("[[ ( ", " ) ]]"),
            ("[[ ! ", " ]]"),
            ("$((", "))"),
            ("sh -c '", "'"),
            ("sudo ", ""),
            ("eval ", ""),
            ("{ echo } ", ""),
            ("$( ')' ", ""),
            ("case a in b) echo esac ;; b) ( ", ""),
            ("cat <<E\n", "\nE\n"),
            ("find -exec ", ""),
        ] {
            texts.push(deep(open, close, count));
            texts.push(deep(open, "", count));
            texts.push(format!("{})", deep(open, close, count)));
        }
    }
    let run = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let rule = Value::from([
            ("id", "only".into()),
            ("effect", "deny".into()),
            ("action", Value::List(vec!["run".into()])),
            ("when", parse_json(br#"{"not":{"args.x":{"programs":{"each":{"in":["ls"]}}}}}"#).unwrap()),
        ]);
        let document = Value::from([
            ("agent_os", 1.into()),
            ("name", "bounds".into()),
            ("default", "allow".into()),
            ("rules", Value::List(vec![rule])),
        ]);
        let engine = Engine::new(&document, &[]).unwrap();
        for text in texts {
            let request = Request {
                action: "run".into(),
                agent: "x".into(),
                roles: vec![],
                args: Value::from([("x", text.as_str().into())]),
                labels: vec![],
                calls: 0,
                usage: Vec::new(),
                depth: 0,
                parent: None,
                now_micros: 0,
                texts: vec![],
                approved: vec![],
                sql: Vec::new(),
            };
            let start = std::time::Instant::now();
            let decided = engine.decide(&request);
            assert!(start.elapsed().as_secs() < 5, "{} bytes of {:?}", text.len(), text.get(..40));
            assert_eq!(decided.effect, "deny", "{:?}", text.get(..40));
        }
    });
    run.unwrap().join().unwrap();
}
