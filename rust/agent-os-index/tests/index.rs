//! The index against a scan of the same log, and against everything that can have happened to either.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_os_core::canonical;
use agent_os_core::value::Value;
use agent_os_index::{BLOCK, Field, Found, Index, IndexError, Question};
use agent_os_log::{Durability, Keys, Log, Options, Reader, SigningKey, Stamp};

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap() }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("index.sqlite")
    }

    fn index(&self) -> Index {
        Index::open(&self.log(), Some(&self.file())).unwrap()
    }

    /// Appends this many actions, by turns of three agents; every fifth is denied. Each allowed one has two entries.
    fn work(&self, actions: u64) {
        let hour = Duration::from_secs(3_600);
        let options = Options { sync_every: hour, checkpoint_every: hour, segment_bytes: 300_000, ..written() };
        let log = Log::open(&self.log(), options).unwrap();
        for number in 0..actions {
            let agent = ["anna", "bert", "cleo"][usize::try_from(number % 3).unwrap()];
            let who = [("action", "mail.send".into()), ("agent", agent.into()), ("pid", 1_i64.into())];
            if number % 5 == 0 {
                log.append(&mut |stamp, out| entry(stamp, "denied", &who, out)).unwrap();
                continue;
            }
            let intent = log.append_intent(&mut |stamp, out| entry(stamp, "intent", &who, out)).unwrap();
            let ended = [
                ("intent", i64::try_from(intent.seq()).unwrap().into()),
                ("labels", Value::List(vec!["seen".into()])),
                ("pid", 1_i64.into()),
                ("status", "returned".into()),
            ];
            log.append_outcome(intent, &mut |stamp, out| entry(stamp, "outcome", &ended, out)).unwrap();
        }
        log.close().unwrap();
    }
}

fn written() -> Options {
    let keys = Keys::given(SigningKey::from_seed(&[7; 32]));
    Options { keys, ..Options::new(Durability::Written, "test".into()) }
}

fn entry(stamp: &Stamp<'_>, kind: &str, fields: &[(&str, Value)], out: &mut Vec<u8>) {
    let own: [(&str, Value); 4] = [
        ("kind", kind.into()),
        ("log", stamp.log.into()),
        ("seq", i64::try_from(stamp.seq).unwrap().into()),
        ("time", stamp.micros.into()),
    ];
    let all = own.iter().chain(fields).map(|(key, value)| ((*key).to_owned(), value.clone()));
    out.extend(canonical::encode(&Value::Map(all.collect())));
}

fn asked(terms: &[(Field, &str)]) -> Question {
    let terms = terms.iter().map(|(field, value)| (*field, (*value).to_owned())).collect();
    Question { terms, ..Question::default() }
}

/// Everything that is found, page by page.
fn all(index: &Index, question: &Question, most: usize) -> Vec<Found> {
    let mut question = question.clone();
    let mut found = Vec::new();
    loop {
        let page = index.find(&question, most).unwrap();
        found.extend(page.found);
        match page.rest {
            None => return found,
            Some(rest) if question.newest_first => question.before = Some(rest),
            Some(rest) => question.start = rest,
        }
    }
}

fn seqs(index: &Index, question: &Question) -> Vec<u64> {
    all(index, question, 100).iter().map(|found| found.seq).collect()
}

/// The numbers of the entries that hold this text, read from the log.
fn scanned(log: &Path, text: &str) -> Vec<u64> {
    let entries = Reader::open(log).unwrap().read_from(0).unwrap();
    entries
        .map(Result::unwrap)
        .filter(|(_, raw)| String::from_utf8_lossy(raw).contains(text))
        .map(|(seq, _)| seq)
        .collect()
}

#[test]
fn what_is_found_is_what_a_scan_finds_over_blocks_segments_and_the_tail() {
    let desk = Desk::new();
    desk.work(7_000);
    let index = desk.index();
    let size = index.catch_up().unwrap();
    assert!(size > 3 * BLOCK && !size.is_multiple_of(BLOCK));
    assert_eq!(size, Reader::open(&desk.log()).unwrap().size().unwrap());
    assert_eq!(seqs(&index, &asked(&[(Field::Kind, "denied")])), scanned(&desk.log(), r#""kind":"denied""#));
    let outcomes = asked(&[(Field::Agent, "bert"), (Field::Kind, "outcome"), (Field::Label, "seen")]);
    let found = all(&index, &outcomes, 7);
    assert!(!found.is_empty());
    for found in found {
        let intent = index.entry(found.about.unwrap()).unwrap().unwrap();
        let text = String::from_utf8(intent).unwrap();
        assert!(text.contains(r#""agent":"bert""#) && text.contains(r#""kind":"intent""#), "{text}");
    }
    let mut backwards = asked(&[(Field::Agent, "cleo")]);
    let forwards = seqs(&index, &backwards);
    backwards.newest_first = true;
    let mut reversed = seqs(&index, &backwards);
    reversed.reverse();
    assert_eq!(reversed, forwards);
    backwards.start = 100;
    backwards.before = Some(5_000);
    let mut some = seqs(&index, &backwards);
    some.reverse();
    assert_eq!(some, forwards.into_iter().filter(|seq| (100..5_000).contains(seq)).collect::<Vec<_>>());
    assert_eq!(seqs(&index, &asked(&[(Field::Agent, "nobody")])), Vec::<u64>::new());
    let (counts, values) = index.counts(Field::Agent, 2).unwrap();
    assert_eq!((counts.len(), values), (2, 3));
    assert_eq!(counts[0].1, seqs(&index, &asked(&[(Field::Agent, &counts[0].0)])).len() as u64);
}

#[test]
fn a_page_holds_no_more_than_was_asked_for_and_the_next_one_goes_on() {
    let desk = Desk::new();
    desk.work(3_000);
    let index = desk.index();
    index.catch_up().unwrap();
    let question = asked(&[(Field::Kind, "intent")]);
    let whole = seqs(&index, &question);
    for most in [1, 99] {
        let page = index.find(&question, most).unwrap();
        assert_eq!(page.found.len(), most);
        assert_eq!(page.rest, Some(whole[most]));
    }
    for newest_first in [false, true] {
        let question = Question { newest_first, ..question.clone() };
        let paged: Vec<u64> = all(&index, &question, 333).iter().map(|found| found.seq).collect();
        assert_eq!(paged, seqs(&index, &question));
    }
}

#[test]
fn what_was_kept_is_not_read_again_and_what_came_since_is_added() {
    let desk = Desk::new();
    desk.work(3_000);
    let question = asked(&[(Field::Kind, "denied")]);
    desk.index().catch_up().unwrap();
    desk.work(2_000);
    let index = desk.index();
    assert_eq!(index.find(&Question { newest_first: true, ..question.clone() }, 1).unwrap().found[0].seq / BLOCK, 0);
    index.catch_up().unwrap();
    assert_eq!(seqs(&index, &question), scanned(&desk.log(), r#""kind":"denied""#));
    desk.work(1_000);
    index.catch_up().unwrap();
    assert_eq!(seqs(&index, &question), scanned(&desk.log(), r#""kind":"denied""#));
}

#[test]
fn outcomes_find_their_intents_and_runs_also_when_those_are_not_remembered() {
    let desk = Desk::new();
    let log = Log::open(&desk.log(), written()).unwrap();
    let start = [("agent", "anna".into()), ("pid", 7_i64.into())];
    log.append(&mut |stamp, out| entry(stamp, "process.started", &start, out)).unwrap();
    let who = [("action", "mail.send".into()), ("agent", "anna".into())];
    let intent = log.append_intent(&mut |stamp, out| entry(stamp, "intent", &who, out)).unwrap();
    for _ in 0..BLOCK {
        log.append(&mut |stamp, out| entry(stamp, "note", &[], out)).unwrap();
    }
    desk.index().catch_up().unwrap();
    let ended = [("intent", i64::try_from(intent.seq()).unwrap().into()), ("pid", 7_i64.into())];
    let outcome = log.append_outcome(intent, &mut |stamp, out| entry(stamp, "outcome", &ended, out)).unwrap();
    let text = log.append(&mut |stamp, out| entry(stamp, "text", &[("pid", 7_i64.into())], out)).unwrap();
    let index = desk.index();
    index.catch_up().unwrap();
    let found = seqs(&index, &Question { start: BLOCK, ..asked(&[(Field::Agent, "anna")]) });
    assert_eq!(found, [outcome, text]);
    assert_eq!(seqs(&index, &asked(&[(Field::Action, "mail.send")])).last(), Some(&outcome));
}

#[test]
fn a_log_that_was_put_back_cut_or_written_anew_is_indexed_anew() {
    let desk = Desk::new();
    desk.work(3_000);
    let index = desk.index();
    index.catch_up().unwrap();
    let question = asked(&[(Field::Kind, "denied")]);
    let elsewhere = desk.folder.path().join("older");
    copy(&desk.log(), &elsewhere);
    desk.work(3_000);
    index.catch_up().unwrap();
    fs::remove_dir_all(desk.log()).unwrap();
    fs::rename(&elsewhere, desk.log()).unwrap();
    assert_eq!(index.catch_up().unwrap(), Reader::open(&desk.log()).unwrap().size().unwrap());
    assert_eq!(seqs(&index, &question), scanned(&desk.log(), r#""kind":"denied""#));
    let again = desk.index();
    again.catch_up().unwrap();
    assert_eq!(seqs(&again, &question), seqs(&index, &question));
    // Another log in the same place.
    fs::remove_dir_all(desk.log()).unwrap();
    desk.work(100);
    let other = desk.index();
    other.catch_up().unwrap();
    assert_eq!(seqs(&other, &question), scanned(&desk.log(), r#""kind":"denied""#));
}

#[test]
fn the_last_entry_shows_that_a_log_of_one_segment_was_put_back_or_went_another_way() {
    let desk = Desk::new();
    desk.work(100);
    let elsewhere = desk.folder.path().join("older");
    copy(&desk.log(), &elsewhere);
    desk.work(100);
    let index = desk.index();
    index.catch_up().unwrap();
    fs::remove_dir_all(desk.log()).unwrap();
    copy(&elsewhere, &desk.log());
    assert_eq!(index.catch_up().unwrap(), Reader::open(&desk.log()).unwrap().size().unwrap());
    // The same log goes on in two ways, to the same size.
    desk.work(50);
    let size = index.catch_up().unwrap();
    fs::remove_dir_all(desk.log()).unwrap();
    fs::rename(&elsewhere, desk.log()).unwrap();
    desk.work(50);
    assert_eq!(index.catch_up().unwrap(), size);
    for found in all(&index, &asked(&[(Field::Kind, "denied")]), 100) {
        let entry = String::from_utf8(index.entry(found.at).unwrap().unwrap()).unwrap();
        assert!(entry.contains(r#""kind":"denied""#) && entry.contains(&format!(r#""seq":{},"#, found.seq)), "{entry}");
    }
    assert_eq!(seqs(&index, &asked(&[(Field::Kind, "denied")])), scanned(&desk.log(), r#""kind":"denied""#));
}

#[test]
fn a_segment_that_was_changed_after_it_ended_is_indexed_anew() {
    let desk = Desk::new();
    desk.work(6_000);
    let index = desk.index();
    index.catch_up().unwrap();
    let segments = || fs::read_dir(desk.log().join("segments")).unwrap().map(|item| item.unwrap().path());
    let first = segments().min().unwrap();
    assert!(segments().count() > 2);
    // One letter of one entry, with the checksum of its frame, so that a reader sees nothing wrong.
    let mut bytes = fs::read(&first).unwrap();
    let place = bytes.windows(7).position(|window| window == b"\"cleo\",").unwrap();
    bytes[place + 4] = b'a';
    let start = (36..place).rev().find(|at| {
        let size = u32::from_le_bytes(bytes[*at..*at + 4].try_into().unwrap()) as usize;
        bytes[at + 8] == b'{' && size < 1_000 && at + 8 + size > place
    });
    let start = start.unwrap();
    let size = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap()) as usize;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[start..start + 4]), &bytes[start + 8..start + 8 + size]);
    bytes[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    fs::write(&first, bytes).unwrap();
    index.catch_up().unwrap();
    assert_eq!(seqs(&index, &asked(&[(Field::Agent, "clea")])).len(), scanned(&desk.log(), "clea").len() + 1);
}

#[test]
fn what_was_dropped_is_found_no_more_and_everything_else_in_its_place() {
    let desk = Desk::new();
    desk.work(6_000);
    let index = desk.index();
    index.catch_up().unwrap();
    let log = Log::open(&desk.log(), written()).unwrap();
    let dropped = log.retain(3 * BLOCK / 2).unwrap().unwrap();
    log.close().unwrap();
    assert!(dropped.to > BLOCK / 2);
    // The one that was open, one that is opened on the same file, and one that reads on from within what was dropped.
    for open in [index, desk.index()] {
        assert_eq!(open.catch_up().unwrap(), Reader::open(&desk.log()).unwrap().size().unwrap());
        for (term, text) in [((Field::Kind, "denied"), r#""kind":"denied""#), ((Field::Status, "returned"), "returned")]
        {
            let found = seqs(&open, &asked(&[term]));
            assert_eq!(found, scanned(&desk.log(), text));
            assert!(found[0] >= dropped.to);
        }
        assert_eq!(seqs(&open, &asked(&[])), scanned(&desk.log(), ""));
        assert!(open.span().unwrap().unwrap().0 > 0);
        assert_eq!(open.catch_up().unwrap(), open.catch_up().unwrap());
    }
}

#[test]
fn a_damaged_file_is_made_anew_wherever_the_damage_is() {
    let desk = Desk::new();
    desk.work(3_000);
    let question = asked(&[(Field::Agent, "anna"), (Field::Kind, "denied")]);
    let expected = {
        let index = desk.index();
        index.catch_up().unwrap();
        seqs(&index, &question)
    };
    let whole = fs::read(desk.file()).unwrap();
    assert!(whole.len() > 100_000 && !desk.file().with_extension("sqlite-wal").exists());
    // Every byte of the first pages, where the tables begin, and some of each of the others.
    for at in (0..512).chain((512..whole.len()).step_by(whole.len() / 500)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(desk.file(), damaged).unwrap();
        let index = desk.index();
        index.catch_up().unwrap();
        assert_eq!(seqs(&index, &question), expected, "byte {at}");
    }
    for length in [0, 1, 100, 8_192, whole.len() - 1, whole.len() - 8_192] {
        fs::write(desk.file(), &whole[..length]).unwrap();
        let index = desk.index();
        index.catch_up().unwrap();
        assert_eq!(seqs(&index, &question), expected, "length {length}");
    }
    fs::write(desk.file(), b"this is no database at all, and long enough to be looked at by whoever opens it").unwrap();
    let index = desk.index();
    index.catch_up().unwrap();
    assert_eq!(seqs(&index, &question), expected);
}

#[test]
fn a_file_of_another_version_is_made_anew() {
    let desk = Desk::new();
    desk.work(3_000);
    desk.index().catch_up().unwrap();
    {
        let other = rusqlite::Connection::open(desk.file()).unwrap();
        other.pragma_update(None, "user_version", 99).unwrap();
        other.execute("DELETE FROM postings", []).unwrap();
    }
    let index = desk.index();
    index.catch_up().unwrap();
    assert_eq!(seqs(&index, &asked(&[(Field::Kind, "denied")])).len(), 600);
    let version: i64 = rusqlite::Connection::open(desk.file())
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_ne!(version, 99);
}

#[test]
fn two_who_keep_the_same_file_do_not_disturb_each_other() {
    let desk = Desk::new();
    desk.work(3_000);
    let (one, other) = (desk.index(), desk.index());
    std::thread::scope(|scope| {
        for index in [&one, &other] {
            scope.spawn(|| index.catch_up().unwrap());
        }
    });
    desk.work(3_000);
    one.catch_up().unwrap();
    other.catch_up().unwrap();
    let question = asked(&[(Field::Kind, "denied")]);
    for index in [one, other, desk.index()] {
        index.catch_up().unwrap();
        assert_eq!(seqs(&index, &question), scanned(&desk.log(), r#""kind":"denied""#));
    }
}

#[test]
fn the_log_s_directory_is_not_written_to_and_may_be_for_reading_only() {
    let desk = Desk::new();
    desk.work(3_000);
    let before = listing(&desk.log());
    for file in [Some(desk.file()), None] {
        let index = Index::open(&desk.log(), file.as_deref()).unwrap();
        index.catch_up().unwrap();
        assert_eq!(seqs(&index, &asked(&[(Field::Kind, "denied")])).len(), 600);
    }
    assert_eq!(listing(&desk.log()), before);
}

#[test]
fn where_no_file_can_be_had_the_index_is_a_temporary_one() {
    let desk = Desk::new();
    desk.work(3_000);
    let index = Index::open(&desk.log(), Some(&desk.folder.path().join("missing/index.sqlite"))).unwrap();
    index.catch_up().unwrap();
    assert_eq!(seqs(&index, &asked(&[(Field::Kind, "denied")])).len(), 600);
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_only_and_a_link_is_not_followed() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.work(3_000);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    desk.index().catch_up().unwrap();
    assert_eq!(mode(&desk.file()), 0o600);
    fs::set_permissions(desk.file(), fs::Permissions::from_mode(0o666)).unwrap();
    desk.index().catch_up().unwrap();
    assert_eq!(mode(&desk.file()), 0o600);
    let precious = desk.folder.path().join("precious");
    fs::write(&precious, "").unwrap();
    fs::remove_file(desk.file()).unwrap();
    std::os::unix::fs::symlink(&precious, desk.file()).unwrap();
    desk.index().catch_up().unwrap();
    assert_eq!(fs::read(&precious).unwrap(), b"");
    assert!(!fs::symlink_metadata(desk.file()).unwrap().is_symlink());
}

#[test]
fn a_damaged_log_is_an_error_each_time_and_no_answer() {
    let desk = Desk::new();
    desk.work(1_000);
    let segment = fs::read_dir(desk.log().join("segments")).unwrap().map(|item| item.unwrap().path()).min().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let index = desk.index();
    for _ in 0..2 {
        assert!(matches!(index.catch_up(), Err(IndexError::Log(_))));
    }
    assert!(matches!(Index::open(&desk.folder.path().join("nothing"), None), Err(IndexError::Log(_))));
}

#[test]
fn the_thread_reads_what_is_new_and_ends_with_the_index() {
    let desk = Desk::new();
    desk.work(10);
    let index = desk.index();
    index.follow().unwrap();
    let question = asked(&[(Field::Kind, "denied")]);
    // No time is promised, so it is asked again and again; a thread that reads nothing makes this last for ever.
    while seqs(&index, &question).is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(seqs(&index, &question).len(), 2);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

fn listing(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let about = fs::metadata(&path).unwrap();
        found.push((path.clone(), about.len(), about.modified().unwrap()));
        if about.is_dir() {
            found.extend(listing(&path));
        }
    }
    found.sort();
    found
}
