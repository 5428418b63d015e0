//! Runs `tests/vectors/decisions/*.json`; the format is described in `tests/vectors/README.md`.
//!
//! Each case also shows that a compiled bundle decides as its source did, that explanations agree with decisions, and
//! that no path is read twice.
// A test may read its vectors; the crate may not.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use agent_os_core::amount::Amount;
use agent_os_core::canonical::{encode, parse_json};
use agent_os_core::policy::{
    Bundle, Effect, Kleene, OPERATORS, Origin, Provenance, RuleEffect, RuleIx, StatedUsage, Subject, Verdict, decide,
    explain,
};
use agent_os_core::request::{ArgumentPath, Arguments, Found, RunState, View};
use agent_os_core::time::DateTime;
use agent_os_core::value::Value;

/// Every file of vectors, by name.
fn files() -> Vec<(String, Value)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/decisions");
    let mut files: Vec<(String, Value)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let value = parse_json(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, value)
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(files.len() >= 6);
    files
}

fn cases(file: &Value, key: &str) -> Vec<Value> {
    match file.get(key) {
        Some(Value::List(cases)) => cases.clone(),
        None => Vec::new(),
        Some(_) => panic!("`{key}` is not a list"),
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).map(|found| found.as_text().expect(key).to_owned())
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    match value.get(key) {
        Some(Value::List(items)) => items.iter().map(|item| item.as_text().expect(key).to_owned()).collect(),
        None => Vec::new(),
        Some(_) => panic!("`{key}` is not a list"),
    }
}

/// Arguments that refuse to be read twice.
struct ReadOnce<'v> {
    value: &'v Value,
    read: RefCell<BTreeSet<usize>>,
}

impl<'v> Arguments for ReadOnce<'v> {
    type Item = &'v Value;

    fn get(&self, path: &ArgumentPath) -> Found<&'v Value> {
        assert!(self.read.borrow_mut().insert(path.index), "{path:?} is read twice");
        Arguments::get(&self.value, path)
    }

    fn view<'i>(&self, item: &'i &'v Value) -> Found<View<'i>> {
        Arguments::view(&self.value, item)
    }

    fn find_text(&self, passes: &impl Fn(&str) -> bool) -> Option<String> {
        self.value.find_text(passes)
    }
}

/// A request, with what it borrows.
struct Request {
    action: String,
    args: Value,
    agent: String,
    roles: Vec<String>,
    labels: Vec<String>,
    depth: u32,
    calls: u64,
    used: BTreeMap<String, Amount>,
    parent: Option<String>,
    now_micros: i64,
    provenance: Provenance,
    approved: Vec<String>,
}

impl Request {
    fn of(case: &Value, action: String) -> Self {
        let mut provenance = Provenance::default();
        for pair in cases(case, "texts") {
            let Value::List(pair) = pair else { panic!("a text is [origin, text]") };
            let origin = Origin::parse(pair[0].as_text().unwrap()).unwrap();
            provenance.add(origin, pair[1].as_text().unwrap());
        }
        let now = text(case, "now").unwrap_or_else(|| "2026-01-01T00:00:00Z".to_owned());
        Self {
            action,
            args: case.get("args").expect("args").clone(),
            agent: text(case, "agent").unwrap_or_else(|| "vector".to_owned()),
            roles: texts(case, "roles"),
            labels: texts(case, "labels"),
            depth: case.get("depth").map_or(0, |depth| String::from_utf8(encode(depth)).unwrap().parse().unwrap()),
            calls: case.get("calls").map_or(0, |calls| String::from_utf8(encode(calls)).unwrap().parse().unwrap()),
            used: cases(case, "usage").iter().map(used_of).collect(),
            parent: text(case, "parent"),
            now_micros: DateTime::parse(&now).unwrap().utc_micros().unwrap(),
            provenance,
            approved: texts(case, "approved"),
        }
    }

    fn run<'r>(&'r self, usage: &'r StatedUsage<'r>) -> RunState<'r> {
        RunState {
            labels: &self.labels,
            calls: self.calls,
            depth: self.depth,
            parent: self.parent.as_deref(),
            now_micros: self.now_micros,
            provenance: &self.provenance,
            usage,
        }
    }

    fn decide(&self, bundle: &Bundle) -> Verdict {
        let subject = Subject { id: &self.agent, roles: &self.roles };
        let usage = StatedUsage::new(bundle, &self.used);
        let args = ReadOnce { value: &self.args, read: RefCell::default() };
        let approved: Vec<RuleIx> = self.approved.iter().map(|id| bundle.rule_ix(id).unwrap()).collect();
        let verdict = decide(bundle, &bundle.subject(&subject), &self.action, &args, &self.run(&usage), &approved);
        let allowed_to_read: BTreeSet<usize> =
            bundle.read_paths(&self.action).iter().map(|path| path.as_argument().unwrap()).collect();
        assert!(args.read.borrow().is_subset(&allowed_to_read), "a path is read that no condition mentions");

        let again = Bundle::load(&bundle.dump()).unwrap();
        assert_eq!(again.digest(), bundle.digest());
        let key = again.subject(&subject);
        assert_eq!(
            decide(
                &again,
                &key,
                &self.action,
                &&self.args,
                &self.run(&StatedUsage::new(&again, &self.used)),
                &approved
            ),
            verdict
        );
        self.agrees_with_explanations(bundle, &verdict);
        verdict
    }

    /// The explanation walks every rule without the index.
    fn agrees_with_explanations(&self, bundle: &Bundle, verdict: &Verdict) {
        let subject = Subject { id: &self.agent, roles: &self.roles };
        let mut applicable: BTreeMap<&str, Vec<RuleIx>> = BTreeMap::new();
        let usage = StatedUsage::new(bundle, &self.used);
        for line in explain(bundle, &subject, &self.action, &&self.args, &self.run(&usage)) {
            let rule = bundle.rule(line.rule).unwrap();
            assert!(!line.because.is_empty() && line.because.len() < 400);
            let applies = match line.applies {
                Kleene::True => true,
                Kleene::Unknown => rule.effect.applies_on_unknown(),
                Kleene::False => false,
            };
            if applies && !rule.shadow {
                applicable.entry(rule.effect.code()).or_default().push(line.rule);
            }
        }
        let of = |effect: RuleEffect| applicable.get(effect.code()).cloned().unwrap_or_default();
        let is_approved = |rule: &RuleIx| self.approved.contains(&bundle.rule(*rule).unwrap().id);
        let (approved, asks): (Vec<RuleIx>, Vec<RuleIx>) = of(RuleEffect::Ask).into_iter().partition(is_approved);
        let mut allows = [of(RuleEffect::Allow), approved].concat();
        allows.sort_unstable();
        let denies = of(RuleEffect::Deny);
        if verdict.effect == Effect::Deny && !verdict.rules.is_empty() && denies.is_empty() {
            // What holds it back are rules that allow or require; their explanations say so.
            assert!(verdict.rules.iter().all(|rule| bundle.limit(*rule).is_some()));
            assert!(allows.is_empty() || verdict.rules.iter().any(|rule| of(RuleEffect::Require).contains(rule)));
            return;
        }
        let (effect, rules) = match (denies.is_empty(), asks.is_empty(), allows.is_empty()) {
            (false, ..) => (Effect::Deny, denies),
            (true, false, _) => (Effect::Ask, asks),
            (true, true, false) => (Effect::Allow, allows),
            (true, true, true) => (
                if verdict.reason.code() == "request_invalid" { Effect::Deny } else { bundle.default_effect() },
                vec![],
            ),
        };
        assert_eq!((verdict.effect, verdict.rules.to_vec()), (effect, rules));
        let requires = if effect == Effect::Deny { vec![] } else { of(RuleEffect::Require) };
        assert_eq!(verdict.requires.to_vec(), requires);
    }
}

fn compile(document: &Value) -> Bundle {
    Bundle::compile(document).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// `[rule, path]`, as text.
fn unknowns(bundle: &Bundle, verdict: &Verdict) -> Vec<[String; 2]> {
    let spelt = |unknown: &agent_os_core::policy::Unknown| {
        [bundle.rule(unknown.rule).unwrap().id.clone(), bundle.path(unknown.path).to_owned()]
    };
    verdict.unknowns.iter().map(spelt).collect()
}

/// `[rule, amount]`, as text.
fn pairs(case: &Value, key: &str) -> Vec<[String; 2]> {
    cases(case, key).iter().map(pair_of).collect()
}

fn pair_of(pair: &Value) -> [String; 2] {
    let Value::List(pair) = pair else { panic!("a pair is a list of two") };
    [0, 1].map(|place: usize| pair[place].as_text().unwrap().to_owned())
}

fn used_of(pair: &Value) -> (String, Amount) {
    let [rule, used] = pair_of(pair);
    (rule, Amount::parse(&used).unwrap())
}

fn check_decision(case: &Value) {
    let bundle = compile(case.get("document").expect("document"));
    let request = Request::of(case, text(case, "action").expect("action"));
    let verdict = request.decide(&bundle);
    check_verdict(&bundle, &verdict, case.get("expect").expect("expect"));
}

fn check_verdict(bundle: &Bundle, verdict: &Verdict, expect: &Value) {
    assert_eq!(verdict.effect.code(), text(expect, "effect").unwrap());
    assert_eq!(verdict.reason.code(), text(expect, "reason").unwrap());
    let rules: Vec<&str> = verdict.rules.iter().map(|rule| bundle.rule(*rule).unwrap().id.as_str()).collect();
    assert_eq!(rules, texts(expect, "rules"));
    let expected: Vec<[String; 2]> = cases(expect, "unknowns")
        .iter()
        .map(|pair| match pair {
            Value::List(pair) => [0, 1].map(|place: usize| pair[place].as_text().unwrap().to_owned()),
            _ => panic!("an unknown is [rule, path]"),
        })
        .collect();
    assert_eq!(unknowns(bundle, verdict), expected);
    assert_eq!(verdict.shadow.is_some(), expect.get("shadow").is_some(), "{:?}", verdict.shadow);
    if let (Some(shadow), Some(expect)) = (&verdict.shadow, expect.get("shadow")) {
        check_verdict(bundle, shadow, expect);
    }
    let obligations = bundle.obligations(&verdict.requires);
    let nothing = Value::Map(BTreeMap::new());
    let expected = expect.get("obligations").unwrap_or(&nothing);
    assert_eq!(obligations.redact, texts(expected, "redact"));
    assert_eq!(obligations.labels, texts(expected, "labels"));
    let charges: Vec<[String; 2]> = verdict
        .charges
        .iter()
        .map(|charge| [bundle.rule(charge.rule).unwrap().id.clone(), charge.amount.to_string()])
        .collect();
    assert_eq!(charges, pairs(expect, "charges"));
    assert_eq!(obligations.record.map(|level| level.code().to_owned()), text(expected, "record"));
}

fn check_condition(case: &Value) {
    let truth = text(case, "truth").unwrap();
    let opposite = match truth.as_str() {
        "true" => "false",
        "false" => "true",
        "unknown" => "unknown",
        other => panic!("`{other}` is no truth"),
    };
    for (key, truth) in [("when", truth.as_str()), ("unless", opposite)] {
        for effect in ["allow", "deny"] {
            let rule = Value::from([
                ("id", Value::from("r")),
                ("effect", Value::from(effect)),
                ("action", Value::List(vec![Value::from("act")])),
                (key, case.get("when").expect("when").clone()),
            ]);
            let bundle = compile(&Value::from([
                ("agent_os", Value::from(1)),
                ("name", Value::from("vector")),
                ("default", Value::from("deny")),
                ("rules", Value::List(vec![rule])),
            ]));
            let request = Request::of(case, "act".to_owned());
            let verdict = request.decide(&bundle);
            let expected = match (effect, truth) {
                ("allow", "true") => "allowed_by_rule",
                ("deny", "true") => "denied_by_rule",
                ("deny", "unknown") => "condition_unknown",
                _ => "denied_by_default",
            };
            assert_eq!(verdict.reason.code(), expected, "{effect} {key}");
            let named: Vec<String> = unknowns(&bundle, &verdict).into_iter().map(|[_, path]| path).collect();
            if expected == "condition_unknown" && case.get("unknowns").is_some() {
                assert_eq!(named, texts(case, "unknowns"));
            } else {
                assert_eq!(named.is_empty(), expected != "condition_unknown");
            }
        }
    }
}

/// Runs a check on every case, and reports all that fail by file and name.
fn run_all(key: &str, check: fn(&Value)) -> usize {
    let mut failed = Vec::new();
    let mut count = 0;
    for (file, value) in files() {
        for case in cases(&value, key) {
            count += 1;
            let name = text(&case, "name").expect("name");
            if let Err(panic) = std::panic::catch_unwind(|| check(&case)) {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                failed.push(format!("{file}: {name}: {why}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {count} failed:\n{}", failed.len(), failed.join("\n"));
    count
}

#[test]
fn decisions_are_as_the_vectors_say() {
    assert!(run_all("decisions", check_decision) >= 50);
}

#[test]
fn conditions_are_as_the_vectors_say() {
    assert!(run_all("conditions", check_condition) >= 250);
}

#[test]
fn every_operator_is_seen_true_false_and_unknown() {
    fn operators(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Map(entries) => entries.iter().for_each(|(key, value)| {
                found.insert(key.clone());
                operators(value, found);
            }),
            Value::List(items) => items.iter().for_each(|item| operators(item, found)),
            _ => {}
        }
    }
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for (_, file) in files() {
        for case in cases(&file, "conditions") {
            let mut found = BTreeSet::new();
            operators(case.get("when").unwrap(), &mut found);
            let truth = text(&case, "truth").unwrap();
            seen.extend(found.into_iter().map(|operator| (operator, truth.clone())));
        }
    }
    let tests = OPERATORS.iter().filter(|operator| operator.supported && operator.name != "dialect");
    for operator in tests {
        for truth in ["true", "false", "unknown"] {
            let never = operator.name == "present" && truth == "unknown";
            assert_eq!(
                seen.contains(&(operator.name.to_owned(), truth.to_owned())),
                !never,
                "{} {truth}",
                operator.name
            );
        }
    }
}
