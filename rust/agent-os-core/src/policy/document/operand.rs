//! Operands, each in the form that its operator wants.

use super::problems::{described, shortened, shown};
use super::{Reader, Set};
use crate::policy::condition::{Members, MomentOperand, NumberOperand, Operand, Parts};
use crate::policy::effect::PathIx;
use crate::policy::operators::Kind;
use crate::policy::path::{Path, Root};
use crate::policy::path_under::Base;
use crate::policy::problem::Code;
use crate::policy::provenance::{Origin, OriginSet};
use crate::policy::reading::{Moment, Reading};
use crate::policy::suggest;
use crate::policy::text::{Pattern, fold};
use crate::value::Value;

/// The kind of a scalar that policies may name; `None` for anything else.
fn scalar_kind(value: &Value) -> Option<Kind> {
    let is_plain = matches!(
        value,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) | Value::Date(_) | Value::DateTime(_)
    );
    Reading::of(value).kind().filter(|_| is_plain)
}

/// Folds the text of an operand that is compared without case, once and for all.
fn folded(value: &Value, ignore_case: bool) -> Value {
    match value {
        Value::Str(text) if ignore_case => Value::Str(fold(text).into_owned()),
        other => other.clone(),
    }
}

impl Reader {
    pub(super) fn bad_operand(&mut self, found: &Value, expected: &str, hint: &str) {
        self.problems.add(Code::BadOperand, format!("expected {expected}, found {}", described(found)), hint);
    }

    /// `{arg: args.path}`. `None`: the operand is not of that form. `Some(None)`: it is, and has problems.
    fn argument(&mut self, operand: &Value) -> Option<Option<PathIx>> {
        let Value::Map(entries) = operand else { return None };
        let path = entries.get("arg")?;
        if entries.len() > 1 {
            self.problems.add(Code::BadOperand, "`arg` stands alone in its mapping", "write `{arg: args.other}`");
            return Some(None);
        }
        self.problems.push("arg");
        let found = self.argument_path(path);
        self.problems.pop();
        Some(found)
    }

    fn argument_path(&mut self, path: &Value) -> Option<PathIx> {
        let text = self.problems.text(path, "a path")?;
        match Path::parse(text) {
            Ok(path) if path.root == Root::Args && !path.if_present => Some(self.paths.argument(path)),
            Ok(_) => {
                let message = format!("`{}` cannot be an operand", shortened(text));
                self.problems.add(Code::BadPath, message, "write a path that starts with `args.`, without `?`");
                None
            }
            Err(fault) => {
                self.problems.add(Code::BadPath, fault.message, fault.hint);
                None
            }
        }
    }

    pub(super) fn scalar_or_argument(
        &mut self,
        operand: &Value,
        kind: Option<Kind>,
        ignore_case: bool,
    ) -> Option<Operand> {
        if let Some(argument) = self.argument(operand) {
            return argument.map(Operand::Argument);
        }
        let Some(found) = scalar_kind(operand) else {
            let hint = match operand {
                Value::List(_) => "for one of several write `in: […]`",
                _ => "write null, true, false, a number, text, a date or `{arg: args.other}`",
            };
            self.bad_operand(operand, "a scalar or `{arg: …}`", hint);
            return None;
        };
        self.fits(operand, found, kind)?;
        Some(Operand::Literal(folded(operand, ignore_case)))
    }

    /// `eq` on a number and text is always unknown: say so now.
    fn fits(&mut self, operand: &Value, found: Kind, kind: Option<Kind>) -> Option<()> {
        match kind {
            Some(kind) if kind != found => {
                let message =
                    format!("{} is a {}, and a {} always stands here", shown(operand), found.code(), kind.code());
                self.problems.add(Code::WrongOperator, message, format!("compare with a {}", kind.code()));
                None
            }
            _ => Some(()),
        }
    }

    /// The operand of `contains`.
    pub(super) fn contained(&mut self, operand: &Value, ignore_case: bool) -> Option<Operand> {
        if operand.as_text() == Some("") {
            self.problems.add(Code::Empty, "every text contains the empty text", "write what must be contained");
            return None;
        }
        self.scalar_or_argument(operand, None, ignore_case)
    }

    /// The operand of `in`: a list of scalars of one kind, or the name of a set.
    pub(super) fn members(&mut self, operand: &Value, kind: Option<Kind>, ignore_case: bool) -> Option<Members> {
        let (values, found) = match operand {
            Value::Str(name) => match name.strip_prefix('$') {
                Some(name) => self.set(name)?,
                None => {
                    let hint = format!("write a list, `[{0}]`, or the name of a set, `${0}`", shortened(name));
                    self.bad_operand(operand, "a list or the name of a set", &hint);
                    return None;
                }
            },
            Value::List(_) => self.scalars_of_one_kind(operand)?,
            other => {
                self.bad_operand(other, "a list or the name of a set", "write `[a, b]` or `$name`");
                return None;
            }
        };
        if let Some(first) = values.first() {
            self.fits(first, found, kind)?;
        }
        let values = values.iter().map(|value| folded(value, ignore_case)).collect();
        Some(Members::new(values, found))
    }

    fn set(&mut self, name: &str) -> Option<(Vec<Value>, Kind)> {
        match self.sets.get(name) {
            Some(set) => set.clone(),
            None => {
                let message = format!("there is no set `{}`", shortened(name));
                let hint = match suggest::nearest(name, self.sets.keys().map(String::as_str)) {
                    Some(known) => format!("did you mean `${known}`?"),
                    None => "define it under `sets`, or write the list here".to_owned(),
                };
                self.problems.add(Code::UnknownSet, message, hint);
                None
            }
        }
    }

    /// A non-empty list of scalars of one kind.
    pub(super) fn scalars_of_one_kind(&mut self, list: &Value) -> Set {
        let Value::List(items) = list else {
            self.problems.wrong_type(list, "a list of scalars", "write `[a, b]`");
            return None;
        };
        let Some(first) = items.first() else {
            self.problems.add(Code::Empty, "the list is empty", "name at least one member");
            return None;
        };
        let kind = scalar_kind(first);
        let mut fits = true;
        for (index, item) in items.iter().enumerate() {
            let found = scalar_kind(item);
            if found.is_some() && (found == kind || kind.is_none()) {
                continue;
            }
            fits = false;
            self.problems.within(&index.to_string(), |problems| match (found, kind) {
                (Some(found), Some(kind)) => {
                    let message = format!("{} is a {} in a list of {}s", shown(item), found.code(), kind.code());
                    problems.add(Code::MixedKinds, message, "keep to one kind, with quotes where text is meant");
                }
                _ => {
                    let message = format!("expected a scalar, found {}", described(item));
                    problems.add(Code::BadOperand, message, "write null, true, false, a number, text or a date");
                }
            });
        }
        match kind {
            Some(kind) if fits => Some((items.clone(), kind)),
            _ => None,
        }
    }

    /// The operand of `starts_with` and `ends_with`.
    pub(super) fn parts(&mut self, operand: &Value, ignore_case: bool) -> Option<Parts> {
        if let Some(argument) = self.argument(operand) {
            return argument.map(Parts::Argument);
        }
        let texts = self.strings(operand)?;
        let fold_one = |text: &str| if ignore_case { fold(text).into() } else { text.into() };
        Some(Parts::Literal(texts.into_iter().map(|(_, text)| fold_one(text)).collect()))
    }

    /// One non-empty text, or a non-empty list of them, each with its place in the list.
    pub(super) fn strings<'v>(&mut self, operand: &'v Value) -> Option<Vec<(Option<usize>, &'v str)>> {
        let items: Vec<(Option<usize>, &Value)> = match operand {
            Value::List(items) => items.iter().enumerate().map(|(index, item)| (Some(index), item)).collect(),
            one => vec![(None, one)],
        };
        if items.is_empty() {
            self.problems.add(Code::Empty, "the list is empty", "write at least one text");
            return None;
        }
        let mut texts = Vec::new();
        for (place, item) in &items {
            self.at(*place, |reader| match item {
                Value::Str(text) if text.is_empty() => {
                    reader.problems.add(Code::Empty, "the text is empty", "write what the value must be compared with");
                }
                Value::Str(text) => texts.push((*place, text.as_str())),
                other => reader.bad_operand(other, "text or a list of texts", "put text in quotes"),
            });
        }
        (texts.len() == items.len()).then_some(texts)
    }

    /// Does something at a place of a list, or right here.
    pub(super) fn at(&mut self, place: Option<usize>, act: impl FnOnce(&mut Self)) {
        if let Some(place) = place {
            self.problems.push_place(place);
        }
        act(self);
        if place.is_some() {
            self.problems.pop();
        }
    }

    /// The operand of `matches`.
    pub(super) fn regex(&mut self, operand: &Value, ignore_case: bool) -> Option<Pattern> {
        const KEYS: &[&str] = &["pattern", "anchored"];
        let (pattern, anchored, key) = match operand {
            Value::Str(pattern) => (pattern, true, None),
            Value::Map(entries) => {
                for key in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
                    self.problems.within(key, |problems| {
                        let message = format!("`matches` has no key `{}`", shortened(key));
                        problems.add(Code::UnknownKey, message, suggest::hint(key, KEYS.iter().copied()));
                    });
                }
                let anchored = match entries.get("anchored") {
                    None => true,
                    Some(Value::Bool(anchored)) => *anchored,
                    Some(other) => {
                        self.problems.push("anchored");
                        self.bad_operand(
                            other,
                            "`true` or `false`",
                            "write `anchored: false` to search inside the text",
                        );
                        self.problems.pop();
                        return None;
                    }
                };
                match entries.get("pattern") {
                    Some(Value::Str(pattern)) if entries.keys().all(|key| KEYS.contains(&key.as_str())) => {
                        (pattern, anchored, Some("pattern"))
                    }
                    Some(Value::Str(_)) => return None,
                    Some(other) => {
                        self.problems.push("pattern");
                        self.bad_operand(other, "a regular expression", "write it as text, in quotes");
                        self.problems.pop();
                        return None;
                    }
                    None => {
                        self.problems.missing("pattern", "write `{pattern: …, anchored: false}`");
                        return None;
                    }
                }
            }
            other => {
                self.bad_operand(other, "a regular expression", "write it as text, in quotes");
                return None;
            }
        };
        match Pattern::compile(pattern, anchored, ignore_case) {
            Ok(regex) => Some(regex),
            Err(fault) => {
                let message = format!("`{}` is not a usable pattern: {fault}", shortened(pattern));
                let hint = "see the syntax of the Rust crate `regex`; it has no look-around and no back-references";
                let add = |reader: &mut Self| reader.problems.add(Code::BadRegex, &*message, hint);
                match key {
                    Some(key) => {
                        self.problems.push(key);
                        add(self);
                        self.problems.pop();
                    }
                    None => add(self),
                }
                None
            }
        }
    }

    pub(super) fn number_or_argument(&mut self, operand: &Value) -> Option<NumberOperand> {
        if let Some(argument) = self.argument(operand) {
            return argument.map(NumberOperand::Argument);
        }
        match operand {
            Value::Number(number) => Some(NumberOperand::Literal(number.clone())),
            other => {
                self.bad_operand(other, "a number or `{arg: …}`", "write a number without quotes");
                None
            }
        }
    }

    pub(super) fn moment_or_argument(&mut self, operand: &Value) -> Option<MomentOperand> {
        if let Some(argument) = self.argument(operand) {
            return argument.map(MomentOperand::Argument);
        }
        match operand {
            Value::Date(date) => Some(MomentOperand::Literal(Moment::Date(*date))),
            Value::DateTime(instant) => match instant.utc_micros() {
                Some(micros) => Some(MomentOperand::Literal(Moment::Instant(micros))),
                None => {
                    self.bad_operand(
                        operand,
                        "a datetime with an offset from UTC",
                        "add `Z` or an offset such as `+02:00`",
                    );
                    None
                }
            },
            other => {
                let hint = "write a date without quotes: 2026-01-31 or 2026-01-31T12:00:00Z";
                self.bad_operand(other, "a date, a datetime or `{arg: …}`", hint);
                None
            }
        }
    }

    pub(super) fn bool(&mut self, operand: &Value) -> Option<bool> {
        let Value::Bool(truth) = operand else {
            self.bad_operand(operand, "`true` or `false`", "write `true` or `false`, without quotes");
            return None;
        };
        Some(*truth)
    }

    /// The operand of `under`.
    pub(super) fn bases(&mut self, operand: &Value) -> Option<Vec<Base>> {
        let texts = self.strings(operand)?;
        let mut bases = Vec::new();
        for (place, text) in &texts {
            self.at(*place, |reader| match Base::parse(text) {
                Some(base) => bases.push(base),
                None => {
                    let message = format!("`{}` is not a plain path", shortened(text));
                    let hint =
                        "write `/` between segments, without `~`, backslashes, `%xx` or a `..` that leaves the start";
                    reader.problems.add(Code::BadOperand, message, hint);
                }
            });
        }
        (bases.len() == texts.len()).then_some(bases)
    }

    pub(super) fn origins(&mut self, operand: &Value) -> Option<OriginSet> {
        let known = Origin::ALL.iter().map(|origin| origin.code());
        let Value::List(items) = operand else {
            self.bad_operand(operand, "a list of origins", "write `[user]`");
            return None;
        };
        if items.is_empty() {
            self.problems.add(Code::Empty, "the list of origins is empty", suggest::hint("", known));
            return None;
        }
        let mut origins = OriginSet::EMPTY;
        let mut fits = true;
        for (index, item) in items.iter().enumerate() {
            let found = match item {
                Value::Str(name) => Origin::parse(name),
                _ => None,
            };
            match found {
                Some(origin) => origins = origins.with(origin),
                None => {
                    fits = false;
                    let name = item.as_text().unwrap_or_default();
                    let hint = suggest::hint(name, known.clone());
                    self.at(Some(index), |reader| reader.bad_operand(item, "an origin", &hint));
                }
            }
        }
        fits.then_some(origins)
    }
}
