//! Shell commands.

use std::sync::LazyLock;

use agent_os_core::policy::Kleene;

use super::Tests;

static TESTS: LazyLock<Tests> = LazyLock::new(|| {
    let tests = [
        ("any", r#"{"programs":{"size":{"ge":0}}}"#),
        ("program", r#"{"programs":{"contains":"shred"}}"#),
        ("form", r#"{"command":{"program":"shred","flags":"-u"}}"#),
        ("file", r#"{"writes":{"contains":"/out/f"}}"#),
        ("substitution", r#"{"has_substitution":true}"#),
    ];
    Tests::new(&tests.map(|(name, test)| (name.to_owned(), test.to_owned())))
});

const COMMAND: &str = "shred -u k >/out/f";

/// A command before or after a text of bash is told, or nothing is known of the whole. So is a substitution around it.
/// Tells whether the text by itself is understood.
///
/// # Panics
/// It does not hold.
pub fn holds(text: &str) -> bool {
    let is_understood = match TESTS.of(text)("any") {
        Kleene::True => true,
        Kleene::Unknown => false,
        Kleene::False => panic!("a list has fewer than no programs: {text:?}"),
    };
    told(&format!("{COMMAND}\n{text}"));
    // A text that ends in a backslash goes on in the next line, and so may one that is not understood.
    if is_understood && !text.ends_with('\\') {
        told(&format!("{text}\n{COMMAND}"));
    }
    // With a bracket at the start of the text, `$((` would start a sum.
    let around = format!("echo \"$(\n{text}\n)\"");
    assert_ne!(TESTS.of(&around)("substitution"), Kleene::False, "a substitution is lost: {around:?}");
    is_understood
}

fn told(whole: &str) {
    let truths = TESTS.of(whole);
    for fact in ["program", "form", "file"] {
        assert_ne!(truths(fact), Kleene::False, "the {fact} is lost: {whole:?}");
    }
}
