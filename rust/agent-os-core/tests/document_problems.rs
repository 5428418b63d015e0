//! Every kind of mistake in a document is found at its place, all of them at once, and none of them gets in force.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use agent_os_core::canonical::parse_json;
use agent_os_core::policy::{Bundle, Code, OPERATORS, OperandShape, Problem};
use agent_os_core::value::Value;

fn problems(document: &str) -> Vec<Problem> {
    let document = parse_json(document.as_bytes()).unwrap_or_else(|error| panic!("{error}: {document}"));
    match Bundle::compile(&document) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            assert!(!problems.is_empty());
            problems
        }
    }
}

/// A document with one rule that has these keys besides id, effect and action.
fn with(rule: &str) -> String {
    format!(
        r#"{{"agent_os":1,"name":"n","sets":{{"s":["a"]}},"rules":[{{"id":"r","effect":"deny","action":["x"],{rule}}}]}}"#
    )
}

/// A document whose one rule has this condition.
fn when(condition: &str) -> String {
    with(&format!(r#""when":{condition}"#))
}

/// Documents, each with the code and pointer of its one problem, and a word of the hint.
fn table() -> Vec<(String, &'static str, &'static str, &'static str)> {
    let whole = |document: &str, code, pointer, hint| (document.to_owned(), code, pointer, hint);
    let rules = r#""rules":[{"id":"r","effect":"deny","action":["x"]}]"#;
    vec![
        whole("[]", "wrong_type", "", "agent_os"),
        whole(&format!(r#"{{"name":"n",{rules}}}"#), "missing_key", "", "agent_os: 1"),
        whole(&format!(r#"{{"agent_os":2,"name":"n",{rules}}}"#), "bad_version", "/agent_os", "agent_os: 1"),
        whole(&format!(r#"{{"agent_os":true,"name":"n",{rules}}}"#), "bad_version", "/agent_os", "agent_os: 1"),
        whole(&format!(r#"{{"agent_os":1,{rules}}}"#), "missing_key", "", "name"),
        whole(&format!(r#"{{"agent_os":1,"name":"",{rules}}}"#), "bad_name", "/name", "printable"),
        whole(&format!(r#"{{"agent_os":1,"name":5,{rules}}}"#), "wrong_type", "/name", "text"),
        whole(&format!(r#"{{"agent_os":1,"name":"n","default":"ask",{rules}}}"#), "bad_effect", "/default", "deny"),
        whole(&format!(r#"{{"agent_os":1,"name":"n","default":true,{rules}}}"#), "wrong_type", "/default", "text"),
        whole(
            &format!(r#"{{"agent_os":1,"name":"n","defualt":"deny",{rules}}}"#),
            "unknown_key",
            "/defualt",
            "`default`",
        ),
        whole(
            &format!(r#"{{"agent_os":1,"name":"n","shadow_default":"ask",{rules}}}"#),
            "bad_effect",
            "/shadow_default",
            "deny",
        ),
        whole(&format!(r#"{{"agent_os":1,"name":"n","sets":[],{rules}}}"#), "wrong_type", "/sets", "name"),
        whole(&format!(r#"{{"agent_os":1,"name":"n","sets":{{"s":[]}},{rules}}}"#), "empty", "/sets/s", "at least one"),
        whole(
            &format!(r#"{{"agent_os":1,"name":"n","sets":{{"s":[1,"a"]}},{rules}}}"#),
            "mixed_kinds",
            "/sets/s/1",
            "one kind",
        ),
        whole(
            &format!(r#"{{"agent_os":1,"name":"n","sets":{{"s":[[1]]}},{rules}}}"#),
            "bad_operand",
            "/sets/s/0",
            "write",
        ),
        whole(&format!(r#"{{"agent_os":1,"name":"n","sets":{{"a b":[1]}},{rules}}}"#), "bad_name", "/sets/a b", "A-Z"),
        whole(r#"{"agent_os":1,"name":"n"}"#, "missing_key", "", "at least one rule"),
        whole(r#"{"agent_os":1,"name":"n","rules":[]}"#, "empty", "/rules", "at least one"),
        whole(r#"{"agent_os":1,"name":"n","rules":{}}"#, "wrong_type", "/rules", "item"),
        whole(r#"{"agent_os":1,"name":"n","rules":["allow x"]}"#, "wrong_type", "/rules/0", "mapping"),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"effect":"deny","action":["x"]}]}"#,
            "missing_key",
            "/rules/0",
            "name the rule",
        ),
        whole(r#"{"agent_os":1,"name":"n","rules":[{"id":"r","action":["x"]}]}"#, "missing_key", "/rules/0", "allow"),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"deny"}]}"#,
            "missing_key",
            "/rules/0",
            "which actions",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r s","effect":"deny","action":["x"]}]}"#,
            "bad_name",
            "/rules/0/id",
            "A-Z",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":7,"effect":"deny","action":["x"]}]}"#,
            "wrong_type",
            "/rules/0/id",
            "text",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"deny","action":["x"]},{"id":"r","effect":"deny","action":["x"]}]}"#,
            "duplicate_id",
            "/rules/1/id",
            "its own",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"denny","action":["x"]}]}"#,
            "bad_effect",
            "/rules/0/effect",
            "`deny`",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"deny","action":"x"}]}"#,
            "wrong_type",
            "/rules/0/action",
            "list",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"deny","action":[]}]}"#,
            "empty",
            "/rules/0/action",
            "at least one",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"deny","action":["a b"]}]}"#,
            "bad_action",
            "/rules/0/action/0",
            "dots",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"deny","action":["x","**.**"]}]}"#,
            "bad_action",
            "/rules/0/action/1",
            "dots",
        ),
        whole(
            r#"{"agent_os":1,"name":"n","rules":[{"id":"r","effect":"require","action":["x"]}]}"#,
            "missing_key",
            "/rules/0",
            "redact",
        ),
        (with(r#""acton":1"#), "unknown_key", "/rules/0/acton", "`action`"),
        (with(r#""limit":{"calls":1,"per":"1h"}"#), "misplaced_key", "/rules/0/limit", "`over`"),
        (require(r#""label":["a"],"over":{"calls":1,"per":"1h"}"#), "misplaced_key", "/rules/0/over", "`limit`"),
        (with(r#""over":50"#), "wrong_type", "/rules/0/over", "per: 24h"),
        (with(r#""over":{"calls":1}"#), "missing_key", "/rules/0/over", "24h"),
        (with(r#""over":{"per":"1h"}"#), "missing_key", "/rules/0/over", "calls"),
        (with(r#""over":{"sum":"args.a","per":"1h"}"#), "missing_key", "/rules/0/over", "max"),
        (
            with(r#""over":{"calls":1,"sum":"args.a","max":1,"per":"1h"}"#),
            "misplaced_key",
            "/rules/0/over",
            "two rules",
        ),
        (with(r#""over":{"calls":1,"max":1,"per":"1h"}"#), "misplaced_key", "/rules/0/over/max", "leave it out"),
        (with(r#""over":{"calls":1,"per":"1h","bye":"agent"}"#), "unknown_key", "/rules/0/over/bye", "`by`"),
        (with(r#""over":{"calls":0,"per":"1h"}"#), "bad_operand", "/rules/0/over/calls", "deny rule"),
        (with(r#""over":{"calls":1.5,"per":"1h"}"#), "bad_operand", "/rules/0/over/calls", "integer"),
        (with(r#""over":{"sum":"args.a","max":-1,"per":"1h"}"#), "bad_operand", "/rules/0/over/max", "above 0"),
        (with(r#""over":{"sum":"args.a","max":1e21,"per":"1h"}"#), "bad_operand", "/rules/0/over/max", "10^20"),
        (with(r#""over":{"sum":"args.a?","max":1,"per":"1h"}"#), "bad_path", "/rules/0/over/sum", "without `?`"),
        (with(r#""over":{"sum":"run.calls","max":1,"per":"1h"}"#), "bad_path", "/rules/0/over/sum", "args."),
        (with(r#""over":{"calls":1,"per":"1w"}"#), "bad_operand", "/rules/0/over/per", "24h"),
        (with(r#""over":{"calls":1,"per":"0h"}"#), "bad_operand", "/rules/0/over/per", "24h"),
        (with(r#""over":{"calls":1,"per":"367d"}"#), "too_large", "/rules/0/over/per", "366d"),
        (with(r#""over":{"calls":1,"per":"1h","by":"agents"}"#), "bad_operand", "/rules/0/over/by", "`agent`"),
        (with(r#""over":{"calls":1,"per":"run","by":"agent"}"#), "bad_operand", "/rules/0/over/by", "leave `by` out"),
        (with(r#""mode":"shadov""#), "bad_effect", "/rules/0/mode", "did you mean `shadow`?"),
        (with(r#""signal":"SIGSTOP""#), "not_supported", "/rules/0/signal", "remove"),
        (with(r#""agent":"desk""#), "wrong_type", "/rules/0/agent", "role"),
        (with(r#""agent":{}"#), "empty", "/rules/0/agent", "any agent"),
        (with(r#""agent":{"roles":["a"]}"#), "unknown_key", "/rules/0/agent/roles", "`role`"),
        (with(r#""agent":{"id":["a b"]}"#), "bad_agent", "/rules/0/agent/id/0", "desk-*"),
        (with(r#""agent":{"id":[]}"#), "empty", "/rules/0/agent/id", "at least one"),
        (with(r#""agent":{"role":["a*"]}"#), "bad_agent", "/rules/0/agent/role/0", "exactly"),
        (with(r#""message":" ""#), "empty", "/rules/0/message", "say why"),
        (with(r#""message":5"#), "wrong_type", "/rules/0/message", "text"),
        (with(r#""source":{"file":"f"}"#), "wrong_type", "/rules/0/source", "line"),
        (with(r#""redact":["args.a"]"#), "misplaced_key", "/rules/0/redact", "require"),
        (with(r#""record":"full""#), "misplaced_key", "/rules/0/record", "require"),
        (require(r#""redact":["card"]"#), "bad_path", "/rules/0/redact/0", "args.card"),
        (require(r#""redact":["args.card?"]"#), "bad_path", "/rules/0/redact/0", "without `?`"),
        (require(r#""subject":["result.a"]"#), "bad_path", "/rules/0/subject/0", "whose data"),
        (require(r#""subject":["args.a?"]"#), "bad_path", "/rules/0/subject/0", "without `?`"),
        (require(r#""redact":[]"#), "empty", "/rules/0/redact", "at least one"),
        (require(r#""label":["a b"]"#), "bad_name", "/rules/0/label/0", "A-Z"),
        (require(r#""record":"all""#), "bad_effect", "/rules/0/record", "full"),
        (when("5"), "wrong_type", "/rules/0/when", "mapping"),
        (when("{}"), "empty", "/rules/0/when", "what must hold"),
        (with(r#""unless":{}"#), "empty", "/rules/0/unless", "what must hold"),
        (when(r#"{"all":[]}"#), "empty", "/rules/0/when/all", "at least one"),
        (when(r#"{"any":{"args.a":{"eq":1}}}"#), "wrong_type", "/rules/0/when/any", "["),
        (when(r#"{"not":[{"args.a":{"eq":1}}]}"#), "wrong_type", "/rules/0/when/not", "mapping"),
        (when(r#"{"and":[{"args.a":{"eq":1}}]}"#), "bad_path", "/rules/0/when/and", "`any`"),
        (when(r#"{"eq":1}"#), "bad_path", "/rules/0/when/eq", "args.name"),
        (when(r#"{"amount":{"eq":1}}"#), "bad_path", "/rules/0/when/amount", "`args.amount`"),
        (when(r#"{"args.a b":{"eq":1}}"#), "bad_path", "/rules/0/when/args.a b", "quote"),
        (when(r#"{"args.a/b":{"eq":1}}"#), "bad_path", "/rules/0/when/args.a~1b", "quote"),
        (when(r#"{"result.a":{"eq":1}}"#), "bad_path", "/rules/0/when/result.a", "args."),
        (when(r#"{"item":{"eq":1}}"#), "bad_path", "/rules/0/when/item", "args."),
        (when(r#"{"run.label":{"contains":"a"}}"#), "bad_path", "/rules/0/when/run.label", "`run.labels`"),
        (when(r#"{"run.calls?":{"le":1}}"#), "bad_path", "/rules/0/when/run.calls?", "remove"),
        (when(r#"{"run.depth?":{"le":1}}"#), "bad_path", "/rules/0/when/run.depth?", "remove"),
        (when(r#"{"args.a":5}"#), "wrong_type", "/rules/0/when/args.a", "{eq: 5}"),
        (when(r#"{"args.a":["b"]}"#), "wrong_type", "/rules/0/when/args.a", "{in: […]}"),
        (when(r#"{"args.a":{}}"#), "empty", "/rules/0/when/args.a", "what must hold"),
        (when(r#"{"args.a":{"gtt":1}}"#), "unknown_operator", "/rules/0/when/args.a/gtt", "`gt`"),
        (when(r#"{"args.a":{"regex":"a"}}"#), "unknown_operator", "/rules/0/when/args.a/regex", "`matches`"),
        (when(r#"{"args.a":{"glob":["*.txt","[a"]}}"#), "bad_glob", "/rules/0/when/args.a/glob/1", "crosses"),
        (when(r#"{"args.a":{"glob":"a**"}}"#), "bad_glob", "/rules/0/when/args.a/glob", "crosses"),
        (when(r#"{"args.a":{"glob":[]}}"#), "empty", "/rules/0/when/args.a/glob", "at least one"),
        (when(r#"{"args.a":{"name":"a/b"}}"#), "bad_operand", "/rules/0/when/args.a/name", "last segment"),
        (when(r#"{"args.a":{"extension":"*.txt"}}"#), "bad_operand", "/rules/0/when/args.a/extension", "`txt`"),
        (when(r#"{"args.a":{"scheme":"https://"}}"#), "bad_operand", "/rules/0/when/args.a/scheme", "`https`"),
        (when(r#"{"args.a":{"host":"*.a.com"}}"#), "bad_operand", "/rules/0/when/args.a/host", "`.example.com`"),
        (when(r#"{"args.a":{"host":"https://a.com"}}"#), "bad_operand", "/rules/0/when/args.a/host", "alone"),
        (when(r#"{"args.a":{"host":"a.com:80"}}"#), "bad_operand", "/rules/0/when/args.a/host", "`port`"),
        (when(r#"{"args.a":{"port":70000}}"#), "bad_operand", "/rules/0/when/args.a/port", "65535"),
        (when(r#"{"args.a":{"port":[80,"443"]}}"#), "bad_operand", "/rules/0/when/args.a/port/1", "65535"),
        (when(r#"{"args.a":{"port":[]}}"#), "empty", "/rules/0/when/args.a/port", "at least one"),
        (when(r#"{"args.a":{"private_address":"no"}}"#), "bad_operand", "/rules/0/when/args.a/private_address", "true"),
        (when(r#"{"args.a":{"network":"10.0.0.1/8"}}"#), "bad_operand", "/rules/0/when/args.a/network", "`10.0.0.0/8`"),
        (when(r#"{"args.a":{"network":"lan"}}"#), "bad_operand", "/rules/0/when/args.a/network", "10.0.0.0/8"),
        (when(r#"{"args.a":{"domain":"a@b.c"}}"#), "bad_operand", "/rules/0/when/args.a/domain", "follows the `@`"),
        (
            when(r#"{"args.a":{"domain":["a.b"],"ignore_case":true}}"#),
            "misplaced_key",
            "/rules/0/when/args.a/ignore_case",
            "glob",
        ),
        (when(r#"{"args.a":{"eq":[1]}}"#), "bad_operand", "/rules/0/when/args.a/eq", "in: […]"),
        (when(r#"{"args.a":{"eq":{"b":1}}}"#), "bad_operand", "/rules/0/when/args.a/eq", "{arg:"),
        (when(r#"{"args.a":{"eq":{"$bytes":"YQ=="}}}"#), "bad_operand", "/rules/0/when/args.a/eq", "text"),
        (when(r#"{"args.a":{"eq":{"arg":"args.b?"}}}"#), "bad_path", "/rules/0/when/args.a/eq/arg", "without `?`"),
        (when(r#"{"args.a":{"eq":{"arg":"run.parent"}}}"#), "bad_path", "/rules/0/when/args.a/eq/arg", "args."),
        (when(r#"{"args.a":{"eq":{"arg":"b"}}}"#), "bad_path", "/rules/0/when/args.a/eq/arg", "`args.b`"),
        (when(r#"{"args.a":{"eq":{"arg":"args.b","or":1}}}"#), "bad_operand", "/rules/0/when/args.a/eq", "{arg:"),
        (when(r#"{"args.a":{"in":"s"}}"#), "bad_operand", "/rules/0/when/args.a/in", "`$s`"),
        (when(r#"{"args.a":{"in":"$t"}}"#), "unknown_set", "/rules/0/when/args.a/in", "`$s`"),
        (when(r#"{"args.a":{"in":[]}}"#), "empty", "/rules/0/when/args.a/in", "at least one"),
        (when(r#"{"args.a":{"in":["a",1]}}"#), "mixed_kinds", "/rules/0/when/args.a/in/1", "one kind"),
        (when(r#"{"args.a":{"not_in":[["a"]]}}"#), "bad_operand", "/rules/0/when/args.a/not_in/0", "text"),
        (when(r#"{"args.a":{"present":"yes"}}"#), "bad_operand", "/rules/0/when/args.a/present", "true"),
        (when(r#"{"args.a?":{"present":true}}"#), "wrong_operator", "/rules/0/when/args.a?", "remove"),
        (when(r#"{"run.depth":{"present":true}}"#), "wrong_operator", "/rules/0/when/run.depth/present", "remove"),
        (
            when(r#"{"args.a":{"each":{"present":true}}}"#),
            "wrong_operator",
            "/rules/0/when/args.a/each/present",
            "remove",
        ),
        (when(r#"{"args.a":{"starts_with":""}}"#), "empty", "/rules/0/when/args.a/starts_with", "compared"),
        (when(r#"{"args.a":{"ends_with":["a",""]}}"#), "empty", "/rules/0/when/args.a/ends_with/1", "compared"),
        (when(r#"{"args.a":{"ends_with":[]}}"#), "empty", "/rules/0/when/args.a/ends_with", "at least one"),
        (when(r#"{"args.a":{"starts_with":5}}"#), "bad_operand", "/rules/0/when/args.a/starts_with", "quotes"),
        (when(r#"{"args.a":{"contains":""}}"#), "empty", "/rules/0/when/args.a/contains", "contained"),
        (when(r#"{"args.a":{"matches":"("}}"#), "bad_regex", "/rules/0/when/args.a/matches", "look-around"),
        (when(r#"{"args.a":{"matches":"(?=a)"}}"#), "bad_regex", "/rules/0/when/args.a/matches", "look-around"),
        (when(r#"{"args.a":{"matches":"a)|(?:b"}}"#), "bad_regex", "/rules/0/when/args.a/matches", "look-around"),
        (when(r#"{"args.a":{"matches":"\\w{1000}{100}"}}"#), "bad_regex", "/rules/0/when/args.a/matches", "regex"),
        (
            when(r#"{"args.a":{"matches":{"pattern":"(","anchored":false}}}"#),
            "bad_regex",
            "/rules/0/when/args.a/matches/pattern",
            "regex",
        ),
        (
            when(r#"{"args.a":{"matches":{"anchored":false}}}"#),
            "missing_key",
            "/rules/0/when/args.a/matches",
            "pattern",
        ),
        (
            when(r#"{"args.a":{"matches":{"pattern":"a","flags":"i"}}}"#),
            "unknown_key",
            "/rules/0/when/args.a/matches/flags",
            "pattern",
        ),
        (
            when(r#"{"args.a":{"matches":{"pattern":"a","anchored":"no"}}}"#),
            "bad_operand",
            "/rules/0/when/args.a/matches/anchored",
            "anchored",
        ),
        (when(r#"{"args.a":{"matches":5}}"#), "bad_operand", "/rules/0/when/args.a/matches", "text"),
        (when(r#"{"args.a":{"length":5}}"#), "wrong_type", "/rules/0/when/args.a/length", "{eq: 5}"),
        (
            when(r#"{"args.a":{"length":{"starts_with":"a"}}}"#),
            "wrong_operator",
            "/rules/0/when/args.a/length/starts_with",
            "le",
        ),
        (when(r#"{"args.a":{"size":{"eq":"5"}}}"#), "wrong_operator", "/rules/0/when/args.a/size/eq", "number"),
        (when(r#"{"args.a":{"keys":{"le":5}}}"#), "wrong_operator", "/rules/0/when/args.a/keys/le", "contains"),
        (when(r#"{"run.labels":{"eq":"secret"}}"#), "wrong_operator", "/rules/0/when/run.labels/eq", "list"),
        (
            when(r#"{"run.labels":{"seen_in":["user"]}}"#),
            "wrong_operator",
            "/rules/0/when/run.labels/seen_in",
            "contains",
        ),
        (when(r#"{"time.hour":{"in":["8"]}}"#), "wrong_operator", "/rules/0/when/time.hour/in", "number"),
        (when(r#"{"args.a":{"lt":"5"}}"#), "bad_operand", "/rules/0/when/args.a/lt", "without quotes"),
        (when(r#"{"args.a":{"ge":true}}"#), "bad_operand", "/rules/0/when/args.a/ge", "number"),
        (when(r#"{"args.a":{"before":"2026-01-31"}}"#), "bad_operand", "/rules/0/when/args.a/before", "without quotes"),
        (
            when(r#"{"args.a":{"after":{"$datetime":"2026-01-31T00:00:00"}}}"#),
            "bad_operand",
            "/rules/0/when/args.a/after",
            "`Z`",
        ),
        (
            when(r#"{"args.a":{"statements":{"each":{"in":["select","slect"]}}}}"#),
            "bad_operand",
            "/rules/0/when/args.a/statements/each/in",
            "did you mean `select`?",
        ),
        (when(r#"{"args.a":{"statements":"select"}}"#), "wrong_type", "/rules/0/when/args.a/statements", "write {eq"),
        (
            when(r#"{"args.a":{"tables":{"contains":"Orders"}}}"#),
            "bad_operand",
            "/rules/0/when/args.a/tables/contains",
            "write `orders`",
        ),
        (
            when(r#"{"args.a":{"has_where":true,"dialect":"postgre"}}"#),
            "bad_operand",
            "/rules/0/when/args.a/dialect",
            "postgres",
        ),
        (
            when(r#"{"args.a":{"eq":"a","dialect":"mysql"}}"#),
            "misplaced_key",
            "/rules/0/when/args.a/dialect",
            "put it beside one of statements",
        ),
        (when(r#"{"args.a":{"under":"../a"}}"#), "bad_operand", "/rules/0/when/args.a/under", "`..`"),
        (when(r#"{"args.a":{"under":["/a","/%2e"]}}"#), "bad_operand", "/rules/0/when/args.a/under/1", "%xx"),
        (when(r#"{"args.a":{"seen_in":"user"}}"#), "bad_operand", "/rules/0/when/args.a/seen_in", "[user]"),
        (when(r#"{"args.a":{"seen_in":[]}}"#), "empty", "/rules/0/when/args.a/seen_in", "user"),
        (
            when(r#"{"args.a":{"not_seen_in":["untrustd"]}}"#),
            "bad_operand",
            "/rules/0/when/args.a/not_seen_in/0",
            "`untrusted`",
        ),
        (
            when(r#"{"args.a":{"eq":"a","ignore_case":false}}"#),
            "bad_operand",
            "/rules/0/when/args.a/ignore_case",
            "remove",
        ),
        (when(r#"{"args.a":{"eq":5,"ignore_case":true}}"#), "misplaced_key", "/rules/0/when/args.a/ignore_case", "eq"),
        (
            when(r#"{"args.a":{"under":"/a","ignore_case":true}}"#),
            "misplaced_key",
            "/rules/0/when/args.a/ignore_case",
            "eq",
        ),
        (
            when(r#"{"args.a":{"each":{"args.b":{"eq":1}}}}"#),
            "unknown_operator",
            "/rules/0/when/args.a/each/args.b",
            "one of",
        ),
        (
            when(r#"{"args.a":{"each":{"all":[{"args.b":{"eq":1}}]}}}"#),
            "bad_path",
            "/rules/0/when/args.a/each/all/0/args.b",
            "item",
        ),
        (when(r#"{"args.a":{"some":{"item.b":5}}}"#), "wrong_type", "/rules/0/when/args.a/some/item.b", "{eq: 5}"),
        (
            when(&format!("{}{}{}", r#"{"not":"#.repeat(40), r#"{"args.a":{"eq":1}}"#, "}".repeat(40))),
            "too_deep",
            "*",
            "split",
        ),
        (
            when(&format!(r#"{{"args.a":{}{{"eq":1}}{}}}"#, r#"{"each":"#.repeat(40), "}".repeat(40))),
            "too_deep",
            "*",
            "split",
        ),
        (with(&format!(r#""message":"{}""#, "a".repeat(3_000))), "too_large", "/rules/0/message", "shorten"),
        (typed("[]", r#"{"args.a":{"eq":"x"}}"#), "wrong_type", "/tools", "payments.send"),
        (typed(r#"{"x":{"type":"objct"}}"#, r#"{"args.a":{"eq":"x"}}"#), "bad_schema", "/tools/x/type", "`object`"),
        (typed(r#"{"x.*":{}}"#, r#"{"args.a":{"eq":"x"}}"#), "bad_action", "/tools/x.*", "without `*`"),
        (typed(TYPES, r#"{"args.aa":{"eq":"x"}}"#), "unknown_argument", "/rules/0/when/args.aa", "`args.a`"),
        (typed(TYPES, r#"{"args.a":{"gt":1}}"#), "wrong_operator", "/rules/0/when/args.a/gt", "starts_with"),
        (typed(TYPES, r#"{"args.a":{"eq":"y"}}"#), "unknown_value", "/rules/0/when/args.a/eq", "`x`"),
    ]
}

const TYPES: &str = r#"{"x":{"properties":{"a":{"enum":["x"]}}}}"#;

/// A document with schemas, whose one rule has this condition.
fn typed(tools: &str, condition: &str) -> String {
    format!(
        r#"{{"agent_os":1,"name":"n","tools":{tools},"rules":[{{"id":"r","effect":"deny","action":["x"],"when":{condition}}}]}}"#
    )
}

fn require(rule: &str) -> String {
    format!(r#"{{"agent_os":1,"name":"n","rules":[{{"id":"r","effect":"require","action":["x"],{rule}}}]}}"#)
}

#[test]
fn every_mistake_is_found_at_its_place() {
    let mut wrong = Vec::new();
    for (document, code, pointer, hint) in table() {
        let found = problems(&document);
        let fits = found.len() == 1
            && found[0].code.code() == code
            && (pointer == "*" || found[0].pointer == pointer)
            && found[0].hint.contains(hint);
        if !fits {
            wrong.push(format!("{document:.300}\n  expected {code} at {pointer} with `{hint}`\n  found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_is_reached() {
    let reached: BTreeSet<Code> =
        table().iter().flat_map(|(document, ..)| problems(document)).map(|one| one.code).collect();
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !reached.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn messages_quote_and_hints_tell_what_to_do() {
    for (document, ..) in table() {
        for problem in problems(&document) {
            assert!(!problem.hint.is_empty() && !problem.message.is_empty());
            assert!(problem.message.chars().count() < 300, "{}", problem.message);
            let first = problem.message.chars().next().unwrap();
            assert!(!first.is_uppercase(), "{}", problem.message);
        }
    }
}

#[test]
fn all_mistakes_are_found_at_once() {
    let found = problems(
        r#"{"agent_os":2,"nam":"n","rules":[
            {"id":"a","effect":"alow","action":["x"],"when":{"args.a":{"gtt":1,"lt":"5"},"b":{"eq":1}}},
            {"id":"a","action":["a b","c d"],"signal":"SIGSTOP"}]}"#,
    );
    let mut places: Vec<(&str, &str)> = found.iter().map(|one| (one.pointer.as_str(), one.code.code())).collect();
    places.sort_unstable();
    let mut expected = vec![
        ("", "missing_key"),
        ("/agent_os", "bad_version"),
        ("/nam", "unknown_key"),
        ("/rules/0/effect", "bad_effect"),
        ("/rules/0/when/args.a/gtt", "unknown_operator"),
        ("/rules/0/when/args.a/lt", "bad_operand"),
        ("/rules/0/when/b", "bad_path"),
        ("/rules/1", "missing_key"),
        ("/rules/1/action/0", "bad_action"),
        ("/rules/1/action/1", "bad_action"),
        ("/rules/1/id", "duplicate_id"),
        ("/rules/1/signal", "not_supported"),
    ];
    expected.sort_unstable();
    assert_eq!(places, expected);
}

#[test]
fn every_operator_of_the_table_is_understood_or_refused() {
    for operator in OPERATORS {
        let operand = match operator.operand {
            OperandShape::ScalarOrArg | OperandShape::StringsOrArg | OperandShape::Strings | OperandShape::Pattern => {
                r#""/a""#
            }
            OperandShape::ListOrSet => r#""$s""#,
            OperandShape::Bool => "false",
            OperandShape::True => r#"true,"eq":"a""#,
            OperandShape::NumberOrArg => r#"{"arg":"args.b"}"#,
            OperandShape::MomentOrArg => r#"{"$date":"2026-01-31"}"#,
            OperandShape::NumberTests => r#"{"le":5}"#,
            OperandShape::ItemTests => r#"{"item":{"eq":5}}"#,
            OperandShape::ListTests => r#"{"contains":"a"}"#,
            OperandShape::StatementTests => r#"{"contains":"drop"}"#,
            OperandShape::NameTests => r#"{"contains":"a"}"#,
            OperandShape::Dialect => r#""postgres","tables":{"contains":"A"}"#,
            OperandShape::Origins => r#"["user"]"#,
            OperandShape::Globs => r#"["*.txt","docs/**"]"#,
            OperandShape::FileNames => r#"".env""#,
            OperandShape::Extensions => r#"["tar.gz"]"#,
            OperandShape::Hosts => r#"["example.com",".example.com"]"#,
            OperandShape::Schemes => r#""https""#,
            OperandShape::Ports => "[80,443]",
            OperandShape::Networks => r#"["10.0.0.0/8","::1"]"#,
            OperandShape::Command => r#"["rm"]"#,
            OperandShape::Unsettled => "1",
        };
        let found = problems(&when(&format!(r#"{{"args.a":{{"{}":{operand}}}}}"#, operator.name)));
        let codes: Vec<&str> = found.iter().map(|one| one.code.code()).collect();
        let expected: &[&str] = if operator.supported { &[] } else { &["not_supported"] };
        assert_eq!(codes, expected, "{}", operator.name);
    }
}

#[test]
fn any_json_is_understood_or_refused_and_never_panics() {
    // Every value of a good document is replaced, one at a time, by values of other types.
    let good = parse_json(when(r#"{"all":[{"args.a":{"in":["a"],"length":{"le":5}}},{"args.b":{"each":{"item.c":{"seen_in":["user"]}}}}]}"#).as_bytes());
    let others =
        ["null", "true", "-1", "0.5", r#""""#, r#""$""#, "[]", "[[]]", "{}", r#"{"":{}}"#, r#"{"$date":"2026-01-31"}"#];
    let others: Vec<Value> = others.iter().map(|json| parse_json(json.as_bytes()).unwrap()).collect();
    let mut count = 0;
    replace_each(
        &good.unwrap(),
        &mut |changed| {
            count += 1;
            if let Ok(bundle) = Bundle::compile(changed) {
                assert_eq!(Bundle::load(&bundle.dump()).unwrap().digest(), bundle.digest());
            }
        },
        &others,
    );
    assert!(count > 200);
}

fn replace_each(value: &Value, act: &mut dyn FnMut(&Value), others: &[Value]) {
    for other in others {
        act(other);
    }
    match value {
        Value::Map(entries) => {
            for (key, inner) in entries {
                let mut rebuild = |inner: &Value| {
                    let mut entries = entries.clone();
                    entries.insert(key.clone(), inner.clone());
                    act(&Value::Map(entries));
                };
                replace_each(inner, &mut rebuild, others);
            }
        }
        Value::List(items) => {
            for (index, inner) in items.iter().enumerate() {
                let mut rebuild = |inner: &Value| {
                    let mut items = items.clone();
                    items[index] = inner.clone();
                    act(&Value::List(items));
                };
                replace_each(inner, &mut rebuild, others);
            }
        }
        _ => {}
    }
}
