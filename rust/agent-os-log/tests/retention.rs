//! Old entries that were dropped: hashes stay in their places, so everything that was proved still is; and nobody drops
//! anything unnoticed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use agent_os_core::audit::tree::{leaf_hash, verify_consistency, verify_inclusion};
use agent_os_log::{Durability, Kept, Log, LogError, Options, Pins, Reader, Report, verify, verify_against};
use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};
use support::sim_disk::{Fault, SimDisk};
use support::{assert_whole, entries, entry, field, intent, note, outcome, quiet, scratch};

fn options() -> Options {
    Options { segment_bytes: 2_000, ..quiet() }
}

/// A log of several segments with intents, outcomes and a payload in an old one, and a checkpoint of its middle.
fn fill(log: &Log) -> Result<(), LogError> {
    let reference = log.put_payload(&[b'p'; 3_000])?;
    let mut text = Vec::new();
    reference.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    log.append(&mut |stamp, out| {
        let whole = String::from_utf8(entry(stamp, "note", &[("document", "@".into())])).unwrap();
        out.extend(whole.replace("\"@\"", &text).bytes());
    })?;
    let mut open = Vec::new();
    for number in 0..30 {
        note(log, &format!("note {number} {}", "x".repeat(150)))?;
        open.push(intent(log)?);
        if number % 2 == 0 {
            outcome(log, open.remove(0), 20)?;
        }
    }
    log.flush()?;
    for reservation in open {
        outcome(log, reservation, 20)?;
    }
    Ok(())
}

fn words(report: &Report) -> String {
    report.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
}

/// A log in a directory, what it said before, and a checkpoint of then.
fn kept(dir: &Path) -> (Vec<Vec<u8>>, String) {
    let log = Log::open(dir, options()).unwrap();
    fill(&log).unwrap();
    let (all, held) = (entries(&log), log.checkpoint().unwrap());
    log.close().unwrap();
    (all, held)
}

#[test]
fn what_was_dropped_is_gone_and_all_that_was_proved_is_proved_still() {
    let folder = scratch();
    let dir = folder.path().join("log");
    let (all, held) = kept(&dir);
    let half = all.len() as u64 / 2;
    let proof = Reader::open(&dir).unwrap().prove_inclusion(3, Some(all.len() as u64)).unwrap();
    let log = Log::open(&dir, options()).unwrap();
    let planned = Reader::open(&dir).unwrap().would_retain(half).unwrap().unwrap();
    assert_eq!((planned.seq, log.size()), (None, all.len() as u64 + 2), "only asked");
    let done = log.retain(half).unwrap().unwrap();
    assert_eq!((done.to, done.dropped, done.bytes), (planned.to, planned.dropped, planned.bytes));
    assert!(done.to <= half && done.to > half / 2 && done.dropped == done.to - 1);
    assert_eq!(log.retain(half).unwrap(), None);
    log.close().unwrap();

    let bytes: Vec<u8> = support::files(&dir).iter().flat_map(|name| fs::read(dir.join(name)).unwrap()).collect();
    assert!(!bytes.windows(7).any(|part| part == b"note 0 ") && !bytes.windows(99).any(|part| part == [b'p'; 99]));
    let report =
        verify_against(&dir, &Pins { checkpoints: vec![("held".to_owned(), held.into_bytes())], ..Pins::default() });
    assert_whole(&report);
    assert_eq!((report.dropped, report.held), (done.dropped, Some(all.len() as u64)));
    // What is left is read with the numbers that it had, and every entry is proved, also one of which only the hash is left.
    let reader = Reader::open(&dir).unwrap();
    let left: Vec<(u64, Vec<u8>)> = reader.read_from(0).unwrap().map(Result::unwrap).collect();
    assert_eq!(left[0].0, 0);
    assert_eq!(left[1].0, done.to);
    for (seq, bytes) in left.iter().filter(|(seq, _)| *seq < all.len() as u64) {
        assert_eq!(bytes, &all[usize::try_from(*seq).unwrap()]);
    }
    let again = reader.prove_inclusion(3, Some(all.len() as u64)).unwrap();
    assert_eq!((again.proof, again.root, again.leaf), (proof.proof, proof.root, leaf_hash(&all[3])));
    for index in 0..report.entries {
        let found = reader.prove_inclusion(index, None).unwrap();
        verify_inclusion(&found.leaf, index, found.size, &found.proof, &found.root).unwrap();
    }
    for old in [1, done.to - 1, done.to, done.to + 1, report.entries - 1] {
        let found = reader.prove_consistency(old, None).unwrap();
        verify_consistency(old, found.size, &found.old_root, &found.root, &found.proof).unwrap();
    }
    // Without tiles the same is made from hashes and entries.
    fs::remove_dir_all(dir.join("tile")).unwrap();
    assert_eq!(reader.prove_inclusion(3, None).unwrap().leaf, leaf_hash(&all[3]));
    assert!(matches!(reader.read_from(3).unwrap().next_kept().unwrap(), Some((3, Kept::Dropped(_)))));
    // And the log goes on.
    let log = Log::open(&dir, options()).unwrap();
    note(&log, "more").unwrap();
    log.close().unwrap();
    assert_whole(&verify(&dir));
}

/// The segment files of a log, in order.
fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = fs::read_dir(dir.join("segments")).unwrap().map(|item| item.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn nobody_drops_an_entry_unnoticed() {
    let folder = scratch();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    kept(&one);
    support::copy(&one, &other);
    let log = Log::open(&one, options()).unwrap();
    let done = log.retain(u64::MAX).unwrap().unwrap();
    log.close().unwrap();
    // A segment of hashes in the place of a whole one, in a log whose entries say nothing of it.
    let (mine, theirs) = (segments(&one), segments(&other));
    fs::copy(&mine[1], &theirs[1]).unwrap();
    let report = verify(&other);
    let first: u64 = theirs[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!((report.problems[0].seq, report.problems[0].offset), (Some(first), Some(36)), "{}", words(&report));
    assert!(words(&report).contains("is gone, and no signed entry says that it was dropped"), "{}", words(&report));
    assert!(matches!(Log::open(&other, options()), Err(LogError::Damaged { .. })));
    // Nor does an entry say so that no checkpoint names.
    let last = fs::read(mine.last().unwrap()).unwrap();
    let target = theirs.last().unwrap();
    if mine.last().unwrap().file_name() == target.file_name() {
        fs::write(target, last).unwrap();
        let report = verify(&other);
        assert!(words(&report).contains("is gone, and no signed entry says"), "{}", words(&report));
    }
    // Another hash in the place of one that was left is another root.
    let mut content = fs::read(&mine[1]).unwrap();
    let at = 36 + 8;
    content[at] ^= 1;
    let checksum = crc(&content[36..40], &content[44..76]);
    content[40..44].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&mine[1], content).unwrap();
    let report = verify(&one);
    assert!(words(&report).contains("the root is not the one"), "{}", words(&report));
    assert!(report.problems.iter().any(|problem| problem.file.starts_with("segments/") && problem.seq == done.seq));
}

/// CRC-32C, bit by bit.
fn crc(one: &[u8], other: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in one.iter().chain(other) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn a_payload_goes_with_the_last_entry_that_refers_to_it() {
    let folder = scratch();
    let dir = folder.path().join("log");
    let (all, _) = kept(&dir);
    let sha256 = {
        let text = String::from_utf8(all[1].clone()).unwrap();
        text.split('"').find(|part| part.len() == 64).unwrap().to_owned()
    };
    let log = Log::open(&dir, options()).unwrap();
    // A late entry refers to it as well.
    let reference = format!(r#"{{"$payload":{{"sha256":"{sha256}","size":3000}}}}"#);
    log.append(&mut |stamp, out| {
        let whole = String::from_utf8(entry(stamp, "note", &[("document", "@".into())])).unwrap();
        out.extend(whole.replace("\"@\"", &reference).bytes());
    })
    .unwrap();
    let before = log.size();
    assert!(log.retain(before).unwrap().is_some());
    assert!(log.payload(&sha256).is_ok());
    for _ in 0..30 {
        note(&log, &"y".repeat(150)).unwrap();
    }
    assert!(log.retain(u64::MAX).unwrap().is_some());
    assert!(log.payload(&sha256).is_err());
    log.close().unwrap();
    assert_whole(&verify(&dir));
}

#[test]
fn at_whichever_operation_the_process_or_the_power_goes_the_log_is_whole_and_dropping_can_be_ended() {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]);
    let filled = SimDisk::new();
    let open =
        |disk: &SimDisk| Log::open_on(Arc::new(disk.clone()), Options { durability: Durability::Commit, ..options() });
    let log = open(&filled).unwrap();
    fill(&log).unwrap();
    let all = entries(&log);
    log.close().unwrap();
    let (mut at, mut done, mut partly) = (0, false, 0);
    while !done {
        let disk = filled.after_crash();
        disk.fail_at(disk.operations() + at, Fault::Torn(usize::try_from(at * 37 % 900).unwrap()));
        let mut dropped = false;
        let written = open(&disk).and_then(|log| {
            dropped = log.retain(u64::MAX)?.is_some();
            log.close()
        });
        done = written.is_ok();
        let power = disk.after_power_loss_by_sector(&mut |count| random.next_u32() as usize % count);
        for image in [power, disk.after_crash()] {
            let log = open(&image).unwrap_or_else(|error| panic!("{at}: {error}"));
            let mut left = log.read_from(0).unwrap();
            let mut gone = 0;
            while let Some((seq, kept)) = left.next_kept().unwrap() {
                if let Some(before) = all.get(usize::try_from(seq).unwrap()) {
                    assert_eq!(kept.leaf(), leaf_hash(before), "entry {seq}");
                    gone += u32::from(matches!(kept, Kept::Dropped(_)));
                }
            }
            let folder = scratch();
            log.flush().unwrap();
            image.export(folder.path());
            assert_whole(&verify(folder.path()));
            assert!(!dropped || gone > 20, "{gone} are gone");
            partly += u32::from(gone > 0 && !dropped);
            log.retain(u64::MAX).unwrap();
            assert_eq!(log.retain(u64::MAX).unwrap(), None);
            assert_eq!(field(&entries(&log)[0], "kind"), "log.created".into());
            log.close().unwrap();
        }
        at += 1;
    }
    assert!(at > 60 && partly > 3, "{at} {partly}");
}

#[test]
fn a_log_in_memory_has_nothing_to_be_dropped_and_says_so() {
    let log = Log::memory(Options::new(Durability::Memory, true.into())).unwrap();
    assert_eq!(log.retain(1).unwrap_err().code(), "not_supported");
}
