//! `limit` and `over`.

use super::Reader;
use super::problems::{bare, shortened};
use crate::amount::Amount;
use crate::limits;
use crate::policy::effect::RuleEffect;
use crate::policy::limit::{By, Limit, Measure, Per};
use crate::policy::path::{Path, Root};
use crate::policy::problem::Code;
use crate::policy::suggest;
use crate::value::Value;

const KEYS: &[&str] = &["calls", "sum", "max", "per", "by"];

const UNITS: &[(char, u64)] = &[('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

const PER: &str = "write a number and s, m, h or d, such as `24h`, or `run` for the life of the run";

impl Reader {
    /// The limit of a rule, under the key that its effect takes.
    pub(super) fn rule_limit(&mut self, rule: &Value, effect: Option<RuleEffect>) -> Option<Limit> {
        let (key, other, why) = match effect? {
            RuleEffect::Allow | RuleEffect::Require => ("limit", "over", "what may happen holds within a `limit`"),
            RuleEffect::Deny | RuleEffect::Ask => ("over", "limit", "what stops applies when more is used: `over`"),
        };
        if rule.get(other).is_some() {
            let effect = effect.map_or("", RuleEffect::code);
            self.problems.within(other, |problems| {
                let message = format!("`{other}` does nothing on a rule whose effect is `{effect}`");
                problems.add(Code::MisplacedKey, message, format!("write `{key}` instead: {why}"));
            });
        }
        self.optional(rule, key, Self::limit)
    }

    fn limit(&mut self, limit: &Value) -> Option<Limit> {
        let Value::Map(entries) = limit else {
            self.problems.wrong_type(
                limit,
                "a limit",
                "write `{calls: 50, per: 24h}` or `{sum: args.…, max: …, per: 24h}`",
            );
            return None;
        };
        for key in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            self.problems.within(key, |problems| {
                let message = format!("a limit has no key `{}`", shortened(key));
                problems.add(Code::UnknownKey, message, suggest::hint(key, KEYS.iter().copied()));
            });
        }
        let counted = match (entries.get("calls"), entries.get("sum")) {
            (Some(_), Some(_)) => {
                let hint = "write two rules, one for each";
                self.problems.add(Code::MisplacedKey, "a limit counts `calls` or a `sum`, not both", hint);
                None
            }
            (None, None) => {
                self.problems.missing("calls", "say what is counted: `calls: 50`, or `sum: args.…` with `max`");
                None
            }
            (Some(_), None) => {
                if entries.contains_key("max") {
                    self.problems.within("max", |problems| {
                        let hint = "leave it out: `calls` says how many";
                        problems.add(Code::MisplacedKey, "`max` does nothing beside `calls`", hint);
                    });
                }
                self.optional(limit, "calls", Self::calls).map(|max| (Measure::Calls, max))
            }
            (None, Some(_)) => {
                if !entries.contains_key("max") {
                    self.problems.missing("max", "say up to how much: `max: 2000`");
                }
                let measure = self.optional(limit, "sum", Self::summed);
                measure.zip(self.optional(limit, "max", Self::most))
            }
        };
        if !entries.contains_key("per") {
            self.problems.missing("per", PER);
        }
        let per = self.optional(limit, "per", Self::per);
        let by = match entries.get("by") {
            Some(_) => self.optional(limit, "by", Self::by),
            None if per == Some(Per::Run) => Some(By::Process),
            None => Some(By::Agent),
        };
        if let (Some(Per::Run), Some(by)) = (per, by.filter(|by| *by != By::Process)) {
            self.problems.within("by", |problems| {
                let message = format!("`per: run` counts within one run, and `by: {}` over several", by.code());
                problems.add(Code::BadOperand, message, "leave `by` out, or give `per` a time such as `24h`");
            });
            return None;
        }
        let (measure, max) = counted?;
        Some(Limit { measure, max, per: per?, by: by? })
    }

    fn calls(&mut self, calls: &Value) -> Option<Amount> {
        let found = match calls {
            Value::Number(number @ crate::number::Number::Int(1..)) => Amount::of_number(number),
            _ => None,
        };
        if found.is_none() {
            let message = format!("{} is not a number of calls", self.named(calls));
            self.problems.add(Code::BadOperand, message, "write an integer from 1; to allow none, write a deny rule");
        }
        found
    }

    fn most(&mut self, most: &Value) -> Option<Amount> {
        let found = match most {
            Value::Number(number) => Amount::of_number(number).filter(|amount| *amount > Amount::ZERO),
            _ => None,
        };
        if found.is_none() {
            let message = format!("{} cannot be the most of a sum", self.named(most));
            let hint = "write a number above 0 and up to 10^20, with at most 18 digits after the point";
            self.problems.add(Code::BadOperand, message, hint);
        }
        found
    }

    fn summed(&mut self, path: &Value) -> Option<Measure> {
        let text = self.problems.text(path, "a path of the arguments")?;
        match Path::parse(text) {
            Ok(path) if path.root == Root::Args && !path.if_present => Some(Measure::Sum(self.paths.argument(path))),
            _ => {
                let message = format!("`{}` cannot be summed up", shortened(text));
                self.problems.add(Code::BadPath, message, "write `args.` and the name, without `?`: `args.amount`");
                None
            }
        }
    }

    fn per(&mut self, per: &Value) -> Option<Per> {
        let text = self.problems.text(per, "a time")?;
        if text == "run" {
            return Some(Per::Run);
        }
        let seconds = UNITS.iter().find_map(|(unit, seconds)| {
            let number = text.strip_suffix(*unit)?;
            let is_plain = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
            is_plain.then(|| number.parse::<u64>().ok()?.checked_mul(*seconds)).flatten()
        });
        match seconds {
            Some(seconds) if seconds <= limits::LIMIT_SECONDS as u64 => Some(Per::Seconds(seconds)),
            Some(_) => {
                let message = format!("`{}` is too long", shortened(text));
                self.problems.add(Code::TooLarge, message, format!("use at most {}d", limits::LIMIT_SECONDS / 86_400));
                None
            }
            None => {
                self.problems.add(Code::BadOperand, format!("`{}` is not a time", shortened(text)), PER);
                None
            }
        }
    }

    fn by(&mut self, by: &Value) -> Option<By> {
        let text = self.problems.text(by, "a scope")?;
        let found = By::parse(text);
        if found.is_none() {
            let message = format!("a limit is not counted by `{}`", shortened(text));
            self.problems.add(Code::BadOperand, message, suggest::hint(text, By::ALL.iter().map(|by| by.code())));
        }
        found
    }

    fn named(&self, value: &Value) -> String {
        match value {
            Value::Map(_) | Value::List(_) | Value::Set(_) | Value::Null => super::problems::described(value),
            scalar => format!("`{}`", bare(scalar)),
        }
    }
}
