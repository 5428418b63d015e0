//! What the tests of the log share: entries to append, and places to append them to.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

pub mod folder;
pub mod sim_disk;

use std::fs;
use std::path::Path;
use std::time::Duration;

use agent_os_core::canonical;
use agent_os_core::value::Value;
use agent_os_log::{Durability, Keys, Log, LogError, Options, Report, Reservation, SigningKey, Stamp};

/// Options under which nothing happens by itself: no sync, no checkpoint.
pub fn quiet() -> Options {
    let hour = Duration::from_secs(3_600);
    Options { sync_every: hour, checkpoint_every: hour, ..written("test") }
}

/// The usual options, with a key that every test knows.
pub fn written(meta: &str) -> Options {
    Options { keys: Keys::given(key()), ..Options::new(Durability::Written, meta.into()) }
}

/// The key of the tests.
pub fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

/// A new directory, on a file system in memory where there is one: a sync costs nothing there.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The canonical bytes of an entry of this kind.
pub fn entry(stamp: &Stamp<'_>, kind: &str, fields: &[(&str, Value)]) -> Vec<u8> {
    let own: [(&str, Value); 4] = [
        ("kind", kind.into()),
        ("log", stamp.log.into()),
        ("seq", i64::try_from(stamp.seq).unwrap().into()),
        ("time", stamp.micros.into()),
    ];
    let all = own.iter().chain(fields).map(|(key, value)| ((*key).to_owned(), value.clone()));
    canonical::encode(&Value::Map(all.collect()))
}

/// Appends a note.
pub fn note(log: &Log, text: &str) -> Result<u64, LogError> {
    log.append(&mut |stamp, out| out.extend(entry(stamp, "note", &[("text", text.into())])))
}

/// Appends an intent.
pub fn intent(log: &Log) -> Result<Reservation, LogError> {
    log.append_intent(&mut |stamp, out| out.extend(entry(stamp, "intent", &[("action", "files.read".into())])))
}

/// Appends the outcome of an intent, with this much text in it.
pub fn outcome(log: &Log, reservation: Reservation, size: usize) -> Result<u64, LogError> {
    let intent = i64::try_from(reservation.seq()).unwrap();
    log.append_outcome(reservation, &mut |stamp, out| {
        let fields =
            [("intent", intent.into()), ("status", "returned".into()), ("text", "x".repeat(size).as_str().into())];
        out.extend(entry(stamp, "outcome", &fields));
    })
}

/// Appends bytes as they are.
pub fn raw(log: &Log, bytes: &[u8]) -> Result<u64, LogError> {
    log.append(&mut |_, out| out.extend_from_slice(bytes))
}

/// All entries of a log.
pub fn entries(log: &Log) -> Vec<Vec<u8>> {
    log.read_from(0).unwrap().map(|entry| entry.unwrap().1).collect()
}

/// A field of an entry.
pub fn field(entry: &[u8], key: &str) -> Value {
    canonical::decode(entry).unwrap().get(key).cloned().unwrap_or(Value::Null)
}

/// Copies a log as a crash would leave it, without the lock.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target);
        } else if item.file_name() != "lock" {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// The files of a log, relative to its directory, without the lock.
pub fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for item in fs::read_dir(dir).unwrap() {
        let item = item.unwrap();
        let name = item.file_name().into_string().unwrap();
        if item.file_type().unwrap().is_dir() {
            found.extend(files(&item.path()).into_iter().map(|inner| format!("{name}/{inner}")));
        } else if name != "lock" {
            found.push(name);
        }
    }
    found.sort();
    found
}

/// Fails unless the log is whole.
#[track_caller]
pub fn assert_whole(report: &Report) {
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert!(report.ok() && report.level == "self-consistent", "{problems:#?}");
}
