//! Text as an index of its tokens.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::Origin;
use super::token::{Needle, composed, ibans, normal, raw_tokens};

/// Stands between two texts that were joined: no token has this number.
const GAP: u32 = u32::MAX;

/// One text among those of an index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    id: Id,
    /// Bytes that it takes of the bound on a run's text.
    pub(super) bytes: usize,
    tokens: usize,
}

/// The head of the digest of a text: long enough that nobody finds two texts of one id.
type Id = [u8; 16];

/// One or more texts of one origin.
#[derive(Clone, Debug)]
pub(super) struct Text {
    // INVARIANT: sorted, without repeats. A token's number is its place.
    words: Vec<Box<str>>,
    /// The numbers of the tokens, in reading order, with a gap between texts.
    sequence: Vec<u32>,
    // INVARIANT: sorted by (number, position).
    /// Every position in the sequence that holds a token.
    positions: Vec<u32>,
    // INVARIANT: in reading order; the numbers of tokens and the gaps between them add up to the sequence.
    parts: Vec<Part>,
    // INVARIANT: sorted.
    ids: Vec<Id>,
    // INVARIANT: sorted.
    ibans: Vec<(String, Id)>,
}

impl Text {
    pub(super) fn new(origin: Origin, text: &str) -> Self {
        let digest = Sha256::new().chain_update([origin as u8]).chain_update(text).finalize();
        let mut id = Id::default();
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        let normalised = composed(text);
        let raw = raw_tokens(&normalised);
        let tokens: Vec<Cow<'_, str>> = raw.iter().map(|token| normal(token)).collect();
        // Sorting the positions by their tokens gives the words, their numbers and the positions of each, all at once.
        let mut sorted: Vec<(&str, u32)> = tokens.iter().map(AsRef::as_ref).zip(0..).collect();
        sorted.sort_unstable();
        let mut words: Vec<Box<str>> = Vec::new();
        let mut sequence = vec![GAP; tokens.len()];
        for (token, position) in sorted {
            if words.last().is_none_or(|last| **last != *token) {
                words.push(token.into());
            }
            if let Some(number) = sequence.get_mut(position as usize) {
                // The bound on a run's text is far below 2^32 tokens.
                *number = u32::try_from(words.len() - 1).unwrap_or(GAP);
            }
        }
        let part = Part { id, bytes: text.len(), tokens: tokens.len() };
        let ibans = ibans(&raw).into_iter().map(|iban| (iban, id)).collect();
        Self::indexed(words, sequence, vec![part], ibans)
    }

    fn indexed(words: Vec<Box<str>>, sequence: Vec<u32>, parts: Vec<Part>, mut ibans: Vec<(String, Id)>) -> Self {
        let mut ids: Vec<Id> = parts.iter().map(|part| part.id).collect();
        ids.sort_unstable();
        ibans.sort_unstable();
        ibans.dedup();
        Self { positions: sorted_positions(&sequence, words.len()), words, sequence, parts, ids, ibans }
    }

    /// The length of the sequence: tokens and gaps.
    pub(super) fn len(&self) -> usize {
        self.sequence.len()
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) fn has(&self, part: &Part) -> bool {
        self.ids.binary_search(&part.id).is_ok()
    }

    /// Both indices as one, with a gap between them that no row of tokens crosses.
    pub(super) fn joined(first: &Self, second: &Self) -> Self {
        let mut words: Vec<Box<str>> = first.words.iter().chain(&second.words).cloned().collect();
        // Two sorted runs: the sort finds and merges them.
        words.sort();
        words.dedup();
        let renumbered = |text: &Self| -> Vec<u32> {
            let numbers: Vec<u32> = text.words.iter().map(|word| number_of(&words, word).unwrap_or(GAP)).collect();
            text.sequence.iter().map(|number| numbers.get(*number as usize).copied().unwrap_or(GAP)).collect()
        };
        let mut sequence = renumbered(first);
        sequence.push(GAP);
        sequence.extend(renumbered(second));
        let parts = first.parts.iter().chain(&second.parts).copied().collect();
        let ibans = first.ibans.iter().chain(&second.ibans).cloned().collect();
        Self::indexed(words, sequence, parts, ibans)
    }

    /// The index of some of the texts.
    pub(super) fn retain(&self, mut keep: impl FnMut(&Part) -> bool) -> Self {
        let mut parts = Vec::new();
        let mut sequence = Vec::new();
        let mut rest = self.sequence.as_slice();
        for part in &self.parts {
            let (tokens, after) = rest.split_at_checked(part.tokens).unwrap_or((rest, &[]));
            rest = after.get(1..).unwrap_or_default();
            if keep(part) {
                if !parts.is_empty() {
                    sequence.push(GAP);
                }
                sequence.extend_from_slice(tokens);
                parts.push(*part);
            }
        }
        let is_kept = |id: &Id| parts.iter().any(|part| part.id == *id);
        let ibans = self.ibans.iter().filter(|(_, id)| is_kept(id)).cloned().collect();
        Self::indexed(self.words.clone(), sequence, parts, ibans)
    }

    pub(super) fn contains(&self, needle: &Needle) -> bool {
        let tokens = match needle {
            Needle::Iban(iban) => {
                return self.ibans.binary_search_by(|(known, _)| known.as_str().cmp(iban)).is_ok();
            }
            Needle::Tokens(tokens) => tokens,
        };
        let numbers: Option<Vec<u32>> = tokens.iter().map(|token| number_of(&self.words, token)).collect();
        let Some(numbers) = numbers else { return false };
        // Start from the rarest token. Where even that is common, search the whole sequence once instead.
        let rarest = numbers.iter().enumerate().map(|(at, number)| (at, self.places_of(*number)));
        let Some((offset, places)) = rarest.min_by_key(|(_, places)| places.len()) else { return false };
        if places.len().saturating_mul(numbers.len()) > self.sequence.len() {
            return occurs(&numbers, &self.sequence);
        }
        places.iter().any(|place| {
            let start = (*place as usize).checked_sub(offset);
            start.and_then(|start| self.sequence.get(start..start + numbers.len())) == Some(numbers.as_slice())
        })
    }

    fn places_of(&self, number: u32) -> &[u32] {
        let at = |position: &u32| self.sequence.get(*position as usize).copied().unwrap_or(GAP);
        let start = self.positions.partition_point(|position| at(position) < number);
        let end = self.positions.partition_point(|position| at(position) <= number);
        self.positions.get(start..end).unwrap_or_default()
    }
}

fn number_of(words: &[Box<str>], token: &str) -> Option<u32> {
    words.binary_search_by(|word| (**word).cmp(token)).ok().and_then(|place| u32::try_from(place).ok())
}

/// The positions of each number, one number after the other: a counting sort.
fn sorted_positions(sequence: &[u32], words: usize) -> Vec<u32> {
    let mut next = vec![0_u32; words + 1];
    for number in sequence {
        let after = (*number as usize).checked_add(1);
        if let Some(count) = after.and_then(|after| next.get_mut(after)) {
            *count += 1;
        }
    }
    let mut before = 0;
    for count in &mut next {
        before += *count;
        *count = before;
    }
    let mut positions = vec![0; before as usize];
    for (position, number) in (0..).zip(sequence) {
        let place = next.get_mut(*number as usize).filter(|_| *number != GAP);
        if let Some(place) = place {
            if let Some(slot) = positions.get_mut(*place as usize) {
                *slot = position;
            }
            *place += 1;
        }
    }
    positions
}

/// Knuth, Morris and Pratt: linear whatever repeats.
fn occurs(needle: &[u32], sequence: &[u32]) -> bool {
    let mut borders = vec![0_usize];
    let extend = |borders: &[usize], mut length: usize, next: u32| {
        while needle.get(length) != Some(&next) {
            if length == 0 {
                return 0;
            }
            length = borders.get(length - 1).copied().unwrap_or(0);
        }
        length + 1
    };
    for next in needle.iter().skip(1) {
        let length = borders.last().copied().unwrap_or(0);
        borders.push(extend(&borders, length, *next));
    }
    let mut length = 0;
    sequence.iter().any(|next| {
        length = extend(&borders, length, *next);
        length == needle.len()
    })
}

#[cfg(test)]
mod tests {
    use super::{Text, occurs};
    use crate::policy::provenance::{Origin, token::Needle};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn the_search_agrees_with_its_definition(
            needle in prop::collection::vec(0_u32..3, 1..5), sequence in prop::collection::vec(0_u32..3, 0..40),
        ) {
            let naive = sequence.windows(needle.len()).any(|window| window == needle);
            prop_assert_eq!(occurs(&needle, &sequence), naive);
        }

        #[test]
        fn the_index_agrees_with_its_definition(
            first in prop::collection::vec(prop::sample::select(&["a", "b", "c"][..]), 0..20), second in prop::collection::vec(prop::sample::select(&["a", "b", "c", "d"][..]), 0..20),
            needle in prop::collection::vec(prop::sample::select(&["a", "b", "c", "d"][..]), 1..4),
        ) {
            let joined = Text::joined(&Text::new(Origin::User, &first.join(" ")), &Text::new(Origin::User, &second.join(" ")));
            let naive = [first, second].iter().any(|text| text.windows(needle.len()).any(|window| window == needle));
            prop_assert_eq!(joined.contains(&Needle::Tokens(needle.into_iter().map(str::to_owned).collect())), naive);
        }
    }

    #[test]
    fn repetition_does_not_make_the_search_slow() {
        let text = Text::new(Origin::User, &"a ".repeat(200_000));
        let mut needle = vec!["a".to_owned(); 2_000];
        assert!(text.contains(&Needle::Tokens(needle.clone())));
        needle.push("b".to_owned());
        assert!(!text.contains(&Needle::Tokens(needle)));
    }
}
