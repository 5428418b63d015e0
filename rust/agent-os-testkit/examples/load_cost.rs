//! A compiled bundle, loaded many times: `load_cost <scenario> [loads]`, or nothing to list the scenarios.
//!
//! `make bench-instructions` runs it under callgrind, which counts the instructions inside [`measured`]. Without
//! callgrind it prints the mean time.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use agent_os_core::policy::Bundle;
use agent_os_core::value::Value;

const NAMES: &[&str] = &["load-1000"];

fn main() -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add `--release`".into());
    }
    let Some(name) = std::env::args().nth(1) else {
        NAMES.iter().for_each(|name| println!("{name}"));
        return Ok(());
    };
    let loads: u32 = std::env::args().nth(2).map_or(Ok(20), |text| text.parse())?;
    let bytes = compiled(&name)?;
    measured(&bytes, 1);
    let start = Instant::now();
    let rules = measured(&bytes, loads);
    let each = start.elapsed().as_secs_f64() * 1e3 / f64::from(loads);
    println!("{name}: {each:.2} ms for {} bytes and {} rules", bytes.len(), rules / loads as usize);
    Ok(())
}

/// Loads so often, and counts the rules.
#[inline(never)]
fn measured(bytes: &[u8], loads: u32) -> usize {
    (0..loads).map(|_| black_box(Bundle::load(black_box(bytes))).map_or(0, |bundle| bundle.rules().len())).sum()
}

/// A compiled bundle of rules with the lines that they were written on.
fn compiled(name: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let size = name.strip_prefix("load-").ok_or("a scenario is `load-` and a number of rules")?;
    let rule = |number: i64| {
        let amount = Value::from([("gt", 0.into()), ("le", 500.into())]);
        let currency = Value::from([("in", Value::List(vec!["EUR".into(), "SEK".into()]))]);
        Value::from([
            ("id", format!("rule-{number}").as_str().into()),
            ("effect", "allow".into()),
            ("action", Value::List(vec![format!("service{number}.send").as_str().into()])),
            ("when", Value::from([("args.amount", amount), ("args.currency", currency)])),
            ("source", Value::from([("file", "policy.yaml".into()), ("line", (number + 4).into())])),
        ])
    };
    let document = Value::from([
        ("agent_os", 1.into()),
        ("name", "cost".into()),
        ("default", "deny".into()),
        ("rules", Value::List((0..size.parse()?).map(rule).collect())),
    ]);
    Ok(Bundle::compile(&document).map_err(|problems| format!("{problems:?}"))?.dump())
}
