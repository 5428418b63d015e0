//! The cases of `tests/vectors/log`, which were made without our code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use agent_os_core::audit::tree::{
    Hash, consistency_proof, empty_root, inclusion_proof, leaf_hash, root_of, verify_consistency, verify_inclusion,
};
use agent_os_core::canonical;
use agent_os_core::value::Value;
use agent_os_log::{Keys, Log, Options, Pins, Reader, SigningKey, verify, verify_against};
use support::{quiet, scratch};

fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/log").join(name);
    canonical::parse_json(&fs::read(path).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    match value.get(key) {
        Some(Value::List(items)) => items,
        other => panic!("{key}: {other:?}"),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_text).unwrap()
}

fn number(value: &Value) -> u64 {
    String::from_utf8(canonical::encode(value)).unwrap().parse().unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hash(value: &Value) -> Hash {
    bytes(value.as_text().unwrap()).try_into().unwrap()
}

fn hashes(value: &Value, key: &str) -> Vec<Hash> {
    list(value, key).iter().map(hash).collect()
}

#[test]
fn the_tree_is_that_of_certificate_transparency() {
    let vectors = load("rfc6962.json");
    let leaves: Vec<Hash> =
        list(&vectors, "leaves").iter().map(|leaf| leaf_hash(&bytes(leaf.as_text().unwrap()))).collect();
    let roots = hashes(&vectors, "roots");
    assert_eq!(empty_root().to_vec(), bytes(text(&vectors, "empty_root")));
    assert_eq!(roots.len(), 8);
    for (place, root) in roots.iter().enumerate() {
        assert_eq!(root_of(&leaves[..=place]), *root);
    }
    let root = |size: u64| &roots[usize::try_from(size).unwrap() - 1];
    let tree = |size: u64| &leaves[..usize::try_from(size).unwrap()];
    for case in list(&vectors, "inclusion") {
        let (index, size) = (number(case.get("index").unwrap()), number(case.get("size").unwrap()));
        let proof = hashes(case, "proof");
        assert_eq!(inclusion_proof(tree(size), index).unwrap(), proof);
        let leaf = &leaves[usize::try_from(index).unwrap()];
        assert_eq!(verify_inclusion(leaf, index, size, &proof, root(size)), Ok(()));
    }
    for case in list(&vectors, "consistency") {
        let (old, new) = (number(case.get("old_size").unwrap()), number(case.get("new_size").unwrap()));
        let proof = hashes(case, "proof");
        assert_eq!(consistency_proof(tree(new), old).unwrap(), proof);
        assert_eq!(verify_consistency(old, new, root(old), root(new), &proof), Ok(()));
    }
}

/// What a case holds its log against.
fn pins(case: &Value) -> Pins {
    let Some(pins) = case.get("pins") else { return Pins::default() };
    let checkpoints = match pins.get("checkpoints") {
        Some(Value::List(held)) => held.iter().map(|note| note.as_text().unwrap().as_bytes().to_vec()).collect(),
        _ => Vec::new(),
    };
    let checkpoints = checkpoints.into_iter().enumerate().map(|(place, note)| (format!("held {place}"), note));
    let text = |key| pins.get(key).and_then(Value::as_text).map(str::to_owned);
    Pins {
        keys: text("key").into_iter().collect(),
        checkpoints: checkpoints.collect(),
        ratchet_key: text("ratchet_key"),
        ..Pins::default()
    }
}

#[test]
fn logs_that_were_made_elsewhere_are_judged_as_they_should_be() {
    let vectors = load("logs.json");
    let cases = list(&vectors, "cases");
    assert!(cases.len() >= 12);
    for case in cases {
        let name = text(case, "name");
        let folder = scratch();
        for sub in ["segments", "payloads"] {
            fs::create_dir(folder.path().join(sub)).unwrap();
        }
        let Some(Value::Map(files)) = case.get("files") else { panic!("{name}: no files") };
        for (file, content) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes(content.as_text().unwrap())).unwrap();
        }
        let report = verify_against(folder.path(), &pins(case));
        let problems = list(case, "problems");
        let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), problems.len(), "{name}: {said:#?}");
        for (problem, expected) in report.problems.iter().zip(problems) {
            let Value::List(expected) = expected else { panic!("{name}") };
            let [file, what] = &expected[..] else { panic!("{name}") };
            assert_eq!(problem.file, file.as_text().unwrap(), "{name}");
            assert!(problem.what.contains(what.as_text().unwrap()), "{name}: {problem}");
        }
        let entries: Vec<&str> = list(case, "entries").iter().map(|entry| entry.as_text().unwrap()).collect();
        assert_eq!(report.root, hash(case.get("root").unwrap()), "{name}");
        assert_eq!(report.entries, entries.len() as u64, "{name}");
        assert_eq!(report.unfinished, list(case, "unfinished").iter().map(number).collect::<Vec<_>>(), "{name}");
        assert_eq!(report.after_checkpoint, number(case.get("after_checkpoint").unwrap()), "{name}");
        assert_eq!(Value::from(report.closed), *case.get("closed").unwrap(), "{name}");
        assert_eq!(report.log_id, "000102030405060708090a0b0c0d0e0f");
        assert_eq!((&*report.level, &*report.key), (text(case, "level"), text(case, "key")), "{name}");
        let number_of = |key| case.get(key).filter(|number| **number != Value::Null).map(number);
        assert_eq!((report.seals, report.sealed), (number_of("seals").unwrap(), number_of("sealed")), "{name}");
        assert_eq!(report.gaps, list(case, "gaps").iter().map(number).collect::<Vec<_>>(), "{name}");
        assert_eq!(report.held, case.get("held").filter(|held| **held != Value::Null).map(number), "{name}");

        let reader = Reader::open(folder.path()).unwrap();
        let read: Vec<_> =
            reader.read_from(0).unwrap().map(|entry| String::from_utf8(entry.unwrap().1).unwrap()).collect();
        assert_eq!(read, entries, "{name}");
        // A log with a ratchet is gone on with by who has its present key, which no vector has.
        if report.ok() && report.seals == 0 {
            let seed = if name.contains("rotat") { [2; 32] } else { [1; 32] };
            let keys = Keys::given(SigningKey::from_seed(&seed));
            Log::open(folder.path(), Options { keys, ..quiet() }).unwrap().close().unwrap();
            let report = verify(folder.path());
            assert!(report.ok() && report.entries == read.len() as u64 + 2, "{name}");
        }
    }
}

#[test]
fn the_page_about_the_format_names_what_the_code_uses() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/log-format.md");
    let page = fs::read_to_string(page).unwrap();
    for kind in ["log.created", "log.opened", "log.recovered", "log.key_rotated", "log.closed", "intent", "outcome"] {
        assert!(page.contains(&format!("`{kind}`")), "{kind}");
    }
    assert!(page.contains("1 to 65,000") && agent_os_log::ENTRY_MAX == 65_000);
}
