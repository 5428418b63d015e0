//! Random policies, and requests that are likely to meet them.
//!
//! Generation is directed by types: an argument's values and the operands that it is held to come from the same small
//! pools, so that conditions are often true, often false, and, by a share of absent and mistyped arguments, unknown.

mod condition;
mod crowd;
pub mod fuzz;
mod random;
pub mod schema;
mod sql;
mod values;
mod world;

use std::collections::BTreeMap;

use agent_os_core::value::Value;

pub use random::Random;

use crate::case::Request;
use condition::Conditions;

/// A policy, and the text of the runs that ask it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The normalised document.
    pub document: Value,
    /// The text of the run, by origin.
    pub texts: Vec<(String, String)>,
}

/// Draws a policy of one to eight rules; now and then with a crowd of others that are for the same action and look at
/// the same few arguments.
#[must_use]
pub fn policy(random: &mut Random) -> Policy {
    let mut rules = few(random);
    if random.percent(10) {
        rules.extend(crowd::rules(random));
    }
    policy_of(random, rules)
}

/// Draws a policy of one to eight rules.
#[must_use]
pub fn small_policy(random: &mut Random) -> Policy {
    let rules = few(random);
    policy_of(random, rules)
}

fn few(random: &mut Random) -> Vec<Value> {
    (0..random.between(1, 8)).map(|number| rule(random, &format!("rule-{number}"))).collect()
}

fn policy_of(random: &mut Random, mut rules: Vec<Value>) -> Policy {
    let default = |random: &mut Random| if random.percent(20) { "allow" } else { "deny" }.into();
    let mut entries = BTreeMap::from([
        ("agent_os".to_owned(), 1.into()),
        ("name".to_owned(), "generated".into()),
        ("default".to_owned(), default(random)),
        ("sets".to_owned(), values::sets()),
    ]);
    if random.percent(30) {
        if random.percent(50) {
            entries.insert("shadow_default".to_owned(), default(random));
        }
        for rule in &mut rules {
            let mode = random.weighted(&[("", 50), ("shadow", 45), ("enforce", 5)]);
            if let (Value::Map(rule), false) = (rule, mode.is_empty()) {
                rule.insert("mode".to_owned(), mode.into());
            }
        }
    }
    entries.insert("rules".to_owned(), Value::List(rules));
    let document = Value::Map(entries);
    Policy { document, texts: world::texts(random) }
}

/// Draws a rule.
#[must_use]
pub fn rule(random: &mut Random, id: &str) -> Value {
    let effect = random.weighted(&[("allow", 45), ("deny", 18), ("ask", 15), ("require", 22)]);
    rule_of(random, id, effect)
}

/// Draws a rule of one effect.
#[must_use]
pub fn rule_of(random: &mut Random, id: &str, effect: &str) -> Value {
    let mut rule = BTreeMap::from([("id".to_owned(), id.into()), ("effect".to_owned(), effect.into())]);
    let mut put = |key: &str, value: Value| rule.insert(key.to_owned(), value);
    put("action", some_of(random, world::PATTERNS, 1, 3));
    if random.percent(20) {
        put("agent", agent(random));
    }
    if random.percent(75) {
        put("when", Conditions::new(random).tree(2));
    }
    if random.percent(25) {
        put("unless", Conditions::new(random).tree(1));
    }
    if random.percent(20) {
        put("message", "a message".into());
    }
    if effect == "require" {
        let duties = random.between(1, 7);
        if duties & 1 > 0 {
            put("redact", some_of(random, &["args.card", "result.card", "result.a.b"], 1, 2));
        }
        if duties & 2 > 0 {
            put("label", some_of(random, world::LABELS, 1, 2));
        }
        if duties & 4 > 0 {
            put("record", random.one(&["full", "fields", "none"]).into());
        }
    }
    if random.percent(20) {
        let key = if matches!(effect, "allow" | "require") { "limit" } else { "over" };
        put(key, limit(random));
    }
    Value::Map(rule)
}

fn limit(random: &mut Random) -> Value {
    let mut limit = BTreeMap::new();
    let mut put = |key: &str, value: Value| limit.insert(key.to_owned(), value);
    let is_per_run = random.percent(20);
    put("per", if is_per_run { "run" } else { random.one(&["1s", "90m", "24h", "366d"]) }.into());
    if !is_per_run && random.percent(60) {
        put("by", random.one(&["process", "agent", "role", "action", "global"]).into());
    }
    if random.percent(50) {
        put("calls", i64::from(random.between(1, 6)).into());
    } else {
        put("sum", random.one(&["args.amount", "args.limit", "args.nums.1", "args.meta.qty", "args.currency"]).into());
        put("max", i64::from(random.one(&[1, 5, 500, 1_000, 1_000_000])).into());
    }
    Value::Map(limit)
}

fn agent(random: &mut Random) -> Value {
    let mut agent = BTreeMap::new();
    let which = random.between(1, 3);
    if which & 1 > 0 {
        agent.insert("id".to_owned(), some_of(random, world::AGENT_PATTERNS, 1, 2));
    }
    if which & 2 > 0 {
        agent.insert("role".to_owned(), some_of(random, world::ROLES, 1, 2));
    }
    Value::Map(agent)
}

/// Draws a request.
#[must_use]
pub fn request(random: &mut Random, policy: &Policy) -> Request {
    let mut labels = random.some(world::LABELS, 0, 2);
    labels.sort_unstable();
    let (args, sql) = world::arguments(random);
    let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
    Request {
        action: random.one(world::ACTIONS).to_owned(),
        agent: random.one(world::AGENTS).to_owned(),
        roles: owned(random.some(world::ROLES, 0, 2)),
        args,
        sql,
        labels: owned(labels),
        calls: random.one(&[0, 1, 2, 5]),
        usage: (0..8)
            .filter_map(|rule| {
                let used = random.one(&["0", "1", "2.5", "499.5", "1000000"]).to_owned();
                random.percent(40).then(|| (format!("rule-{rule}"), used))
            })
            .collect(),
        depth: random.one(&[0, 1, 2, 5]),
        parent: random.percent(50).then(|| random.one(world::AGENTS).to_owned()),
        now_micros: i64::from(random.between(0, 4_000_000)) * 1_000_000_000,
        texts: policy.texts.clone(),
        approved: if random.percent(15) {
            owned(random.some(&["rule-0", "rule-1", "rule-2", "rule-9"], 1, 3))
        } else {
            Vec::new()
        },
    }
}

fn some_of(random: &mut Random, pool: &[&str], least: u32, most: u32) -> Value {
    Value::List(random.some(pool, least, most).into_iter().map(Value::from).collect())
}
