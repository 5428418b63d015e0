//! The words in which types are told.

use super::ArgumentTypes;
use super::kinds::Kinds;
use super::place::Place;
pub(super) use crate::policy::document::{bare, described, shortened, shown};
use crate::policy::operators::OPERATORS;
use crate::policy::suggest;

/// Names that a hint lists before it stops.
const LISTED: usize = 12;

/// `a string or null`.
pub(super) fn a_value_of(kinds: Kinds) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
    match names.as_slice() {
        [] => "nothing that there is".to_owned(),
        ["null"] => "null".to_owned(),
        [names @ .., last] if !names.is_empty() => format!("a {} or {last}", names.join(", ")),
        names => format!("a {}", names.concat()),
    }
}

/// The operators that take one of these.
pub(super) fn operators_for(kinds: Kinds) -> String {
    let takes = |accepts: &[_]| accepts.iter().any(|kind| kinds.has(*kind));
    let known = OPERATORS.iter().filter(|operator| operator.supported && takes(operator.accepts));
    let names: Vec<&str> = known.map(|operator| operator.name).collect();
    format!("use one of: {}", names.join(", "))
}

/// `payments.send`, or several in a list.
pub(super) fn actions<'a>(actions: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = actions.map(|action| format!("`{action}`")).collect();
    match names.as_slice() {
        [first, second, third, _, ..] => format!("{first}, {second}, {third} and {} more", names.len() - 3),
        [names @ .., last] if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        names => names.concat(),
    }
}

/// The nearest of the listed values, or all of them.
pub(super) fn values_hint(written: &str, types: &ArgumentTypes, place: &Place) -> String {
    let values: Vec<String> = types.listed(place).0.into_iter().map(bare).collect();
    let known = values.iter().map(String::as_str);
    if values.is_empty() {
        return "only integers stand there: compare with one".to_owned();
    }
    match suggest::nearest(written, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => listed("its values are", known),
    }
}

/// `its values are a, b, …`
pub(super) fn listed<'n>(what: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let shown: Vec<&str> = names.clone().take(LISTED).collect();
    let more = if names.count() > LISTED { ", …" } else { "" };
    format!("{what} {}{more}", shown.join(", "))
}
