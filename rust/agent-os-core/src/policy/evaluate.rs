//! Evaluating conditions on the arguments and the run. Nothing here can fail: what cannot be told is unknown.

use std::cell::OnceCell;

use super::bundle::Bundle;
use super::condition::{
    Check, Condition, ItemCheck, Leaf, Members, MomentOperand, NumberOperand, Operand, Parts, ShellCheck, Source, Tests,
};
use super::effect::{PathIx, RuleIx};
use super::kleene::Kleene;
use super::limit::{Limit, Measure};
use super::parsed::Parsed;
use super::path::Input;
use super::reading::{Moment, Numeric, Reading, equals};
use super::shell::{Analysis, Word};
use super::slots::Slots;
use super::sql::Scripts;
use super::text::{fold, folded_if};
use super::url::WebUrl;
use super::{glob, ip, mail};
use crate::amount::Amount;
use crate::limits;
use crate::request::{Arguments, Found, RunState, Segment};
use crate::time;

/// One decision's view of its inputs.
pub(super) struct Evaluation<'e, A: Arguments> {
    bundle: &'e Bundle,
    args: &'e A,
    run: &'e RunState<'e>,
    slots: Slots<A::Item>,
    // Most requests have no text that is parsed.
    parses: OnceCell<Box<Parses>>,
}

/// What texts were parsed into, by grammar.
struct Parses {
    urls: Parsed<Option<WebUrl>>,
    domains: Parsed<Option<Box<str>>>,
    shell: Parsed<Analysis>,
    scripts: Scripts,
}

impl Parses {
    fn new() -> Self {
        Self { urls: Parsed::new(), domains: Parsed::new(), shell: Parsed::new(), scripts: Scripts::new() }
    }
}

impl<'e, A: Arguments> Evaluation<'e, A> {
    #[inline]
    pub(super) fn new(bundle: &'e Bundle, args: &'e A, run: &'e RunState<'e>) -> Self {
        Self { bundle, args, run, slots: Slots::new(), parses: OnceCell::new() }
    }

    fn parses(&self) -> &Parses {
        self.parses.get_or_init(|| Box::new(Parses::new()))
    }

    /// `when` and not `unless`.
    pub(super) fn holds(&self, when: Option<&Condition>, unless: Option<&Condition>) -> Kleene {
        let when = when.map_or(Kleene::True, |condition| self.condition(condition, None));
        match unless {
            Some(unless) if when != Kleene::False => when.and(!self.condition(unless, None)),
            _ => when,
        }
    }

    /// What the request adds to what is used of a limit; `None` if that cannot be told.
    pub(super) fn amount(&self, limit: &Limit) -> Option<Amount> {
        match limit.measure {
            Measure::Calls => Some(Amount::ONE),
            Measure::Sum(path) => self.argument(path, |found| match found {
                Found::Item(Reading::Number(number)) => number.with(Amount::of_number),
                _ => None,
            }),
        }
    }

    /// What is used of a rule's limit, if that can be told.
    pub(super) fn used(&self, rule: RuleIx) -> Option<Amount> {
        self.run.usage.used(rule)
    }

    /// Whether the request keeps within a rule's limit.
    pub(super) fn within(&self, rule: RuleIx, limit: &Limit) -> Kleene {
        match (self.amount(limit), self.run.usage.used(rule)) {
            (Some(amount), Some(used)) => Kleene::from(used.saturating_add(amount) <= limit.max),
            _ => Kleene::Unknown,
        }
    }

    /// `item` is what `each` or `some` looks at.
    pub(super) fn condition(&self, condition: &Condition, item: Option<&Reading<'_>>) -> Kleene {
        match condition {
            Condition::All(parts) => Kleene::all(parts.iter().map(|part| self.condition(part, item))),
            Condition::Any(parts) => Kleene::any(parts.iter().map(|part| self.condition(part, item))),
            Condition::Not(inner) => !self.condition(inner, item),
            Condition::Leaf(leaf) => self.leaf(leaf, item),
        }
    }

    pub(super) fn leaf(&self, leaf: &Leaf, item: Option<&Reading<'_>>) -> Kleene {
        self.read(&leaf.source, item, |found| {
            if leaf.if_present && matches!(found, Found::Missing) {
                return Kleene::False;
            }
            Kleene::all(leaf.tests.checks.iter().map(|check| self.check_found(check, found)))
        })
    }

    /// A test on what a path led to.
    pub(super) fn check_found(&self, check: &Check, found: &Found<Reading<'_>>) -> Kleene {
        match (check, found) {
            (Check::Present(expected), Found::Item(_) | Found::Malformed) => Kleene::from(*expected),
            (Check::Present(expected), Found::Missing | Found::Mistyped) => Kleene::from(!expected),
            (_, Found::Item(value)) => self.check(check, value),
            (_, Found::Missing | Found::Mistyped | Found::Malformed) => Kleene::Unknown,
        }
    }

    /// Reads what a leaf looks at.
    pub(super) fn read<R>(
        &self,
        source: &Source,
        item: Option<&Reading<'_>>,
        act: impl FnOnce(&Found<Reading<'_>>) -> R,
    ) -> R {
        match source {
            Source::Argument(path) => self.argument(*path, act),
            Source::Input(input) => act(&self.input(*input)),
            Source::Item(path) => act(&follow(item, path)),
        }
    }

    /// Reads what an argument path leads to.
    pub(super) fn argument<R>(&self, path: PathIx, act: impl FnOnce(&Found<Reading<'_>>) -> R) -> R {
        let found = self.slots.get(path, || match self.bundle.argument_path(path) {
            Some(path) => self.args.get(path),
            None => Found::Malformed,
        });
        match found {
            Found::Item(item) => match self.args.view(item) {
                Found::Item(view) => match Reading::of_view(&view) {
                    Reading::NotFinite => act(&Found::Malformed),
                    reading => act(&Found::Item(reading)),
                },
                Found::Missing => act(&Found::Missing),
                Found::Mistyped => act(&Found::Mistyped),
                Found::Malformed => act(&Found::Malformed),
            },
            Found::Missing => act(&Found::Missing),
            Found::Mistyped => act(&Found::Mistyped),
            Found::Malformed => act(&Found::Malformed),
        }
    }

    fn input(&self, input: Input) -> Found<Reading<'e>> {
        Found::Item(match input {
            Input::Labels => Reading::Texts(self.run.labels),
            Input::Calls => Reading::integer(i64::try_from(self.run.calls).unwrap_or(i64::MAX)),
            Input::Depth => Reading::integer(i64::from(self.run.depth)),
            Input::Parent => match self.run.parent {
                Some(parent) => Reading::Text(parent),
                None => return Found::Missing,
            },
            Input::Hour => Reading::integer(time::hour(self.run.now_micros)),
            Input::Weekday => Reading::integer(time::weekday(self.run.now_micros)),
        })
    }

    fn tests(&self, tests: &Tests, value: &Reading<'_>) -> Kleene {
        Kleene::all(tests.checks.iter().map(|check| self.check(check, value)))
    }

    /// A test on a value that is there.
    fn check(&self, check: &Check, value: &Reading<'_>) -> Kleene {
        match check {
            Check::Equals { operand, negate, ignore_case } => {
                self.operand(operand, |operand| equals(value, operand, *ignore_case)).negated_if(*negate)
            }
            Check::OneOf { members, negate, ignore_case } => one_of(members, value, *ignore_case).negated_if(*negate),
            Check::Present(expected) => Kleene::from(*expected),
            Check::StartsWith { parts, ignore_case } => {
                self.affix(parts, value, *ignore_case, |text, part| text.starts_with(part))
            }
            Check::EndsWith { parts, ignore_case } => {
                self.affix(parts, value, *ignore_case, |text, part| text.ends_with(part))
            }
            Check::Contains { operand, ignore_case } => {
                self.operand(operand, |operand| contains(value, operand, *ignore_case))
            }
            Check::Matches(pattern) => match value {
                Reading::Text(text) => Kleene::from(pattern.is_match(text)),
                _ => Kleene::Unknown,
            },
            Check::Length(tests) => match value {
                Reading::Text(text) => self.tests(tests, &count(text.chars().count())),
                _ => Kleene::Unknown,
            },
            Check::Order { operand, accepted } => self.number(operand, value, |order| accepted.holds(order)),
            Check::Time { operand, accepted } => {
                let order_of = |moment: Moment| moment.order_of(value);
                let order = match operand {
                    MomentOperand::Literal(moment) => order_of(*moment),
                    MomentOperand::Argument(path) => self.argument(*path, |found| match found {
                        Found::Item(operand) => Moment::of_operand(operand).and_then(order_of),
                        _ => None,
                    }),
                };
                order.map_or(Kleene::Unknown, |order| Kleene::from(order == *accepted))
            }
            Check::Size(tests) => match value.size() {
                Some(size) => self.tests(tests, &count(size)),
                None => Kleene::Unknown,
            },
            Check::Each(check) => match value.items() {
                // SECURITY: no vacuous truth. An empty list has shown nothing about its items.
                Some(_) if value.size() == Some(0) => Kleene::Unknown,
                Some(items) => Kleene::all(items.map(|item| self.item(check, &item))),
                None => Kleene::Unknown,
            },
            Check::Some(check) => match value.items() {
                Some(items) => Kleene::any(items.map(|item| self.item(check, &item))),
                None => Kleene::Unknown,
            },
            Check::Keys(tests) => match value {
                Reading::Map(entries) => self.tests(tests, &Reading::Keys(entries)),
                _ => Kleene::Unknown,
            },
            Check::Shell(shell) => match value {
                Reading::Text(text) => self.shell(shell, text),
                _ => Kleene::Unknown,
            },
            Check::Under(bases) => match value {
                Reading::Glob(pattern) => Kleene::any(bases.iter().map(|base| Word::glob_under(pattern, base))),
                Reading::Text(path) => Kleene::any(bases.iter().map(|base| base.holds(path))),
                _ => Kleene::Unknown,
            },
            Check::Glob(globs) => of_text(value, |text| glob::fits(globs, text)),
            Check::Name(test) => of_text(value, |path| test.holds(path)),
            Check::Url(test) => of_text(value, |text| match &*self.parses().urls.get(text, WebUrl::parse) {
                Some(url) => url.passes(test),
                None => Kleene::Unknown,
            }),
            Check::Network(networks) => of_text(value, |text| match ip::parse_address(text) {
                Some(address) => ip::within(address, networks),
                None => Kleene::Unknown,
            }),
            Check::Domain(patterns) => of_text(value, |text| match &*self.parses().domains.get(text, mail::domain) {
                Some(name) => Kleene::from(patterns.iter().any(|pattern| pattern.matches_name(name))),
                None => Kleene::Unknown,
            }),
            Check::Sql { part, dialect, tests } => of_text(value, |text| {
                self.parses().scripts.test(text, *dialect, *part, |names| self.tests(tests, &Reading::Texts(names)))
            }),
            Check::HasWhere { expected, dialect } => {
                of_text(value, |text| self.parses().scripts.has_where(text, *dialect).negated_if(!expected))
            }
            Check::SeenIn { origins, negate } => self.run.provenance.seen_reading(value, *origins).negated_if(*negate),
        }
    }

    fn shell(&self, check: &ShellCheck, text: &str) -> Kleene {
        // SECURITY: what is too long to be analysed is too long to be kept as a key, too.
        let analysis = self.parses().shell.get(text.get(..limits::SHELL_BYTES + 1).unwrap_or(text), Analysis::of);
        match check {
            ShellCheck::Programs(tests) => self.tests(tests, &Reading::Words(&analysis.programs)),
            ShellCheck::Writes(tests) => self.tests(tests, &Reading::Words(&analysis.writes)),
            ShellCheck::Redirects(tests) => self.tests(tests, &Reading::Words(&analysis.redirects)),
            ShellCheck::HasSubstitution(expected) => analysis.has_substitution(*expected),
            ShellCheck::Command(command) => command.holds(&analysis, |tests, words| self.tests(tests, words)),
        }
    }

    fn item(&self, check: &ItemCheck, item: &Reading<'_>) -> Kleene {
        match check {
            ItemCheck::Tests(tests) => self.tests(tests, item),
            ItemCheck::Condition(condition) => self.condition(condition, Some(item)),
        }
    }

    fn operand(&self, operand: &Operand, act: impl FnOnce(&Reading<'_>) -> Kleene) -> Kleene {
        match operand {
            Operand::Literal(value) => act(&Reading::of(value)),
            Operand::Argument(path) => self.argument(*path, |found| match found {
                Found::Item(operand) => act(operand),
                _ => Kleene::Unknown,
            }),
        }
    }

    fn number(
        &self,
        operand: &NumberOperand,
        value: &Reading<'_>,
        act: impl FnOnce(std::cmp::Ordering) -> bool,
    ) -> Kleene {
        let Reading::Number(value) = value else { return Kleene::Unknown };
        match operand {
            NumberOperand::Literal(operand) => Kleene::from(act(value.compare(Numeric::of(operand)))),
            NumberOperand::Argument(path) => self.argument(*path, |found| match found {
                Found::Item(Reading::Number(operand)) => Kleene::from(act(value.compare(*operand))),
                _ => Kleene::Unknown,
            }),
        }
    }

    fn affix(
        &self,
        parts: &Parts,
        value: &Reading<'_>,
        ignore_case: bool,
        fits: impl Fn(&str, &str) -> bool,
    ) -> Kleene {
        let Reading::Text(text) = value else { return Kleene::Unknown };
        let text = folded_if(ignore_case, text);
        match parts {
            Parts::Literal(parts) => Kleene::from(parts.iter().any(|part| fits(&text, part))),
            Parts::Argument(path) => self.argument(*path, |found| match found {
                Found::Item(Reading::Text(part)) => nonempty(part, |part| fits(&text, &folded_if(ignore_case, part))),
                _ => Kleene::Unknown,
            }),
        }
    }
}

/// SECURITY: every text starts with, ends with and contains the empty text; one that comes from an argument shows nothing.
fn nonempty(part: &str, fits: impl FnOnce(&str) -> bool) -> Kleene {
    if part.is_empty() { Kleene::Unknown } else { Kleene::from(fits(part)) }
}

/// Of anything but text such a question is unknown.
fn of_text(value: &Reading<'_>, act: impl FnOnce(&str) -> Kleene) -> Kleene {
    match value {
        Reading::Text(text) => act(text),
        _ => Kleene::Unknown,
    }
}

fn count(number: usize) -> Reading<'static> {
    Reading::integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn follow<'v>(item: Option<&Reading<'v>>, path: &[Segment]) -> Found<Reading<'v>> {
    match item {
        Some(item) => item.follow(path),
        None => Found::Malformed,
    }
}

fn contains(value: &Reading<'_>, operand: &Reading<'_>, ignore_case: bool) -> Kleene {
    match (value, operand) {
        (Reading::Text(text), Reading::Text(part)) => {
            nonempty(part, |part| folded_if(ignore_case, text).contains(&*folded_if(ignore_case, part)))
        }
        _ => match value.items() {
            Some(items) => Kleene::any(items.map(|item| equals(&item, operand, ignore_case))),
            None => Kleene::Unknown,
        },
    }
}

fn one_of(members: &Members, value: &Reading<'_>, ignore_case: bool) -> Kleene {
    match (members, value) {
        (Members::Texts(texts), Reading::Text(text)) => {
            let found = if ignore_case { texts.contains(&*fold(text)) } else { texts.contains(*text) };
            Kleene::from(found)
        }
        (Members::FewTexts(texts), Reading::Text(text)) => {
            let text = folded_if(ignore_case, text);
            Kleene::from(texts.iter().any(|member| **member == *text))
        }
        (Members::Numbers(numbers), Reading::Number(number)) => {
            Kleene::from(numbers.binary_search_by(|member| Numeric::of(member).compare(*number)).is_ok())
        }
        (Members::Few(values), _) => {
            Kleene::any(values.iter().map(|member| equals(value, &Reading::of(member), ignore_case)))
        }
        (Members::Texts(_) | Members::FewTexts(_) | Members::Numbers(_), _) => Kleene::Unknown,
    }
}
