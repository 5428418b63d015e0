//! Walking over rules, and holding each path that they name against the schemas of the actions that they are for.

use super::place::{Items, Place};
use super::{ArgumentTypes, Known, ToolTypes, wording};
use crate::policy::document::Problems;
use crate::policy::operators::Kind;
use crate::policy::path::{Path, Root};
use crate::policy::pattern::ActionPattern;
use crate::policy::problem::{Code, Problem};
use crate::policy::suggest;
use crate::request::Segment;
use crate::value::Value;

/// Characters from which on a name that is close to another one is taken for a misspelt one.
const TELLING: usize = 4;

/// What does not fit in these rules, each with its place in the document.
pub(super) fn check<'d>(
    tools: &ToolTypes,
    document: &'d Value,
    rules: impl Iterator<Item = (usize, &'d Value)>,
    known: Known,
) -> Vec<Problem> {
    let mut problems = Problems::default();
    problems.push("rules");
    for (place, rule) in rules {
        if let Some(covered) = Covered::by(rule, tools, known) {
            problems.push(&place.to_string());
            Checker { covered, sets: document.get("sets"), problems: &mut problems }.rule(rule);
            problems.pop();
        }
    }
    problems.into_vec()
}

/// The known actions that a rule is for.
struct Covered<'t> {
    tools: Vec<(&'t str, &'t ArgumentTypes)>,
    /// The rule is for these and for no others.
    are_all: bool,
}

impl<'t> Covered<'t> {
    /// `None` if nothing can be said of the rule.
    fn by(rule: &Value, tools: &'t ToolTypes, known: Known) -> Option<Self> {
        let Some(Value::List(patterns)) = rule.get("action") else { return None };
        let mut found = Self { tools: Vec::new(), are_all: true };
        for pattern in patterns.iter().filter_map(Value::as_text) {
            if let Some((action, types)) = tools.by_action.get_key_value(pattern) {
                found.tools.push((action, types));
                continue;
            }
            found.are_all = false;
            if known == Known::SoFar {
                return None;
            }
            if let Some(pattern) = ActionPattern::parse(pattern).ok().filter(|pattern| !pattern.is_literal()) {
                let matching = tools.by_action.iter().filter(|(action, _)| pattern.matches(action));
                found.tools.extend(matching.map(|(action, types)| (action.as_str(), &**types)));
            }
        }
        found.tools.sort_by_key(|(action, _)| *action);
        found.tools.dedup_by_key(|(action, _)| *action);
        (!found.tools.is_empty()).then_some(found)
    }
}

/// What a path leads to, by the place of the action among those that the rule is for. Never empty.
pub(super) type Places = Vec<(usize, Place)>;

pub(super) struct Checker<'t> {
    covered: Covered<'t>,
    pub(super) sets: Option<&'t Value>,
    pub(super) problems: &'t mut Problems,
}

impl Checker<'_> {
    fn rule(&mut self, rule: &Value) {
        for key in ["when", "unless"] {
            if let Some(condition) = rule.get(key) {
                self.within(key, |checker| checker.condition(condition, None));
            }
        }
        for key in ["redact", "subject"] {
            let Some(Value::List(paths)) = rule.get(key) else { continue };
            for (index, path) in paths.iter().enumerate() {
                self.within(key, |checker| checker.within(&index.to_string(), |checker| checker.named(path)));
            }
        }
        for key in ["limit", "over"] {
            if let Some(path) = rule.get(key).and_then(|limit| limit.get("sum")).and_then(Value::as_text) {
                self.within(key, |checker| checker.within("sum", |checker| checker.summed(path)));
            }
        }
    }

    pub(super) fn within(&mut self, step: &str, act: impl FnOnce(&mut Self)) {
        self.problems.push(step);
        act(self);
        self.problems.pop();
    }

    /// `items`: what `item` leads to, inside of `each` and `some`.
    pub(super) fn condition(&mut self, condition: &Value, items: Option<&Places>) {
        let Value::Map(entries) = condition else { return };
        for (key, value) in entries {
            self.within(key, |checker| match (key.as_str(), value) {
                ("all" | "any", Value::List(parts)) => {
                    for (index, part) in parts.iter().enumerate() {
                        checker.within(&index.to_string(), |checker| checker.condition(part, items));
                    }
                }
                ("not", part) => checker.condition(part, items),
                (path, tests) => checker.leaf(path, tests, items),
            });
        }
    }

    fn leaf(&mut self, written: &str, tests: &Value, items: Option<&Places>) {
        let Ok(path) = Path::parse(written) else { return };
        let places = match (path.root, items) {
            (Root::Args, None) => self.arguments(&path),
            (Root::Item, Some(items)) => self.in_item(&path, items),
            _ => None,
        };
        if let Some(places) = places {
            self.tests(tests, &places, &path.spelling());
        }
    }

    /// What an argument's path leads to; `None` if nothing is to be said of it, or was said: it leads nowhere.
    pub(super) fn arguments(&mut self, path: &Path) -> Option<Places> {
        self.found(path, Items::ByPlace)
    }

    fn found(&mut self, path: &Path, items: Items) -> Option<Places> {
        let tools = self.covered.tools.iter().enumerate();
        let at = |(index, (_, types)): (usize, &(_, &ArgumentTypes))| Some((index, types.at(&path.segments, items)?));
        let places: Places = tools.filter_map(at).collect();
        if places.is_empty() {
            let beside = self.covered.tools.iter().map(|(_, types)| types.names_beside(&path.segments, items));
            let beside: Vec<(Vec<String>, usize)> = beside.collect();
            self.nowhere(path, &beside);
            return None;
        }
        Some(places)
    }

    fn in_item(&mut self, path: &Path, items: &Places) -> Option<Places> {
        let from = |(index, place): &(usize, Place)| Some((*index, self.types(*index)?.from(place, &path.segments)?));
        let places: Places = items.iter().filter_map(from).collect();
        if places.is_empty() {
            let names = |(index, place): &(usize, Place)| {
                let names = self.types(*index).map(|types| types.listed(place).1).unwrap_or_default();
                (names.into_iter().map(str::to_owned).collect(), 0)
            };
            // Of a longer way, which step leads nowhere is not looked for.
            let beside: Vec<(Vec<String>, usize)> = items.iter().map(names).collect();
            self.nowhere(path, &beside);
            return None;
        }
        Some(places)
    }

    /// Says that a path leads nowhere. `beside`: by action, the names that could stand at a step, and which step.
    fn nowhere(&mut self, path: &Path, beside: &[(Vec<String>, usize)]) {
        let taken = beside.iter().map(|(_, taken)| *taken).max().unwrap_or(0);
        let mut names: Vec<&str> = beside
            .iter()
            .filter(|(_, step)| *step == taken)
            .flat_map(|(names, _)| names.iter().map(String::as_str))
            .collect();
        names.sort_unstable();
        names.dedup();
        let written = path.segments.get(taken).map(Segment::key).unwrap_or_default();
        let near = suggest::nearest(written, names.iter().copied());
        // An action that is not known may have it; of short names, most are close to one another.
        if !self.covered.are_all && (near.is_none() || written.chars().count() < TELLING) {
            return;
        }
        let spelt = path.spelling();
        let hint = match near {
            Some(name) => {
                let mut meant = path.clone();
                if let Some(segment) = meant.segments.get_mut(taken) {
                    *segment = Segment::Key(name.to_owned());
                }
                format!("did you mean `{}`?", meant.spelling())
            }
            None if names.is_empty() => "leave it out, or correct the schema".to_owned(),
            None => wording::listed("there are", names.iter().copied()),
        };
        let actions = wording::actions(self.covered.tools.iter().map(|(action, _)| *action));
        let message = format!("no argument of {actions} is `{}`", wording::shortened(&spelt));
        self.problems.add(Code::UnknownArgument, message, hint);
    }

    fn named(&mut self, path: &Value) {
        let Some(Ok(path)) = path.as_text().map(Path::parse) else { return };
        if path.root == Root::Args {
            self.found(&path, Items::Through);
        }
    }

    fn summed(&mut self, path: &str) {
        let Some(path) = Path::parse(path).ok().filter(|path| path.root == Root::Args) else { return };
        let Some(places) = self.arguments(&path) else { return };
        if !self.any(&places, |types, place| types.kinds(place).has(Kind::Number)) {
            let subject = self.subject(&path.spelling(), &places);
            let found = wording::a_value_of(self.kinds(&places));
            let message = format!("numbers are added up, and {subject} is always {found}");
            self.problems.add(Code::WrongOperator, message, "name an argument that is a number");
        }
    }

    pub(super) fn types(&self, index: usize) -> Option<&ArgumentTypes> {
        self.covered.tools.get(index).map(|(_, types)| *types)
    }

    pub(super) fn any(&self, places: &Places, fits: impl Fn(&ArgumentTypes, &Place) -> bool) -> bool {
        places.iter().any(|(index, place)| self.types(*index).is_none_or(|types| fits(types, place)))
    }

    /// How a message names what a path leads to.
    pub(super) fn subject(&self, path: &str, places: &Places) -> String {
        let tools = places.iter().filter_map(|(index, _)| self.covered.tools.get(*index));
        format!("`{}` of {}", wording::shortened(path), wording::actions(tools.map(|(action, _)| *action)))
    }
}
