//! A request with everything that a decision reads.

use std::collections::BTreeMap;

use super::usage::Used;
use crate::policy::path::{Path, Root};
use crate::policy::provenance::Origin;
use crate::value::Value;

/// A request, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What is asked.
    pub action: String,
    /// Who asks.
    pub agent: String,
    /// The agent's roles.
    pub roles: Vec<String>,
    /// The arguments, a map.
    pub args: Value,
    // INVARIANT: sorted, without repeats.
    /// The run's labels.
    pub labels: Vec<String>,
    /// Actions that the run has begun before.
    pub calls: u64,
    /// Runs above this one.
    pub depth: u32,
    /// The agent of the run above.
    pub parent: Option<String>,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub now_micros: i64,
    /// The texts that the run has seen.
    pub texts: Vec<(Origin, String)>,
    /// What is used of limits, by rule; of others nothing is.
    pub used: BTreeMap<String, Used>,
}

/// A Monday, so that hours and weekdays count from it.
const MONDAY: i64 = 1_704_067_200_000_000;
const HOUR: i64 = 3_600_000_000;

/// Noon of that Monday.
pub(super) const NOON: i64 = MONDAY + 12 * HOUR;

impl Request {
    /// A request without arguments, at noon of a Monday.
    pub(super) fn plain(action: &str, agent: &str, roles: &[String]) -> Self {
        Self {
            action: action.to_owned(),
            agent: agent.to_owned(),
            roles: roles.to_vec(),
            args: Value::Map(BTreeMap::new()),
            labels: Vec::new(),
            calls: 0,
            depth: 0,
            parent: None,
            now_micros: NOON,
            texts: Vec::new(),
            used: BTreeMap::new(),
        }
    }

    /// Puts a value where a path leads to; values that inputs of the run cannot have are left out.
    pub(super) fn put(&mut self, path: &str, value: &Value) {
        let number = match value {
            Value::Number(crate::number::Number::Int(number)) => Some(*number),
            _ => None,
        };
        match path {
            "run.labels" => {
                let texts = match value {
                    Value::List(items) => items.iter().filter_map(Value::as_text).map(str::to_owned).collect(),
                    _ => Vec::new(),
                };
                self.labels = texts;
                self.labels.sort_unstable();
                self.labels.dedup();
            }
            "run.calls" => self.calls = number.and_then(|calls| u64::try_from(calls).ok()).unwrap_or_default(),
            "run.depth" => self.depth = number.and_then(|depth| u32::try_from(depth).ok()).unwrap_or_default(),
            "run.parent" => self.parent = value.as_text().map(str::to_owned),
            "time.hour" => {
                let hour = number.unwrap_or(12).clamp(0, 23);
                let days = (self.now_micros - MONDAY).div_euclid(24 * HOUR);
                self.now_micros = MONDAY + days * 24 * HOUR + hour * HOUR;
            }
            "time.weekday" => {
                let day = number.unwrap_or(1).clamp(1, 7) - 1;
                let within = (self.now_micros - MONDAY).rem_euclid(24 * HOUR);
                self.now_micros = MONDAY + day * 24 * HOUR + within;
            }
            path => {
                if let Ok(path) = Path::parse(path) {
                    if path.root == Root::Args {
                        let steps: Vec<&str> = path.segments.iter().map(crate::request::Segment::key).collect();
                        put_at(&mut self.args, &steps, value);
                    }
                }
            }
        }
    }

    /// The same with one thing less, in turn.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        if let Value::Map(entries) = &self.args {
            for key in entries.keys() {
                let mut entries = entries.clone();
                entries.remove(key);
                all.push(Self { args: Value::Map(entries), ..self.clone() });
            }
        }
        for place in 0..self.texts.len() {
            let mut smaller = self.clone();
            smaller.texts.remove(place);
            all.push(smaller);
        }
        for place in 0..self.labels.len() {
            let mut smaller = self.clone();
            smaller.labels.remove(place);
            all.push(smaller);
        }
        for place in 0..self.roles.len() {
            let mut smaller = self.clone();
            smaller.roles.remove(place);
            all.push(smaller);
        }
        for rule in self.used.keys() {
            let mut used = self.used.clone();
            used.remove(rule);
            all.push(Self { used, ..self.clone() });
        }
        if self.parent.is_some() {
            all.push(Self { parent: None, ..self.clone() });
        }
        if self.calls > 0 {
            all.push(Self { calls: 0, ..self.clone() });
        }
        if self.depth > 0 {
            all.push(Self { depth: 0, ..self.clone() });
        }
        if self.now_micros != NOON {
            all.push(Self { now_micros: NOON, ..self.clone() });
        }
        all
    }
}

fn put_at(place: &mut Value, steps: &[&str], value: &Value) {
    let Some((first, rest)) = steps.split_first() else {
        *place = value.clone();
        return;
    };
    if !matches!(place, Value::Map(_)) {
        *place = Value::Map(BTreeMap::new());
    }
    if let Value::Map(entries) = place {
        put_at(entries.entry((*first).to_owned()).or_insert(Value::Null), rest, value);
    }
}
