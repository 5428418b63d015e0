//! The engine and the reference agree on decision, rules, reason, unknowns and obligations, on pairs that matter.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use agent_os_core::policy::OPERATORS;
use agent_os_testkit::differential::compare_policies;

const POLICIES: u64 = 2_000;
const REQUESTS: u32 = 100;

/// What a decision reads beside the arguments. It is there for every run, but for the agent above it.
const INPUTS: &[&str] =
    &["run.labels", "run.calls", "run.depth", "run.parent", "time.hour", "time.weekday", "agent.id", "agent.role"];

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
    let operators = OPERATORS.iter().filter(|operator| operator.supported).map(|operator| operator.name);
    for judged in operators.chain(INPUTS.iter().copied()).chain(["limit calls", "limit sum", "over calls", "over sum"])
    {
        let [no, unknown, yes] = coverage.operators.get(judged).copied().unwrap_or_default();
        assert!(no >= 100 && yes >= 100, "`{judged}` is hardly ever true, or hardly ever false\n{coverage}");
        if !INPUTS.contains(&judged) {
            let is_known = ["present", "limit calls", "over calls"].contains(&judged);
            assert_eq!(unknown == 0, is_known, "`{judged}` is unknown never, or where it cannot be\n{coverage}");
        }
    }
    for duty in [
        "redact",
        "label",
        "record none",
        "record fields",
        "record full",
        "charge",
        "charge beyond the limit",
        "shadow",
    ] {
        assert!(coverage.duties.get(duty).is_some_and(|count| *count >= 50), "hardly any `{duty}`\n{coverage}");
    }
}
