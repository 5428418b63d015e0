//! What holds of any text, for fuzzers and for tests on texts that are made of the pieces that matter.

pub mod schema;
pub mod shell;
pub mod sql;

use std::time::{Duration, Instant};

use agent_os_core::canonical::parse_json;
use agent_os_core::policy::{Bundle, Kleene, Provenance, Subject, decide};
use agent_os_core::request::RunState;
use agent_os_core::value::Value;

/// Tests of one argument, each under a name, that are judged together.
struct Tests(Bundle);

impl Tests {
    /// Of operators in JSON, by name.
    fn new(tests: &[(String, String)]) -> Self {
        let rules = tests.iter().map(|(name, test)| {
            format!(r#"{{"id":"{name}","effect":"deny","action":["a"],"when":{{"args.x":{test}}}}}"#)
        });
        let rules: Vec<String> = rules.collect();
        let document = format!(r#"{{"agent_os":1,"name":"n","default":"allow","rules":[{}]}}"#, rules.join(","));
        let document = parse_json(document.as_bytes()).unwrap_or_else(|error| panic!("{error}: {document}"));
        Self(Bundle::compile(&document).unwrap_or_else(|problems| panic!("{problems:?}")))
    }

    /// The truth of each test of a text.
    fn of(&self, text: &str) -> impl Fn(&str) -> Kleene + use<'_> {
        let bundle = &self.0;
        let (args, provenance) = (Value::from([("x", text.into())]), Provenance::default());
        let subject = bundle.subject(&Subject { id: "x", roles: &[] });
        let start = Instant::now();
        let verdict = decide(bundle, &subject, "a", &&args, &RunState::start(&provenance), &[]);
        assert!(start.elapsed() < Duration::from_secs(20), "a decision takes long");
        move |name| {
            let rule = bundle.rule_ix(name).unwrap_or_else(|| panic!("no test `{name}`"));
            match verdict.unknowns.iter().any(|unknown| unknown.rule == rule) {
                true => Kleene::Unknown,
                false => Kleene::from(verdict.rules.contains(&rule)),
            }
        }
    }
}
