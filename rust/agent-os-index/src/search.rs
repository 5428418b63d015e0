//! Finding: which entries have all the terms of a question, block by block.

use agent_os_log::Location;

use crate::block::{BLOCK, DROPPED, Places, Rows};
use crate::error::IndexError;
use crate::field::Field;
use crate::state::State;

/// What is looked for. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// What each entry must have.
    pub terms: Vec<(Field, String)>,
    /// Only entries from this one on.
    pub start: u64,
    /// Only entries before this one.
    pub before: Option<u64>,
    /// Only entries of this time (microseconds since 1970) or later.
    pub since: Option<i64>,
    /// Only entries of an earlier time.
    pub until: Option<i64>,
    /// The last entries first.
    pub newest_first: bool,
}

/// An entry that the index names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its number.
    pub seq: u64,
    /// Where it lies.
    pub at: Location,
    /// Where the entry lies that says whose it is or which action it ended, if another one does.
    pub about: Option<Location>,
}

/// Some of the entries that were found.
#[derive(Debug)]
pub struct Page {
    /// The entries, in the order that was asked for.
    pub found: Vec<Found>,
    /// The `start` (newest first: the `before`) to ask on with; `None` if there is nothing more.
    pub rest: Option<u64>,
}

/// The matches of at least one block that has any, up to `most`, before `end`.
pub(crate) fn search(state: &mut State, question: &Question, most: usize) -> Result<Page, IndexError> {
    let end = question.before.unwrap_or(u64::MAX).min(state.next());
    let nothing = Page { found: Vec::new(), rest: None };
    if question.start >= end || most == 0 {
        return Ok(nothing);
    }
    let mut terms = question.terms.clone();
    terms.sort_by_key(|(field, _)| field.code());
    let (first, last) = (question.start / BLOCK, (end - 1) / BLOCK);
    let mut block = if question.newest_first { last } else { first };
    let mut found = Vec::new();
    loop {
        if let Some((field, value)) = terms.first() {
            match state.next_block(*field, value, block, question.newest_first)? {
                Some(next) if (first..=last).contains(&next) => block = next,
                _ => return Ok(Page { found, rest: None }),
            }
        }
        let (mut places, rows) = matching(state, &terms, question, block)?;
        if question.newest_first {
            places.reverse();
        }
        for place in places {
            let seq = block * BLOCK + u64::from(place);
            if seq < question.start || seq >= end {
                continue;
            }
            if found.len() == most {
                let rest = if question.newest_first { seq + 1 } else { seq };
                return Ok(Page { found, rest: Some(rest) });
            }
            let (at, row) = rows.row(place).ok_or(IndexError::Unusable("a block is broken"))?;
            let about = match row.back {
                0 => None,
                back => Some(state.location(seq.saturating_sub(u64::from(back)))?),
            };
            found.push(Found { seq, at, about });
        }
        let next = if question.newest_first { block.checked_sub(1) } else { Some(block + 1) };
        match next.filter(|next| (first..=last).contains(next)) {
            None => return Ok(Page { found, rest: None }),
            Some(next) if !found.is_empty() => {
                // Whoever wants only a few does not wait for more blocks.
                let rest = if question.newest_first { block * BLOCK } else { next * BLOCK };
                return Ok(Page { found, rest: Some(rest) });
            }
            Some(next) => block = next,
        }
    }
}

/// The places in a block that have every term and lie in the time that is asked for, with the block's rows if there are
/// any.
fn matching(
    state: &mut State,
    terms: &[(Field, String)],
    question: &Question,
    block: u64,
) -> Result<(Vec<u16>, Rows), IndexError> {
    let nothing = (Vec::new(), Rows::default());
    let (since, until) = (question.since.unwrap_or(i64::MIN), question.until.unwrap_or(i64::MAX));
    let timed = question.since.is_some() || question.until.is_some();
    if timed {
        let (least, greatest) = state.span(block)?;
        if greatest < since || (question.until.is_some() && least >= until) {
            return Ok(nothing);
        }
    }
    let mut both: Option<Places> = None;
    for (field, value) in terms {
        let Some(places) = state.places(*field, value, block)? else { return Ok(nothing) };
        match &mut both {
            None => both = Some(places),
            Some(both) => both.and(&places),
        }
    }
    if both.as_ref().is_some_and(Places::is_empty) {
        return Ok(nothing);
    }
    let rows = state.rows(block)?;
    let mut places = both.unwrap_or_else(|| Places::all(rows.len())).ascending();
    places.retain(|place| rows.row(*place).is_some_and(|(_, row)| row.back != DROPPED));
    if timed {
        places.retain(|place| {
            rows.row(*place).is_some_and(|(_, row)| row.time >= since && (question.until.is_none() || row.time < until))
        });
    }
    Ok((places, rows))
}
