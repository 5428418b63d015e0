//! How much memory a log takes while it grows: `cargo run --release -p agent-os-log --example growth [entries] [directory]`.
//!
//! Entries are appended with `written`, and every tenth of them the resident memory is read. One line of JSON.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use agent_os_log::{Durability, Keys, Log, Options, Stamp};

fn main() -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add `--release`".into());
    }
    let scratch = tempfile::tempdir()?;
    let mut arguments = std::env::args().skip(1);
    let entries: u64 = arguments.next().map_or(Ok(10_000_000), |count| count.parse())?;
    let dir = arguments.next().map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    let options = Options {
        keys: Keys::in_folder(&dir.join("growth.keys")),
        ..Options::new(Durability::Written, "growth".into())
    };
    let log = Log::open(&dir.join("growth"), options)?;
    let (began, mut tenths) = (Instant::now(), Vec::new());
    for _ in 0..10 {
        for _ in 0..entries / 10 {
            log.append(&mut entry)?;
        }
        tenths.push(resident()?);
    }
    let seconds = began.elapsed().as_secs_f64();
    log.close()?;
    let (Some(first), Some(last)) = (tenths.first(), tenths.last()) else { return Ok(()) };
    let most = tenths.iter().copied().fold(0.0, f64::max);
    println!(
        "{{\"what\":\"written, {entries} appends, memory\",\"after_a_tenth_mb\":{first:.1},\"after_all_mb\":{last:.1},\
         \"most_mb\":{most:.1},\"seconds\":{seconds:.1}}}"
    );
    Ok(())
}

fn entry(stamp: &Stamp<'_>, out: &mut Vec<u8>) {
    let (log, seq, time) = (stamp.log, stamp.seq, stamp.micros);
    out.extend(
        format!(
            r#"{{"action":"mail.read","agent":"clerk","kind":"note","log":"{log}","pid":1,"seq":{seq},"time":{time}}}"#
        )
        .bytes(),
    );
}

/// Megabytes of this process that are in memory.
fn resident() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no `VmRSS` in /proc/self/status")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1_024.0 / 1e6)
}
