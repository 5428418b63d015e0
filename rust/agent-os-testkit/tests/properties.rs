//! What the fuzzers look for, on texts of the pieces that matter. AGENT_OS_ROUNDS makes a long run of it.
#![allow(clippy::unwrap_used, missing_docs)]

use agent_os_testkit::generate::{Random, fuzz};
use agent_os_testkit::property;

fn hold(pieces: &[&str], property: fn(&str) -> bool) {
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |given| given.parse().unwrap());
    let (seed, rounds) = (number("AGENT_OS_SEED", 22), number("AGENT_OS_ROUNDS", 6_000));
    println!("seed {seed}, {rounds} rounds (AGENT_OS_SEED and AGENT_OS_ROUNDS for others)");
    let mut random = Random::new(seed);
    let mut understood = 0;
    for round in 0..rounds {
        let text = fuzz::text(&mut random, pieces, if round % 4 == 0 { 24 } else { 9 });
        understood += u64::from(property(&text));
    }
    println!("{understood} are understood");
    assert!(understood * 100 > rounds, "hardly any text is understood: {understood} of {rounds}");
}

#[test]
fn a_command_beside_any_text_is_told() {
    hold(fuzz::SHELL_PIECES, property::shell::holds);
}

#[test]
fn a_statement_beside_any_text_is_told() {
    hold(fuzz::SQL_PIECES, property::sql::holds);
}
