//! A disk that is full: no new intent is accepted, and every intent that was accepted gets its outcome.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use agent_os_log::{Log, LogError, OUTCOME_MAX, Options, Reservation, verify};
use support::sim_disk::SimDisk;
use support::{assert_whole, entries, entry, field, intent, note, quiet, scratch};

/// Appends an outcome that is exactly as large as it may be, or larger.
fn largest_outcome(log: &Log, reservation: Reservation, beyond: usize) -> Result<u64, LogError> {
    let intent = i64::try_from(reservation.seq()).unwrap();
    log.append_outcome(reservation, &mut |stamp, out| {
        let with = |text: &str| entry(stamp, "outcome", &[("intent", intent.into()), ("text", text.into())]);
        out.extend(with(&"x".repeat(OUTCOME_MAX + beyond - with("").len())));
    })
}

/// Appends intents until the disk is full.
fn fill(log: &Log) -> (Vec<Reservation>, LogError) {
    let mut accepted = Vec::new();
    loop {
        match intent(log) {
            Ok(reservation) => accepted.push(reservation),
            Err(error) => return (accepted, error),
        }
    }
}

/// Fills the log, and records the outcome of everything that was accepted.
fn fill_and_finish(log: &Log) -> u64 {
    let (accepted, error) = fill(log);
    assert_eq!(error.code(), "disk_full", "{error}");
    assert!(accepted.len() > 20, "{}", accepted.len());
    let size = log.size();
    for refused in [intent(log).map(drop), note(log, "a").map(drop), log.state()] {
        assert_eq!(refused.unwrap_err().to_string(), error.to_string());
    }
    assert_eq!(log.size(), size);
    for reservation in accepted {
        largest_outcome(log, reservation, 0).unwrap();
    }
    size
}

#[test]
fn outcomes_fit_on_a_full_simulated_disk_in_every_segment_size() {
    for segment_bytes in [64 << 20, 100_000, 3_000] {
        for capacity in (200_000..206_000).step_by(1_013) {
            let disk = SimDisk::with_capacity(capacity);
            let options = Options { segment_bytes, ..quiet() };
            let log = Log::open_on(Arc::new(disk.clone()), options).unwrap();
            fill_and_finish(&log);
            // The new checkpoint may not fit; the entry that closes the log must.
            if let Err(error) = log.close() {
                assert_eq!(error.code(), "disk_full");
            }
            let folder = scratch();
            disk.export(folder.path());
            let report = verify(folder.path());
            assert_whole(&report);
            assert!(report.unfinished.is_empty() && report.closed);
        }
    }
}

#[test]
fn the_largest_outcome_has_exactly_the_size_that_was_promised() {
    let log = Log::open_on(Arc::new(SimDisk::new()), quiet()).unwrap();
    let seq = largest_outcome(&log, intent(&log).unwrap(), 0).unwrap();
    assert_eq!(log.read_from(seq).unwrap().next().unwrap().unwrap().1.len(), OUTCOME_MAX);
    assert_eq!(largest_outcome(&log, intent(&log).unwrap(), 1).unwrap_err().code(), "outcome_too_large");
}

#[test]
fn an_intent_that_is_given_up_makes_room_for_others() {
    let disk = SimDisk::with_capacity(60_000);
    let log = Log::open_on(Arc::new(disk), quiet()).unwrap();
    for _ in 0..200 {
        drop(intent(&log).unwrap());
    }
}

#[test]
fn a_payload_that_does_not_fit_stops_new_intents_and_not_outcomes() {
    let disk = SimDisk::new();
    let log = Log::open_on(Arc::new(disk.clone()), quiet()).unwrap();
    let reservation = intent(&log).unwrap();
    disk.set_capacity(Some(2 << 20));
    assert_eq!(log.put_payload(&vec![1; 3 << 20]).unwrap_err().code(), "disk_full");
    assert_eq!(intent(&log).unwrap_err().code(), "disk_full");
    largest_outcome(&log, reservation, 0).unwrap();
    log.close().unwrap();
}

#[test]
fn a_log_is_not_made_where_there_is_no_space_and_can_be_made_later() {
    for capacity in 0..800 {
        let disk = SimDisk::with_capacity(capacity);
        let error = match Log::open_on(Arc::new(disk.clone()), quiet()) {
            Ok(_) => continue,
            Err(error) => error,
        };
        assert_eq!(error.code(), "disk_full", "{error}");
        disk.set_capacity(None);
        let log = Log::open_on(Arc::new(disk.clone()), quiet()).unwrap();
        assert_eq!(field(&entries(&log)[0], "kind"), "log.created".into());
        log.close().unwrap();
        let folder = scratch();
        disk.export(folder.path());
        assert_whole(&verify(folder.path()));
    }
}

/// A small file system of its own, if this process may mount one.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { folder })
    }

    fn enlarge(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,size=8m"]).arg(self.folder.path());
        assert!(mount.status().unwrap().success());
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

/// Takes what is left of the file system.
fn take_the_rest(dir: &Path) {
    let mut filler = fs::File::create(dir.join("../filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[1; 4_096]).is_ok() {}
}

/// Whoever may mount must have mounted, where nobody reads what a test that passes says.
fn must_mount() -> bool {
    std::env::var_os("CI").is_some() && cfg!(target_os = "linux") && rustix::process::geteuid().is_root()
}

#[test]
fn outcomes_fit_on_a_full_real_disk() {
    let Some(disk) = SmallDisk::mount("2m") else {
        assert!(!must_mount(), "a tmpfs cannot be mounted; this must not pass unnoticed in CI");
        eprintln!("not run: this process may not mount a tmpfs; the simulated disk stands in for it");
        return;
    };
    let dir = disk.path();
    let log = Log::open(&dir, quiet()).unwrap();
    let (accepted, error) = fill(&log);
    assert_eq!(error.code(), "disk_full");
    take_the_rest(&dir);
    assert!(fs::write(dir.join("../more"), vec![1; 8_192]).is_err(), "the disk is not full");
    for reservation in accepted {
        largest_outcome(&log, reservation, 0).unwrap();
    }
    // The checkpoint has no space, and that is said; what was recorded is all there.
    let closed = log.close();
    if let Err(error) = &closed {
        assert_eq!(error.cause().code(), "disk_full");
    }
    let report = verify(&dir);
    assert_whole(&report);
    assert!(report.closed && report.unfinished.is_empty());
    disk.enlarge();
    let log = Log::open(&dir, quiet()).unwrap();
    log.append(&mut |stamp, out| out.extend(entry(stamp, "note", &[]))).unwrap();
    log.close().unwrap();
    assert_whole(&verify(&dir));
}

#[test]
fn a_full_real_disk_under_small_segments_loses_nothing_either() {
    let Some(disk) = SmallDisk::mount("1m") else {
        assert!(!must_mount(), "a tmpfs cannot be mounted; this must not pass unnoticed in CI");
        eprintln!("not run: this process may not mount a tmpfs; the simulated disk stands in for it");
        return;
    };
    let dir = disk.path();
    let log = Log::open(&dir, Options { segment_bytes: 30_000, ..quiet() }).unwrap();
    let (accepted, error) = fill(&log);
    assert_eq!(error.code(), "disk_full");
    take_the_rest(&dir);
    let seqs: Vec<u64> = accepted.iter().map(Reservation::seq).collect();
    for reservation in accepted {
        largest_outcome(&log, reservation, 0).unwrap();
    }
    drop(log);
    let report = verify(&dir);
    assert_whole(&report);
    assert!(report.unfinished.is_empty() && report.entries as usize > 2 * seqs.len());
}
