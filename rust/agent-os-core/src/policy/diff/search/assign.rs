//! From facts about paths to values at them.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::Scene;
use crate::number::Number;
use crate::policy::analysis::{Atom, Compiled, Fact, MISSING, Truths};
use crate::policy::diff::pool;
use crate::policy::diff::request::Request;
use crate::policy::kleene::Kleene;
use crate::policy::path::Path;
use crate::policy::provenance::Origin;
use crate::time;
use crate::value::Value;

/// Requests that are made of one case.
const VARIANTS: usize = 3;

/// Keeps what was compiled: the same tests are asked of many values.
#[derive(Default)]
pub(super) struct Assigner {
    // INVARIANT: the atoms live as long as the rules that are compared, so an address names one.
    compiled: HashMap<*const Atom, Option<Compiled>>,
}

impl Assigner {
    /// Requests in which the facts hold, as far as each path can tell by itself; the engines say whether they do.
    pub(super) fn requests(&mut self, scene: &Scene, facts: &[Fact]) -> Vec<Request> {
        let mut by_path: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
        for fact in facts {
            by_path.entry(fact.atom.path.split('#').next().unwrap_or_default()).or_default().push(fact);
        }
        let mut fitting: Vec<(&str, Vec<Option<Value>>)> = Vec::new();
        for (path, facts) in &by_path {
            let values = self.values(path, facts);
            if values.is_empty() {
                return Vec::new();
            }
            fitting.push((path, values));
        }
        let variants = fitting.iter().map(|(_, values)| values.len()).max().unwrap_or(1).min(VARIANTS);
        let request = |variant: usize| {
            let mut request = Request::plain(&scene.action, &scene.agent, &scene.roles);
            for (path, values) in &fitting {
                if let Some(Some(value)) = values.get(variant % values.len()) {
                    request.put(path, value);
                }
            }
            facts.iter().for_each(|fact| relate(&mut request, fact));
            request
        };
        (0..variants).map(request).collect()
    }

    /// The first values that pass all facts at a path; `None` among them is absence.
    fn values(&mut self, path: &str, facts: &[&Fact]) -> Vec<Option<Value>> {
        let mut candidates: Vec<Option<Value>> =
            facts.iter().flat_map(|fact| pool::of_test(&fact.atom)).map(Some).collect();
        match path {
            "time.hour" => candidates.extend((0..24).map(|hour| Some(hour.into()))),
            "time.weekday" => candidates.extend((1..8).map(|day| Some(day.into()))),
            "run.calls" => candidates.extend([0, 1].map(|calls| Some(calls.into()))),
            "run.depth" => candidates.extend([0, 1, 64].map(|depth| Some(depth.into()))),
            "run.labels" => {
                candidates.extend([Some(Value::List(Vec::new())), Some(Value::List(vec!["x".into()]))]);
            }
            "run.parent" => candidates.extend([Some("someone".into()), None]),
            _ => {
                candidates.extend(pool::of_every_kind().into_iter().map(Some));
                candidates.push(None);
            }
        }
        candidates.retain(|value| can_stand(path, value.as_ref()));
        let mut found = Vec::new();
        for candidate in candidates {
            if found.len() < VARIANTS
                && !found.contains(&candidate)
                && facts.iter().all(|fact| self.passes(fact, candidate.as_ref()))
            {
                found.push(candidate);
            }
        }
        found
    }

    fn passes(&mut self, fact: &Fact, value: Option<&Value>) -> bool {
        let truth = match fact.atom.operator.as_str() {
            MISSING => Kleene::from(value.is_none()),
            "seen_in" => match value {
                // Whether it was seen is settled by the text that the run is given.
                Some(Value::Str(text)) if text.len() >= 4 && text.is_ascii() => {
                    return fact.truths.may_be(Truths::TRUE) || fact.truths.may_be(Truths::FALSE);
                }
                _ => Kleene::Unknown,
            },
            _ => {
                let compiled = self.compiled.entry(Rc::as_ptr(&fact.atom)).or_insert_with(|| Compiled::of(&fact.atom));
                match compiled.as_ref().and_then(|compiled| compiled.came_to(value)) {
                    Some(truth) => truth,
                    // Another argument is the operand: the two are brought together afterwards.
                    None => return true,
                }
            }
        };
        fact.truths.may_be(Truths::of(truth))
    }
}

/// Inputs of the run have one kind each, and their bounds.
fn can_stand(path: &str, value: Option<&Value>) -> bool {
    let integer = match value {
        Some(Value::Number(Number::Int(number))) => Some(*number),
        _ => None,
    };
    match path {
        "time.hour" => integer.is_some_and(|hour| (0..24).contains(&hour)),
        "time.weekday" => integer.is_some_and(|day| (1..8).contains(&day)),
        "run.calls" => integer.is_some_and(|calls| calls >= 0),
        "run.depth" => integer.is_some_and(|depth| (0..=i64::from(u32::MAX)).contains(&depth)),
        "run.labels" => matches!(value, Some(Value::List(items)) if items.iter().all(|item| {
            item.as_text().is_some_and(crate::action::is_name)
        })),
        "run.parent" => value.is_none_or(|value| value.as_text().is_some_and(crate::action::is_name)),
        _ => true,
    }
}

/// Brings about what looks at more than one value: text that was seen, and operands that are arguments.
fn relate(request: &mut Request, fact: &Fact) {
    let path: &str = &fact.atom.path;
    let holds = !fact.truths.may_be(Truths::FALSE);
    if fact.atom.operator == "seen_in" {
        let Value::List(origins) = &fact.atom.operand else { return };
        let origin = origins.first().and_then(Value::as_text).and_then(Origin::parse);
        let value = at(request, path).and_then(|value| value.as_text().map(str::to_owned));
        if let (true, Some(origin), Some(value)) = (holds, origin, value) {
            request.texts.push((origin, value));
        }
        return;
    }
    let Some(other) = fact.atom.operand.get("arg").and_then(Value::as_text).map(str::to_owned) else { return };
    if fact.truths.may_be(Truths::UNKNOWN) && !fact.truths.may_be(Truths::TRUE) {
        return;
    }
    let (mine, theirs): (Value, Value) = match (fact.atom.operator.as_str(), holds) {
        ("lt", true) | ("gt", false) => (0.into(), 1.into()),
        ("gt", true) | ("lt", false) => (1.into(), 0.into()),
        ("before", true) | ("after", false) => ("2000-01-01".into(), "2000-01-02".into()),
        ("after", true) | ("before", false) => ("2000-01-02".into(), "2000-01-01".into()),
        (_, true) => {
            let same = at(request, path).or_else(|| at(request, &other)).unwrap_or_else(|| pool::SAID.into());
            (same.clone(), same)
        }
        (_, false) => match at(request, path) {
            Some(Value::Number(Number::Int(number))) => (number.into(), number.saturating_add(1).into()),
            Some(Value::Bool(truth)) => (truth.into(), (!truth).into()),
            Some(Value::List(items)) => (Value::List(items), Value::List(vec!["other".into()])),
            Some(Value::Map(entries)) => (Value::Map(entries), Value::from([("other", 1.into())])),
            _ => ("one".into(), "other".into()),
        },
    };
    request.put(path, &mine);
    request.put(&other, &theirs);
}

/// What stands at a path, the inputs of the run included.
fn at(request: &Request, path: &str) -> Option<Value> {
    let parsed = Path::parse(path).ok()?;
    match path {
        "run.calls" => return i64::try_from(request.calls).ok().map(Value::from),
        "run.depth" => return Some(i64::from(request.depth).into()),
        "run.parent" => return request.parent.as_deref().map(Value::from),
        "time.hour" => return Some(time::hour(request.now_micros).into()),
        "time.weekday" => return Some(time::weekday(request.now_micros).into()),
        _ => {}
    }
    let steps = parsed.segments.iter();
    steps.map(crate::request::Segment::key).try_fold(&request.args, |value, key| value.get(key)).cloned()
}
