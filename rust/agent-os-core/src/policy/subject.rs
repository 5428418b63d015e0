//! Which rules are for an agent, as one bit for each distinct choice of agents.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::document::Agents;
use crate::request::Subject;

/// The place of a choice of agents in its bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Selector(u32);

/// The distinct choices of agents of a bundle.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    all: Vec<Agents>,
    places: HashMap<Agents, Selector>,
}

/// What an agent's id and roles come to in one bundle. It is bound to the bundle's digest: used with another bundle it
/// is refused, because its bits would mean other rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectKey {
    bundle: Fingerprint,
    bits: SmallVec<[u64; 2]>,
}

/// The digest of a bundle.
pub(super) type Fingerprint = [u8; 32];

impl Selectors {
    pub(super) fn intern(&mut self, agents: &Agents) -> Selector {
        if let Some(selector) = self.places.get(agents) {
            return *selector;
        }
        // Choices are at most the rules, which `limits::RULES` bounds.
        let selector = Selector(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(agents.clone());
        self.places.insert(agents.clone(), selector);
        selector
    }

    pub(super) fn key(&self, subject: &Subject<'_>, bundle: &Fingerprint) -> SubjectKey {
        let word = |chunk: &[Agents]| {
            let bits = chunk.iter().enumerate().filter(|(_, agents)| agents.include(subject));
            bits.fold(0_u64, |word, (bit, _)| word | 1 << bit)
        };
        SubjectKey { bundle: *bundle, bits: self.all.chunks(64).map(word).collect() }
    }
}

impl SubjectKey {
    pub(super) fn is_of(&self, bundle: &Fingerprint) -> bool {
        self.bundle == *bundle
    }

    /// True if the agent is among those chosen; no choice is any agent.
    pub(super) fn is_in(&self, selector: Option<Selector>) -> bool {
        match selector {
            None => true,
            Some(Selector(place)) => {
                self.bits.get(place as usize / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
            }
        }
    }
}

impl Agents {
    /// One of the ids and one of the roles, where they are given.
    pub(super) fn include(&self, subject: &Subject<'_>) -> bool {
        let by_id = self.ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id.matches(subject.id)));
        let by_role = self.roles.as_ref().is_none_or(|roles| roles.iter().any(|role| subject.roles.contains(role)));
        by_id && by_role
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Agents, Selectors};
    use crate::policy::pattern::NamePattern;
    use crate::request::Subject;

    #[test]
    fn a_bit_is_what_asking_says() {
        let mut selectors = Selectors::default();
        let choices: Vec<Agents> = (0..200)
            .map(|number| Agents {
                ids: (number % 3 > 0).then(|| vec![NamePattern::parse(&format!("desk-{}*", number % 7)).unwrap()]),
                roles: (number % 3 != 1).then(|| vec![format!("role-{number}"), "auditor".to_owned()]),
            })
            .collect();
        let places: Vec<_> = choices.iter().map(|choice| selectors.intern(choice)).collect();
        assert!(selectors.all.len() > 64);
        for roles in [vec![], vec!["auditor".to_owned()], vec!["role-150".to_owned(), "role-8".to_owned()]] {
            let subject = Subject { id: "desk-3-b", roles: &roles };
            let key = selectors.key(&subject, &[1; 32]);
            for (choice, place) in choices.iter().zip(&places) {
                assert_eq!(key.is_in(Some(*place)), choice.include(&subject));
            }
            assert!(key.is_in(None) && !key.is_of(&[2; 32]));
        }
    }
}
