//! No JSON Schema makes the reader panic, and what it claims of rules goes away where more is allowed.
#![no_main]

use agent_os_testkit::property;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    property::schema::holds(text);
});
