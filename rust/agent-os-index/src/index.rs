//! The index that several threads ask, and the thread that keeps it up.

use std::fmt;
use std::path::Path;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::block::BLOCK;
use crate::error::IndexError;
use crate::field::Field;
use crate::search::{Page, Question, search};
use crate::state::State;

/// How long the thread waits between two looks for new entries.
const PAUSE: Duration = Duration::from_millis(500);

/// The values of a field with how many entries have each, most first, and how many values there are.
pub type Counts = (Vec<(String, u64)>, u64);

/// The index of one log.
///
/// A thread of its own reads what is new, so that whoever asks waits for little; it ends when the index is dropped.
pub struct Index {
    shared: Arc<Shared>,
}

struct Shared {
    // SECURITY: a fork holds a copy of the connection; using or closing it there would damage the file for its owner.
    owner: u32,
    // Taken out of the lock only by a forked child.
    state: Mutex<Option<State>>,
}

impl Index {
    /// The index of the log in this directory, in this file or in a temporary one. Nothing of the log is read yet.
    ///
    /// # Errors
    /// There is no log, or another process holds the file.
    pub fn open(directory: &Path, file: Option<&Path>) -> Result<Self, IndexError> {
        let state = State::open(directory, file)?;
        let shared = Arc::new(Shared { owner: process::id(), state: Mutex::new(Some(state)) });
        Ok(Self { shared })
    }

    /// Starts the thread that reads what is new. Without it, entries are read when they are asked for.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn follow(&self) -> std::io::Result<()> {
        let shared = Arc::downgrade(&self.shared);
        thread::Builder::new().name("agent-os-index".to_owned()).spawn(move || follow(&shared)).map(drop)
    }

    /// Reads the log up to its present end; how many entries are in the index then. One about a log that is no longer
    /// there, or not as it was, is begun anew.
    ///
    /// # Errors
    /// The log could not be read, is damaged, or the index cannot be written.
    pub fn catch_up(&self) -> Result<u64, IndexError> {
        let end = {
            let mut held = self.shared.held()?;
            let state = held.as_mut().ok_or(IndexError::Forked)?;
            if !state.resume()? {
                state.clear()?;
            }
            state.end()?
        };
        loop {
            // In steps, so that two who catch up take turns.
            let mut held = self.shared.held()?;
            let state = held.as_mut().ok_or(IndexError::Forked)?;
            // A log may grow faster than it is read.
            if state.read(BLOCK)? < BLOCK || state.is_at(end) {
                return Ok(state.next());
            }
        }
    }

    /// Some of the entries that the question is about; ask again with what the page says is the rest.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn find(&self, question: &Question, most: usize) -> Result<Page, IndexError> {
        self.with(|state| search(state, question, most))
    }

    /// The bytes of an entry that was found; `None` if there is no whole entry at its place.
    ///
    /// # Errors
    /// The log could not be read.
    pub fn entry(&self, at: agent_os_log::Location) -> Result<Option<Vec<u8>>, IndexError> {
        self.with(|state| state.entry(at))
    }

    /// The values of a field, at most `most` of them.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn counts(&self, field: Field, most: u64) -> Result<Counts, IndexError> {
        self.with(|state| state.counts(field, most))
    }

    /// The least and the greatest time of the entries; `None` if there are none.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn span(&self) -> Result<Option<(i64, i64)>, IndexError> {
        self.with(|state| state.whole_span())
    }

    /// Forgets everything; the next reading begins with the log's first entry.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn clear(&self) -> Result<(), IndexError> {
        self.with(State::clear)
    }

    fn with<T>(&self, ask: impl FnOnce(&mut State) -> Result<T, IndexError>) -> Result<T, IndexError> {
        ask(self.shared.held()?.as_mut().ok_or(IndexError::Forked)?)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Index").finish_non_exhaustive()
    }
}

impl Shared {
    fn held(&self) -> Result<MutexGuard<'_, Option<State>>, IndexError> {
        if process::id() != self.owner {
            return Err(IndexError::Forked);
        }
        // Whatever panicked was between two entries or inside a transaction, which was undone.
        Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if process::id() != self.owner {
            // Another thread of the parent may have held the lock at the fork; then there is nobody to wait for.
            if let Ok(mut held) = self.state.try_lock() {
                std::mem::forget(held.take());
            }
        }
    }
}

/// Reads what is new until the index is dropped. What goes wrong, the next one who asks is told.
fn follow(shared: &Weak<Shared>) {
    loop {
        thread::sleep(PAUSE);
        let Some(shared) = shared.upgrade() else { return };
        loop {
            let Ok(mut held) = shared.held() else { return };
            let more = held.as_mut().map(|state| state.read(BLOCK));
            if !matches!(more, Some(Ok(BLOCK))) {
                break;
            }
        }
    }
}
