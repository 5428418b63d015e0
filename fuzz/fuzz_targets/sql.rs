//! A statement before or after any text of SQL is told, or nothing is known of the whole.
#![no_main]

use agent_os_testkit::property;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    property::sql::holds(text);
});
