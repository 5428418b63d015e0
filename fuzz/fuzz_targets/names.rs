//! An action that is accepted is matched by the pattern of the same text, and `*` never crosses a dot.
#![no_main]

use agent_os_core::action::check;
use agent_os_core::policy::{ActionPattern, NamePattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (pattern, action) = texts;
    let accepted = check(action).is_ok();
    if let Ok(parsed) = ActionPattern::parse(pattern) {
        let matched = accepted && parsed.matches(action);
        let segments = |text: &str| text.split('.').count();
        assert!(!matched || pattern.contains("**") || segments(pattern) == segments(action));
    }
    if accepted {
        assert!(ActionPattern::parse(action).is_ok_and(|own| own.matches(action)));
    }
    if let Ok(parsed) = NamePattern::parse(action) {
        assert!(parsed.matches(action));
    }
});
