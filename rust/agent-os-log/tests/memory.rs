//! A log on disk takes no more memory the more is in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg(target_os = "linux")]

mod support;

use agent_os_log::{Log, Options};
use support::{note, scratch, written};

/// Kilobytes of this process that are in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[ignore = "a million appends; `make test-slow` runs it"]
fn a_million_entries_take_no_more_memory_than_the_first_fifty_thousand() {
    let folder = scratch();
    let log = Log::open(&folder.path().join("log"), Options { segment_bytes: 8 << 20, ..written("test") }).unwrap();
    let mut early = 0;
    for count in 0..1_000_000_u32 {
        note(&log, "the same").unwrap();
        if count == 50_000 {
            early = resident();
        }
    }
    let grown = resident().saturating_sub(early);
    assert!(grown < 4_096, "{grown} kB more for 950,000 entries more");
    log.close().unwrap();
}
