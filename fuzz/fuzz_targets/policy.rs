//! No document makes the compiler panic, and a bundle that is written and read decides as before.
#![no_main]

use agent_os_core::canonical::parse_json;
use agent_os_core::policy::{Bundle, Provenance, decide};
use agent_os_core::request::{RunState, Subject};
use agent_os_core::value::Value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let split = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (document, arguments) = bytes.split_at(split);
    let Ok(document) = parse_json(document) else { return };
    let Ok(bundle) = Bundle::compile(&document) else { return };
    let read = Bundle::load(&bundle.dump()).expect("what we dump, we load");
    assert_eq!(read.digest(), bundle.digest());

    let arguments = parse_json(arguments).unwrap_or(Value::Null);
    let provenance = Provenance::default();
    let run = RunState::start(&provenance);
    let subject = Subject { id: "desk-7", roles: &[] };
    let first = decide(&bundle, &bundle.subject(&subject), "payments.send", &&arguments, &run, &[]);
    let second = decide(&read, &read.subject(&subject), "payments.send", &&arguments, &run, &[]);
    assert_eq!((first.effect, first.reason, first.rules), (second.effect, second.reason, second.rules));
});
