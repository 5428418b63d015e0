//! Solving the conditions of rules for requests, and asking both engines.

mod assign;

use std::collections::BTreeSet;

use super::pool;
use super::request::Request;
use super::{Bench, Pair, Side, change, patterns};
use crate::policy::analysis::{Atom, Fact, Formula, Studied, Tree, conflict};
use crate::policy::effect::RuleEffect;
use crate::value::Value;
use assign::Assigner;

use super::usage::{Scenario, Used, scenarios};

/// Actions, and agents, that are tried for one rule.
const ACTIONS: usize = 16;
const AGENTS: usize = 4;
/// Rules that may let an action happen, tried beside one that requires something.
const ENABLERS: usize = 6;
/// Cases of a claim that are solved.
const CASES: usize = 12;
/// Steps of taking claims apart.
const STEPS: usize = 400;
/// Times that rules which hide a difference are kept from applying.
const ROUNDS: usize = 8;

/// Who asks for what.
#[derive(Clone, Debug, PartialEq)]
struct Scene {
    action: String,
    agent: String,
    roles: Vec<String>,
    /// What is used of the limit of the rule that differs.
    usage: Option<Scenario>,
    /// Rules of which the whole limit is used: they would hide what differs.
    spent: BTreeSet<String>,
}

impl Scene {
    fn new(action: &str, agent: &str, roles: &[String]) -> Self {
        let (action, agent) = (action.to_owned(), agent.to_owned());
        Self { action, agent, roles: roles.to_vec(), usage: None, spent: BTreeSet::new() }
    }

    fn is_for(&self, rule: &Studied) -> bool {
        let ids = rule.ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id.matches(&self.agent)));
        let roles = rule.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| self.roles.contains(role)));
        ids && roles && rule.actions.iter().any(|pattern| pattern.matches(&self.action))
    }
}

/// Looks for what a rule that differs makes different.
pub(super) fn changed_rule(bench: &mut Bench<'_>, pair: &Pair, share: usize) {
    let floor = bench.room.saturating_sub(share);
    let mut assigner = Assigner::default();
    let scenes = scenes(bench, pair);
    let counts_alike = pair.differs_in_limits_only();
    let histories = scenarios(&pair.id, &bench.old, &bench.new, counts_alike);
    let in_each_history = |scene: &Scene| {
        let scene = scene.clone();
        histories.iter().map(move |usage| Scene { usage: usage.clone(), ..scene.clone() })
    };
    for scene in &scenes.iter().flat_map(in_each_history).collect::<Vec<_>>() {
        let [old, new] = [&pair.old, &pair.new].map(|rule| rule.as_ref().filter(|rule| scene.is_for(rule)));
        for (one, other) in [(new, old), (old, new)] {
            let Some(one) = one else { continue };
            let mut claims = vec![one.applies()];
            claims.extend(other.map(Studied::does_not_apply));
            enabled(bench, &mut assigner, scene, (&pair.id, one), claims, floor);
        }
        if let (Some(old), Some(new)) = (old, new) {
            enabled(bench, &mut assigner, scene, (&pair.id, new), vec![old.applies(), new.applies()], floor);
        }
    }
    sample(bench, &scenes, pair, floor);
}

/// Looks for what the default decides.
pub(super) fn changed_default(bench: &mut Bench<'_>, share: usize) {
    let floor = bench.room.saturating_sub(share);
    let mut assigner = Assigner::default();
    let mut actions = vec!["x.x".to_owned()];
    actions.extend(bench.patterns.iter().flat_map(patterns::actions_of).take(4 * ACTIONS));
    for action in actions {
        let scene = Scene::new(&action, "someone", &[]);
        explore(bench, &mut assigner, &scene, "", Vec::new(), floor, ROUNDS);
    }
}

/// Explores the claims; for a rule that requires something, beside what lets the action happen.
fn enabled(
    bench: &mut Bench<'_>,
    assigner: &mut Assigner,
    scene: &Scene,
    (own, rule): (&str, &Studied),
    claims: Vec<Formula>,
    floor: usize,
) {
    if explore(bench, assigner, scene, own, claims.clone(), floor, ROUNDS) || rule.effect != RuleEffect::Require {
        return;
    }
    let enables = |other: &&Studied| {
        matches!(other.effect, RuleEffect::Allow | RuleEffect::Ask)
            && other.actions.iter().any(|pattern| pattern.matches(&scene.action))
    };
    let enablers: Vec<(Scene, Formula)> = bench
        .new
        .studied
        .values()
        .chain(bench.old.studied.values())
        .filter(enables)
        .take(ENABLERS)
        .map(|enabler| {
            let mut scene = scene.clone();
            scene.roles.extend(enabler.roles.iter().flatten().cloned());
            if let Some(agent) = enabler.ids.iter().flatten().flat_map(patterns::agents_of).next() {
                scene.agent = agent;
            }
            (scene, enabler.applies())
        })
        .collect();
    for (scene, applies) in enablers {
        let mut claims = claims.clone();
        claims.push(applies);
        if explore(bench, assigner, &scene, own, claims, floor, ROUNDS) {
            return;
        }
    }
}

/// Solves the claims and asks both engines; what hides a difference is claimed not to apply, and then again. True if a
/// difference was found.
fn explore(
    bench: &mut Bench<'_>,
    assigner: &mut Assigner,
    scene: &Scene,
    own: &str,
    claims: Vec<Formula>,
    floor: usize,
    rounds: usize,
) -> bool {
    let mut cases = Vec::new();
    let mut steps = STEPS;
    solve(claims.clone(), Vec::new(), &mut steps, &mut cases);
    let mut hidden_by: Option<BTreeSet<String>> = None;
    for facts in &cases {
        for mut request in assigner.requests(scene, facts) {
            if !use_up(bench, scene, &mut request) {
                continue;
            }
            if bench.room <= floor {
                bench.is_cut_short = true;
                return false;
            }
            let Some((before, after)) = bench.attempt(&request) else { return false };
            if change(&before, &after).is_some() {
                return true;
            }
            hidden_by.get_or_insert_with(|| hiding(&before, &after, own));
        }
    }
    let Some(hidden_by) = hidden_by.filter(|rules| !rules.is_empty() && rounds > 0) else { return false };
    let mut narrower = claims;
    let mut scene = scene.clone();
    for id in hidden_by {
        let is_allow = |studied: &Studied| studied.effect == RuleEffect::Allow;
        for engine in [&bench.old, &bench.new] {
            let Some(studied) = engine.studied.get(id.as_str()) else { continue };
            // An allow whose limit is used up no longer applies.
            if is_allow(studied) && engine.limit(&id).is_some() {
                scene.spent.insert(id.clone());
            } else {
                narrower.push(studied.does_not_apply());
            }
        }
    }
    explore(bench, assigner, &scene, own, narrower, floor, rounds - 1)
}

/// Puts what is used of limits into the request; false if that cannot be.
fn use_up(bench: &Bench<'_>, scene: &Scene, request: &mut Request) -> bool {
    for rule in &scene.spent {
        let [before, after] =
            [&bench.old, &bench.new].map(|engine| engine.limit(rule).map(|limit| limit.max).unwrap_or_default());
        request.used.insert(rule.clone(), Used { before, after });
    }
    scene.usage.as_ref().is_none_or(|usage| usage.apply(request, &bench.old, &bench.new))
}

/// The rules that decide, but for the one that is looked at: they may hide what it makes different.
fn hiding(before: &Side, after: &Side, own: &str) -> BTreeSet<String> {
    before.rules.iter().chain(&after.rules).filter(|id| *id != own).cloned().collect()
}

/// The first cases in which all claims hold.
fn solve(mut claims: Vec<Formula>, mut facts: Vec<Fact>, steps: &mut usize, cases: &mut Vec<Vec<Fact>>) {
    if *steps == 0 || cases.len() >= CASES {
        return;
    }
    *steps -= 1;
    let mut choices: Vec<Vec<Formula>> = Vec::new();
    while let Some(claim) = claims.pop() {
        match claim {
            Formula::All(parts) => claims.extend(parts),
            Formula::Fact(fact) => facts.push(fact),
            Formula::Any(parts) => choices.push(parts),
        }
    }
    if conflict(&facts) {
        return;
    }
    let Some(choice) = choices.pop() else {
        cases.push(facts);
        return;
    };
    for part in choice {
        let mut claims: Vec<Formula> = choices.iter().map(|parts| Formula::Any(parts.clone())).collect();
        claims.push(part);
        solve(claims, facts.clone(), steps, cases);
    }
}

/// Requests that are put together by chance from what the rules around speak of. The chance is the same every time.
fn sample(bench: &mut Bench<'_>, scenes: &[Scene], pair: &Pair, floor: usize) {
    const SAMPLES: usize = 150;
    const RULES: usize = 40;
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut below = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % most.max(1)
    };
    for scene in scenes {
        let mut pools: std::collections::BTreeMap<String, Vec<Value>> = std::collections::BTreeMap::new();
        let around = bench.new.studied.values().chain(bench.old.studied.values()).filter(|rule| scene.is_for(rule));
        let own = [&pair.old, &pair.new].into_iter().flatten();
        for tree in own.chain(around.take(RULES)).flat_map(|rule| [&rule.when, &rule.unless]).flatten() {
            let mut add = |atom: &Atom, _: bool, _: bool| {
                let path = atom.path.split('#').next().unwrap_or_default().to_owned();
                pools.entry(path).or_default().extend(pool::of_test(atom));
            };
            Tree::each_leaf(tree, false, &mut add);
        }
        let odd = pool::of_every_kind();
        for _ in 0..SAMPLES / scenes.len().max(1) + 1 {
            if bench.room <= floor {
                return;
            }
            let mut request = Request::plain(&scene.action, &scene.agent, &scene.roles);
            for (path, values) in &pools {
                let value = match below(10) {
                    0 => None,
                    1 => odd.get(below(odd.len())),
                    _ => values.get(below(values.len())),
                };
                value.into_iter().for_each(|value| request.put(path, value));
            }
            bench.attempt(&request);
        }
    }
}

fn scenes(bench: &Bench<'_>, pair: &Pair) -> Vec<Scene> {
    let rules: Vec<&Studied> = [&pair.old, &pair.new].into_iter().flatten().collect();
    let mut actions: Vec<String> = Vec::new();
    for pattern in rules.iter().flat_map(|rule| &rule.actions) {
        actions.extend(patterns::actions_of(pattern));
    }
    // Where it meets other rules, it may decide or be hidden.
    for pattern in rules.iter().flat_map(|rule| &rule.actions).filter(|pattern| !pattern.is_literal()) {
        let met = bench.patterns.iter().filter_map(|other| patterns::action_of_both(pattern, other));
        actions.extend(met.take(ACTIONS * 2));
    }
    let mut agents: Vec<String> =
        rules.iter().flat_map(|rule| rule.ids.iter().flatten()).flat_map(patterns::agents_of).collect();
    agents.push("someone".to_owned());
    let named: Vec<String> = rules.iter().flat_map(|rule| rule.roles.iter().flatten()).cloned().collect();
    let mut roles: Vec<Vec<String>> = vec![Vec::new()];
    roles.extend(named.iter().map(|role| vec![role.clone()]));
    unique(&mut actions, ACTIONS);
    unique(&mut agents, AGENTS);
    unique(&mut roles, AGENTS);
    let mut scenes = Vec::new();
    for action in &actions {
        for agent in &agents {
            for roles in &roles {
                scenes.push(Scene::new(action, agent, roles));
            }
        }
    }
    scenes
}

/// The first few, each once.
fn unique<T: PartialEq + Clone>(items: &mut Vec<T>, most: usize) {
    let mut found: Vec<T> = Vec::new();
    for item in items.iter() {
        if found.len() < most && !found.contains(item) {
            found.push(item.clone());
        }
    }
    *items = found;
}
