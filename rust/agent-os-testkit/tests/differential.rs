//! The engine and the reference agree on decision, rules, reason, unknowns and obligations, on pairs that matter.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use agent_os_core::policy::OPERATORS;
use agent_os_testkit::differential::compare_policies;

const POLICIES: u64 = 2_000;
const REQUESTS: u32 = 100;

#[test]
fn engine_and_reference_agree_on_pairs_that_cover_the_language() {
    let seed = std::env::var("AGENT_OS_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("seed {seed} (set AGENT_OS_SEED for another)");
    let coverage = compare_policies(seed, 0..POLICIES, REQUESTS).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    println!("{coverage}");
    assert_eq!(coverage.pairs, POLICIES * u64::from(REQUESTS));
    assert!(coverage.percent("allow") >= 20.0, "too few requests are allowed\n{coverage}");
    assert!(coverage.percent_unknown() >= 10.0, "too few decisions name an unknown\n{coverage}");
    let reasons = [
        "allowed_by_rule",
        "allowed_by_default",
        "only_observed",
        "asked_by_rule",
        "denied_by_rule",
        "denied_by_default",
        "condition_unknown",
    ];
    assert!(reasons.iter().all(|reason| coverage.reasons.contains_key(*reason)), "a reason never came up\n{coverage}");
    // The reference reads no SQL: tests/property/test_sql.py has other oracles for it.
    for operator in
        OPERATORS.iter().filter(|operator| operator.supported && !["modifier", "sql"].contains(&operator.family.code()))
    {
        let [no, unknown, yes] = coverage.operators.get(operator.name).copied().unwrap_or_default();
        assert!(no >= 100 && yes >= 100, "`{}` is hardly ever true, or hardly ever false\n{coverage}", operator.name);
        assert_eq!(
            unknown == 0,
            operator.name == "present",
            "`{}` must come up unknown, but for `present`\n{coverage}",
            operator.name
        );
    }
}
