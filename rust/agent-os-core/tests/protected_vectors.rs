//! Runs `tests/vectors/protected/*.json`; the format is described in `tests/vectors/README.md`.
// A test may read its vectors; the crate may not.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use agent_os_core::canonical::parse_json;
use agent_os_core::kernel::Protected;
use agent_os_core::value::Value;

#[test]
fn arguments_name_the_control_plane_as_the_vectors_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/protected/arguments.json");
    let file = parse_json(&std::fs::read(path).unwrap()).unwrap();
    let text = |key: &str| file.get(key).and_then(Value::as_text).unwrap();
    let list = |key: &str| match file.get(key) {
        Some(Value::List(items)) => items.clone(),
        _ => panic!("`{key}` is not a list"),
    };
    let paths: Vec<String> = list("protected").iter().map(|path| path.as_text().unwrap().to_owned()).collect();
    let protected = Protected::new(&paths, text("cwd"), Some(text("home"))).unwrap();
    let cases = list("cases");
    assert!(cases.len() >= 70);
    for case in cases {
        let name = case.get("name").and_then(Value::as_text).unwrap();
        let args = case.get("args").unwrap();
        let expected = case.get("argument").and_then(Value::as_text);
        assert_eq!(protected.find_in(&args).as_deref(), expected, "{name}");
    }
}
