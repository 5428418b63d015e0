//! What decodes encodes to the same bytes; lenient JSON has a canonical form that decodes to the same value.
#![no_main]

use agent_os_core::canonical::{decode, encode, parse_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = decode(bytes) {
        assert_eq!(encode(&value), bytes);
    }
    if let Ok(value) = parse_json(bytes) {
        let canonical = encode(&value);
        let again = decode(&canonical).expect("what we encode, we decode");
        assert_eq!(encode(&again), canonical);
    }
});
