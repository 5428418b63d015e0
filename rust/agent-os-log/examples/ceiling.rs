//! How near the log comes to what the machine can do: `cargo run --release -p agent-os-log --example ceiling [directory]`.
//!
//! The ceiling is a program that does only what any such log must: hash the entry, add it to the frontier of the tree,
//! write it to a file, and sync. It has no lock, no checksum, no reserved space, no checkpoint, and loses everything at
//! an unlucky crash. Both take turns in one process on one disk. One line of JSON for each figure.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use agent_os_core::audit::tree::{CompactRange, leaf_hash};
use agent_os_log::{Durability, Keys, Log, LogError, Options, Reader, Stamp, verify};

type Answer<T> = Result<T, Box<dyn Error>>;

/// Entries of the rounds with `written`, of verification and of recovery.
const MANY: u64 = 1_000_000;
const BATCH: u64 = 1_024;

fn main() -> Answer<()> {
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add `--release`".into());
    }
    let scratch = tempfile::tempdir()?;
    let dir = std::env::args().nth(1).map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    committed(&dir, 1, 400)?;
    committed(&dir, BATCH, 60)?;
    written(&dir)?;
    read_back(&dir)
}

/// Batches that are on stable storage before the next one begins.
fn committed(dir: &Path, batch: u64, rounds: usize) -> Answer<()> {
    let log = open(&dir.join(format!("commit-{batch}")), Durability::Commit)?;
    let mut ceiling = Ceiling::create(&dir.join(format!("ceiling-{batch}")))?;
    let (mut ours, mut theirs, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let mut file = File::create(dir.join(format!("bare-{batch}")))?;
    for _ in 0..rounds {
        ours.push(timed(|| {
            for _ in 1..batch {
                log.append_ahead(&mut entry)?;
            }
            log.append(&mut entry)
        })?);
        theirs.push(timed(|| {
            (0..batch).try_for_each(|_| ceiling.append())?;
            ceiling.file.sync_data()
        })?);
        bare.push(timed(|| {
            file.write_all(&vec![b'x'; 400 * usize::try_from(batch).unwrap_or(1)])?;
            file.sync_data()
        })?);
    }
    let [ours, theirs, bare] = [ours, theirs, bare].map(median);
    say(
        &format!("commit, batches of {batch}"),
        &[
            ("ours_us", ours),
            ("ceiling_us", theirs),
            ("write_and_fdatasync_us", bare),
            ("share_of_ceiling", theirs / ours),
            ("times_the_bare_write", ours / bare),
        ],
    );
    log.close()?;
    Ok(())
}

/// A million appends with a sync every 10 ms beside them.
fn written(dir: &Path) -> Answer<()> {
    let log = open(&dir.join("written"), Durability::Written)?;
    let mut ceiling = Ceiling::create(&dir.join("ceiling-written"))?;
    let over = Arc::new(AtomicBool::new(false));
    let (file, ended) = (ceiling.file.try_clone()?, Arc::clone(&over));
    let syncing = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
            if let Err(error) = file.sync_data() {
                eprintln!("the ceiling was not synced: {error}");
            }
        }
    });
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let before = resident();
    for _ in 0..MANY / 10_000 {
        for _ in 0..10_000 {
            ours.push(timed(|| log.append(&mut entry))?);
        }
        for _ in 0..10_000 {
            theirs.push(timed(|| ceiling.append())?);
        }
    }
    over.store(true, Ordering::Relaxed);
    let _ = syncing.join();
    let worst = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let (ours_worst, theirs_worst) = (worst(&ours), worst(&theirs));
    // What the figures themselves take is not the log's.
    let grown = resident() - before - (ours.len() + theirs.len()) as f64 * 8.0 / 1e6;
    say(
        "written, a million appends",
        &[
            ("ours_p50_us", median(ours)),
            ("ceiling_p50_us", median(theirs)),
            ("ours_worst_us", ours_worst),
            ("ceiling_worst_us", theirs_worst),
            ("grown_mb", grown),
        ],
    );
    // The log is left as a process that died leaves it, for the next figures.
    log.flush()?;
    for name in ["written", "written.keys"] {
        copy(&dir.join(name), &dir.join(name.replace("written", "left")))?;
    }
    log.close()?;
    Ok(())
}

/// Verification and recovery of that log.
fn read_back(dir: &Path) -> Answer<()> {
    let left = dir.join("left");
    let began = Instant::now();
    let report = verify(&left);
    let seconds = began.elapsed().as_secs_f64();
    if !report.ok() {
        return Err(format!("the log does not verify: {:?}", report.problems.first()).into());
    }
    say("verify", &[("entries_per_second", report.entries as f64 / seconds), ("seconds", seconds)]);
    let began = Instant::now();
    let count = Reader::open(&left)?.read_from(0)?.count();
    say("read", &[("entries_per_second", count as f64 / began.elapsed().as_secs_f64())]);
    let began = Instant::now();
    let log = open(&left, Durability::Written)?;
    say("recover a million entries", &[("seconds", began.elapsed().as_secs_f64())]);
    log.close()?;
    Ok(())
}

/// What any log of this kind must do, and nothing else.
struct Ceiling {
    file: File,
    tree: CompactRange,
    text: Vec<u8>,
}

impl Ceiling {
    fn create(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let mut text = Vec::new();
        entry(&Stamp { seq: 0, log: "00112233445566778899aabbccddeeff", micros: 1 }, &mut text);
        Ok(Self { file, tree: CompactRange::new(), text })
    }

    fn append(&mut self) -> std::io::Result<()> {
        self.tree.append(leaf_hash(&self.text));
        self.file.write_all(&self.text)
    }
}

/// An entry of about 400 bytes, as an intent is.
fn entry(stamp: &Stamp<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(
        br#"{"action":"mail.read","agent":"clerk","args":{"digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},"bundle":"60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752","decision":{"effect":"allow","reason":"allowed_by_rule","rules":["read"]},"kind":"note","log":""#,
    );
    out.extend_from_slice(stamp.log.as_bytes());
    let _ = write!(out, r#"","pid":1,"seq":{},"time":{}}}"#, stamp.seq, stamp.micros);
}

fn open(dir: &Path, durability: Durability) -> Result<Log, LogError> {
    let keys = Keys::in_folder(&dir.with_extension("keys"));
    Log::open(dir, Options { keys, ..Options::new(durability, true.into()) })
}

/// How long it took, in microseconds.
fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<f64, E> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed().as_secs_f64() * 1e6)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Megabytes of memory that this process holds.
fn resident() -> f64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    pages.and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok()).map_or(f64::NAN, |pages| pages * 4_096.0 / 1e6)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        let target = to.join(item.file_name());
        if item.file_type()?.is_dir() {
            copy(&item.path(), &target)?
        } else {
            fs::copy(item.path(), target).map(drop)?
        }
    }
    Ok(())
}

fn say(what: &str, figures: &[(&str, f64)]) {
    let figures: Vec<String> = figures.iter().map(|(name, figure)| format!("\"{name}\": {figure:.3}")).collect();
    println!("{{\"what\": \"{what}\", {}}}", figures.join(", "));
}
