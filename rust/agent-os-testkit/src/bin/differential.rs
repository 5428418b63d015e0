//! Compares the engine with the reference on random pairs of policy and request.
//!
//! `differential [--pairs N] [--seed S] [--requests R]` writes a summary to stdout and progress to stderr, and exits
//! with 1 on the first disagreement, which it makes as small as it can. `differential --export N [--seed S]` writes N
//! pairs with the reference's answers as JSON lines, for evaluators in other languages.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent_os_core::canonical;
use agent_os_core::value::Value;
use agent_os_testkit::differential::{Coverage, compare_policies, draw};
use agent_os_testkit::generate;
use agent_os_testkit::reference::{self, Texts};

/// Policies between two looks at the clock.
const BATCH: usize = 200;

struct Options {
    pairs: u64,
    seed: u64,
    requests: u32,
    export: Option<u64>,
}

fn main() -> ExitCode {
    let outcome = match options() {
        Err(fault) => {
            eprintln!("{fault}\nusage: differential [--pairs N] [--seed S] [--requests R] [--export N]");
            return ExitCode::from(2);
        }
        Ok(Options { export: Some(pairs), seed, .. }) => export(pairs, seed),
        Ok(options) => compare(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("cannot write: {error}");
        ExitCode::from(2)
    })
}

fn options() -> Result<Options, String> {
    let mut options = Options { pairs: 10_000_000, seed: 1, requests: 100, export: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let given = words.next().unwrap_or_default().replace('_', "");
        let number: u64 = given.parse().map_err(|_| format!("`{word}` needs a number, not `{given}`"))?;
        match word.as_str() {
            "--pairs" => options.pairs = number,
            "--seed" => options.seed = number,
            "--requests" => options.requests = u32::try_from(number).unwrap_or(u32::MAX).max(1),
            "--export" => options.export = Some(number),
            _ => return Err(format!("unknown option `{word}`")),
        }
    }
    Ok(options)
}

fn compare(options: &Options) -> io::Result<ExitCode> {
    let mut coverage = Coverage::default();
    let (start, mut reported) = (Instant::now(), Instant::now());
    let policies = options.pairs.div_ceil(u64::from(options.requests));
    for first in (0..policies).step_by(BATCH) {
        let numbers = first..policies.min(first + BATCH as u64);
        match compare_policies(options.seed, numbers, options.requests) {
            Ok(seen) => coverage.add(&seen),
            Err(mismatch) => {
                write!(io::stdout(), "{mismatch}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        if reported.elapsed() > Duration::from_secs(5) {
            reported = Instant::now();
            let rate = coverage.pairs as f64 / start.elapsed().as_secs_f64();
            eprintln!("{} of {} pairs, {rate:.0} per second", coverage.pairs, options.pairs);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    writeln!(io::stdout(), "seed {}: no disagreement in {seconds:.1} s\n{coverage}", options.seed)?;
    Ok(ExitCode::SUCCESS)
}

fn export(pairs: u64, seed: u64) -> io::Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout().lock());
    for number in 0..pairs {
        let (policy, mut random) = draw(seed, number);
        let request = generate::request(&mut random, &policy);
        let expected = reference::decide(&policy.document, &request, &Texts::new(&policy.texts));
        let line = Value::from([
            ("document", policy.document),
            ("request", request.to_value()),
            ("expected", expected.to_value()),
        ]);
        out.write_all(&canonical::encode(&line))?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
