//! What one append costs: `cargo run --release -p agent-os-log --example append_cost [directory]`.
//!
//! Measures entries of about 400 bytes, built by copying a prepared text, so that the figures are the log's own. Warm;
//! the median, the 99th percentile and the mean of 200,000 appends per mode, one thread, in nanoseconds.

use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use agent_os_log::{Durability, Keys, Log, Options, Stamp};

const ROUNDS: usize = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add `--release`".into());
    }
    let scratch = tempfile::tempdir()?;
    let dir = std::env::args().nth(1).map_or_else(|| scratch.path().join("log"), PathBuf::from);
    let memory = Log::memory(Options::new(Durability::Memory, true.into()))?;
    let keys = Keys::in_folder(&scratch.path().join("keys"));
    let written = Log::open(&dir, Options { keys, ..Options::new(Durability::Written, true.into()) })?;
    println!("entry: {} bytes; written: {}", text(&Stamp { seq: 0, log: memory.id(), micros: 0 }).len(), dir.display());
    println!("{:<28} {:>8} {:>8} {:>8}", "", "p50", "p99", "mean");
    for (mode, log) in [("memory", &memory), ("written", &written)] {
        measure(&format!("{mode}: append"), || {
            let prepared = text(&Stamp { seq: 0, log: log.id(), micros: 0 });
            move || log.append(&mut |_, entry| entry.extend_from_slice(&prepared)).map(drop)
        })?;
        measure(&format!("{mode}: intent + outcome"), || {
            let prepared = text(&Stamp { seq: 0, log: log.id(), micros: 0 });
            move || {
                let reservation = log.append_intent(&mut |_, entry| entry.extend_from_slice(&prepared))?;
                log.append_outcome(reservation, &mut |_, entry| entry.extend_from_slice(&prepared)).map(drop)
            }
        })?;
        measure(&format!("{mode}: salted digest"), || {
            move || {
                black_box(log.salted_digest(black_box(&[b'x'; 200])));
                Ok(())
            }
        })?;
    }
    Ok(())
}

fn measure<R>(what: &str, prepare: impl Fn() -> R) -> Result<(), Box<dyn Error>>
where
    R: FnMut() -> Result<(), agent_os_log::LogError>,
{
    let mut run = prepare();
    for _ in 0..ROUNDS / 10 {
        run()?;
    }
    let mut times = Vec::with_capacity(ROUNDS);
    let began = Instant::now();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_nanos());
    }
    let mean = began.elapsed().as_nanos() / ROUNDS as u128;
    times.sort_unstable();
    let at = |share: usize| times.get(ROUNDS * share / 100).copied().unwrap_or_default();
    println!("{what:<28} {:>8} {:>8} {mean:>8}", at(50), at(99));
    Ok(())
}

fn text(stamp: &Stamp<'_>) -> Vec<u8> {
    let (log, seq, time) = (stamp.log, stamp.seq, stamp.micros);
    let action = "payments.send".repeat(23);
    format!(r#"{{"action":"{action}","kind":"note","log":"{log}","seq":{seq},"time":{time}}}"#).into_bytes()
}
