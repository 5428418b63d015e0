//! A command before or after any text of bash is told, or nothing is known of the whole.
#![no_main]

use agent_os_testkit::property;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    property::shell::holds(text);
});
