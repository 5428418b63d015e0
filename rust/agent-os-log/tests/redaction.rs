//! What was redacted over crashes: whatever is left of log and keys, the log verifies, asking again ends it, and what was
//! acknowledged as gone is gone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use agent_os_log::{Durability, Keys, Log, LogError, Options, Unsealer, verify};
use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};
use support::folder::Folder;
use support::sim_disk::{Fault, SimDisk};
use support::{assert_whole, entry, field, quiet, scratch};

const SECRET: &[u8] = br#"{"diagnosis":"a secret"}"#;

fn keys(disk: &SimDisk) -> Keys {
    Keys::on(Arc::new(Folder(disk.clone())))
}

fn open(disk: &SimDisk) -> Result<Log, LogError> {
    let options = Options { keys: keys(disk), durability: Durability::Commit, ..quiet() };
    Log::open_on(Arc::new(disk.clone()), options)
}

/// Appends a note about somebody, sealed for them.
fn sealed(log: &Log, who: &str) -> Result<u64, LogError> {
    let mut text = Vec::new();
    log.sealing(&BTreeSet::from([who.to_owned()]))?.write(log, SECRET, 4_096, &mut text)?;
    let text = String::from_utf8(text).unwrap();
    log.append(&mut |stamp, out| {
        let whole = String::from_utf8(entry(stamp, "note", &[("about", "@".into())])).unwrap();
        out.extend(whole.replace("\"@\"", &text).bytes());
    })
}

/// What can be read of an entry with the keys that are on a disk.
fn read(disk: &SimDisk, log: &Log, seq: u64) -> Result<Vec<u8>, LogError> {
    let (_, entry) = log.read_from(seq).unwrap().next().unwrap().unwrap();
    let entry = String::from_utf8(entry).unwrap();
    let after = |mark: &str| entry.split(mark).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (key, text) = (after("\"keys\":[\""), after("\"text\":\""));
    Unsealer::new(&keys(disk), log.id()).unseal(&[key], &from_base64(&text))
}

fn from_base64(text: &str) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits =
        text.trim_end_matches('=').bytes().map(|byte| letters.iter().position(|letter| *letter == byte).unwrap());
    let bits: String = bits.map(|sextet| format!("{sextet:06b}")).collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

/// Every byte of a disk.
fn all_bytes(disk: &SimDisk) -> Vec<Vec<u8>> {
    let folder = scratch();
    disk.export(folder.path());
    support::files(folder.path()).iter().map(|name| std::fs::read(folder.path().join(name)).unwrap()).collect()
}

/// Goes on with what a crash left: if it was acknowledged that somebody is gone, they are; asking again ends it in any
/// case, and nobody else is touched.
fn check(image: &SimDisk, told: &[(&str, u64)], gone: bool) {
    let log = open(image).unwrap_or_else(|error| panic!("{error}"));
    for (who, seq) in told {
        let found = read(image, &log, *seq);
        if *who == "ann" && gone {
            assert!(matches!(found, Err(LogError::SubjectUnknown { .. })), "{found:?}");
        } else if *who == "bo" {
            assert_eq!(found.unwrap(), SECRET);
        }
    }
    log.redact_subject("ann").unwrap();
    assert_eq!(log.redact_subject("ann").unwrap(), None);
    for (who, seq) in told {
        assert_eq!(read(image, &log, *seq).is_ok(), *who == "bo", "{who}");
    }
    let again = sealed(&log, "ann").unwrap();
    assert_eq!(read(image, &log, again).unwrap(), SECRET);
    log.close().unwrap();
    let folder = scratch();
    image.export(folder.path());
    assert_whole(&verify(folder.path()));
}

#[test]
fn at_whichever_operation_the_process_or_the_power_goes_a_redaction_can_be_ended() {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]);
    let (mut at, mut done) = (0, false);
    while !done {
        let disk = SimDisk::new();
        disk.fail_at(at, Fault::Torn(usize::try_from(at % 90).unwrap()));
        let (mut told, mut gone) = (Vec::new(), false);
        let written = open(&disk).and_then(|log| {
            for who in ["ann", "bo", "ann"] {
                told.push((who, sealed(&log, who)?));
            }
            gone = log.redact_subject("ann")?.is_some();
            log.close()
        });
        done = written.is_ok();
        for _ in 0..3 {
            let image = disk.after_power_loss_by_sector(&mut |count| random.next_u32() as usize % count);
            check(&image, &told, gone);
        }
        check(&disk.after_crash(), &told, gone);
        at += 1;
    }
    assert!(at > 90, "{at}");
}

#[test]
fn the_entry_that_tells_of_it_comes_first_and_names_nobody() {
    let disk = SimDisk::new();
    let log = open(&disk).unwrap();
    sealed(&log, "ann").unwrap();
    let told = log.redact_subject("ann").unwrap().unwrap();
    let (_, entry) = log.read_from(told).unwrap().next().unwrap().unwrap();
    assert_eq!(field(&entry, "kind"), "log.redacted".into());
    assert_eq!(log.redact_subject("bo").unwrap(), None);
    assert!(!all_bytes(&disk).iter().any(|file| file.windows(3).any(|part| part == b"ann")));
}

#[test]
fn what_is_about_too_many_or_too_long_a_name_is_not_sealed() {
    let log = open(&SimDisk::new()).unwrap();
    let many = (0..9).map(|number| number.to_string()).collect();
    assert_eq!(log.sealing(&many).unwrap_err().code(), "too_many_subjects");
    assert_eq!(log.sealing(&BTreeSet::from(["x".repeat(513)])).unwrap_err().code(), "subject_name");
}

#[test]
fn a_log_in_memory_forgets_as_well() {
    let log = Log::memory(Options::new(Durability::Memory, true.into())).unwrap();
    let ann = BTreeSet::from(["ann".to_owned()]);
    let mut text = Vec::new();
    log.sealing(&ann).unwrap().write(&log, SECRET, 4_096, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let after = |mark: &str| text.split(mark).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (key, sealed) = ([after("[\"")], from_base64(&after("\"text\":\"")));
    assert_eq!(log.unseal(&key, &sealed).unwrap(), SECRET);
    assert!(log.redact_subject("ann").unwrap().is_some());
    assert_eq!(log.unseal(&key, &sealed).unwrap_err().code(), "subject_key_unknown");
}
