//! What lint calls dead never applies, and what it calls shadowed or contradictory never decides.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;

use agent_os_core::policy::{Bundle, Lint, lint};
use agent_os_core::value::Value;
use agent_os_testkit::engine::Engine;
use agent_os_testkit::generate::{Random, request, small_policy};

const POLICIES: u64 = 4_000;
const REQUESTS: u32 = 60;

#[test]
fn what_is_called_dead_or_shadowed_never_decides_on_generated_requests() {
    let seed: u64 = std::env::var("AGENT_OS_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("seed {seed} (set AGENT_OS_SEED for another)");
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for number in 0..POLICIES {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let mut policy = small_policy(&mut random);
        sharpen(&mut policy.document, &mut random);
        let Ok(engine) = Engine::new(&policy.document, &policy.texts) else { continue };
        let never = [Lint::DeadRule, Lint::ShadowedRule, Lint::ContradictoryRules];
        let findings = lint(engine.bundle());
        let suspects: Vec<_> = findings.iter().filter(|finding| never.contains(&finding.lint)).collect();
        for finding in &suspects {
            *counts.entry(finding.lint.code()).or_default() += 1;
        }
        for _ in 0..if suspects.is_empty() { 0 } else { REQUESTS } {
            let mut request = request(&mut random, &policy);
            request.approved.clear();
            let decided = engine.decide(&request);
            for finding in &suspects {
                let id = finding.rule.clone().unwrap();
                assert!(!decided.rules.contains(&id), "{finding:?}\n{:?}\n{request:?}", policy.document);
            }
        }
    }
    println!("{counts:?}");
    for lint in [Lint::DeadRule, Lint::ShadowedRule] {
        assert!(
            counts.get(lint.code()).copied().unwrap_or_default() >= 100,
            "{} hardly ever came up: {counts:?}",
            lint.code()
        );
    }
}

#[test]
fn removing_what_is_called_redundant_changes_no_effect() {
    let mut found = 0;
    for number in 0..POLICIES {
        let mut random = Random::new(7_000_000 + number);
        let mut policy = small_policy(&mut random);
        sharpen(&mut policy.document, &mut random);
        let Ok(engine) = Engine::new(&policy.document, &policy.texts) else { continue };
        for finding in lint(engine.bundle()).iter().filter(|finding| finding.lint == Lint::RedundantRule) {
            let Some(without) = without(&policy.document, finding.rule.as_deref().unwrap()) else { continue };
            found += 1;
            let other = Engine::of(Bundle::compile(&without).unwrap(), &policy.texts);
            for _ in 0..REQUESTS {
                let mut request = request(&mut random, &policy);
                request.approved.clear();
                assert_eq!(engine.decide(&request).effect, other.decide(&request).effect, "{finding:?}\n{request:?}");
            }
        }
    }
    assert!(found >= 100, "hardly ever came up: {found}");
}

/// Makes rules that touch one another: copies of a rule with another effect, another condition beside it, or both.
fn sharpen(document: &mut Value, random: &mut Random) {
    let Value::Map(entries) = document else { return };
    let Some(Value::List(rules)) = entries.get_mut("rules") else { return };
    for copy in 0..random.between(1, 4) {
        let last = u32::try_from(rules.len() - 1).unwrap();
        let one = rules.get(random.between(0, last) as usize).cloned().unwrap();
        let other = rules.get(random.between(0, last) as usize).cloned().unwrap();
        let (Value::Map(mut rule), Value::Map(other)) = (one, other) else { continue };
        rule.insert("id".to_owned(), format!("copy-{copy}").as_str().into());
        for key in ["redact", "label", "record"] {
            rule.remove(key);
        }
        rule.insert("effect".to_owned(), random.one(&["allow", "ask", "deny"]).into());
        let own = rule.remove("when");
        let mut parts: Vec<Value> = own.into_iter().collect();
        match random.between(0, 4) {
            0 => parts.clear(),
            1 => parts.extend(other.get("when").map(|when| Value::from([("not", when.clone())]))),
            2 => parts.extend(other.get("when").cloned()),
            3 => {
                let mine = parts.first().cloned();
                parts.extend(mine.map(|when| Value::from([("not", when)])));
            }
            _ => {}
        }
        if !parts.is_empty() {
            rule.insert("when".to_owned(), Value::from([("all", Value::List(parts))]));
        }
        rules.push(Value::Map(rule));
    }
}

/// The document without one rule; `None` if nothing would be left.
fn without(document: &Value, id: &str) -> Option<Value> {
    let mut document = document.clone();
    let Value::Map(entries) = &mut document else { return None };
    let Some(Value::List(rules)) = entries.get_mut("rules") else { return None };
    rules.retain(|rule| rule.get("id").and_then(Value::as_text) != Some(id));
    (!rules.is_empty()).then_some(document)
}
