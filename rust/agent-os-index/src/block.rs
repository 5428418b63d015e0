//! A block of entries: where each lies, when it was written, what it is about, and the terms that it is found by.

use std::collections::HashMap;

use agent_os_log::Location;

use crate::field::{FIELDS, Field};

/// Entries in a block.
pub const BLOCK: u64 = 4_096;

/// Bytes of a bitmap over a block; a list of as many places takes more space from here on.
const BITMAP: usize = BLOCK as usize / 8;
const ROW: usize = 16;

/// Stands for the distance of an entry that was dropped: nothing is known of it.
pub(crate) const DROPPED: u32 = u32::MAX;

/// What is kept of one entry beside its terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Where its frame begins in its segment.
    pub(crate) offset: u32,
    /// How many entries before it the one is that says whose it is, or which action it ended; 0 if it says so itself.
    pub(crate) back: u32,
    /// Its time.
    pub(crate) time: i64,
}

/// The rows of a block, with the segments that they lie in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    // INVARIANT: ascending by place; the first is at 0.
    segments: Vec<(u16, u64)>,
    rows: Vec<Row>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn push(&mut self, segment: u64, row: Row) {
        if self.segments.last().is_none_or(|(_, last)| *last != segment) {
            self.segments.push((u16::try_from(self.rows.len()).unwrap_or(u16::MAX), segment));
        }
        self.rows.push(row);
    }

    pub(crate) fn row(&self, place: u16) -> Option<(Location, Row)> {
        let row = *self.rows.get(usize::from(place))?;
        let (_, first) = *self.segments.iter().rev().find(|(from, _)| *from <= place)?;
        Some((Location { first, offset: u64::from(row.offset) }, row))
    }

    /// The least and the greatest time.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let times = || self.rows.iter().map(|row| row.time);
        Some((times().min()?, times().max()?))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + self.segments.len() * 10 + self.rows.len() * ROW);
        out.extend_from_slice(&u16::try_from(self.segments.len()).unwrap_or(u16::MAX).to_le_bytes());
        for (place, first) in &self.segments {
            out.extend_from_slice(&place.to_le_bytes());
            out.extend_from_slice(&first.to_le_bytes());
        }
        for row in &self.rows {
            out.extend_from_slice(&row.offset.to_le_bytes());
            out.extend_from_slice(&row.back.to_le_bytes());
            out.extend_from_slice(&row.time.to_le_bytes());
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (count, mut rest) = bytes.split_first_chunk::<2>()?;
        let mut out = Self::default();
        for _ in 0..u16::from_le_bytes(*count) {
            let (place, after) = rest.split_first_chunk::<2>()?;
            let (first, after) = after.split_first_chunk::<8>()?;
            out.segments.push((u16::from_le_bytes(*place), u64::from_le_bytes(*first)));
            rest = after;
        }
        while !rest.is_empty() {
            let (offset, after) = rest.split_first_chunk::<4>()?;
            let (back, after) = after.split_first_chunk::<4>()?;
            let (time, after) = after.split_first_chunk::<8>()?;
            out.rows.push(Row {
                offset: u32::from_le_bytes(*offset),
                back: u32::from_le_bytes(*back),
                time: i64::from_le_bytes(*time),
            });
            rest = after;
        }
        Some(out)
    }
}

/// The places of a block at which a term stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places([u64; BITMAP / 8]);

impl Places {
    pub(crate) fn all(count: usize) -> Self {
        let mut out = Self([0; BITMAP / 8]);
        for (word, bits) in out.0.iter_mut().enumerate() {
            let here = count.saturating_sub(word * 64);
            *bits = if here >= 64 { u64::MAX } else { (1 << here) - 1 };
        }
        out
    }

    pub(crate) fn of(list: &[u16]) -> Self {
        let mut out = Self([0; BITMAP / 8]);
        for place in list {
            if let Some(bits) = out.0.get_mut(usize::from(place / 64)) {
                *bits |= 1 << (place % 64);
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut out = Self([0; BITMAP / 8]);
        if bytes.len() == BITMAP {
            for (bits, word) in out.0.iter_mut().zip(bytes.chunks(8)) {
                *bits = u64::from_le_bytes(*word.first_chunk::<8>()?);
            }
            return Some(out);
        }
        let list: Option<Vec<u16>> =
            bytes.chunks(2).map(|pair| Some(u16::from_le_bytes(*pair.first_chunk::<2>()?))).collect();
        let list = list?;
        list.iter().all(|place| u64::from(*place) < BLOCK).then(|| Self::of(&list))
    }

    pub(crate) fn and(&mut self, other: &Self) {
        for (bits, more) in self.0.iter_mut().zip(&other.0) {
            *bits &= more;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    pub(crate) fn ascending(&self) -> Vec<u16> {
        let mut out = Vec::new();
        for (word, bits) in self.0.iter().enumerate() {
            let mut left = *bits;
            while left != 0 {
                out.push(u16::try_from(word * 64).unwrap_or(u16::MAX) + left.trailing_zeros() as u16);
                left &= left - 1;
            }
        }
        out
    }
}

/// How the places are spelt: as a list, or as a bitmap where that is shorter.
pub(crate) fn encode(list: &[u16]) -> Vec<u8> {
    if list.len() * 2 < BITMAP {
        return list.iter().flat_map(|place| place.to_le_bytes()).collect();
    }
    Places::of(list).0.iter().flat_map(|bits| bits.to_le_bytes()).collect()
}

/// The block that is being filled.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    /// The number of its first entry.
    pub(crate) first: u64,
    pub(crate) rows: Rows,
    // In the order of `FIELDS`. Agents choose some of the values, so the map is one that they cannot make collide.
    terms: [HashMap<String, Vec<u16>>; FIELDS.len()],
}

impl Tail {
    pub(crate) fn starting(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    /// The number of the entry that comes next.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() as u64 >= BLOCK
    }

    /// Notes that the entry that is pushed next is found by this.
    pub(crate) fn note(&mut self, field: Field, value: &str) {
        let place = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        let Some(terms) = self.terms.get_mut(usize::from(field.code())) else { return };
        match terms.get_mut(value) {
            Some(list) if list.last() == Some(&place) => {}
            Some(list) => list.push(place),
            None => {
                terms.insert(value.to_owned(), vec![place]);
            }
        }
    }

    pub(crate) fn places(&self, field: Field, value: &str) -> Option<Places> {
        self.terms.get(usize::from(field.code()))?.get(value).map(|list| Places::of(list))
    }

    /// Every term with its places, in the order in which they are kept.
    pub(crate) fn terms(&self) -> Vec<(Field, &str, &[u16])> {
        let mut out = Vec::new();
        for (field, terms) in FIELDS.into_iter().zip(&self.terms) {
            let from = out.len();
            out.extend(terms.iter().map(|(value, list)| (field, value.as_str(), list.as_slice())));
            if let Some(of_field) = out.get_mut(from..) {
                of_field.sort_unstable_by_key(|(_, value, _)| *value);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn places_come_back_whether_they_are_few_or_many() {
        for step in [1, 2, 7, 15, 16, 17, 4_095] {
            let list: Vec<u16> = (0..4_096).step_by(step).collect();
            let spelt = encode(&list);
            assert!(spelt.len() <= BITMAP);
            assert_eq!(Places::decode(&spelt).unwrap().ascending(), list);
        }
        assert_eq!(Places::decode(&[0]), None);
        assert_eq!(Places::decode(&4_096_u16.to_le_bytes()), None);
    }

    #[test]
    fn all_places_are_those_that_there_are() {
        for count in [0, 1, 63, 64, 65, 4_096] {
            assert_eq!(Places::all(count).ascending().len(), count);
        }
    }

    #[test]
    fn rows_come_back_with_their_segments() {
        let mut rows = Rows::default();
        for (place, segment) in [(0_u32, 0), (1, 0), (2, 2), (3, 3)] {
            rows.push(segment, Row { offset: 36 + place, back: place, time: -i64::from(place) });
        }
        let read = Rows::decode(&rows.encode()).unwrap();
        assert_eq!(read, rows);
        assert_eq!(read.span(), Some((-3, 0)));
        let (at, row) = read.row(2).unwrap();
        assert_eq!((at.first, at.offset, row.back), (2, 38, 2));
        assert_eq!(read.row(4), None);
        assert_eq!(Rows::decode(&[1]), None);
    }
}
