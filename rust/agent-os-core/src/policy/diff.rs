//! What another policy decides otherwise, with a request for each difference.
//!
//! Only rules that differ, and the default, can make a difference. For each of them the conditions of both policies are
//! solved for requests on which one version applies and the other does not; other rules that hide the difference are
//! then kept from applying, one by one. Whatever is found was decided by both engines. What is not found may be there:
//! the values that are tried are those that conditions speak of, and some around them.

mod alone;
mod patterns;
mod pool;
mod request;
mod search;
mod usage;

use std::collections::BTreeMap;

pub use request::Request;
pub use usage::Used;

use super::analysis::Studied;
use super::bundle::Bundle;
use super::decide::decide;
use super::effect::{Effect, Obligations, RuleIx};
use super::limit::{Limit, Measure, StatedUsage};
use super::pattern::ActionPattern;
use super::provenance::Provenance;
use super::subject::SubjectKey;
use crate::amount::Amount;
use crate::limits;
use crate::request::{RunState, Subject};
use crate::value::Value;

/// How a decision changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// Deny became ask or allow, or ask became allow.
    Opened,
    /// Allow became ask or deny, or ask became deny.
    Closed,
    /// The effect is the same, and what must happen with it is not.
    Obligations,
}

impl Change {
    /// `opened`, `closed` or `obligations`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Obligations => "obligations",
        }
    }
}

/// What one of the two policies says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Allow, ask or deny.
    pub effect: Effect,
    /// The code of the reason.
    pub reason: &'static str,
    /// Ids of the deciding rules.
    pub rules: Vec<String>,
    /// Ids of the `require` rules that are attached.
    pub requires: Vec<String>,
    /// What they demand.
    pub obligations: Obligations,
    /// The limits of which the request says what is used.
    pub limits: Vec<LimitUse>,
}

/// What is used of a limit when the request comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUse {
    /// The rule.
    pub rule: String,
    /// Its limit.
    pub limit: Limit,
    /// The path that is summed; `None` where calls are counted.
    pub sum: Option<String>,
    /// How much is used.
    pub used: Amount,
    /// How much the request adds, if that can be told.
    pub amount: Option<Amount>,
}

/// A request that the two policies decide differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// How.
    pub change: Change,
    /// The request, with as little as shows the difference.
    pub request: Request,
    /// What the old policy says.
    pub before: Side,
    /// What the new policy says.
    pub after: Side,
}

/// What differs and was not compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecided {
    /// The rule, if it is about one.
    pub rule: Option<String>,
    /// What, as a sentence.
    pub what: String,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// One for each kind of change and the rules that decide it.
    pub differences: Vec<Difference>,
    /// Requests that were decided by both.
    pub tried: usize,
    /// A bound was hit before everything that was to be tried was.
    pub is_cut_short: bool,
    /// What differs in the policies, and no request that was tried tells of.
    pub undecided: Vec<Undecided>,
}

/// Looks for requests that two policies decide differently.
///
/// ```
/// use agent_os_core::canonical::parse_json;
/// use agent_os_core::policy::{Bundle, Change, diff};
/// let policy = |most: u32| Bundle::compile(&parse_json(format!(r#"{{"agent_os": 1, "name": "desk", "rules": [
///     {{"id": "small", "effect": "allow", "action": ["payments.send"], "when": {{"args.amount": {{"le": {most}}}}}}}]}}"#)
///     .as_bytes()).unwrap()).unwrap();
/// let found = diff(&policy(500), &policy(600));
/// assert_eq!(found.differences[0].change, Change::Opened);
/// assert_eq!(diff(&policy(500), &policy(500)).differences, []);
/// ```
#[must_use]
pub fn diff(old: &Bundle, new: &Bundle) -> Diff {
    let mut bench = Bench::new(old, new);
    let pairs = changed(old, new);
    let mut undecided = documents(old, new);
    for (place, pair) in pairs.iter().enumerate() {
        bench.parts = alone::parts(pair);
        // What is left is shared by those that are left.
        let share = bench.room / (pairs.len() - place).max(1);
        search::changed_rule(&mut bench, pair, share.min(limits::DIFF_REQUESTS_PER_RULE));
        undecided.extend(bench.parts.iter().filter_map(|part| part.undecided(&pair.id)));
    }
    bench.parts.clear();
    if old.default_effect() != new.default_effect() {
        let share = bench.room.min(limits::DIFF_REQUESTS_PER_RULE);
        search::changed_default(&mut bench, share);
        let by_default = |side: &Side| side.rules.is_empty();
        if !bench.found.values().any(|found| by_default(&found.before) || by_default(&found.after)) {
            let what = "the default changed, and no request was found that it decides".to_owned();
            undecided.push(Undecided { rule: None, what });
        }
    }
    let is_cut_short = bench.is_cut_short;
    let tried = limits::DIFF_REQUESTS - bench.room;
    let mut differences: Vec<Difference> = bench.found.into_values().collect();
    differences
        .sort_by(|a, b| (a.change, &a.after.rules, &a.before.rules).cmp(&(b.change, &b.after.rules, &b.before.rules)));
    undecided.sort_unstable();
    Diff { differences, tried, is_cut_short, undecided }
}

/// What differs beside the rules and the default, and is not what decides a request.
fn documents(old: &Bundle, new: &Bundle) -> Vec<Undecided> {
    let differs = |key: &str| old.document().get(key) != new.document().get(key);
    let told = |key: &str, what: &str| differs(key).then(|| Undecided { rule: None, what: what.to_owned() });
    let shadow = told("shadow_default", "what is only observed differs (`mode: shadow`), and decides nothing");
    let tools = told("tools", "the schemas under `tools` differ; they decide which tools and rules are accepted");
    shadow.into_iter().chain(tools).collect()
}

/// A rule of one or both of the policies; never the same in both.
struct Pair<'b> {
    id: String,
    before: Option<&'b Value>,
    after: Option<&'b Value>,
    old: Option<Studied>,
    new: Option<Studied>,
}

impl Pair<'_> {
    /// The versions apply to the same requests, so that their limits count the same actions.
    fn differs_in_limits_only(&self) -> bool {
        let plain = |rule: &Value| {
            let Value::Map(entries) = rule else { return BTreeMap::new() };
            let is_about_when = |key: &str| !matches!(key, "limit" | "over" | "source" | "message");
            entries
                .iter()
                .filter(|(key, _)| is_about_when(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        matches!((self.before, self.after), (Some(one), Some(other)) if plain(one) == plain(other))
    }
}

fn changed<'b>(old: &'b Bundle, new: &'b Bundle) -> Vec<Pair<'b>> {
    let (old, new) = (by_id(old), by_id(new));
    let ids: std::collections::BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let differing = ids.into_iter().filter(|id| match (old.get(id), new.get(id)) {
        (Some(old), Some(new)) => meaning(old) != meaning(new),
        _ => true,
    });
    let pair = |id: &str| {
        let (before, after) = (old.get(id).copied(), new.get(id).copied());
        Pair { id: id.to_owned(), before, after, old: before.and_then(Studied::of), new: after.and_then(Studied::of) }
    };
    differing.map(pair).collect()
}

fn by_id(bundle: &Bundle) -> BTreeMap<&str, &Value> {
    let rules = match bundle.document().get("rules") {
        Some(Value::List(rules)) => rules.as_slice(),
        _ => &[],
    };
    rules.iter().filter_map(|rule| Some((rule.get("id")?.as_text()?, rule))).collect()
}

/// The rule without what changes no decision.
fn meaning(rule: &Value) -> Value {
    let Value::Map(entries) = rule else { return rule.clone() };
    let plain = entries.iter().filter(|(key, _)| !matches!(key.as_str(), "source" | "message"));
    Value::Map(plain.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Both engines, and what they were found to differ in.
struct Bench<'b> {
    old: Engine<'b>,
    new: Engine<'b>,
    /// The patterns of all rules, each once.
    patterns: Vec<ActionPattern>,
    found: BTreeMap<String, Difference>,
    /// What differs in the rule that is looked at.
    parts: Vec<alone::Part>,
    /// Requests that may still be decided.
    room: usize,
    is_cut_short: bool,
}

impl<'b> Bench<'b> {
    fn new(old: &'b Bundle, new: &'b Bundle) -> Self {
        let (old, new) = (Engine::new(old, false), Engine::new(new, true));
        let rules = old.studied.values().chain(new.studied.values());
        let patterns: BTreeMap<&str, &ActionPattern> =
            rules.flat_map(|rule| &rule.actions).map(|pattern| (pattern.text(), pattern)).collect();
        let patterns = patterns.into_values().cloned().collect();
        let (found, parts) = (BTreeMap::new(), Vec::new());
        Self { old, new, patterns, found, parts, room: limits::DIFF_REQUESTS, is_cut_short: false }
    }

    /// Decides with both, keeps what differs, and says what both said; `None` when there is no room left.
    fn attempt(&mut self, request: &Request) -> Option<(Side, Side)> {
        if self.room == 0 {
            self.is_cut_short = true;
            return None;
        }
        self.room -= 1;
        self.parts.iter_mut().for_each(|part| part.look(request));
        let sides = (self.old.decide(request), self.new.decide(request));
        if let Some(change) = change(&sides.0, &sides.1) {
            let key = key(change, &sides.0, &sides.1);
            if !self.found.contains_key(&key) {
                let difference = self.least(request, change);
                self.found.insert(key, difference);
            }
        }
        Some(sides)
    }

    /// The request without what it does not need to show the same difference.
    fn least(&self, request: &Request, change: Change) -> Difference {
        let rules = |side: &Side| (side.effect, side.rules.clone(), side.requires.clone());
        let decided = |request: &Request| (self.old.decide(request), self.new.decide(request));
        let (before, after) = decided(request);
        let wanted = (rules(&before), rules(&after));
        let mut least = request.clone();
        let mut is_smaller = true;
        while is_smaller {
            is_smaller = false;
            for smaller in least.smaller() {
                let (before, after) = decided(&smaller);
                if (rules(&before), rules(&after)) == wanted {
                    least = smaller;
                    is_smaller = true;
                    break;
                }
            }
        }
        let (before, after) = decided(&least);
        Difference { change, request: least, before, after }
    }
}

fn change(before: &Side, after: &Side) -> Option<Change> {
    let strength = |effect| match effect {
        Effect::Deny => 0,
        Effect::Ask => 1,
        Effect::Allow => 2,
    };
    match strength(after.effect).cmp(&strength(before.effect)) {
        std::cmp::Ordering::Greater => Some(Change::Opened),
        std::cmp::Ordering::Less => Some(Change::Closed),
        std::cmp::Ordering::Equal => (before.obligations != after.obligations).then_some(Change::Obligations),
    }
}

fn key(change: Change, before: &Side, after: &Side) -> String {
    let effects = (before.effect.code(), after.effect.code());
    let mut key = format!("{} {effects:?} {:?} {:?}", change.code(), before.rules, after.rules);
    if change == Change::Obligations {
        key += &format!("{:?} {:?}", before.requires, after.requires);
    }
    key
}

/// One bundle with its rules as they are studied.
struct Engine<'b> {
    bundle: &'b Bundle,
    studied: BTreeMap<&'b str, Studied>,
    is_new: bool,
}

impl<'b> Engine<'b> {
    fn new(bundle: &'b Bundle, is_new: bool) -> Self {
        let studied = by_id(bundle).into_iter().filter_map(|(id, rule)| Some((id, Studied::of(rule)?))).collect();
        Self { bundle, studied, is_new }
    }

    /// The limit of the rule of that id.
    fn limit(&self, id: &str) -> Option<&'b Limit> {
        self.bundle.limit(self.rule(id)?)
    }

    fn rule(&self, id: &str) -> Option<RuleIx> {
        let place = self.bundle.rules().iter().position(|rule| rule.id == id)?;
        RuleIx::new(place)
    }

    fn subject(&self, request: &Request) -> SubjectKey {
        self.bundle.subject(&Subject { id: &request.agent, roles: &request.roles })
    }

    fn decide(&self, request: &Request) -> Side {
        let mut provenance = Provenance::default();
        for (origin, text) in &request.texts {
            provenance.add(*origin, text);
        }
        let used = usage::of_side(&request.used, self.is_new);
        let run = RunState {
            labels: &request.labels,
            calls: request.calls,
            depth: request.depth,
            parent: request.parent.as_deref(),
            now_micros: request.now_micros,
            provenance: &provenance,
            usage: &StatedUsage::new(self.bundle, &used),
        };
        let arguments = &request.args;
        let verdict = decide(self.bundle, &self.subject(request), &request.action, &arguments, &run, &[]);
        let id = |rule: &_| self.bundle.rule(*rule).map(|rule| rule.id.clone());
        Side {
            effect: verdict.effect,
            reason: verdict.reason.code(),
            rules: verdict.rules.iter().filter_map(id).collect(),
            requires: verdict.requires.iter().filter_map(id).collect(),
            obligations: self.bundle.obligations(&verdict.requires),
            limits: used.iter().filter_map(|(rule, used)| self.limit_use(rule, *used, request)).collect(),
        }
    }

    fn limit_use(&self, rule: &str, used: Amount, request: &Request) -> Option<LimitUse> {
        let limit = self.limit(rule)?;
        let sum = match limit.measure {
            Measure::Calls => None,
            Measure::Sum(path) => Some(self.bundle.path(path).to_owned()),
        };
        let amount = usage::amount(self, limit, request);
        Some(LimitUse { rule: rule.to_owned(), limit: limit.clone(), sum, used, amount })
    }
}
