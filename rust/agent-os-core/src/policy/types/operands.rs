//! Whether a test can ever be told of what stands at a path.

use super::kinds::Kinds;
use super::place::Place;
use super::rules::{Checker, Places};
use super::shape::Shape;
use super::{ArgumentTypes, wording};
use crate::number::Number;
use crate::policy::kleene::Kleene;
use crate::policy::operators::{Family, Kind, Operator};
use crate::policy::path::{Path, Root};
use crate::policy::problem::Code;
use crate::policy::reading::{Reading, equals};
use crate::value::Value;

/// What `before` and `after` compare, and what text may be read as.
const MOMENTS: &[Kind] = &[Kind::Date, Kind::DateTime, Kind::String];

impl Checker<'_> {
    /// Tests on what a path leads to.
    pub(super) fn tests(&mut self, tests: &Value, places: &Places, path: &str) {
        let Value::Map(entries) = tests else { return };
        let ignore_case = entries.contains_key("ignore_case");
        for (name, operand) in entries {
            let operator = Operator::find(name).filter(|operator| operator.supported);
            if let Some(operator) = operator.filter(|operator| operator.family != Family::Modifier) {
                self.within(name, |checker| checker.test(operator, operand, ignore_case, places, path));
            }
        }
    }

    fn test(&mut self, operator: &Operator, operand: &Value, ignore_case: bool, places: &Places, path: &str) {
        let accepted = Kinds::of(operator.accepts);
        let takes = |types: &ArgumentTypes, place: &Place| !types.kinds(place).and(accepted).is_empty();
        if !self.any(places, takes) {
            let kinds = self.kinds(places);
            let what = format!("{}, which {} always is", wording::a_value_of(kinds), self.subject(path, places));
            let message = format!("`{}` does not take {what}", operator.name);
            self.problems.add(Code::WrongOperator, message, wording::operators_for(kinds));
            return;
        }
        match operator.name {
            "eq" | "ne" => match argument_of(operand) {
                Some(other) => self.against(other, places, path, comparable),
                None => self.members(std::slice::from_ref(operand), ignore_case, places, path, equal_to),
            },
            "in" | "not_in" => {
                if let Some(members) = self.listed(operand) {
                    self.members(&members, ignore_case, places, path, equal_to);
                }
            }
            "contains" => match argument_of(operand) {
                Some(other) => self.against(other, places, path, may_contain),
                None => self.members(std::slice::from_ref(operand), ignore_case, places, path, containing),
            },
            "starts_with" | "ends_with" => {
                if let Some(other) = argument_of(operand) {
                    self.against(other, places, path, |_, _, other| other.has(Kind::String));
                }
            }
            "lt" | "le" | "gt" | "ge" => {
                if let Some(other) = argument_of(operand) {
                    self.against(other, places, path, |_, _, other| other.has(Kind::Number));
                }
            }
            "before" | "after" => {
                if let Some(other) = argument_of(operand) {
                    self.against(other, places, path, |_, _, other| !other.and(Kinds::of(MOMENTS)).is_empty());
                }
            }
            "each" | "some" => self.items(operand, places),
            _ => {}
        }
    }

    /// The members of a list or of a set.
    fn listed(&self, operand: &Value) -> Option<Vec<Value>> {
        match operand {
            Value::List(members) => Some(members.clone()),
            Value::Str(name) => match self.sets?.get(name.strip_prefix('$')?)? {
                Value::List(members) => Some(members.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// One of these must be comparable with, or contained in, what may stand there.
    fn members(
        &mut self,
        members: &[Value],
        ignore_case: bool,
        places: &Places,
        path: &str,
        holds: fn(&ArgumentTypes, &Place, &Value, bool) -> bool,
    ) {
        // What is no scalar is a problem of the operand, which compiling finds.
        let are_scalars = members.iter().all(|member| Reading::of(member).kind().is_some_and(|kind| kind.is_scalar()));
        let any_holds = |types: &ArgumentTypes, place: &Place| {
            members.iter().any(|member| holds(types, place, member, ignore_case))
        };
        let Some(first) = members.first().filter(|_| are_scalars) else { return };
        if self.any(places, any_holds) {
            return;
        }
        let subject = self.subject(path, places);
        let written = match members {
            [_] => wording::shown(first),
            _ => format!("none of the list, such as {},", wording::shown(first)),
        };
        let has_kind =
            |types: &ArgumentTypes, place: &Place| members.iter().any(|member| of_same_kind(types, place, member));
        if let Some((types, place)) =
            places.iter().filter_map(|(index, place)| Some((self.types(*index)?, place))).find(|(t, p)| has_kind(t, p))
        {
            let hint = wording::values_hint(&wording::bare(first), types, place);
            let is_not = if members.len() == 1 { "is none of the values" } else { "is one of the values" };
            let message = format!("{written} {is_not} that the schema has for {subject}");
            self.problems.add(Code::UnknownValue, message, hint);
            return;
        }
        let kind = Reading::of(first).kind().map_or("value", Kind::code);
        let found = wording::a_value_of(self.kinds(places));
        let message = format!("{} is a {kind}, and {subject} is always {found}", wording::shown(first));
        self.problems.add(Code::WrongOperator, message, format!("compare with {found}"));
    }

    /// Compares with another argument.
    fn against(&mut self, written: &str, places: &Places, path: &str, fits: fn(&ArgumentTypes, &Place, Kinds) -> bool) {
        let Some(other) = Path::parse(written).ok().filter(|other| other.root == Root::Args) else { return };
        self.within("arg", |checker| {
            let Some(others) = checker.arguments(&other) else { return };
            // An action that has the one and not the other cannot tell.
            let both = places.iter().filter_map(|(index, place)| {
                let (_, other) = others.iter().find(|(place, _)| place == index)?;
                Some((checker.types(*index)?, place, other))
            });
            let mut both = both.peekable();
            let is_known = both.peek().is_some();
            if !both.any(|(types, place, other)| fits(types, place, types.kinds(other))) && is_known {
                let (subject, found) = (checker.subject(path, places), wording::a_value_of(checker.kinds(places)));
                let others = wording::a_value_of(checker.kinds(&others));
                let message =
                    format!("`{}` is always {others}, and {subject} {found}", wording::shortened(&other.spelling()));
                checker.problems.add(Code::WrongOperator, message, "compare arguments of one type");
            }
        });
    }

    /// Tests on the items of a list, or a condition on them.
    fn items(&mut self, operand: &Value, places: &Places) {
        let items = |(index, place): &(usize, Place)| Some((*index, self.types(*index)?.items(place)?));
        let items: Places = places.iter().filter_map(items).collect();
        let Value::Map(entries) = operand else { return };
        if items.is_empty() {
            return;
        }
        // A path is no operator, and no operator is a path.
        if entries.keys().all(|key| Operator::find(key).is_some()) {
            self.tests(operand, &items, "item");
        } else {
            self.condition(operand, Some(&items));
        }
    }

    pub(super) fn kinds(&self, places: &Places) -> Kinds {
        let kinds = |(index, place): &(usize, Place)| self.types(*index).map_or(Kinds::ALL, |types| types.kinds(place));
        places.iter().map(kinds).fold(Kinds::NONE, Kinds::or)
    }
}

/// The path in `{arg: …}`.
fn argument_of(operand: &Value) -> Option<&str> {
    operand.get("arg").and_then(Value::as_text)
}

fn equal_to(types: &ArgumentTypes, place: &Place, literal: &Value, ignore_case: bool) -> bool {
    types.admits(place, &|shape| shape.may_equal(literal, ignore_case))
}

fn containing(types: &ArgumentTypes, place: &Place, literal: &Value, ignore_case: bool) -> bool {
    let in_text = literal.as_text().is_some() && types.kinds(place).has(Kind::String);
    in_text || types.items(place).is_some_and(|items| equal_to(types, &items, literal, ignore_case))
}

/// True if values of the literal's kind may stand there, or in a list there.
fn of_same_kind(types: &ArgumentTypes, place: &Place, literal: &Value) -> bool {
    let Some(kind) = Reading::of(literal).kind() else { return true };
    let has = |place: &Place| types.admits(place, &|shape| shape.compares_with(kind));
    has(place) || types.items(place).is_some_and(|items| has(&items))
}

fn comparable(types: &ArgumentTypes, place: &Place, other: Kinds) -> bool {
    other.iter().any(|kind| types.admits(place, &|shape| shape.compares_with(kind)))
}

fn may_contain(types: &ArgumentTypes, place: &Place, other: Kinds) -> bool {
    let in_text = other.has(Kind::String) && types.kinds(place).has(Kind::String);
    in_text || types.items(place).is_some_and(|items| comparable(types, &items, other))
}

impl Shape {
    /// True if a value of this shape may equal the literal.
    fn may_equal(&self, literal: &Value, ignore_case: bool) -> bool {
        let reading = Reading::of(literal);
        match &self.values {
            Some(values) => {
                values.iter().any(|value| equals(&Reading::of(value), &reading, ignore_case) == Kleene::True)
            }
            None => {
                let is_whole = !matches!(literal, Value::Number(number) if self.is_whole && has_fraction(number));
                is_whole && reading.kind().is_none_or(|kind| self.compares_with(kind))
            }
        }
    }

    /// True if a value of this shape may be compared with one of that kind: text is read as a date beside one.
    fn compares_with(&self, kind: Kind) -> bool {
        self.kinds.has(kind) || matches!(kind, Kind::Date | Kind::DateTime) && self.kinds.has(Kind::String)
    }
}

fn has_fraction(number: &Number) -> bool {
    !matches!(number, Number::Int(_) | Number::BigInt(_)) && number.normal_text().contains('.')
}
