//! What a log promises to those who append to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use agent_os_core::audit::tree::{leaf_hash, root_of};
use agent_os_core::value::Value;
use agent_os_log::{Durability, ENTRY_MAX, Log, OUTCOME_MAX, Options, Reader, verify};
use support::sim_disk::SimDisk;
use support::{assert_whole, entries, entry, field, intent, note, outcome, quiet, raw, scratch, written};

fn memory() -> Log {
    Log::memory(Options::new(Durability::Memory, "test".into())).unwrap()
}

fn seq(entry: &[u8]) -> Value {
    field(entry, "seq")
}

#[test]
fn a_log_in_memory_has_the_same_entries_numbers_and_tree_as_one_on_disk() {
    let folder = scratch();
    for log in [memory(), Log::open(&folder.path().join("log"), quiet()).unwrap()] {
        assert_eq!(note(&log, "a").unwrap(), 1);
        let reservation = intent(&log).unwrap();
        assert_eq!(reservation.seq(), 2);
        assert_eq!(outcome(&log, reservation, 3).unwrap(), 3);
        let entries = entries(&log);
        assert_eq!(log.size(), 4);
        assert_eq!(
            entries.iter().map(|entry| seq(entry)).collect::<Vec<_>>(),
            (0..4).map(Value::from).collect::<Vec<_>>()
        );
        assert_eq!(log.root(), root_of(&entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>()));
        assert_eq!(field(&entries[0], "kind"), "log.created".into());
        assert_eq!(field(&entries[0], "meta"), "test".into());
        assert!(entries.iter().all(|entry| field(entry, "log") == log.id().into()));
    }
}

#[test]
fn sixty_four_threads_get_dense_numbers_and_a_log_that_verifies() {
    let folder = scratch();
    let dir = folder.path().join("log");
    let options = Options { segment_bytes: 64 << 10, ..written("test") };
    let log = Log::open(&dir, options).unwrap();
    let numbers: Vec<u64> = thread::scope(|scope| {
        let work = |worker: usize| {
            let log = &log;
            move || {
                let mut numbers = Vec::new();
                for round in 0..20 {
                    let reservation = intent(log).unwrap();
                    numbers.push(reservation.seq());
                    numbers.push(note(log, &format!("{worker} {round}")).unwrap());
                    numbers.push(outcome(log, reservation, round).unwrap());
                }
                numbers
            }
        };
        let workers: Vec<_> = (0..64).map(|worker| scope.spawn(work(worker))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), (1..=3_840).collect());
    assert_eq!(numbers.len(), 3_840);
    log.close().unwrap();
    let report = verify(&dir);
    assert_whole(&report);
    assert_eq!((report.entries, report.root, report.closed), (3_842, log.root(), true));
    assert!(report.unfinished.is_empty());
}

#[test]
fn an_entry_that_is_too_large_or_empty_is_refused_and_the_log_goes_on() {
    let log = memory();
    assert_eq!(raw(&log, &vec![b'x'; ENTRY_MAX + 1]).unwrap_err().code(), "entry_too_large");
    assert_eq!(raw(&log, b"").unwrap_err().code(), "entry_empty");
    let reservation = intent(&log).unwrap();
    assert_eq!(outcome(&log, reservation, OUTCOME_MAX).unwrap_err().code(), "outcome_too_large");
    assert_eq!(raw(&log, &vec![b'x'; ENTRY_MAX]).unwrap(), 2);
}

#[test]
fn an_outcome_belongs_to_the_log_of_its_intent() {
    let (one, other) = (memory(), memory());
    let reservation = intent(&one).unwrap();
    assert_eq!(outcome(&other, reservation, 0).unwrap_err().code(), "wrong_reservation");
    assert_eq!(other.size(), 1);
}

#[test]
fn a_panic_while_an_entry_is_built_stops_the_log() {
    let log = memory();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| log.append(&mut |_, _| panic!("boom"))));
    assert!(caught.is_err());
    let error = note(&log, "after").unwrap_err();
    assert_eq!((error.code(), error.cause().code()), ("log_stopped", "builder_panicked"));
    assert_eq!(log.state().unwrap_err().code(), "log_stopped");
    assert_eq!(log.size(), 1);
}

#[test]
fn a_closed_log_accepts_nothing_and_can_be_opened_again() {
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    log.close().unwrap();
    log.close().unwrap();
    assert_eq!(note(&log, "late").unwrap_err().code(), "log_closed");
    assert_eq!(intent(&log).unwrap_err().code(), "log_closed");
    assert_eq!(log.put_payload(b"late").unwrap_err().code(), "log_closed");
    let again = Log::open(folder.path(), quiet()).unwrap();
    assert_eq!(again.id(), log.id());
    let kinds: Vec<_> = entries(&again).iter().map(|entry| field(entry, "kind")).collect();
    assert_eq!(kinds, ["log.created", "log.closed", "log.opened"].map(Value::from));
}

#[test]
fn dropping_a_log_closes_it() {
    let folder = scratch();
    drop(Log::open(folder.path(), quiet()).unwrap());
    let report = verify(folder.path());
    assert_whole(&report);
    assert!(report.closed);
}

#[test]
fn a_log_has_one_writer() {
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    let error = Log::open(folder.path(), quiet()).unwrap_err();
    assert_eq!(error.code(), "log_locked");
    assert!(error.to_string().contains(&folder.path().display().to_string()));
    drop(log);
    Log::open(folder.path(), quiet()).unwrap();
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let folder = scratch();
    std::fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let error = Log::open(folder.path(), quiet()).unwrap_err();
    assert_eq!(error.code(), "not_a_log");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_is_not_supported_is_said_at_once() {
    let folder = scratch();
    let error = Log::open(folder.path(), Options::new(Durability::Memory, true.into())).unwrap_err();
    assert_eq!(error.code(), "not_supported");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn payloads_are_kept_under_their_hash_once() {
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    let sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for log in [&log, &memory()] {
        let reference = log.put_payload(b"abc").unwrap();
        assert_eq!((reference.hex().as_str(), reference.size), (sha256_of_abc, 3));
        assert_eq!(log.put_payload(b"abc").unwrap(), reference);
        assert_eq!(log.payload(sha256_of_abc).unwrap(), b"abc");
        for name in ["0".repeat(64).as_str(), "../salt", "../checkpoint", "", &sha256_of_abc.to_uppercase()] {
            assert_eq!(log.payload(name).unwrap_err().code(), "payload_unknown", "{name}");
        }
    }
    let file = folder.path().join("payloads").join(sha256_of_abc);
    std::fs::write(&file, b"abd").unwrap();
    assert_eq!(log.payload(sha256_of_abc).unwrap_err().code(), "log_damaged");
    drop(log);
    // A damaged file is not taken for the payload when the same bytes are stored again.
    Log::open(folder.path(), quiet()).unwrap().put_payload(b"abc").unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"abc");
}

#[test]
fn more_payloads_than_may_wait_for_the_sync_are_all_there() {
    let disk = SimDisk::new();
    let log = Log::open_on(Arc::new(disk.clone()), quiet()).unwrap();
    for number in 0..200_u32 {
        log.put_payload(&number.to_le_bytes()).unwrap();
    }
    let before = disk.syncs();
    assert!(before > 60, "payloads must not pile up unsynced");
    log.flush().unwrap();
    let lost = disk.after_power_loss(true, &mut |_| 0);
    let reader = Reader::open_on(Arc::new(lost)).unwrap();
    for number in 0..200_u32 {
        let name = log.put_payload(&number.to_le_bytes()).unwrap().hex();
        assert_eq!(reader.payload(&name).unwrap(), number.to_le_bytes());
    }
}

#[test]
fn the_salted_digest_is_hmac_sha256_under_the_salt_of_the_log() {
    use hmac::Mac;
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    let salt = std::fs::read(folder.path().join("salt")).unwrap();
    let mut expected = hmac::Hmac::<sha2::Sha256>::new_from_slice(&salt).unwrap();
    expected.update(b"secret");
    assert_eq!(log.salted_digest(b"secret"), <[u8; 32]>::from(expected.finalize().into_bytes()));
    assert_ne!(memory().salted_digest(b"secret"), memory().salted_digest(b"secret"));
}

#[test]
fn what_is_appended_is_synced_and_named_by_a_checkpoint_without_being_asked() {
    let folder = scratch();
    let options =
        Options { sync_every: Duration::from_millis(1), checkpoint_every: Duration::from_millis(1), ..written("test") };
    let log = Log::open(folder.path(), options).unwrap();
    note(&log, "a").unwrap();
    until(|| checkpoint_size(folder.path()) == "2");
}

#[test]
fn a_closed_log_leaves_the_disk_alone() {
    let disk = SimDisk::new();
    let options = Options { sync_every: Duration::ZERO, ..quiet() };
    let log = Log::open_on(Arc::new(disk.clone()), options).unwrap();
    note(&log, "a").unwrap();
    let before = disk.syncs();
    note(&log, "b").unwrap();
    disk.wait_for_syncs(before + 1);
    log.close().unwrap();
    let after = disk.operations();
    drop(log);
    assert_eq!(disk.operations(), after);
}

#[test]
fn a_sync_that_fails_in_the_background_stops_the_log() {
    let disk = SimDisk::new();
    let options = Options { sync_every: Duration::ZERO, ..quiet() };
    let log = Log::open_on(Arc::new(disk.clone()), options).unwrap();
    let reservation = intent(&log).unwrap();
    disk.fail_syncs();
    note(&log, "not on stable storage").ok();
    until(|| log.state().is_err());
    for error in [note(&log, "a").unwrap_err(), outcome(&log, reservation, 0).unwrap_err(), log.flush().unwrap_err()] {
        assert_eq!((error.code(), error.cause().code()), ("log_stopped", "io_failed"));
    }
    assert!(log.close().is_err());
}

#[test]
fn the_thread_ends_with_the_log() {
    let disk = Arc::new(SimDisk::new());
    let log = Log::open_on(Arc::<SimDisk>::clone(&disk), quiet()).unwrap();
    note(&log, "a").unwrap();
    drop(log);
    until(|| Arc::strong_count(&disk) == 1);
}

#[test]
fn the_stamp_is_the_entrys_own() {
    let log = memory();
    let mut seen = None;
    log.append(&mut |stamp, out| {
        seen = Some((stamp.seq, stamp.log.to_owned(), stamp.micros));
        out.extend(entry(stamp, "note", &[]));
    })
    .unwrap();
    let (seq, id, micros) = seen.unwrap();
    assert_eq!((seq, id.as_str()), (1, log.id()));
    let since = std::time::UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap());
    assert!(since.elapsed().unwrap() < Duration::from_secs(60));
}

fn checkpoint_size(dir: &Path) -> String {
    let checkpoint = std::fs::read_to_string(dir.join("checkpoint")).unwrap();
    checkpoint.lines().nth(1).unwrap().to_owned()
}

/// Waits until something that happens on another thread is true.
fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "it did not happen");
        thread::yield_now();
    }
}

#[test]
fn with_commit_an_entry_is_on_stable_storage_when_its_append_returns() {
    let disk = SimDisk::new();
    let log = Log::open_on(Arc::new(disk.clone()), Options { durability: Durability::Commit, ..quiet() }).unwrap();
    let before = disk.syncs();
    note(&log, "a").unwrap();
    assert_eq!(disk.syncs(), before + 1);
    let reservation = intent(&log).unwrap();
    outcome(&log, reservation, 5).unwrap();
    assert_eq!(disk.syncs(), before + 3);
    let stable = disk.after_power_loss(true, &mut |_| 0);
    assert_eq!(entries(&Log::open_on(Arc::new(stable), quiet()).unwrap()).len(), 5);
    // Nothing is synced twice.
    log.settle(log.size()).unwrap();
    assert!(log.is_settled(log.size()) && !log.is_settled(log.size() + 1));
    assert_eq!(disk.syncs(), before + 3);
}

#[test]
fn those_who_wait_share_a_sync() {
    let disk = SimDisk::new();
    let log = Log::open_on(Arc::new(disk.clone()), Options { durability: Durability::Commit, ..quiet() }).unwrap();
    let before = disk.syncs();
    disk.slow_syncs(Duration::from_millis(20));
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| note(&log, "x").unwrap());
        }
    });
    // All 32 took at most a few syncs: the first one, and those for who came meanwhile.
    assert!(disk.syncs() - before <= 8, "{}", disk.syncs() - before);
}

#[test]
fn a_sync_that_fails_acknowledges_nothing_and_stops_the_log() {
    let disk = SimDisk::new();
    let log = Log::open_on(Arc::new(disk.clone()), Options { durability: Durability::Commit, ..quiet() }).unwrap();
    disk.fail_syncs();
    for error in [note(&log, "a").unwrap_err(), intent(&log).unwrap_err(), log.settle(2).unwrap_err()] {
        assert!(error.to_string().contains("sync"), "{error}");
    }
    assert!(!log.is_settled(2) && log.state().is_err());
    // What was on stable storage before still counts as settled.
    log.settle(1).unwrap();
}
