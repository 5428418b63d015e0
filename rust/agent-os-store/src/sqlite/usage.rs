//! Counters as rows: one for each slice of a counter's window.

use agent_os_core::amount::Amount;
use agent_os_core::kernel::{Charge, Charged, Counter, Reserved, Ticket};
use rusqlite::{Connection, Transaction, params};

/// A counter as it stands.
struct Standing {
    latest: i64,
    used: Amount,
    /// What the latest slice holds.
    last: Amount,
}

/// What a counter has come to.
pub(super) fn used(connection: &Connection, counter: &Counter, now_micros: i64) -> rusqlite::Result<Amount> {
    standing(connection, counter, now_micros).map(|standing| standing.used)
}

/// Adds all of the charges or none.
pub(super) fn reserve(
    transaction: &Transaction<'_>,
    charges: &[Charge],
    now_micros: i64,
) -> rusqlite::Result<Reserved> {
    let mut standings = Vec::with_capacity(charges.len());
    for (place, charge) in charges.iter().enumerate() {
        let mut standing = standing(transaction, &charge.counter, now_micros)?;
        for earlier in charges.iter().take(place).filter(|earlier| earlier.counter == charge.counter) {
            standing.used = standing.used.saturating_add(earlier.amount);
            standing.last = standing.last.saturating_add(earlier.amount);
        }
        if charge.max.is_some_and(|max| standing.used.saturating_add(charge.amount) > max) {
            return Ok(Reserved::Full(place));
        }
        standings.push(standing);
    }
    let mut forget = transaction.prepare_cached("DELETE FROM usage WHERE counter = ?1 AND slice < ?2")?;
    let mut put = transaction.prepare_cached(
        "INSERT INTO usage (counter, slice, amount, expires) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (counter, slice) DO UPDATE SET amount = excluded.amount",
    )?;
    let mut ticket = Ticket::new();
    for (charge, standing) in charges.iter().zip(&standings) {
        let Counter { key, window } = &charge.counter;
        let slice = standing.latest;
        let amount = standing.last.saturating_add(charge.amount);
        forget.execute(params![key, window.oldest(slice)])?;
        put.execute(params![key, slice, amount.to_bytes(), window.expiry(slice)])?;
        ticket.push(Charged { key: key.clone(), slice, amount: charge.amount });
    }
    Ok(Reserved::Taken(ticket))
}

/// Removes what no longer counts anywhere, for instance of counters that nobody charges any more.
pub(super) fn sweep(transaction: &Transaction<'_>, now_micros: i64) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM usage WHERE expires <= ?1", [now_micros])?;
    Ok(())
}

/// Takes back what a reservation added.
pub(super) fn refund(transaction: &Transaction<'_>, ticket: &[Charged]) -> rusqlite::Result<()> {
    let mut get = transaction.prepare_cached("SELECT amount FROM usage WHERE counter = ?1 AND slice = ?2")?;
    let mut put = transaction.prepare_cached("UPDATE usage SET amount = ?3 WHERE counter = ?1 AND slice = ?2")?;
    for charged in ticket {
        let mut rows = get.query(params![charged.key, charged.slice])?;
        let Some(row) = rows.next()? else { continue };
        let left = Amount::from_bytes(row.get(0)?).saturating_sub(charged.amount);
        put.execute(params![charged.key, charged.slice, left.to_bytes()])?;
    }
    Ok(())
}

fn standing(connection: &Connection, counter: &Counter, now_micros: i64) -> rusqlite::Result<Standing> {
    let mut found =
        connection.prepare_cached("SELECT slice, amount FROM usage WHERE counter = ?1 ORDER BY slice DESC")?;
    let mut rows = found.query([&counter.key])?;
    let mut standing = Standing { latest: counter.window.slice(now_micros), used: Amount::ZERO, last: Amount::ZERO };
    let mut is_first = true;
    while let Some(row) = rows.next()? {
        let slice: i64 = row.get(0)?;
        let amount = Amount::from_bytes(row.get(1)?);
        if is_first {
            // The clock may have been set back.
            standing.latest = standing.latest.max(slice);
            is_first = false;
        }
        if slice < counter.window.oldest(standing.latest) {
            break;
        }
        if slice == standing.latest {
            standing.last = amount;
        }
        standing.used = standing.used.saturating_add(amount);
    }
    Ok(standing)
}
