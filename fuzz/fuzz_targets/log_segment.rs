//! A log whose segment is not what was written does not verify, and nothing panics on the way.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use agent_os_core::value::Value;
use agent_os_log::{Durability, Keys, Log, Options, SigningKey, verify};
use libfuzzer_sys::fuzz_target;

/// A closed log of a few entries, written once; the folder is left to the system's own cleaning.
static WRITTEN: LazyLock<(PathBuf, PathBuf, Vec<u8>)> = LazyLock::new(|| {
    let folder = tempfile::Builder::new().prefix("agent-os-fuzz-").tempdir().expect("a temporary folder").keep();
    let log = Log::open(&folder, Options { keys: Keys::given(SigningKey::from_seed(&[7; 32])), ..Options::new(Durability::Written, Value::Null) }).expect("a new log");
    log.close().expect("a closed log");
    let segment = fs::read_dir(folder.join("segments")).expect("segments").flatten().next().expect("a segment").path();
    let bytes = fs::read(&segment).expect("readable");
    assert!(verify(&folder).ok());
    (folder, segment, bytes)
});

// The input is a list of (place, byte) changes: libFuzzer would rarely hit upon a whole segment with its checksums.
fuzz_target!(|changes: Vec<(u16, u8)>| {
    let (folder, segment, written) = &*WRITTEN;
    let mut bytes = written.clone();
    for (place, byte) in changes {
        let place = usize::from(place) % (bytes.len() + 1);
        match bytes.get_mut(place) {
            Some(old) => *old = byte,
            // Zeros after the last entry are space that is allocated ahead, so they are no change.
            None => bytes.push(byte | 1),
        }
    }
    fs::write(segment, &bytes).expect("writable");
    assert_eq!(verify(folder).ok(), bytes == *written);
});
