//! Everything that one argument's text is compared with.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Left;
use super::guard::Atom;
use super::literals::Literals;
use super::prefixes::Prefixes;
use crate::policy::effect::RuleIx;
use crate::policy::text::folded_if;

/// Texts that are looked for, by where they must stand.
#[derive(Debug)]
pub(super) struct Texts {
    folded: bool,
    whole: FxHashMap<Box<str>, SmallVec<[RuleIx; 2]>>,
    // INVARIANT: no key of `whole` is longer.
    longest: usize,
    prefixes: Prefixes,
    /// Backwards.
    suffixes: Prefixes,
    // INVARIANT: no key of `suffixes` is longer.
    longest_suffix: usize,
    inside: Option<Literals>,
}

impl Texts {
    /// `None` if there are too many to look for.
    pub(super) fn new(folded: bool, atoms: Vec<(Atom, RuleIx)>) -> Option<Self> {
        let mut whole: FxHashMap<Box<str>, SmallVec<[RuleIx; 2]>> = FxHashMap::default();
        let (mut prefixes, mut suffixes, mut literals) = (Vec::new(), Vec::new(), Vec::new());
        for (atom, rule) in atoms {
            match atom {
                Atom::Is(text) => whole.entry(text).or_default().push(rule),
                Atom::Prefix(text) => prefixes.push((text.into_boxed_bytes(), rule)),
                Atom::Suffix(text) => suffixes.push((text.bytes().rev().collect(), rule)),
                Atom::Inside(text) => literals.push((text, rule)),
                Atom::Between(..) => return None,
            }
        }
        let inside = if literals.is_empty() { None } else { Some(Literals::new(literals)?) };
        let suffixes = Prefixes::new(suffixes.into_iter());
        Some(Self {
            folded,
            longest: whole.keys().map(|text| text.len()).max().unwrap_or(0),
            whole,
            prefixes: Prefixes::new(prefixes.into_iter()),
            longest_suffix: suffixes.longest(),
            suffixes,
            inside,
        })
    }

    pub(super) fn find(&self, text: &str, left: &mut Left) {
        let text = folded_if(self.folded, text);
        if !self.whole.is_empty() && text.len() <= self.longest {
            left.extend(self.whole.get(&*text).into_iter().flatten().copied());
        }
        if !self.prefixes.is_empty() {
            self.prefixes.find(text.as_bytes(), left);
        }
        if !self.suffixes.is_empty() {
            let end: SmallVec<[u8; 64]> = text.bytes().rev().take(self.longest_suffix).collect();
            self.suffixes.find(&end, left);
        }
        if let Some(inside) = &self.inside {
            inside.find(&text, left);
        }
    }
}
