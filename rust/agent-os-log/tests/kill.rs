//! A writer that is killed at any moment: what it was told is recorded is recorded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agent_os_log::{Log, Options, verify};
use support::{assert_whole, entries, field, intent, note, outcome, quiet, scratch};

const DIR: &str = "AGENT_OS_LOG_KILL_TEST";

/// Runs in a process of its own: appends, and says on its output what was acknowledged, until it is killed.
#[test]
#[ignore = "the process that the other test kills"]
fn writer() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let options = Options {
        segment_bytes: 20_000,
        sync_every: Duration::from_millis(1),
        checkpoint_every: Duration::from_millis(2),
        ..quiet()
    };
    let log = Log::open(Path::new(&dir), options).unwrap();
    let mut out = std::io::stdout().lock();
    for round in 0.. {
        let text = format!("{} {}", std::process::id(), "z".repeat(round % 700));
        let seq = note(&log, &text).unwrap();
        writeln!(out, "noted {seq} {text}").unwrap();
        let reservation = intent(&log).unwrap();
        writeln!(out, "intent {}", reservation.seq()).unwrap();
        let seq = outcome(&log, reservation, round % 50).unwrap();
        writeln!(out, "outcome {seq}").unwrap();
    }
}

#[test]
fn what_was_acknowledged_before_kill_minus_nine_is_in_the_log() {
    let folder = scratch();
    let dir = folder.path().join("log");
    let began = Instant::now();
    let mut acknowledged: Vec<(usize, String, String)> = Vec::new();
    let mut rounds = 0;
    while rounds < 8 || rounds < 24 && began.elapsed() < Duration::from_secs(5) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--ignored", "--nocapture", "--test-threads=1"])
            .env(DIR, &dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The writer is killed after a number of acknowledgements that differs from round to round.
        let patience = [1, 2, 3, 5, 17, 60, 150, 400][rounds % 8];
        let mut said = Vec::new();
        while said.len() < patience {
            let line = lines.next().expect("the writer ended by itself").unwrap();
            said.extend(parse(&line));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died was acknowledged, too.
        said.extend(lines.map_while(Result::ok).filter_map(|line| parse(&line)));
        acknowledged.extend(said);

        let log = Log::open(&dir, quiet()).unwrap();
        let found = entries(&log);
        assert_eq!(field(found.last().unwrap(), "kind"), "log.recovered".into());
        for (seq, kind, text) in &acknowledged {
            assert_eq!(field(&found[*seq], "kind"), kind.as_str().into());
            if kind == "note" {
                assert_eq!(field(&found[*seq], "text"), text.as_str().into());
            }
        }
        let recovered = found.iter().filter(|entry| field(entry, "kind") == "log.recovered".into()).count();
        assert_eq!(recovered, rounds + 1);
        // Each round adds an opening and a recovery, each but the last a closing, and each at most one entry that was
        // written and could not be acknowledged any more.
        assert!(found.len() <= acknowledged.len() + 4 * rounds + 3, "too much was not acknowledged");
        log.close().unwrap();
        assert_whole(&verify(&dir));
        rounds += 1;
    }
}

/// An acknowledgement; nothing if the line is the test harness's, or was cut off.
fn parse(line: &str) -> Option<(usize, String, String)> {
    // The harness writes `test writer ... ` before the first line.
    let start = ["noted ", "intent ", "outcome "].iter().filter_map(|word| line.find(word)).min()?;
    let mut words = line[start..].splitn(3, ' ');
    let kind = match words.next()? {
        "noted" => "note",
        other => other,
    };
    Some((words.next()?.parse().ok()?, kind.to_owned(), words.next().unwrap_or_default().to_owned()))
}
