//! The search for protected paths and the naive one agree, on texts made of pieces of such paths; and it takes bounded
//! time on texts that were made to keep it busy.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::time::{Duration, Instant};

use agent_os_core::kernel::{Protected, ProtectedFault};
use agent_os_testkit::generate::Random;
use agent_os_testkit::reference::protected::{Plane, names};

const ROUNDS: usize = 60_000;

const PLANE: Plane<'_> = Plane {
    paths: &["/home/u/log", "/home/u/desk/policy.yaml", "/home/u/desk/a b/state.db", "/srv/log", "/home/u/desk/keep"],
    cwd: "/home/u/desk",
    home: "/home/u",
};

const PIECES: &[&str] = &[
    "home",
    "u",
    "log",
    "desk",
    "policy.yaml",
    "a b",
    "state.db",
    "srv",
    "keep",
    "x",
    "LOG",
    "é",
    "1",
    "/",
    "/",
    "/",
    "/",
    "/",
    "/",
    "..",
    "../",
    "./",
    ".",
    "~",
    "~/",
    "$HOME",
    "${HOME}/",
    "$PWD/",
    "'",
    "\"",
    "\\",
    "\\\n",
    "%2f",
    "%6C",
    "%",
    " ",
    " ",
    "=",
    ":",
    "-",
    "-f",
    "_",
    "\n",
    "file://",
    "sqlite://",
    "rm ",
    "cat ",
    "sudo ",
    "git ",
    ";",
    ">",
    "<",
    "-o",
    "-o/",
    "-o./",
    "/proc/self/root",
    "/proc/1/cwd",
    "proc",
    "root",
    "cwd",
];

fn protected() -> Protected {
    let paths: Vec<String> = PLANE.paths.iter().map(|path| (*path).to_owned()).collect();
    Protected::new(&paths, PLANE.cwd, Some(PLANE.home)).unwrap()
}

fn text(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.between(0, 4) {
        text.push_str(random.one(PIECES));
    }
    if random.percent(70) {
        let spelt = ["/home/u/log", "log", "policy.yaml", "a b/state.db", "/srv/log", "keep", "desk/keep", "u/log"];
        text.push_str(random.one(&spelt));
    }
    for _ in 0..random.between(0, 4) {
        text.push_str(random.one(PIECES));
    }
    if random.percent(30) {
        // A piece in the middle of it.
        let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
        if !places.is_empty() {
            text.insert_str(random.one(&places), random.one(PIECES));
        }
    }
    text
}

#[test]
fn engine_and_reference_agree_on_what_names_a_protected_path() {
    let (protected, mut random, mut named) = (protected(), Random::new(5), 0);
    for _ in 0..ROUNDS {
        let text = text(&mut random);
        let (found, expected) = (protected.is_named_in(&text), names(PLANE, &text));
        assert_eq!(found, expected, "engine, then reference, on {text:?}");
        named += usize::from(found);
    }
    assert!(named > ROUNDS / 10 && named < ROUNDS * 9 / 10, "{named} of {ROUNDS} are named");
}

#[test]
fn a_text_that_was_made_to_keep_it_busy_is_read_in_bounded_time() {
    let protected = protected();
    let size = 1_000_000;
    for (piece, is_named) in [
        ("log/../", true),
        ("x/../log ", false),
        ("log ", false),
        ("\\'%", false),
        ("%6c%6f%67", false),
        ("../", false),
        ("it's a text like others, and 100% of it is read. ", false),
        ("u/log/", false),
        ("keep.", false),
    ] {
        let text = piece.repeat(size / piece.len());
        let began = Instant::now();
        let found = protected.is_named_in(&text);
        let took = began.elapsed();
        // An unoptimised build on a busy machine; what would grow with the square takes minutes.
        assert!(took < Duration::from_secs(20), "{piece:?}: {took:?}");
        assert!(found == is_named || piece.contains(".."), "{piece:?} is named: {found}");
    }
    assert!(protected.is_named_in(&format!("{}/home/u/log", "a".repeat(size) + " ")));
}

#[test]
fn what_cannot_be_protected_is_refused() {
    let new = |path: &str| Protected::new(&[path.to_owned()], "/home/u/desk", Some("/home/u"));
    for (path, fault) in [
        ("log", ProtectedFault::Relative("log".into())),
        ("/", ProtectedFault::HoldsWorkingDirectory("/".into())),
        ("/home/u/desk/../desk", ProtectedFault::HoldsWorkingDirectory("/home/u/desk/../desk".into())),
        ("/home/u", ProtectedFault::HoldsWorkingDirectory("/home/u".into())),
    ] {
        assert_eq!(new(path).unwrap_err(), fault);
    }
    let elsewhere = Protected::new(&["/home".to_owned()], "/srv", Some("/home/u"));
    assert_eq!(elsewhere.unwrap_err(), ProtectedFault::HoldsHome("/home".into()));
}

#[test]
fn nothing_is_named_where_nothing_is_protected() {
    assert!(!Protected::nothing().is_named_in("/home/u/log"));
    assert!(!Protected::new(&[], "/", None).unwrap().is_named_in("/home/u/log"));
}
