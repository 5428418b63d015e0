//! No file makes the loader panic, and what loads is written as the same bytes.
#![no_main]

use agent_os_core::policy::Bundle;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::load(bytes) {
        assert_eq!(bundle.dump(), bytes);
    }
});
