//! One decision, many times: `decide_cost <scenario> [decisions]`, or nothing to list the scenarios.
//!
//! `make bench-instructions` runs it under callgrind, which counts the instructions inside [`measured`]: unlike times,
//! the counts are the same on a busy machine. Without callgrind it prints the mean time.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use agent_os_core::policy::{Bundle, Effect, Origin, Provenance, SubjectKey, decide};
use agent_os_core::request::{RunState, Subject};
use agent_os_core::value::Value;

/// A bundle, an action and arguments that one rule in the middle allows.
struct Scenario {
    rules: Vec<Value>,
    action: String,
    args: Value,
    /// Text of the run.
    said: String,
}

const NAMES: &[&str] = &["actions-10", "bucket-mixed-1000", "seen-in-1mb"];

fn main() -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add `--release`".into());
    }
    let Some(name) = std::env::args().nth(1) else {
        NAMES.iter().for_each(|name| println!("{name}"));
        return Ok(());
    };
    let decisions: u32 = std::env::args().nth(2).map_or(Ok(100_000), |text| text.parse())?;
    let scenario = scenario(&name).ok_or_else(|| format!("there is no scenario `{name}`"))?;
    let document = map([
        ("agent_os", 1.into()),
        ("name", "cost".into()),
        ("default", "deny".into()),
        ("rules", Value::List(scenario.rules)),
    ]);
    let bundle = Bundle::compile(&document).map_err(|problems| format!("{problems:?}"))?;
    let subject = bundle.subject(&Subject { id: "desk-7", roles: &[] });
    let mut provenance = Provenance::default();
    provenance.add(Origin::User, &scenario.said);
    let run = RunState::start(&provenance);
    // What is made at the first need is made before.
    let warm = measured(&bundle, &subject, &scenario.action, &scenario.args, &run, 1);
    let expected = if name.contains("unknown") { 0 } else { 1 };
    if warm != expected {
        return Err(format!("`{name}` was to allow {expected} and allowed {warm}").into());
    }
    let start = Instant::now();
    measured(&bundle, &subject, &scenario.action, &scenario.args, &run, decisions);
    println!("{name}: {:.0} ns", start.elapsed().as_nanos() as f64 / f64::from(decisions));
    Ok(())
}

/// Decides so often, and counts what was allowed.
#[inline(never)]
fn measured(
    bundle: &Bundle,
    subject: &SubjectKey,
    action: &str,
    args: &Value,
    run: &RunState<'_>,
    decisions: u32,
) -> u32 {
    (0..decisions)
        .map(|_| {
            let verdict = decide(bundle, subject, black_box(action), &black_box(args), run, &[]);
            u32::from(black_box(verdict).effect == Effect::Allow)
        })
        .sum()
}

fn scenario(name: &str) -> Option<Scenario> {
    let (kind, size) = name.rsplit_once('-')?;
    let count: usize = size.parse().unwrap_or(1);
    let middle = count / 2;
    let payment = map([("amount", 120.into()), ("currency", "SEK".into())]);
    let empty = String::new();
    Some(match kind {
        "actions" => Scenario {
            rules: rules(count, |number| {
                let amount = map([("gt", 0.into()), ("le", 500.into())]);
                let currency = map([("in", Value::List(vec!["EUR".into(), "SEK".into()]))]);
                (format!("service{number}.send"), map([("args.amount", amount), ("args.currency", currency)]))
            }),
            action: format!("service{middle}.send"),
            args: payment,
            said: empty,
        },
        "bucket-mixed" | "bucket-mixed-unknown" => Scenario {
            rules: rules(count, |number| ("work.do".to_owned(), mixed(number))),
            action: "work.do".to_owned(),
            args: if kind == "bucket-mixed" {
                map([
                    ("account", format!("acc-{middle}").as_str().into()),
                    ("amount", (10 * middle as i64 + 5).into()),
                    ("path", format!("/srv/tenant-{middle}/report.csv").as_str().into()),
                ])
            } else {
                // A mistyped argument rules nothing out.
                map([("account", 7.into()), ("amount", "7".into()), ("path", 7.into())])
            },
            said: empty,
        },
        "bucket-regex" => Scenario {
            rules: rules(count, |number| {
                let pattern = format!(r"(GET|POST) /tenants/{number}/[a-z]+(\?.*)?");
                ("http.call".to_owned(), map([("args.line", map([("matches", pattern.as_str().into())]))]))
            }),
            action: "http.call".to_owned(),
            args: map([("line", format!("GET /tenants/{middle}/orders?limit=10").as_str().into())]),
            said: empty,
        },
        "seen-in" => Scenario {
            rules: rules(1, |_| {
                let seen = map([("seen_in", Value::List(vec!["user".into()]))]);
                ("payments.send".to_owned(), map([("args.iban", seen)]))
            }),
            action: "payments.send".to_owned(),
            args: map([("iban", "SE3550000000054910000003".into())]),
            said: format!("{} SE3550000000054910000003", "some words that were said before. ".repeat(31_000)),
        },
        _ => return None,
    })
}

/// Conditions on texts, numbers and paths, in turn.
fn mixed(number: usize) -> Value {
    let account = map([("eq", format!("acc-{number}").as_str().into())]);
    let from = 10 * number as i64;
    let amount = map([("ge", from.into()), ("lt", (from + 10).into())]);
    let path = map([("under", format!("/srv/tenant-{number}").as_str().into())]);
    match number % 3 {
        0 => map([("args.account", account), ("args.amount", amount)]),
        1 => map([("args.amount", amount)]),
        _ => map([("args.path", path)]),
    }
}

fn rules(count: usize, rule: impl Fn(usize) -> (String, Value)) -> Vec<Value> {
    (0..count)
        .map(|number| {
            let (action, when) = rule(number);
            map([
                ("id", format!("rule-{number}").as_str().into()),
                ("effect", "allow".into()),
                ("action", Value::List(vec![action.as_str().into()])),
                ("when", when),
            ])
        })
        .collect()
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::from(entries)
}
