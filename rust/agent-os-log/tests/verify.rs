//! What verification notices. Each test is a lie that somebody with write access to the directory could tell.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use agent_os_core::value::Value;
use agent_os_log::{Log, Options, Reader, Report, Stamp, verify};
use proptest::prelude::*;
use support::{assert_whole, copy, entry, field, files, intent, note, outcome, quiet, raw, scratch};

/// A small log that has everything a log can have: two segments, a payload, an unfinished intent, a checkpoint.
fn small(dir: &Path) -> Log {
    let log = Log::open(dir, Options { segment_bytes: 900, ..quiet() }).unwrap();
    let reference = log.put_payload(b"a large text").unwrap();
    log.append(&mut |stamp, out| {
        let mut text = Vec::new();
        reference.write(&mut text);
        let payload = String::from_utf8(text).unwrap();
        let (log, seq, time) = (stamp.log, stamp.seq, stamp.micros);
        let entry =
            format!(r#"{{"document":{payload},"kind":"policy.loaded","log":"{log}","seq":{seq},"time":{time}}}"#);
        out.extend(entry.bytes());
    })
    .unwrap();
    let reservation = intent(&log).unwrap();
    outcome(&log, reservation, 5).unwrap();
    drop(intent(&log).unwrap());
    note(&log, "é\u{1}").unwrap();
    log
}

fn problems(report: &Report) -> String {
    report.problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn a_whole_log_is_whole() {
    let folder = scratch();
    let log = small(folder.path());
    log.close().unwrap();
    let report = verify(folder.path());
    assert_whole(&report);
    assert_eq!((report.entries, report.root), (log.size(), log.root()));
    assert_eq!(report.log_id, log.id());
    assert_eq!(report.unfinished, [4]);
    assert_eq!((report.after_checkpoint, report.payloads, report.closed), (0, 1, true));
    assert!(report.backward_steps.is_empty() && report.strays.is_empty());
    assert!(files(folder.path()).iter().filter(|name| name.starts_with("segments/")).count() > 1);
}

#[test]
fn every_flipped_bit_of_every_file_is_noticed_and_its_file_is_named() {
    let folder = scratch();
    let log = small(folder.path());
    log.close().unwrap();
    let mut flips = 0;
    for file in files(folder.path()) {
        let path = folder.path().join(&file);
        let bytes = fs::read(&path).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &changed).unwrap();
            let report = verify(folder.path());
            assert!(!report.ok() && report.level == "none", "bit {bit} of {file}");
            let place = report.problems.iter().find(|problem| problem.file == file);
            let place = place.unwrap_or_else(|| panic!("bit {bit} of {file}: {}", problems(&report)));
            assert!(place.offset.is_none_or(|offset| offset <= bit as u64 / 8), "bit {bit} of {file}: {place}");
            flips += 1;
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(flips > 9_000, "{flips}");
    assert_whole(&verify(folder.path()));
}

#[test]
fn every_byte_that_is_added_or_cut_at_the_end_of_a_file_is_noticed() {
    let folder = scratch();
    small(folder.path()).close().unwrap();
    for file in files(folder.path()) {
        let path = folder.path().join(&file);
        let bytes = fs::read(&path).unwrap();
        for changed in [[&bytes[..], b"x"].concat(), bytes[..bytes.len() - 1].to_vec(), Vec::new()] {
            fs::write(&path, changed).unwrap();
            assert!(!verify(folder.path()).ok(), "{file}");
        }
        fs::remove_file(&path).unwrap();
        assert!(!verify(folder.path()).ok(), "without {file}");
        fs::write(&path, &bytes).unwrap();
    }
    assert_whole(&verify(folder.path()));
}

#[test]
fn nothing_can_hide_in_the_zeros_after_the_last_entry() {
    let folder = scratch();
    small(folder.path()).close().unwrap();
    for name in files(folder.path()).iter().filter(|name| name.starts_with("segments/")) {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        let zeros = [&bytes[..], &[0; 40]].concat();
        fs::write(&path, &zeros).unwrap();
        assert_whole(&verify(folder.path()));
        for at in bytes.len()..zeros.len() {
            let mut changed = zeros.clone();
            changed[at] = 1;
            fs::write(&path, &changed).unwrap();
            let report = verify(folder.path());
            assert_eq!(report.problems.len(), 1, "{}", problems(&report));
            assert_eq!((&report.problems[0].file, report.problems[0].offset), (name, Some(bytes.len() as u64)));
        }
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn a_tail_that_is_cut_at_an_entry_is_noticed() {
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    note(&log, "keep").unwrap();
    let cut_here = fs::metadata(segment(folder.path())).unwrap().len();
    note(&log, "hide").unwrap();
    log.flush().unwrap();
    let bytes = fs::read(segment(folder.path())).unwrap();
    fs::write(segment(folder.path()), &bytes[..usize::try_from(cut_here).unwrap()]).unwrap();
    let report = verify(folder.path());
    assert_eq!(report.problems[0].file, "checkpoint");
    assert!(problems(&report).contains("names 3 entries, and 2 were read"), "{}", problems(&report));
}

#[test]
fn an_entry_that_was_rewritten_together_with_its_checksum_is_noticed() {
    let folder = scratch();
    let log = small(folder.path());
    log.close().unwrap();
    let first = segment(folder.path());
    let bytes = fs::read(&first).unwrap();
    let text = bytes.windows(10).position(|window| window == b"files.read").unwrap();
    let mut forged = bytes.clone();
    forged[text..text + 10].copy_from_slice(b"files.list");
    // The frame around it gets a checksum that fits.
    let mut at = 36;
    loop {
        let size = u32::from_le_bytes(forged[at..at + 4].try_into().unwrap()) as usize;
        if text < at + 8 + size {
            let checksum = crc32c::crc32c_append(crc32c::crc32c(&forged[at..at + 4]), &forged[at + 8..at + 8 + size]);
            forged[at + 4..at + 8].copy_from_slice(&checksum.to_le_bytes());
            break;
        }
        at += 8 + size;
    }
    fs::write(&first, forged).unwrap();
    let report = verify(folder.path());
    let [_, tile] = &report.problems[..] else { panic!("{}", problems(&report)) };
    assert_eq!((&*tile.file, &*tile.what), ("tile/0/000.p/7", "is not what the entries give"));
    assert!(problems(&report).starts_with("checkpoint: the root is not the one over the first"));
    assert_eq!(Log::open(folder.path(), quiet()).unwrap_err().code(), "log_damaged");
}

#[test]
fn segments_of_another_log_are_noticed() {
    let folder = scratch();
    let (mine, other) = (folder.path().join("mine"), folder.path().join("other"));
    small(&mine).close().unwrap();
    small(&other).close().unwrap();
    for name in ["checkpoint", "salt"] {
        let mixed = folder.path().join("mixed");
        copy(&mine, &mixed);
        fs::copy(other.join(name), mixed.join(name)).unwrap();
        assert!(!verify(&mixed).ok(), "{name}");
        fs::remove_dir_all(&mixed).unwrap();
    }
    let mixed = folder.path().join("mixed");
    copy(&mine, &mixed);
    for name in files(&other).iter().filter(|name| name.starts_with("segments/")).skip(1) {
        fs::copy(other.join(name), mixed.join(name)).unwrap();
    }
    let report = verify(&mixed);
    assert!(problems(&report).contains("belongs to the log"), "{}", problems(&report));
    assert!(problems(&report).contains("belongs to another log"), "{}", problems(&report));
}

#[test]
fn nothing_at_all_is_no_whole_log() {
    let folder = scratch();
    assert!(!verify(folder.path()).ok());
    for name in ["segments", "payloads"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let report = verify(folder.path());
    assert!(!report.ok() && report.entries == 0);
    assert!(problems(&report).contains("there are no entries"));
}

/// Appends one entry as a writer could that is not ours, and verifies.
fn with(build: impl Fn(&Stamp<'_>) -> Vec<u8>) -> Report {
    with_all(&[&build])
}

type Build<'a> = &'a dyn Fn(&Stamp<'_>) -> Vec<u8>;

fn with_all(builds: &[Build<'_>]) -> Report {
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    for build in builds {
        log.append(&mut |stamp, out| out.extend(build(stamp))).unwrap();
    }
    log.close().unwrap();
    let report = verify(folder.path());
    for problem in &report.problems {
        assert!(problem.file.starts_with("segments/") && problem.seq.is_some(), "{problem}");
    }
    report
}

#[test]
fn an_entry_must_be_canonical_and_say_where_it_belongs() {
    let good = |stamp: &Stamp<'_>| entry(stamp, "note", &[("n", 1.into())]);
    assert_whole(&with(good));
    let replaced = |from: &'static str, to: &'static str| {
        move |stamp: &Stamp<'_>| String::from_utf8(good(stamp)).unwrap().replace(from, to).into_bytes()
    };
    for (from, to, expected) in [
        ("\"n\":1", "\"n\": 1", "is not canonical JSON"),
        ("\"n\":1", "\"n\":1.0", "is not canonical JSON"),
        ("\"n\":1", "\"n\":1,\"n\":1", "is not canonical JSON"),
        ("\"n\":1", "\"z\":1", "is not canonical JSON"),
        ("note", "n\\u006fte", "is not canonical JSON"),
        ("\"kind\":\"note\",", "", "has no `kind`"),
        ("\"note\"", "\"\"", "has no `kind`"),
        ("\"note\"", "1", "has no `kind`"),
        ("\"time\":", "\"tine\":", "has no `time`"),
        ("\"seq\":1", "\"seq\":2", "has another number in `seq`"),
        ("\"seq\":1", "\"seq\":\"1\"", "has another number in `seq`"),
        ("\"log\":\"", "\"log\":\"0", "belongs to another log"),
        ("\"log\":", "\"lag\":", "belongs to another log"),
        ("note", "log.created", "must be the first one"),
    ] {
        let report = with(replaced(from, to));
        assert!(problems(&report).contains(expected), "{from} → {to}: {}", problems(&report));
    }
    assert!(problems(&with(|_| b"[]".to_vec())).contains("is not an object"));
    assert!(problems(&with(|_| b"\xff".to_vec())).contains("is not UTF-8"));
}

#[test]
fn an_outcome_must_point_at_an_earlier_intent_and_only_once() {
    let intent = |stamp: &Stamp<'_>| entry(stamp, "intent", &[]);
    let outcome_of = |intent: Value| move |stamp: &Stamp<'_>| entry(stamp, "outcome", &[("intent", intent.clone())]);
    let first = outcome_of(1.into());
    assert_whole(&with_all(&[&intent, &first]));
    for (build, expected) in [
        (with_all(&[&intent, &first, &first]), "is one more outcome of intent 1"),
        (with_all(&[&first, &intent]), "is the outcome of entry 1, which is no earlier intent"),
        (with_all(&[&outcome_of(0.into())]), "is the outcome of entry 0, which is no earlier intent"),
        (with_all(&[&intent, &outcome_of((-1).into())]), "is an outcome without `intent`"),
        (with_all(&[&intent, &outcome_of("1".into())]), "is an outcome without `intent`"),
    ] {
        assert!(problems(&build).contains(expected), "{}", problems(&build));
    }
}

#[test]
fn a_payload_must_be_there_with_the_size_that_was_recorded() {
    let text = |size: u64, name: String| {
        move |stamp: &Stamp<'_>| {
            let plain = String::from_utf8(entry(stamp, "note", &[("full", "@".into())])).unwrap();
            plain.replace("\"@\"", &format!(r#"[{{"$payload":{{"sha256":"{name}","size":{size}}}}}]"#)).into_bytes()
        }
    };
    let report = with(text(3, "0".repeat(64)));
    assert!(problems(&report).contains("is missing or damaged"), "{}", problems(&report));
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    let reference = log.put_payload(b"abc").unwrap();
    let wrong = text(4, reference.hex());
    log.append(&mut |stamp, out| out.extend(wrong(stamp))).unwrap();
    log.close().unwrap();
    let report = verify(folder.path());
    assert!(problems(&report).contains("has 4 bytes, and it has 3"), "{}", problems(&report));
    // An agent's own map of this shape is escaped, and is no reference.
    let report = with(|stamp| {
        let plain = String::from_utf8(entry(stamp, "note", &[("args", "@".into())])).unwrap();
        plain.replace("\"@\"", r#"{"$map":{"$payload":{"sha256":"","size":1}}}"#).into_bytes()
    });
    assert_whole(&report);
    let report = with(|stamp| {
        let plain = String::from_utf8(entry(stamp, "note", &[("full", "@".into())])).unwrap();
        plain.replace("\"@\"", r#"{"$payload":{"size":1}}"#).into_bytes()
    });
    assert!(problems(&report).contains("without its `sha256`"), "{}", problems(&report));
}

#[test]
fn a_clock_that_went_back_is_reported_and_is_no_problem() {
    let report = with(|stamp| {
        let plain = String::from_utf8(entry(stamp, "note", &[])).unwrap();
        plain.replace(&format!("\"time\":{}", stamp.micros), "\"time\":5").into_bytes()
    });
    assert_whole(&report);
    assert_eq!(report.backward_steps, [1]);
}

#[test]
fn what_comes_after_the_checkpoint_is_counted() {
    let folder = scratch();
    let (writing, left) = (folder.path().join("writing"), folder.path().join("left"));
    let log = Log::open(&writing, quiet()).unwrap();
    log.flush().unwrap();
    note(&log, "a").unwrap();
    note(&log, "b").unwrap();
    copy(&writing, &left);
    let report = verify(&left);
    assert_whole(&report);
    assert_eq!((report.entries, report.after_checkpoint, report.closed), (3, 2, false));
}

#[test]
fn a_log_can_be_verified_while_it_is_written() {
    let folder = scratch();
    let log = Log::open(folder.path(), Options { segment_bytes: 20_000, ..quiet() }).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..3_000 {
                note(&log, &"x".repeat(round % 500)).unwrap();
                if round % 100 == 0 {
                    log.flush().unwrap();
                }
            }
        });
        while !writer.is_finished() {
            assert_whole(&verify(folder.path()));
        }
    });
    assert_whole(&verify(folder.path()));
}

#[test]
fn one_damaged_entry_costs_one_entry() {
    let folder = scratch();
    let log = Log::open(folder.path(), Options { segment_bytes: 2_000, ..quiet() }).unwrap();
    for round in 0..30 {
        note(&log, &format!("note {round}")).unwrap();
    }
    log.close().unwrap();
    let whole = log.size();
    for name in files(folder.path()).iter().filter(|name| name.starts_with("segments/")) {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        // The length, the checksum and the content of the segment's second entry.
        let second = 36 + 8 + u32::from_le_bytes(bytes[36..40].try_into().unwrap()) as usize;
        for at in [second, second + 2, second + 5, second + 20] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            let report = verify(folder.path());
            assert_eq!(report.entries, whole - 1, "{}", problems(&report));
            let [broken, checkpoint] = &report.problems[..] else { panic!("{}", problems(&report)) };
            let first: u64 = name[9..29].parse().unwrap();
            assert_eq!((&broken.file, broken.seq, broken.offset), (name, Some(first + 1), Some(second as u64)));
            assert!(checkpoint.what.contains("not all of which could be read"), "{checkpoint}");
        }
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn nothing_follows_the_end_of_a_log_but_its_opening() {
    let folder = scratch();
    let log = small(folder.path());
    log.close().unwrap();
    let (id, seq) = (log.id().to_owned(), log.size());
    let stamp = agent_os_log::Stamp { seq, log: &id, micros: 1 };
    let added = entry(&stamp, "note", &[]);
    let length = u32::try_from(added.len()).unwrap().to_le_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), &added).to_le_bytes();
    let last = files(folder.path()).into_iter().rfind(|name| name.starts_with("segments/")).unwrap();
    let last = folder.path().join(last);
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend([&length[..], &checksum, &added].concat());
    fs::write(&last, &bytes).unwrap();
    let report = verify(folder.path());
    assert!(report.problems.iter().any(|problem| problem.what.contains("closed the log")), "{}", problems(&report));
    assert_eq!(Log::open(folder.path(), quiet()).unwrap_err().code(), "log_damaged");
    assert_eq!(fs::read(&last).unwrap(), bytes);
}

#[test]
fn a_log_that_is_refused_for_its_key_stays_as_it_is() {
    let folder = scratch();
    let dir = folder.path().join("log");
    small(&dir).close().unwrap();
    let content = || files(&dir).iter().map(|name| fs::read(dir.join(name)).unwrap()).collect::<Vec<_>>();
    let before = content();
    let keys = agent_os_log::Keys::in_folder(&folder.path().join("keys"));
    let error = Log::open(&dir, Options { keys, ..quiet() }).unwrap_err();
    assert_eq!(error.code(), "key_missing");
    assert!(content() == before);
    assert_whole(&verify(&dir));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_in_the_directory_it_is_judged_and_nothing_else_happens(
        which: prop::sample::Index,
        at: prop::sample::Index,
        removed in 0..200_usize,
        added in prop::collection::vec(any::<u8>(), 0..200),
        header in prop::option::of(any::<u64>()),
    ) {
        let folder = scratch();
        small(folder.path()).close().unwrap();
        let names = files(folder.path());
        let path = folder.path().join(&names[which.index(names.len())]);
        let before = fs::read(&path).unwrap();
        let mut after = before.clone();
        match header {
            // A header that checks, with any first entry, under the name that belongs to it.
            Some(first) => {
                let mut bytes = fs::read(segment(folder.path())).unwrap();
                bytes[24..32].copy_from_slice(&first.to_le_bytes());
                let checksum = crc32c::crc32c(&bytes[..32]);
                bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
                fs::write(folder.path().join(format!("segments/{first:020}.seg")), bytes).unwrap();
            }
            None => {
                let from = at.index(before.len() + 1);
                after.splice(from..(from + removed).min(before.len()), added);
                // Zeros after the last entry are space that was taken ahead, which the format allows.
                let more = after.strip_prefix(&before[..]).unwrap_or_default();
                prop_assume!(more.is_empty() || more.iter().any(|byte| *byte != 0));
                fs::write(&path, &after).unwrap();
            }
        }
        let report = verify(folder.path());
        prop_assert_eq!(report.ok(), header.is_none() && before == after);
        if let Ok(reader) = Reader::open(folder.path()) {
            prop_assert!(reader.read_from(0).unwrap().take(100).count() < 100);
            let _ = reader.size();
        }
        if header.is_some() || before != after {
            // A payload is not read before it is asked for. Bytes behind the last entry are what a crash leaves: they
            // are cut off, and the log says so.
            let payload = path.parent().unwrap().ends_with("payloads") && header.is_none();
            let name = &names[which.index(names.len())];
            let last = names.iter().rfind(|name| name.starts_with("segments/")).unwrap();
            let torn = header.is_none() && name == last && after.starts_with(&before);
            // A tile is made again.
            let tile = name.starts_with("tile/") && header.is_none();
            match Log::open(folder.path(), quiet()) {
                Ok(log) => {
                    prop_assert!(payload || torn || tile);
                    let last = log.read_from(log.size() - 1).unwrap().next().unwrap().unwrap().1;
                    prop_assert_eq!(field(&last, "kind"), (if torn { "log.recovered" } else { "log.opened" }).into());
                    let more = after.len().saturating_sub(before.len());
                    let zeros = after.iter().rev().take_while(|byte| **byte == 0).count();
                    prop_assert!(!torn || field(&last, "dropped_bytes") == i64::try_from(more - zeros).unwrap().into());
                }
                Err(_) => prop_assert!(!payload && !torn && !tile),
            }
        }
    }
}

#[test]
fn a_flood_of_problems_is_cut() {
    let folder = scratch();
    let log = Log::open(folder.path(), quiet()).unwrap();
    for _ in 0..1_500 {
        raw(&log, b"x").unwrap();
    }
    log.close().unwrap();
    let report = verify(folder.path());
    assert_eq!(report.problems.len(), 1_001);
    assert!(report.problems[1_000].what.contains("more problems"));
    assert_eq!(report.entries, log.size());
    assert_eq!(field(&log.read_from(0).unwrap().next().unwrap().unwrap().1, "kind"), "log.created".into());
}

fn segment(dir: &Path) -> std::path::PathBuf {
    dir.join("segments/00000000000000000000.seg")
}
