//! The ratchet over crashes: whatever is left of log and keys, the log goes on, and its seals are those of their time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::Arc;

use agent_os_log::{Keys, Log, LogError, Options, Pins, Report, verify_against};
use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};
use support::folder::Folder;
use support::sim_disk::{Fault, SimDisk};
use support::{note, quiet, scratch};

fn open(disk: &SimDisk) -> Result<Log, LogError> {
    let keys = Keys::on(Arc::new(Folder(disk.clone())));
    Log::open_on(Arc::new(disk.clone()), Options { keys, segment_bytes: 2_000, ..quiet() })
}

/// Goes on with what a crash left, closes it, and holds it against the key that was taken away.
fn check(image: &SimDisk) -> Report {
    let log = open(image).unwrap_or_else(|error| panic!("{error}"));
    note(&log, "the log goes on").unwrap();
    log.close().unwrap();
    let folder = scratch();
    image.export(folder.path());
    let key = folder.path().join(format!("keys/{}.ratchet-first", log.id()));
    let pins = Pins {
        keys: log.public_key().map(|key| key.vkey(log.id())).into_iter().collect(),
        ratchet_key: Some(std::fs::read_to_string(key).unwrap()),
        ..Pins::default()
    };
    let report = verify_against(folder.path(), &pins);
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!((&*report.level, report.sealed), ("pinned key", Some(report.entries)), "{problems:#?}");
    report
}

#[test]
fn after_any_loss_of_power_the_ratchet_goes_on() {
    let mut images = 0;
    for seed in 0..20_u8 {
        let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        let disk = SimDisk::new();
        let mut log = open(&disk).unwrap();
        for step in 0..12_u32 {
            note(&log, &"x".repeat(random.next_u32() as usize % 200)).unwrap();
            match random.next_u32() % 4 {
                0 => log.flush().unwrap(),
                1 => drop(log.rotate_key().unwrap()),
                2 if step > 3 => {
                    log.close().unwrap();
                    log = open(&disk).unwrap();
                }
                _ => {}
            }
            for _ in 0..4 {
                let image = disk.after_power_loss_by_sector(&mut |count| random.next_u32() as usize % count);
                images += 1;
                check(&image);
            }
        }
    }
    assert!(images >= 900, "{images}");
}

#[test]
fn at_whichever_operation_the_process_or_the_power_goes_the_ratchet_goes_on_and_gaps_are_told() {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[1; 32]);
    let (mut at, mut done, mut gaps) = (0, false, 0);
    while !done {
        let disk = SimDisk::new();
        disk.fail_at(at, Fault::Torn(usize::try_from(at % 50).unwrap()));
        let written = open(&disk).and_then(|log| {
            note(&log, "a")?;
            log.flush()?;
            note(&log, "b")?;
            log.rotate_key()?;
            log.close()
        });
        done = written.is_ok();
        for _ in 0..4 {
            let image = disk.after_power_loss_by_sector(&mut |count| random.next_u32() as usize % count);
            gaps += check(&image).gaps.len();
        }
        gaps += check(&disk.after_crash()).gaps.len();
        at += 1;
    }
    // Between a seal and the end of the key that made it there are a few operations at each checkpoint.
    assert!(at > 100 && gaps > 5, "{gaps} gaps in {at} crashes");
}
