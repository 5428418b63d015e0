//! What is left of a log after a crash, and what opening it makes of that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_os_core::value::Value;
use agent_os_log::{Log, LogError, Options, verify};
use proptest::prelude::*;
use support::sim_disk::{Fault, SimDisk};
use support::{assert_whole, copy, entries, field, intent, note, outcome, quiet, scratch};

const HEADER: usize = 36;

/// A log as it is while it is written, never synced: its checkpoint names entry 0 only.
struct Unfinished {
    folder: tempfile::TempDir,
    entries: Vec<Vec<u8>>,
}

impl Unfinished {
    fn new(segment_bytes: u64, flush: bool) -> Self {
        let folder = scratch();
        let (writing, left) = (folder.path().join("writing"), folder.path().join("left"));
        let log = Log::open(&writing, Options { segment_bytes, ..quiet() }).unwrap();
        for round in 0..3 {
            note(&log, &"é\u{0}".repeat(round)).unwrap();
            let reservation = intent(&log).unwrap();
            outcome(&log, reservation, 10 * round).unwrap();
        }
        if flush {
            log.flush().unwrap();
        }
        copy(&writing, &left);
        let entries = entries(&log);
        Self { folder, entries }
    }

    fn left(&self) -> PathBuf {
        self.folder.path().join("left")
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            fs::read_dir(self.left().join("segments")).unwrap().map(|item| item.unwrap().path()).collect();
        files.sort();
        files
    }

    /// A copy in which one file has another content.
    fn changed(&self, name: &Path, file: &Path, content: &[u8]) -> PathBuf {
        let dir = self.folder.path().join(name);
        let _ = fs::remove_dir_all(&dir);
        copy(&self.left(), &dir);
        fs::write(dir.join(file.strip_prefix(self.left()).unwrap()), content).unwrap();
        dir
    }
}

/// Where the frames of a segment end that begins with these entries.
fn ends(entries: &[Vec<u8>]) -> Vec<usize> {
    let mut end = HEADER;
    entries
        .iter()
        .map(|entry| {
            end += 8 + entry.len();
            end
        })
        .collect()
}

#[test]
fn cut_anywhere_a_log_keeps_every_whole_entry_and_says_what_was_dropped() {
    let unfinished = Unfinished::new(1 << 20, false);
    let [file] = &unfinished.segments()[..] else { panic!("one segment was expected") };
    let bytes = fs::read(file).unwrap();
    let ends = ends(&unfinished.entries);
    assert_eq!(bytes.len(), *ends.last().unwrap());
    for cut in 0..bytes.len() {
        let dir = unfinished.changed(Path::new("cut"), file, &bytes[..cut]);
        let survivors = ends.iter().filter(|end| **end <= cut).count();
        let opened = Log::open(&dir, quiet());
        if cut < HEADER || survivors == 0 {
            // The checkpoint names entry 0, so a log without it is damaged, not new.
            assert_eq!(opened.unwrap_err().code(), "log_damaged", "cut at {cut}");
            continue;
        }
        let log = opened.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        let found = entries(&log);
        assert_eq!(found[..survivors], unfinished.entries[..survivors], "cut at {cut}");
        assert_eq!(found.len(), survivors + 1, "cut at {cut}");
        let dropped = &bytes[ends[survivors - 1]..cut];
        let dropped = dropped.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let said = &found[survivors];
        assert_eq!(field(said, "kind"), "log.recovered".into());
        assert_eq!(field(said, "at"), i64::try_from(survivors).unwrap().into());
        assert_eq!(field(said, "dropped_bytes"), i64::try_from(dropped).unwrap().into(), "cut at {cut}");
        assert_eq!(field(said, "meta"), "test".into());
        log.close().unwrap();
        let report = verify(&dir);
        assert_whole(&report);
        assert_eq!(report.entries as usize, survivors + 2);
    }
}

#[test]
fn a_log_that_is_shorter_than_its_checkpoint_says_is_not_opened() {
    let unfinished = Unfinished::new(1 << 20, true);
    let [file] = &unfinished.segments()[..] else { panic!("one segment was expected") };
    let bytes = fs::read(file).unwrap();
    for cut in ends(&unfinished.entries[..unfinished.entries.len() - 1]) {
        let dir = unfinished.changed(Path::new("cut"), file, &bytes[..cut]);
        let error = Log::open(&dir, quiet()).unwrap_err();
        assert!(matches!(&error, LogError::Damaged { path, .. } if path.ends_with("checkpoint")), "{error}");
        assert!(!verify(&dir).ok());
    }
}

#[test]
fn damage_that_no_crash_explains_is_not_opened_and_nothing_is_changed() {
    for segment_bytes in [1 << 20, 400] {
        // The checkpoint names every entry: all of them were on stable storage.
        let unfinished = Unfinished::new(segment_bytes, true);
        for file in unfinished.segments() {
            let bytes = fs::read(&file).unwrap();
            let changed_dir = unfinished.changed(Path::new("flipped"), &file, &bytes);
            let changed_file = changed_dir.join("segments").join(file.file_name().unwrap());
            for (at, bit) in (0..bytes.len()).flat_map(|at| [(at, 1_u8), (at, 0x80)]) {
                let mut changed = bytes.clone();
                changed[at] ^= bit;
                fs::write(&changed_file, &changed).unwrap();
                let error = Log::open(&changed_dir, quiet()).unwrap_err();
                let LogError::Damaged { path, offset, .. } = &error else { panic!("{at}: {error}") };
                // The very last entry is missing then, as the checkpoint knows.
                let place = if Path::new(path).ends_with("checkpoint") { 0 } else { at as u64 };
                assert!(*offset <= place, "{at}: {error}");
                assert_eq!(fs::read(&changed_file).unwrap(), changed, "evidence was changed");
            }
        }
    }
}

#[test]
fn damage_in_an_earlier_segment_is_not_opened_whatever_the_checkpoint_names() {
    let unfinished = Unfinished::new(400, false);
    let segments = unfinished.segments();
    for file in &segments[..segments.len() - 1] {
        let mut bytes = fs::read(file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let dir = unfinished.changed(Path::new("flipped"), file, &bytes);
        assert_eq!(Log::open(&dir, quiet()).unwrap_err().code(), "log_damaged");
    }
}

#[test]
fn what_power_left_behind_a_broken_frame_is_set_aside_and_told() {
    let unfinished = Unfinished::new(1 << 20, false);
    let [file] = &unfinished.segments()[..] else { panic!("one segment was expected") };
    let (bytes, ends) = (fs::read(file).unwrap(), ends(&unfinished.entries));
    for (broken, from) in ends[..ends.len() - 2].iter().enumerate() {
        // A byte of the entry after those that are left.
        let mut changed = bytes.clone();
        changed[from + 9] ^= 1;
        let dir = unfinished.changed(Path::new("lost power"), file, &changed);
        let log = Log::open(&dir, quiet()).unwrap();
        let found = entries(&log);
        let whole = broken + 1;
        assert_eq!(found[..whole], unfinished.entries[..whole]);
        let told = &found[whole];
        assert_eq!(field(told, "kind"), "log.recovered".into());
        assert_eq!(field(told, "at"), i64::try_from(whole).unwrap().into());
        assert_eq!(field(told, "dropped_bytes"), i64::try_from(bytes.len() - from).unwrap().into());
        let aside = dir.join(format!("dropped/{whole:020}"));
        assert_eq!(fs::read(&aside).unwrap(), changed[*from..]);
        log.close().unwrap();
        assert_whole(&verify(&dir));
        // What was set aside is evidence, too.
        fs::write(&aside, "else").unwrap();
        assert!(verify(&dir).problems[0].what.contains("set aside"));
        fs::remove_file(&aside).unwrap();
        assert!(!verify(&dir).ok());
    }
}

#[test]
fn what_was_set_aside_is_told_also_by_the_writer_after_one_that_died_before_it_could() {
    let unfinished = Unfinished::new(1 << 20, false);
    let [file] = &unfinished.segments()[..] else { panic!("one segment was expected") };
    let ends = ends(&unfinished.entries);
    let bytes = fs::read(file).unwrap();
    let dir = unfinished.changed(Path::new("cut"), file, &bytes[..ends[3]]);
    fs::create_dir(dir.join("dropped")).unwrap();
    fs::write(dir.join("dropped/00000000000000000004"), "what was cut").unwrap();
    fs::write(dir.join("dropped/00000000000000000009.new"), "half").unwrap();
    let log = Log::open(&dir, quiet()).unwrap();
    let told = entries(&log).pop().unwrap();
    assert_eq!(field(&told, "dropped_bytes"), 12.into());
    log.close().unwrap();
    let report = verify(&dir);
    assert_whole(&report);
    assert!(report.strays.is_empty());
}

#[test]
fn a_missing_segment_checkpoint_or_salt_is_damage() {
    let unfinished = Unfinished::new(400, true);
    assert!(unfinished.segments().len() > 2);
    for segment in unfinished.segments() {
        let dir = unfinished.changed(Path::new("without"), &segment, b"");
        fs::remove_file(dir.join("segments").join(segment.file_name().unwrap())).unwrap();
        assert_eq!(Log::open(&dir, quiet()).unwrap_err().code(), "log_damaged");
    }
    for (file, code) in [("checkpoint", "log_damaged"), ("salt", "io_failed")] {
        let dir = unfinished.changed(Path::new("without"), &unfinished.left().join(file), b"");
        assert_eq!(Log::open(&dir, quiet()).unwrap_err().code(), "log_damaged", "empty {file}");
        fs::remove_file(dir.join(file)).unwrap();
        assert_eq!(Log::open(&dir, quiet()).unwrap_err().code(), code, "no {file}");
    }
    let dir = unfinished.changed(Path::new("salted"), &unfinished.left().join("salt"), &[7; 32]);
    let error = Log::open(&dir, quiet()).unwrap_err();
    assert!(matches!(&error, LogError::Damaged { path, .. } if path.ends_with("salt")), "{error}");
}

#[test]
fn zeros_after_the_last_entry_and_unfinished_files_are_no_damage() {
    let unfinished = Unfinished::new(1 << 20, false);
    let [file] = &unfinished.segments()[..] else { panic!("one segment was expected") };
    let mut bytes = fs::read(file).unwrap();
    bytes.resize(bytes.len() + 10_000, 0);
    let dir = unfinished.changed(Path::new("zeros"), file, &bytes);
    for leftover in ["checkpoint.new", "segments/00000000000000000099.seg.new", "payloads/aa.new"] {
        fs::write(dir.join(leftover), "half").unwrap();
    }
    let report = verify(&dir);
    assert_whole(&report);
    assert_eq!(report.strays.len(), 3);
    let log = Log::open(&dir, quiet()).unwrap();
    assert_eq!(field(entries(&log).last().unwrap(), "dropped_bytes"), 0.into());
    log.close().unwrap();
    let report = verify(&dir);
    assert_whole(&report);
    assert!(report.strays.is_empty());
}

#[test]
fn an_intent_that_a_crash_left_without_an_outcome_stays_visible() {
    let folder = scratch();
    let (writing, left) = (folder.path().join("writing"), folder.path().join("left"));
    let log = Log::open(&writing, quiet()).unwrap();
    let (first, second) = (intent(&log).unwrap(), intent(&log).unwrap());
    let unfinished = second.seq();
    outcome(&log, first, 0).unwrap();
    copy(&writing, &left);
    drop(second);
    assert_eq!(verify(&left).unfinished, [unfinished]);
    Log::open(&left, quiet()).unwrap().close().unwrap();
    let report = verify(&left);
    assert_whole(&report);
    assert_eq!(report.unfinished, [unfinished]);
}

/// Appends through rotations, flushes and payloads; gives the acknowledged entries as the log holds them.
fn work(disk: &SimDisk) -> (Vec<Vec<u8>>, Result<(), LogError>) {
    let mut acknowledged = Vec::new();
    let worked = (|| {
        let log = Log::open_on(Arc::new(disk.clone()), Options { segment_bytes: 500, ..quiet() })?;
        let mut open = Vec::new();
        let answer = (|| {
            for round in 0..4_usize {
                note(&log, &"n".repeat(round * 20))?;
                acknowledged.push(());
                log.put_payload(format!("payload {round}").as_bytes())?;
                open.push(intent(&log)?);
                acknowledged.push(());
                if round % 2 == 1 {
                    for reservation in open.drain(..) {
                        outcome(&log, reservation, round)?;
                        acknowledged.push(());
                    }
                    log.flush()?;
                }
            }
            Ok(())
        })();
        if let Err(error) = &answer {
            // Failing closed: nothing is accepted after the first failure, and the first cause is said.
            for later in [note(&log, "later").unwrap_err(), intent(&log).unwrap_err(), log.state().unwrap_err()] {
                let (error, later): (&LogError, _) = (error, later);
                assert_eq!(later.cause().to_string(), error.cause().to_string());
            }
            drop(log);
            return answer;
        }
        log.close()
    })();
    // What was acknowledged is read from the files as they were seen by the writer.
    let folder = scratch();
    disk.after_crash().export(folder.path());
    let found = agent_os_log::Reader::open(folder.path())
        .and_then(|reader| reader.read_from(0))
        .map(|entries| entries.map_while(Result::ok).map(|(_, entry)| entry).collect::<Vec<_>>());
    let count = acknowledged.len();
    let found = found.unwrap_or_default();
    assert!(found.len() >= count + usize::from(count > 0), "an acknowledged entry is not in the files");
    (found.into_iter().take(count + 1).collect(), worked)
}

#[test]
fn whatever_operation_fails_acknowledged_entries_survive_and_nothing_else_is_accepted() {
    let whole = SimDisk::new();
    let (expected, worked) = work(&whole);
    worked.unwrap();
    let operations = whole.operations();
    assert!(operations > 60, "{operations}");
    for at in 0..operations {
        for fault in [Fault::Io, Fault::Full, Fault::Torn(0), Fault::Torn(13)] {
            let disk = SimDisk::new();
            disk.fail_at(at, fault);
            let (acknowledged, worked) = work(&disk);
            let after = disk.after_crash();
            let log = Log::open_on(Arc::new(after.clone()), quiet())
                .unwrap_or_else(|error| panic!("{fault:?} at {at}: {error}"));
            let found = entries(&log);
            assert!(found.starts_with(&acknowledged), "{fault:?} at {at}");
            // One entry may have been written whole although its append failed; then comes what opening adds.
            let kinds: Vec<Value> = found[acknowledged.len()..].iter().map(|entry| field(entry, "kind")).collect();
            let own = |kind: &Value| kind.as_text().is_some_and(|kind| kind.starts_with("log."));
            let others = kinds.iter().filter(|kind| !own(kind)).count();
            assert!(others <= 1, "{fault:?} at {at}: {kinds:?}");
            assert!(acknowledged.len() <= expected.len() && (worked.is_err() || others == 0));
            log.close().unwrap();
            let folder = scratch();
            after.export(folder.path());
            assert_whole(&verify(folder.path()));
        }
    }
}

/// Some work on a disk without flushing at the end: the number of entries that were flushed, and all entries.
fn unflushed(disk: &SimDisk, rounds: usize, flush_after: usize) -> (usize, Vec<Vec<u8>>, Log) {
    let log = Log::open_on(Arc::new(disk.clone()), Options { segment_bytes: 700, ..quiet() }).unwrap();
    let mut flushed = 1;
    for round in 0..rounds {
        let reservation = intent(&log).unwrap();
        outcome(&log, reservation, round * 7).unwrap();
        if round == flush_after {
            log.flush().unwrap();
            flushed = usize::try_from(log.size()).unwrap();
        }
    }
    let entries = entries(&log);
    (flushed, entries, log)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn after_a_power_loss_in_order_what_was_flushed_is_there_and_nothing_that_was_not_written(
        rounds in 1..12_usize, flush_after in 0..12_usize, choices in prop::collection::vec(any::<usize>(), 64),
    ) {
        let disk = SimDisk::new();
        let (flushed, before, _log) = unflushed(&disk, rounds, flush_after);
        let mut choices = choices.into_iter().cycle();
        let after = disk.after_power_loss(true, &mut |count| choices.next().unwrap_or(0) % count);
        let log = Log::open_on(Arc::new(after), quiet()).unwrap();
        let found = entries(&log);
        let kept = found.len() - 1;
        prop_assert!(kept >= flushed, "{kept} of {flushed} flushed entries are left");
        prop_assert_eq!(&found[..kept], &before[..kept]);
        prop_assert_eq!(field(&found[kept], "kind"), Value::from("log.recovered"));
    }
}
