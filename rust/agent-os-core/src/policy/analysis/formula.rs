//! Conjunctions and disjunctions of facts, and whether they can hold at all.

use std::rc::Rc;

use super::facts::conflict;
use super::tree::{Atom, Truths};
use crate::limits;

/// A test came to one of these truth values.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Fact {
    pub(in crate::policy) atom: Rc<Atom>,
    pub(in crate::policy) truths: Truths,
}

/// What is claimed. Of nothing, `All` holds and `Any` does not.
#[derive(Clone, Debug)]
pub(in crate::policy) enum Formula {
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Fact(Fact),
}

/// True if it is proven that the formula never holds. False says nothing.
pub(in crate::policy) fn is_contradiction(formula: Formula) -> bool {
    let mut room = limits::PROOF_CASES;
    never_holds(vec![formula], Vec::new(), &mut room)
}

/// Takes one claim after the other apart, case by case; `facts` are those that hold in this case.
fn never_holds(mut claims: Vec<Formula>, mut facts: Vec<Fact>, room: &mut usize) -> bool {
    let mut choices: Vec<Vec<Formula>> = Vec::new();
    while let Some(claim) = claims.pop() {
        match claim {
            Formula::All(parts) => claims.extend(parts),
            Formula::Fact(fact) => facts.push(fact),
            Formula::Any(mut parts) => match parts.pop() {
                None => return true,
                Some(only) if parts.is_empty() => claims.push(only),
                Some(last) => {
                    parts.push(last);
                    choices.push(parts);
                }
            },
        }
    }
    if *room == 0 {
        return false;
    }
    *room -= 1;
    // Facts that contradict each other do so in every case below.
    if conflict(&facts) {
        return true;
    }
    let Some(choice) = choices.pop() else { return false };
    choice.into_iter().all(|part| {
        let mut claims: Vec<Formula> = choices.iter().map(|parts| Formula::Any(parts.clone())).collect();
        claims.push(part);
        never_holds(claims, facts.clone(), room)
    })
}

/// The cases in which the formula holds, each as its facts; `None` if there are too many.
pub(in crate::policy) fn cases(formula: &Formula) -> Option<Vec<Vec<Fact>>> {
    match formula {
        Formula::Fact(fact) => Some(vec![vec![fact.clone()]]),
        Formula::Any(parts) => {
            let mut found = Vec::new();
            for part in parts {
                found.extend(cases(part)?);
            }
            (found.len() <= limits::PROOF_CASES).then_some(found)
        }
        Formula::All(parts) => {
            let mut found = vec![Vec::new()];
            for part in parts {
                let next = cases(part)?;
                if found.len() * next.len() > limits::PROOF_CASES {
                    return None;
                }
                found = found.iter().flat_map(|a: &Vec<Fact>| next.iter().map(|b| [&**a, b].concat())).collect();
            }
            Some(found)
        }
    }
}
