//! Many rules for one action that look at the same few arguments: what the engine answers from an index of their
//! conditions rather than rule by rule.

use std::collections::BTreeMap;

use agent_os_core::value::Value;

use super::condition::Conditions;
use super::world;
use super::{Random, agent};

/// From fewer rules than an index is made for up to several times as many.
const RULES: (u32, u32) = (12, 48);

/// Draws a crowd.
pub(super) fn rules(random: &mut Random) -> Vec<Value> {
    let action = random.one(&["**", "**", "*.send", "payments.send", "files.**"]);
    let effect = random.one(&["allow", "allow", "deny", "ask", "require"]);
    let focus: Vec<_> = (0..random.between(1, 4)).map(|_| world::path(random)).collect();
    (0..random.between(RULES.0, RULES.1))
        .map(|number| {
            let mut rule = BTreeMap::from([
                ("id".to_owned(), format!("crowd-{number:02}").as_str().into()),
                ("effect".to_owned(), effect.into()),
                ("action".to_owned(), Value::List(vec![action.into()])),
            ]);
            if random.percent(95) {
                rule.insert("when".to_owned(), Conditions::on(random, &focus).tree(2));
            }
            if random.percent(10) {
                rule.insert("unless".to_owned(), Conditions::on(random, &focus).tree(1));
            }
            if random.percent(10) {
                rule.insert("agent".to_owned(), agent(random));
            }
            if effect == "require" {
                rule.insert("label".to_owned(), Value::List(vec![random.one(world::LABELS).into()]));
            }
            Value::Map(rule)
        })
        .collect()
}
