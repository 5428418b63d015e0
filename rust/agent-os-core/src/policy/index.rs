//! From an action to the rules that are for it, in time that does not grow with the number of other actions.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::bundle::RuleCode;
use super::effect::{RuleEffect, RuleIx};
use super::pattern::{ActionPattern, SegmentPattern, Wildcard};
use super::sieve::Sieve;
use crate::action;

/// Places of postings that are kept beside literal actions, over all of them. Beyond it, patterns are matched at each
/// decision instead, which is slower and the same.
const PREPARED: usize = 1_000_000;

/// The rules of one pattern: denies, asks, allows, requires, and each of these ascending.
#[derive(Debug, Default)]
pub(super) struct Posting {
    rules: SmallVec<[RuleIx; 4]>,
    // INVARIANT: ascending; where asks, allows and requires start.
    starts: [u32; 3],
    /// One for each effect that has many rules here, in the order of the groups.
    sieves: Option<Box<[Option<Sieve>; 4]>>,
}

impl Posting {
    /// What finds the rules of an effect that a request leaves standing, if they are many.
    pub(super) fn sieve(&self, effect: RuleEffect) -> Option<&Sieve> {
        let [deny, ask, allow, require] = self.sieves.as_deref()?;
        let sieve = match effect {
            RuleEffect::Deny => deny,
            RuleEffect::Ask => ask,
            RuleEffect::Allow => allow,
            RuleEffect::Require => require,
        };
        sieve.as_ref()
    }

    fn make_sieves<'c>(&mut self, code: &impl Fn(RuleIx) -> Option<&'c RuleCode>) {
        let groups = [RuleEffect::Deny, RuleEffect::Ask, RuleEffect::Allow, RuleEffect::Require];
        let sieves = groups.map(|effect| Sieve::new(self.of(effect), code));
        self.sieves = sieves.iter().any(Option::is_some).then(|| Box::new(sieves));
    }

    /// The effects that rules here have, as bits.
    #[inline]
    pub(super) fn effects(&self) -> u8 {
        let [asks, allows, requires] = self.starts;
        let bit = |effect: RuleEffect, there: bool| if there { effect.bit() } else { 0 };
        bit(RuleEffect::Deny, asks > 0)
            | bit(RuleEffect::Ask, allows > asks)
            | bit(RuleEffect::Allow, requires > allows)
            | bit(RuleEffect::Require, self.rules.len() > requires as usize)
    }

    pub(super) fn of(&self, effect: RuleEffect) -> &[RuleIx] {
        let [asks, allows, requires] = self.starts.map(|start| start as usize);
        let place = match effect {
            RuleEffect::Deny => 0..asks,
            RuleEffect::Ask => asks..allows,
            RuleEffect::Allow => allows..requires,
            RuleEffect::Require => requires..self.rules.len(),
        };
        self.rules.get(place).unwrap_or_default()
    }
}

/// The rules of one pattern while they are collected.
#[derive(Debug, Default)]
struct Collected {
    deny: Vec<RuleIx>,
    ask: Vec<RuleIx>,
    allow: Vec<RuleIx>,
    require: Vec<RuleIx>,
}

impl Collected {
    fn add(&mut self, effect: RuleEffect, rule: RuleIx) {
        match effect {
            RuleEffect::Deny => self.deny.push(rule),
            RuleEffect::Ask => self.ask.push(rule),
            RuleEffect::Allow => self.allow.push(rule),
            RuleEffect::Require => self.require.push(rule),
        }
    }

    fn posting(self) -> Posting {
        let mut rules = SmallVec::with_capacity(0);
        let mut append = |group: &[RuleIx]| {
            rules.extend_from_slice(group);
            // Rules are at most `limits::RULES`.
            u32::try_from(rules.len()).unwrap_or(u32::MAX)
        };
        let starts = [append(&self.deny), append(&self.ask), append(&self.allow)];
        append(&self.require);
        Posting { rules, starts, sieves: None }
    }
}

/// The postings of every pattern that an action fits.
pub(super) type Candidates<'i> = SmallVec<[&'i Posting; 4]>;

type PostingIx = u32;

/// An action that rules name.
#[derive(Debug)]
struct Literal {
    own: Posting,
    /// Postings of the patterns that it fits too, if they were prepared.
    patterns: Option<Box<[PostingIx]>>,
}

/// The index of a bundle.
#[derive(Debug, Default)]
pub(super) struct ActionIndex {
    /// The postings of patterns.
    postings: Vec<Posting>,
    // SECURITY: looked up with what agents send, filled with what operators wrote: nobody can make it collide.
    literals: FxHashMap<Box<str>, Literal>,
    patterns: Node,
}

/// A step in the tree of patterns: what may follow the segments so far.
#[derive(Debug, Default)]
struct Node {
    literals: FxHashMap<Box<str>, Node>,
    /// `*`.
    any: Option<Box<Node>>,
    wild: Wild,
    /// Patterns that end here.
    ends: Vec<PostingIx>,
    /// Patterns that go on with `**` and then these segments.
    rests: Vec<(Box<[SegmentPattern]>, PostingIx)>,
}

/// Segments with `*` inside, by what stands before the first one.
#[derive(Debug, Default)]
struct Wild {
    // INVARIANT: ascending, without repeats: the lengths of the keys below.
    lengths: Vec<usize>,
    by_prefix: FxHashMap<Box<str>, FxHashMap<Wildcard, Node>>,
}

impl ActionIndex {
    /// Rules in the order of their indices, each with its patterns.
    pub(super) fn new<'r>(rules: impl Iterator<Item = (RuleEffect, &'r [ActionPattern])>) -> Self {
        let mut collected: FxHashMap<&ActionPattern, Collected> = FxHashMap::default();
        for (rule, (effect, patterns)) in (0..).map(RuleIx).zip(rules) {
            for pattern in patterns {
                collected.entry(pattern).or_default().add(effect, rule);
            }
        }
        let mut index = Self::default();
        for (pattern, rules) in collected {
            index.add(pattern, rules.posting());
        }
        index.prepare();
        index
    }

    fn add(&mut self, pattern: &ActionPattern, posting: Posting) {
        if pattern.is_literal() {
            self.literals.insert(pattern.text().into(), Literal { own: posting, patterns: None });
            return;
        }
        // Patterns are at most the document's nodes, which are far fewer than 2^32.
        let place = PostingIx::try_from(self.postings.len()).unwrap_or(PostingIx::MAX);
        self.postings.push(posting);
        let mut node = &mut self.patterns;
        for segment in &pattern.head {
            node = node.step(segment);
        }
        match &pattern.tail {
            Some(tail) => node.rests.push((tail.clone(), place)),
            None => node.ends.push(place),
        }
    }

    /// Looks into the rules, once they are compiled, for what sets them apart.
    pub(super) fn make_sieves<'c>(&mut self, code: impl Fn(RuleIx) -> Option<&'c RuleCode>) {
        let own = self.literals.values_mut().map(|literal| &mut literal.own);
        own.chain(&mut self.postings).for_each(|posting| posting.make_sieves(&code));
    }

    fn prepare(&mut self) {
        let mut room = PREPARED;
        for (action, literal) in &mut self.literals {
            let mut found = SmallVec::new();
            self.patterns.collect(&segments_of(action), &mut found);
            if found.len() > room {
                return;
            }
            room -= found.len();
            literal.patterns = Some(found.into_vec().into());
        }
    }

    /// The rules that an action's name concerns; `None` if the name is outside the grammar.
    pub(super) fn candidates(&self, action: &str) -> Option<Candidates<'_>> {
        let mut found: Candidates<'_> = SmallVec::new();
        match self.literals.get(action) {
            Some(Literal { own, patterns }) => {
                found.push(own);
                match patterns {
                    Some(places) => places.iter().for_each(|place| found.extend(self.postings.get(*place as usize))),
                    None => self.match_patterns(action, &mut found),
                }
            }
            None => {
                action::check(action).ok()?;
                self.match_patterns(action, &mut found);
            }
        }
        Some(found)
    }

    fn match_patterns<'i>(&'i self, action: &str, found: &mut Candidates<'i>) {
        if self.postings.is_empty() {
            return;
        }
        let mut places = SmallVec::new();
        self.patterns.collect(&segments_of(action), &mut places);
        found.extend(places.iter().filter_map(|place| self.postings.get(*place as usize)));
    }
}

fn segments_of(action: &str) -> SmallVec<[&str; 8]> {
    action.split('.').collect()
}

impl Node {
    fn step(&mut self, segment: &SegmentPattern) -> &mut Self {
        match segment {
            SegmentPattern::Literal(literal) => self.literals.entry(literal.clone()).or_default(),
            SegmentPattern::Wild(wildcard) if wildcard.is_any() => self.any.get_or_insert_default(),
            SegmentPattern::Wild(wildcard) => self.wild.step(wildcard),
        }
    }

    fn collect(&self, segments: &[&str], found: &mut SmallVec<[PostingIx; 8]>) {
        for (tail, place) in &self.rests {
            let Some(start) = segments.len().checked_sub(tail.len()) else { continue };
            let last = segments.get(start..).unwrap_or_default();
            if start > 0 && tail.iter().zip(last).all(|(pattern, segment)| pattern.matches(segment)) {
                found.push(*place);
            }
        }
        let Some((first, rest)) = segments.split_first() else {
            found.extend_from_slice(&self.ends);
            return;
        };
        if let Some(node) = self.literals.get(*first) {
            node.collect(rest, found);
        }
        if let Some(node) = &self.any {
            node.collect(rest, found);
        }
        for length in &self.wild.lengths {
            let Some(prefix) = first.get(..*length) else { break };
            for (wildcard, node) in self.wild.by_prefix.get(prefix).into_iter().flatten() {
                if wildcard.matches(first) {
                    node.collect(rest, found);
                }
            }
        }
    }
}

impl Wild {
    fn step(&mut self, wildcard: &Wildcard) -> &mut Node {
        if let Err(place) = self.lengths.binary_search(&wildcard.prefix.len()) {
            self.lengths.insert(place, wildcard.prefix.len());
        }
        self.by_prefix.entry(wildcard.prefix.clone()).or_default().entry(wildcard.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::ActionIndex;
    use crate::policy::effect::RuleEffect;
    use crate::policy::pattern::ActionPattern;
    use proptest::prelude::*;

    /// Segments joined by dots.
    fn joined(segments: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(segments), 1..=most).prop_map(|segments| segments.join("."))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn the_index_finds_what_matching_each_pattern_finds(
            texts in prop::collection::vec(joined(&["a", "b", "ab", "*", "**", "a*", "*b", "a*b", "**"], 4), 1..12),
            actions in prop::collection::vec(joined(&["a", "b", "ab", "aab"], 5), 1..8),
        ) {
            let patterns: Vec<[ActionPattern; 1]> =
                texts.iter().filter_map(|text| ActionPattern::parse(text).ok()).map(|pattern| [pattern]).collect();
            let index = ActionIndex::new(patterns.iter().map(|one| (RuleEffect::Deny, one.as_slice())));
            for action in actions {
                let mut found: Vec<usize> = index
                    .candidates(&action).unwrap().iter()
                    .flat_map(|posting| posting.of(RuleEffect::Deny)).map(|rule| rule.get()).collect();
                found.sort_unstable();
                let naive: Vec<usize> = patterns.iter().enumerate()
                    .filter(|(_, one)| one.iter().any(|pattern| pattern.matches(&action)))
                    .map(|(rule, _)| rule).collect();
                prop_assert_eq!(found, naive);
            }
        }
    }

    #[test]
    fn a_name_outside_the_grammar_has_no_candidates() {
        let any = [ActionPattern::parse("**").unwrap()];
        let index = ActionIndex::new([(RuleEffect::Allow, any.as_slice())].into_iter());
        assert!(index.candidates("ｓｅｎｄ").is_none() && index.candidates("a..b").is_none());
        assert_eq!(index.candidates("send").unwrap().len(), 1);
    }
}
