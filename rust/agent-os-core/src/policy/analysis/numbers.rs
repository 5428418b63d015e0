//! Orders that no number has together.

use std::cmp::Ordering;

use super::tree::Atom;
use crate::number::Number;
use crate::value::Value;

/// True if no number passes these tests, of which the first hold and the second fail.
pub(super) fn conflict(path: &str, holding: &[&Atom], failing: &[&Atom]) -> bool {
    let mut range = Range::default();
    // What is counted is never below zero, nor is the depth of a run.
    if path.ends_with("#length") || path.ends_with("#size") || path == "run.depth" {
        range.at_least(&Number::Int(0), false);
    }
    for (atoms, holds) in [(holding, true), (failing, false)] {
        for atom in atoms {
            let Value::Number(number) = &atom.operand else { continue };
            match (atom.operator.as_str(), holds) {
                ("lt", true) => range.at_most(number, true),
                ("lt", false) => range.at_least(number, false),
                ("gt", true) => range.at_least(number, true),
                ("gt", false) => range.at_most(number, false),
                _ => {}
            }
        }
    }
    let (Some((least, open_below)), Some((most, open_above))) = (&range.least, &range.most) else { return false };
    match least.compare(most) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => {
            *open_below
                || *open_above
                || failing.iter().any(|atom| is_equality(atom) && is_or_holds(&atom.operand, least))
        }
    }
}

fn is_equality(atom: &Atom) -> bool {
    matches!(atom.operator.as_str(), "eq" | "in")
}

/// True for an operand that is this number or holds it.
fn is_or_holds(operand: &Value, number: &Number) -> bool {
    match operand {
        Value::Number(other) => other.compare(number) == Ordering::Equal,
        Value::List(members) => members.iter().any(|member| is_or_holds(member, number)),
        _ => false,
    }
}

/// Bounds, each with whether it is excluded itself.
#[derive(Default)]
struct Range {
    least: Option<(Number, bool)>,
    most: Option<(Number, bool)>,
}

impl Range {
    fn at_least(&mut self, number: &Number, open: bool) {
        let is_tighter = self.least.as_ref().is_none_or(|(least, was_open)| match number.compare(least) {
            Ordering::Greater => true,
            Ordering::Equal => open && !was_open,
            Ordering::Less => false,
        });
        if is_tighter {
            self.least = Some((number.clone(), open));
        }
    }

    fn at_most(&mut self, number: &Number, open: bool) {
        let is_tighter = self.most.as_ref().is_none_or(|(most, was_open)| match number.compare(most) {
            Ordering::Less => true,
            Ordering::Equal => open && !was_open,
            Ordering::Greater => false,
        });
        if is_tighter {
            self.most = Some((number.clone(), open));
        }
    }
}
