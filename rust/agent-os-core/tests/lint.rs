//! Every finding fires where it should, and does not where it only nearly should.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use agent_os_core::canonical::parse_json;
use agent_os_core::policy::{Bundle, Finding, Level, Lint, lint};

fn findings(rules: &str) -> Vec<Finding> {
    let document = format!(r#"{{"agent_os":1,"name":"n","rules":[{rules}]}}"#);
    let bundle = Bundle::compile(&parse_json(document.as_bytes()).unwrap()).unwrap_or_else(|all| panic!("{all:?}"));
    lint(&bundle)
}

/// The codes for rule `r`, without the note about messages.
fn codes(rules: &str) -> Vec<&'static str> {
    let mine = |finding: &&Finding| finding.rule.as_deref() == Some("r") && finding.lint != Lint::NoMessage;
    findings(rules).iter().filter(mine).map(|finding| finding.lint.code()).collect()
}

fn rule(id: &str, effect: &str, action: &str, rest: &str) -> String {
    let rest = if rest.is_empty() { String::new() } else { format!(",{rest}") };
    format!(r#"{{"id":"{id}","effect":"{effect}","action":["{action}"]{rest}}}"#)
}

fn alone(effect: &str, rest: &str) -> Vec<&'static str> {
    codes(&rule("r", effect, "a.b", rest))
}

#[test]
fn rules_that_can_never_hold_are_dead_and_their_neighbours_are_not() {
    for (dead, alive) in [
        (r#""when":{"args.x":{"eq":1,"gt":2}}"#, r#""when":{"args.x":{"eq":3,"gt":2}}"#),
        (r#""when":{"args.x":{"lt":1,"ge":1}}"#, r#""when":{"args.x":{"le":1,"ge":1}}"#),
        (r#""when":{"args.x":{"le":1,"ge":1,"ne":1.0}}"#, r#""when":{"args.x":{"le":1,"ge":1,"ne":2}}"#),
        (
            r#""when":{"args.x":{"eq":"a"}},"unless":{"args.x":{"in":["a","b"]}}"#,
            r#""when":{"args.x":{"eq":"a"}},"unless":{"args.x":{"in":["c","b"]}}"#,
        ),
        (r#""when":{"args.x":{"eq":"abc","starts_with":"b"}}"#, r#""when":{"args.x":{"eq":"abc","starts_with":"a"}}"#),
        (
            r#""when":{"args.x":{"eq":"abc","matches":"[a-b]+"}}"#,
            r#""when":{"args.x":{"eq":"abc","matches":"[a-c]+"}}"#,
        ),
        (
            r#""when":{"args.x":{"starts_with":"ab"},"args.y":{"eq":1}},"unless":{"args.x":{"starts_with":"a"}}"#,
            r#""when":{"args.x":{"starts_with":"a"},"args.y":{"eq":1}},"unless":{"args.x":{"starts_with":"ab"}}"#,
        ),
        (
            r#""when":{"args.x":{"eq":1},"args.x.y":{"eq":1}}"#,
            r#""when":{"args.x":{"size":{"ge":1}},"args.x.y":{"eq":1}}"#,
        ),
        (r#""when":{"args.x":{"gt":1,"matches":"a+"}}"#, r#""when":{"args.x":{"ne":"a","matches":"a+"}}"#),
        (r#""when":{"args.x":{"eq":"a","present":false}}"#, r#""when":{"args.x":{"eq":"a","present":true}}"#),
        (
            r#""when":{"args.x":{"under":["/a","/b"]}},"unless":{"args.x":{"under":"/"}}"#,
            r#""when":{"args.x":{"under":["/a","/b"]}},"unless":{"args.x":{"under":"/a"}}"#,
        ),
        (
            r#""when":{"all":[{"args.x":{"under":"/a"}},{"args.x":{"under":"/b"}}]}"#,
            r#""when":{"all":[{"args.x":{"under":"/a"}},{"args.x":{"under":"/a/b"}}]}"#,
        ),
        (r#""when":{"time.hour":{"gt":23}}"#, r#""when":{"time.hour":{"ge":23}}"#),
        (r#""when":{"time.hour":{"gt":9,"lt":10}}"#, r#""when":{"time.hour":{"gt":9,"lt":11}}"#),
        (r#""when":{"run.depth":{"lt":0}}"#, r#""when":{"run.depth":{"le":0}}"#),
        (r#""when":{"args.x":{"length":{"gt":5,"lt":3}}}"#, r#""when":{"args.x":{"length":{"gt":3,"lt":5}}}"#),
        (
            r#""when":{"args.x":{"length":{"gt":5}},"not":{"args.x":{"matches":"[ab]"}},"any":[{"args.x":{"gt":1}},{"args.x":{"lt":1}}]}"#,
            r#""when":{"args.x":{"length":{"gt":5}},"any":[{"args.x":{"ne":"b"}},{"args.x":{"lt":1}}]}"#,
        ),
        (
            r#""when":{"any":[{"args.x":{"eq":1}},{"args.x":{"eq":2}}],"args.x":{"eq":3}}"#,
            r#""when":{"any":[{"args.x":{"eq":1}},{"args.x":{"eq":3}}],"args.x":{"eq":3}}"#,
        ),
        (r#""when":{"args.x?":{"eq":1},"args.x":{"present":false}}"#, r#""when":{"args.x":{"present":false}}"#),
    ] {
        assert_eq!(alone("allow", dead), ["dead_rule"], "{dead}");
        assert!(alone("allow", alive).is_empty(), "{alive}: {:?}", alone("allow", alive));
    }
}

#[test]
fn a_deny_that_an_odd_argument_makes_apply_is_not_dead() {
    // Of text, both tests are unknown, and unknown makes a deny apply.
    assert!(alone("deny", r#""when":{"args.x":{"lt":1,"ge":1}}"#).is_empty());
    assert_eq!(alone("deny", r#""when":{"time.hour":{"lt":1,"ge":1}}"#), ["dead_rule"]);
}

#[test]
fn an_allow_or_ask_that_a_stronger_rule_covers_never_decides() {
    let other = |effect: &str, action: &str, rest: &str| rule("other", effect, action, rest);
    let mine = r#""when":{"args.x":{"le":5,"gt":0}}"#;
    for (effect, covering) in [
        ("allow", other("deny", "**", "")),
        ("allow", other("deny", "a.*", r#""when":{"args.x":{"lt":6}}"#)),
        ("allow", other("ask", "a.**", r#""when":{"any":[{"args.x":{"gt":0}},{"args.y":{"eq":1}}]}"#)),
        ("ask", other("deny", "a.b", r#""when":{"args.x":{"le":5}}"#)),
        ("allow", other("deny", "*.b", r#""unless":{"args.x":{"gt":5}}"#)),
        ("allow", other("deny", "*.b", r#""unless":{"args.x":{"eq":"text"}}"#)),
    ] {
        let found = codes(&format!("{},{covering}", rule("r", effect, "a.b", mine)));
        assert_eq!(found, ["shadowed_rule"], "{covering}");
    }
    for (effect, near_miss) in [
        ("allow", other("deny", "a.*.*", "")),
        ("allow", other("deny", "a.b", r#""when":{"args.x":{"lt":5}}"#)),
        ("allow", other("deny", "**", r#""agent":{"role":["clerk"]}"#)),
        ("allow", other("deny", "**", r#""agent":{"id":["desk-*"]}"#)),
        ("allow", other("deny", "a.b", r#""when":{"args.y":{"eq":1}}"#)),
        ("allow", other("require", "**", r#""record":"full""#)),
        ("ask", other("allow", "**", r#""when":{"args.x":{"eq":1}}"#)),
        // Of text the ask applies, and the deny does not: `?` says so only of absence, and here it is the deny's own test.
        ("ask", other("deny", "a.b", r#""when":{"args.x?":{"le":5}}"#)),
        ("allow", other("deny", "a.b", r#""unless":{"args.x":{"ge":5}}"#)),
    ] {
        let found = codes(&format!("{},{near_miss}", rule("r", effect, "a.b", mine)));
        assert!(found.is_empty(), "{near_miss}: {found:?}");
    }
    // Whoever is named by the deny is everyone whom the allow names.
    let agents = |mine: &str, theirs: &str| {
        codes(&format!("{},{}", rule("r", "allow", "a.b", mine), other("deny", "a.b", theirs)))
    };
    assert_eq!(agents(r#""agent":{"id":["desk-7"]}"#, r#""agent":{"id":["desk-*"]}"#), ["shadowed_rule"]);
    assert_eq!(agents(r#""agent":{"role":["x"],"id":["d"]}"#, r#""agent":{"role":["x","y"]}"#), ["shadowed_rule"]);
    assert!(agents(r#""agent":{"id":["desk-*"]}"#, r#""agent":{"id":["desk-7"]}"#).is_empty());
    assert!(agents(r#""agent":{"role":["x","z"]}"#, r#""agent":{"role":["x","y"]}"#).is_empty());
}

#[test]
fn a_rule_in_shadow_or_with_a_limit_covers_nothing() {
    let allow = rule("r", "allow", "a.b", "");
    assert_eq!(codes(&format!("{allow},{}", rule("d", "deny", "a.b", ""))), ["contradictory_rules"]);
    for rest in [r#""mode":"shadow""#, r#""over":{"calls":5,"per":"1h","by":"agent"}"#] {
        assert_eq!(codes(&format!("{allow},{}", rule("d", "deny", "a.b", rest))), [""; 0], "{rest}");
    }
}

#[test]
fn rules_for_the_very_same_requests_contradict_and_repeat_one_another() {
    let pair = |mine: &str, theirs: &str, rest: &str| {
        codes(&format!("{},{}", rule("r", mine, "a.b", rest), rule("other", theirs, "a.b", rest)))
    };
    let within = r#""when":{"args.x":{"present":true}}"#;
    assert_eq!(pair("allow", "deny", within), ["contradictory_rules"]);
    assert_eq!(pair("allow", "allow", within), ["redundant_rule"]);
    assert!(pair("deny", "allow", within).is_empty(), "it is the allow that never decides");
    assert_eq!(
        codes(&format!("{},{}", rule("r", "deny", "a.b", ""), rule("other", "deny", "a.*", ""))),
        ["redundant_rule"]
    );
    assert!(codes(&format!("{},{}", rule("r", "deny", "a.*", ""), rule("other", "deny", "a.b", ""))).is_empty());
}

#[test]
fn absence_that_permits_is_told_and_absence_that_does_not_is_not() {
    for (effect, rest) in [
        ("allow", r#""unless":{"args.x?":{"eq":"bad"}}"#),
        ("allow", r#""when":{"not":{"args.x?":{"eq":"bad"}}}"#),
        ("allow", r#""when":{"args.y":{"eq":1},"not":{"all":[{"args.x?":{"starts_with":"b"}}]}}"#),
        ("deny", r#""when":{"args.x?":{"ne":"dev"}}"#),
        ("ask", r#""when":{"args.x?":{"not_in":["dev","test"]}}"#),
    ] {
        assert_eq!(alone(effect, rest), ["absence_permits"], "{effect} {rest}");
    }
    for (effect, rest) in [
        ("allow", r#""unless":{"args.x":{"eq":"bad"}}"#),
        ("allow", r#""when":{"args.x?":{"ne":"bad"}}"#),
        ("allow", r#""when":{"args.x":{"present":true}},"unless":{"args.x?":{"eq":"bad"}}"#),
        ("allow", r#""when":{"not":{"not":{"args.x?":{"eq":"good"}}}}"#),
        ("deny", r#""when":{"args.x?":{"eq":"prod"}}"#),
        ("deny", r#""unless":{"args.x?":{"ne":"prod"}}"#),
        ("deny", r#""when":{"args.x":{"ne":"dev"}}"#),
        ("deny", r#""when":{"any":[{"args.x?":{"ne":"dev"}},{"args.x":{"present":false}}]}"#),
    ] {
        assert!(alone(effect, rest).is_empty(), "{effect} {rest}: {:?}", alone(effect, rest));
    }
}

#[test]
fn a_trip_wire_alone_is_an_error_and_beside_a_guard_is_not() {
    for rest in [
        r#""when":{"args.x":{"not_seen_in":["untrusted"]}}"#,
        r#""unless":{"args.x":{"seen_in":["untrusted"]}}"#,
        r#""when":{"any":[{"args.x":{"not_seen_in":["untrusted"]}},{"args.y":{"eq":1}}]}"#,
    ] {
        assert_eq!(alone("allow", rest), ["trip_wire_guard"], "{rest}");
        assert_eq!(Lint::TripWireGuard.level(), Level::Error);
        assert!(alone("deny", rest).is_empty(), "{rest}");
    }
    for rest in [
        r#""when":{"args.x":{"not_seen_in":["untrusted"],"in":["a","b"]}}"#,
        r#""when":{"args.x":{"not_seen_in":["untrusted"]},"args.y":{"eq":1}}"#,
        r#""when":{"args.x":{"seen_in":["user"]}}"#,
        "",
    ] {
        assert!(alone("allow", rest).is_empty(), "{rest}");
    }
}

#[test]
fn an_allow_for_everything_is_told_and_one_with_a_condition_is_not() {
    let open = |action: &str, rest: &str| codes(&rule("r", "allow", action, rest));
    for action in ["**", "*", "*.*", "kernel.**", "signal.*"] {
        assert_eq!(open(action, ""), ["over_broad_allow"], "{action}");
    }
    for (action, rest) in [
        ("files.**", ""),
        ("agent.run", ""),
        ("*.read", ""),
        ("**", r#""when":{"args.x":{"eq":1}}"#),
        ("kernels.**", ""),
    ] {
        assert!(open(action, rest).is_empty(), "{action} {rest}");
    }
    assert!(codes(&rule("r", "deny", "**", "")).is_empty());
}

#[test]
fn a_pattern_that_a_typed_operator_says_better_is_told_with_what_to_write() {
    let hint = |pattern: &str| {
        let rest = format!(r#""when":{{"args.path":{{"matches":{pattern}}}}}"#);
        let found = findings(&rule("r", "allow", "a.b", &rest));
        found.iter().find(|finding| finding.lint == Lint::RegexForOperator).map(|finding| finding.hint.clone())
    };
    for (pattern, test) in [
        (r#""/srv/data/.*""#, r#"under: "/srv/data/""#),
        (r#""(EUR|SEK)""#, r#"in: ["EUR", "SEK"]"#),
        (r#""EUR|SEK""#, r#"in: ["EUR", "SEK"]"#),
        (r#""report""#, r#"eq: "report""#),
        (r#""report-.*""#, r#"starts_with: "report-""#),
        (r#"".*\\.txt""#, r#"ends_with: ".txt""#),
        (r#"{"pattern":"secret","anchored":false}"#, r#"contains: "secret""#),
        (r#"{"pattern":"^tmp","anchored":false}"#, r#"starts_with: "tmp""#),
    ] {
        assert_eq!(hint(pattern), Some(format!("write `args.path: {{{test}}}`")), "{pattern}");
    }
    for pattern in [
        r#""[A-Z]{3}""#,
        r#""a+""#,
        r#""a|b.*""#,
        r#"{"pattern":"^a|b","anchored":false}"#,
        r#""a.c""#,
        r#""\\d+""#,
        r#"".*""#,
    ] {
        assert_eq!(hint(pattern), None, "{pattern}");
    }
}

#[test]
fn a_default_that_allows_and_a_rule_that_says_nothing_are_told() {
    let document = r#"{"agent_os":1,"name":"n","default":"allow","rules":[
        {"id":"r","effect":"deny","action":["a"]},{"id":"s","effect":"deny","action":["b"],"message":"why"}]}"#;
    let bundle = Bundle::compile(&parse_json(document.as_bytes()).unwrap()).unwrap();
    let found: Vec<_> = lint(&bundle).iter().map(|finding| (finding.lint.code(), finding.rule.clone())).collect();
    assert_eq!(found, [("default_allow", None), ("no_message", Some("r".to_owned()))]);
}

#[test]
fn ten_thousand_rules_for_one_action_are_looked_at_in_bounded_time() {
    let rules: Vec<String> = (0..10_000)
        .map(|n| rule(&format!("r{n}"), "allow", "a.b", &format!(r#""when":{{"args.x":{{"eq":{n}}}}}"#)))
        .collect();
    assert!(findings(&rules.join(",")).iter().any(|finding| finding.lint == Lint::NotCompared));
}
