//! What holds for every store, and what holds for a file.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use agent_os_core::amount::Amount;
use agent_os_core::kernel::{Charge, Counter, Reserved, Store, Window};
use agent_os_store::{MemoryStore, SqliteStore, StoreError};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;

fn charge(key: &str, amount: u64, max: u64, seconds: u64) -> Charge {
    let counter = Counter { key: key.into(), window: Window::seconds(seconds).unwrap() };
    Charge { counter, amount: Amount::of_u64(amount).unwrap(), max: Amount::of_u64(max) }
}

fn used(store: &dyn Store, key: &str, now: i64) -> String {
    store.used(&[charge(key, 0, 0, 60).counter], now).unwrap()[0].to_string()
}

fn file(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("state.db")
}

fn code_of(path: &Path) -> &'static str {
    SqliteStore::open(path).map_or_else(|error| error.code(), |_| "opened")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The clock goes forwards and backwards, reservations are taken back, and counters are named twice.
    #[test]
    fn the_file_answers_as_the_memory_does(
        steps in prop::collection::vec((-2 * SECOND..3 * SECOND, prop::collection::vec((0usize..3, 0u64..4), 1..4), any::<bool>()), 1..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let stores: [Box<dyn Store>; 2] =
            [Box::new(MemoryStore::new()), Box::new(SqliteStore::open(&file(&folder)).unwrap())];
        let mut now = 1_700_000_000 * SECOND;
        for (step, charges, back) in steps {
            now += step;
            let charges: Vec<Charge> =
                charges.iter().map(|(key, amount)| charge(["a", "b", "c"][*key], *amount, 9, 4 + *key as u64)).collect();
            let [memory, sqlite] = stores.each_ref().map(|store| store.reserve(&charges, now).unwrap());
            prop_assert_eq!(&memory, &sqlite);
            let counters: Vec<Counter> = charges.iter().map(|charge| charge.counter.clone()).collect();
            if let (true, Reserved::Taken(ticket)) = (back, memory) {
                stores.iter().for_each(|store| store.refund(&ticket).unwrap());
            }
            let [memory, sqlite] = stores.each_ref().map(|store| store.used(&counters, now).unwrap());
            prop_assert_eq!(memory, sqlite);
        }
    }
}

#[test]
fn callers_on_64_threads_never_overrun() {
    let folder = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] =
        [Arc::new(MemoryStore::new()), Arc::new(SqliteStore::open(&file(&folder)).unwrap())];
    for store in stores {
        let (taken, barrier) = (AtomicU64::new(0), Barrier::new(64));
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    barrier.wait();
                    for _ in 0..5 {
                        if let Reserved::Taken(_) = store.reserve(&[charge("a", 1, 100, 60)], 0).unwrap() {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 100, "{store:?}");
        assert_eq!(used(&*store, "a", 0), "100");
    }
}

#[test]
fn what_was_charged_is_there_after_a_restart_and_for_others_with_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let first = SqliteStore::open(&path).unwrap();
    let second = SqliteStore::open(&path).unwrap();
    first.reserve(&[charge("a", 3, 5, 60)], 0).unwrap();
    assert_eq!(used(&second, "a", 0), "3");
    assert_eq!(second.reserve(&[charge("a", 3, 5, 60)], 0).unwrap(), Reserved::Full(0));
    drop((first, second));
    assert_eq!(used(&SqliteStore::open(&path).unwrap(), "a", 0), "3");
}

#[cfg(unix)]
#[test]
fn a_store_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let store = SqliteStore::open(&path).unwrap();
    store.reserve(&[charge("a", 1, 5, 60)], 0).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
    drop(store);
    for mode in [0o640, 0o602, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(code_of(&path), "store_exposed");
    }
}

#[test]
fn a_file_that_is_not_wholly_understood_is_not_opened_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let make = |fill: &dyn Fn(&rusqlite::Connection)| {
        let _ = std::fs::remove_file(&path);
        drop(SqliteStore::open(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        fill(&connection);
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
    };
    let refused = |code: &str| {
        let before = std::fs::read(&path).unwrap();
        assert_eq!(code_of(&path), code);
        assert!(code == "store_version" || std::fs::read(&path).unwrap() == before);
    };

    make(&|connection| connection.pragma_update(None, "user_version", 999).unwrap());
    refused("store_version");
    make(&|connection| connection.pragma_update(None, "user_version", -1).unwrap());
    refused("store_version");
    make(&|connection| connection.pragma_update(None, "application_id", 7).unwrap());
    refused("store_unknown");
    std::fs::write(&path, b"agent_os: 1\nname: a policy, and not a database of any kind\n").unwrap();
    refused("store_unknown");

    let filled = |connection: &rusqlite::Connection| {
        for number in 0..2_000 {
            let row = (format!("counter {number}"), number, [0_u8; 16], number);
            connection.execute("INSERT INTO usage VALUES (?1, ?2, ?3, ?4)", row).unwrap();
        }
    };
    make(&filled);
    let mut bytes = std::fs::read(&path).unwrap();
    let size = bytes.len();
    bytes[size / 2..size / 2 + 4_096].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    assert!(["store_damaged", "store_unknown"].contains(&code_of(&path)), "{}", code_of(&path));
    make(&filled);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(code_of(&path), "store_damaged");
}

#[test]
fn damage_that_comes_later_is_a_fault_and_not_an_empty_counter() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&file(&folder)).unwrap();
    store.reserve(&[charge("a", 1, 5, 60)], 0).unwrap();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute_batch("DROP TABLE usage").unwrap();
    assert!(store.used(&[charge("a", 1, 5, 60).counter], 0).is_err());
    assert!(store.reserve(&[charge("a", 1, 5, 60)], 0).is_err());
    other.execute_batch("CREATE TABLE usage (counter, slice, amount, expires)").unwrap();
    other.execute_batch("INSERT INTO usage VALUES ('a', 0, 'much', 0)").unwrap();
    assert_eq!(store.used(&[charge("a", 1, 5, 60).counter], 0).unwrap_err().code, "store_damaged");
}

#[test]
fn what_another_process_holds_is_waited_for_and_then_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&file(&folder)).unwrap();
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.reserve(&[charge("a", 1, 5, 60)], 0).unwrap_err().code, "store_locked");
    other.execute_batch("COMMIT").unwrap();
    assert!(matches!(store.reserve(&[charge("a", 1, 5, 60)], 0).unwrap(), Reserved::Taken(_)));
}

#[test]
fn a_path_that_cannot_be_opened_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code_of(folder.path()), "store_unopened");
    assert_eq!(code_of(&folder.path().join("missing/state.db")), "store_unopened");
    let error = SqliteStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }) && error.to_string().contains("check the path"));
}

#[test]
fn rows_whose_time_is_over_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&file(&folder)).unwrap();
    for number in 0..1_030 {
        store.reserve(&[charge(&format!("counter {number}"), 1, 5, 1)], number * SECOND).unwrap();
    }
    let count = |connection: &rusqlite::Connection| {
        connection.query_row("SELECT count(*) FROM usage", [], |row| row.get::<_, i64>(0))
    };
    assert!(store.database().read(count).unwrap() <= 10);
}
