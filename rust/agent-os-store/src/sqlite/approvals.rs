//! The queue of what waits for the operator.
//!
//! A row is a notice, never a right: whoever can write the file can write rows. What lets an action happen is a signature
//! of the operator over what the kernel itself remembers of its request.

use rusqlite::{OptionalExtension, Row, params};

use super::database::Database;
use crate::error::StoreError;
use crate::operator::{Operator, Statement, Token, hex};

/// How long the process that asks is taken for living after it was last seen, in microseconds.
pub const SEEN_MICROS: i64 = 10_000_000;

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits, and so does the process that asks.
    Waiting,
    /// The operator has spoken, and the process has not seen it yet.
    Answered,
    /// The action was confirmed.
    Approved,
    /// The action was not confirmed.
    Denied,
    /// Nobody spoke in time.
    Expired,
    /// The process that asked no longer waits.
    Gone,
}

impl Standing {
    /// The word for it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Answered => "answered",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Gone => "gone",
        }
    }
}

/// What a kernel asks to be shown to the operator.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The id of the kernel's log.
    pub kernel: String,
    /// The public key of whom the kernel asks; empty in a row that is older than the column.
    pub operator: String,
    /// The digest of the request.
    pub request: String,
    /// The digest of the bundle that asks.
    pub bundle: String,
    /// What is shown, as canonical JSON.
    pub shown: String,
    /// When it is too late, in microseconds since 1970.
    pub expires: i64,
}

impl Asked {
    fn statement<'s>(&'s self, store: &'s str, id: &'s str, approved: bool) -> Statement<'s> {
        let Self { kernel, operator, request, bundle, shown, expires } = self;
        Statement { store, kernel, operator, id, request, bundle, shown, expires: *expires, approved }
    }
}

/// One row, as it stands in the file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// What was asked.
    pub asked: Asked,
    /// When, in microseconds since 1970.
    pub asked_at: i64,
    /// Where it stands now.
    pub standing: Standing,
}

impl Entry {
    /// How the operator names what this shows, in the store of that id.
    #[must_use]
    pub fn code(&self, store: &str) -> String {
        self.asked.statement(store, &self.id, true).code()
    }
}

/// What waiting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody has spoken.
    Waiting,
    /// The operator says yes.
    Approved,
    /// The operator says no.
    Denied,
    /// Something stands there that the operator did not sign for this request.
    Forged,
}

/// Why a verdict was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No such request.
    Unknown,
    /// The kernel that asks believes another operator: it would take the word of this one for a forgery.
    OtherOperator,
    /// It no longer waits.
    Not(Standing),
}

/// A request that one kernel waits for.
#[derive(Debug)]
pub struct Ticket {
    // SECURITY: everything that a verdict is checked against is kept here and never read back from the file.
    store: String,
    id: String,
    asked: Asked,
}

impl Ticket {
    /// The request's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    fn statement(&self, approved: bool) -> Statement<'_> {
        self.asked.statement(&self.store, &self.id, approved)
    }
}

impl Database {
    /// The store's own id, given when it was made.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn id(&self) -> Result<String, StoreError> {
        self.read(|connection| connection.query_row("SELECT id FROM store", [], |row| row.get(0)))
    }

    /// Puts a request into the queue. `store` is the id that the file had when the kernel opened it.
    ///
    /// # Errors
    /// The file could not be written, or there is no randomness.
    pub fn ask(&self, store: &str, asked: Asked, now: i64) -> Result<Ticket, StoreError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| StoreError::Io { path: self.path().to_owned(), reason: error.to_string() })?;
        let ticket = Ticket { store: store.to_owned(), id: hex(&random), asked };
        let Asked { kernel, operator, request, bundle, shown, expires } = &ticket.asked;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO approvals (id, kernel, operator, request, bundle, shown, expires, asked_at, seen)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
                params![ticket.id, kernel, operator, request, bundle, shown, expires, now],
            )
        })?;
        Ok(ticket)
    }

    /// What the operator has said so far. A row that is gone or was changed is no answer.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn answer(&self, ticket: &Ticket, operator: &Operator) -> Result<Answer, StoreError> {
        let found: Option<(Option<String>, Option<Vec<u8>>)> = self.read(|connection| {
            let sql = "SELECT verdict, signature FROM approvals WHERE id = ?1";
            connection.query_row(sql, [&ticket.id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })?;
        let Some((Some(verdict), signature)) = found else { return Ok(Answer::Waiting) };
        let signature = signature.unwrap_or_default();
        Ok(match verdict.as_str() {
            "approve" if operator.has_signed(&ticket.statement(true), &signature) => Answer::Approved,
            "deny" if operator.has_signed(&ticket.statement(false), &signature) => Answer::Denied,
            _ => Answer::Forged,
        })
    }

    /// Says that the process that asks still waits.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn seen(&self, ticket: &Ticket, now: i64) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("UPDATE approvals SET seen = ?2 WHERE id = ?1", params![ticket.id, now])
        })?;
        Ok(())
    }

    /// Says how waiting ended.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn ended(&self, ticket: &Ticket, standing: Standing) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("UPDATE approvals SET ended = ?2 WHERE id = ?1", params![ticket.id, standing.code()])
        })?;
        Ok(())
    }

    /// Every request, oldest first.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn approvals(&self, now: i64) -> Result<Vec<Entry>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("{SELECT} ORDER BY asked_at, id"))?;
            statement.query_map([], |row| entry(row, now))?.collect()
        })
    }

    /// The operator's word on what `entry` shows. It is signed over exactly that.
    ///
    /// What would do nothing is refused: the word of an operator whom the kernel does not ask, and a yes to a process
    /// that no longer waits.
    ///
    /// # Errors
    /// The file could not be read or written.
    pub fn speak(
        &self,
        token: &Token,
        entry: &Entry,
        approved: bool,
        now: i64,
    ) -> Result<Result<(), Refused>, StoreError> {
        let store = self.id()?;
        let signature = token.sign(&entry.asked.statement(&store, &entry.id, approved));
        self.write(|transaction| {
            let sql = format!("{SELECT} WHERE id = ?1");
            let Some(found) = transaction.query_row(&sql, [&entry.id], |row| self::entry(row, now)).optional()? else {
                return Ok(Err(Refused::Unknown));
            };
            let asked = &found.asked.operator;
            let is_left_over = asked.is_empty() && found.standing == Standing::Gone && !approved;
            if *asked != token.public().spelt() && !is_left_over {
                return Ok(Err(Refused::OtherOperator));
            }
            match (found.standing, approved) {
                (Standing::Waiting, _) => {}
                (Standing::Gone, false) => {
                    transaction.execute("UPDATE approvals SET ended = 'denied' WHERE id = ?1", [&entry.id])?;
                }
                (standing, _) => return Ok(Err(Refused::Not(standing))),
            }
            transaction.execute(
                "UPDATE approvals SET verdict = ?2, signature = ?3 WHERE id = ?1",
                params![entry.id, if approved { "approve" } else { "deny" }, signature.as_slice()],
            )?;
            Ok(Ok(()))
        })
    }
}

const SELECT: &str =
    "SELECT id, kernel, request, bundle, shown, expires, asked_at, seen, verdict, ended, operator FROM approvals";

fn entry(row: &Row<'_>, now: i64) -> rusqlite::Result<Entry> {
    let expires: i64 = row.get(5)?;
    let seen: i64 = row.get(7)?;
    let verdict: Option<String> = row.get(8)?;
    let ended: Option<String> = row.get(9)?;
    let standing = match ended.as_deref() {
        Some("approved") => Standing::Approved,
        Some("denied") => Standing::Denied,
        Some("expired") => Standing::Expired,
        Some(_) => Standing::Gone,
        None if now >= expires => Standing::Expired,
        None if now.saturating_sub(seen) > SEEN_MICROS => Standing::Gone,
        None if verdict.is_some() => Standing::Answered,
        None => Standing::Waiting,
    };
    Ok(Entry {
        id: row.get(0)?,
        asked: Asked {
            kernel: row.get(1)?,
            operator: row.get(10)?,
            request: row.get(2)?,
            bundle: row.get(3)?,
            shown: row.get(4)?,
            expires,
        },
        asked_at: row.get(6)?,
        standing,
    })
}
