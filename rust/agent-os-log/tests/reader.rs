//! Reading a log, also while it grows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;

use agent_os_log::{Durability, Log, Options, Reader};
use support::{copy, entries, note, quiet, scratch};

fn small_segments() -> Options {
    Options { segment_bytes: 600, ..quiet() }
}

#[test]
fn entries_can_be_read_from_any_number() {
    let folder = scratch();
    let log = Log::open(folder.path(), small_segments()).unwrap();
    for round in 0..20 {
        note(&log, &format!("{round}")).unwrap();
    }
    let all = entries(&log);
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!((reader.id(), reader.size().unwrap()), (log.id(), 21));
    for from in 0..=21 {
        let found: Vec<_> = reader.read_from(from).unwrap().map(Result::unwrap).collect();
        let expected: Vec<_> = (from..21).map(|seq| (seq, all[usize::try_from(seq).unwrap()].clone())).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn reading_goes_on_where_it_ended_when_more_is_written() {
    let folder = scratch();
    let disk = Log::open(folder.path(), small_segments()).unwrap();
    let memory = Log::memory(Options::new(Durability::Memory, true.into())).unwrap();
    for log in [&disk, &memory] {
        let mut ahead = log.read_from(15).unwrap();
        let mut following = log.read_from(0).unwrap();
        for round in 0..30_u64 {
            assert_eq!(following.next().unwrap().unwrap().0, round);
            assert!(following.next().is_none() && following.next().is_none());
            note(log, "more").unwrap();
        }
        assert_eq!(ahead.next().unwrap().unwrap().0, 15);
    }
}

#[test]
fn a_reader_sees_exactly_what_a_writer_writes_meanwhile() {
    let folder = scratch();
    let log = Log::open(folder.path(), Options { segment_bytes: 5_000, ..quiet() }).unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let (count, seen) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (0..5_000).for_each(|round| assert_eq!(note(&log, &"y".repeat(round % 300)).unwrap(), 1 + round as u64));
            5_000
        });
        let mut following = reader.read_from(0).unwrap();
        let mut seen = Vec::new();
        loop {
            let done = writer.is_finished();
            seen.extend(following.by_ref().map(|entry| entry.unwrap().1));
            if done {
                break;
            }
        }
        (writer.join().unwrap(), seen)
    });
    assert_eq!(seen.len(), count + 1);
    assert_eq!(seen, entries(&log));
}

#[test]
fn half_an_entry_at_the_end_is_not_there_yet_and_a_broken_one_before_the_end_is_an_error() {
    let folder = scratch();
    let (writing, left) = (folder.path().join("writing"), folder.path().join("left"));
    let log = Log::open(&writing, quiet()).unwrap();
    note(&log, "a").unwrap();
    note(&log, "b").unwrap();
    copy(&writing, &left);
    let file = left.join("segments/00000000000000000000.seg");
    let whole = fs::read(&file).unwrap();

    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    let reader = Reader::open(&left).unwrap();
    let mut following = reader.read_from(0).unwrap();
    assert_eq!(following.by_ref().map(|entry| entry.unwrap().0).collect::<Vec<_>>(), [0, 1]);
    fs::write(&file, &whole).unwrap();
    assert_eq!(following.next().unwrap().unwrap().0, 2);

    let second = 36 + 8 + entries(&log)[0].len();
    for at in second..second + 8 + entries(&log)[1].len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&file, changed).unwrap();
        let mut found = reader.read_from(0).unwrap();
        assert_eq!(found.next().unwrap().unwrap().0, 0);
        assert_eq!(found.next().unwrap().unwrap_err().code(), "log_damaged", "byte {at}");
        assert!(found.next().is_none());
    }
}

#[test]
fn an_entry_that_is_lost_before_a_later_segment_is_an_error() {
    let folder = scratch();
    let (writing, left) = (folder.path().join("writing"), folder.path().join("left"));
    let log = Log::open(&writing, small_segments()).unwrap();
    for _ in 0..12 {
        note(&log, "a").unwrap();
    }
    copy(&writing, &left);
    let file = left.join("segments/00000000000000000000.seg");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let found: Result<Vec<_>, _> = Reader::open(&left).unwrap().read_from(0).unwrap().collect();
    assert!(found.is_err(), "a reader must not skip to the next segment, nor end before it");
}

#[test]
fn there_is_nothing_to_read_where_there_is_no_log() {
    let folder = scratch();
    assert_eq!(Reader::open(folder.path()).unwrap_err().code(), "io_failed");
    fs::create_dir(folder.path().join("segments")).unwrap();
    fs::write(folder.path().join("segments/00000000000000000000.seg"), "rubbish").unwrap();
    assert_eq!(Reader::open(folder.path()).unwrap_err().code(), "log_damaged");
}

#[test]
fn an_entry_is_read_again_from_its_place_and_reading_goes_on_from_there() {
    let folder = scratch();
    let log = Log::open(folder.path(), Options { segment_bytes: 9_000, ..quiet() }).unwrap();
    for size in [0, 10, 3_000, 5_000, 1_990, 1_991, 1_992, 1_993, 2_040, 2_048] {
        note(&log, &"x".repeat(size)).unwrap();
    }
    let reader = Reader::open(folder.path()).unwrap();
    let mut entries = reader.read_from(0).unwrap();
    assert_eq!(entries.location(), None);
    let mut fetcher = reader.fetcher();
    let mut known = Vec::new();
    while let Some(entry) = entries.next() {
        known.push((entry.unwrap(), entries.location().unwrap()));
    }
    assert!(known.iter().any(|(_, at)| at.first > 0));
    for ((seq, entry), at) in known.iter().rev() {
        assert_eq!(fetcher.entry(*at).unwrap().unwrap(), entry);
        let rest: Vec<_> = reader.read_at(*at, *seq).unwrap().map(|entry| entry.unwrap().0).collect();
        assert_eq!(rest, (*seq..known.len() as u64).collect::<Vec<_>>());
    }
    let (_, last) = known.last().unwrap();
    for offset in [last.offset + 1, last.offset + 4, last.offset + 1_000_000] {
        assert_eq!(fetcher.entry(agent_os_log::Location { offset, ..*last }).unwrap(), None);
    }
    assert!(fetcher.entry(agent_os_log::Location { first: 77, offset: 36 }).is_err());
    assert!(reader.read_at(agent_os_log::Location { first: 77, offset: 36 }, 77).is_err());
}
