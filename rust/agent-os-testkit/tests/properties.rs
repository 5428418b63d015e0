//! What the fuzzers look for, on texts of the pieces that matter. AGENT_OS_ROUNDS makes a long run of it.
#![allow(clippy::unwrap_used, missing_docs)]

use agent_os_testkit::generate::{Random, fuzz, schema};
use agent_os_testkit::property;

fn hold(pieces: &[&str], property: fn(&str) -> bool) {
    each(property, |random, round| fuzz::text(random, pieces, if round % 4 == 0 { 24 } else { 9 }));
}

fn each(property: fn(&str) -> bool, text: impl Fn(&mut Random, u64) -> String) {
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |given| given.parse().unwrap());
    let (seed, rounds) = (number("AGENT_OS_SEED", 22), number("AGENT_OS_ROUNDS", 6_000));
    println!("seed {seed}, {rounds} rounds (AGENT_OS_SEED and AGENT_OS_ROUNDS for others)");
    let mut random = Random::new(seed);
    let mut understood = 0;
    for round in 0..rounds {
        let text = text(&mut random, round);
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

#[test]
fn what_a_schema_claims_goes_away_where_more_is_allowed() {
    each(property::schema::holds, |random, _| schema::text(random));
}
