//! The state of an open log, shared by its handle, its reservations and the thread that syncs it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_os_core::audit::tree::{CompactRange, Hash, leaf_hash};
use hmac::Hmac;
use sha2::Sha256;

use crate::disk::Disk;
use crate::error::LogError;
use crate::fork::{HeldLock, Owner};
use crate::frame;
use crate::options::{ENTRY_MAX, OUTCOME_MAX, Stamp};
use crate::payloads::Payloads;
use crate::publish::Publisher;
use crate::segment::{Failure, SegmentWriter};

/// The space that is kept for the entry that closes the log.
const CLOSING: u64 = 512;

/// On whose behalf an entry is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// An entry of its own.
    Plain,
    /// An intent; space for its outcome is taken with it.
    Intent,
    /// The outcome of an intent that was accepted.
    Outcome,
    /// The last entry.
    Closing,
}

/// What an entry is built with.
pub(crate) type Builder<'a> = dyn FnMut(&Stamp<'_>, &mut Vec<u8>) + 'a;

/// An open log.
pub(crate) struct Inner {
    pub(crate) id: String,
    pub(crate) owner: Owner,
    pub(crate) salted: Hmac<Sha256>,
    pub(crate) payloads: Payloads,
    pub(crate) files: Option<Files>,
    state: Mutex<State>,
    /// Intents that were accepted and have no outcome yet. Grows under the state's lock only.
    in_flight: AtomicU64,
}

/// What a log on a disk has besides its segments.
pub(crate) struct Files {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) lock: Arc<HeldLock>,
    pub(crate) bell: Bell,
    /// How many entries are known to be on stable storage. Grows under `syncing` only.
    synced: AtomicU64,
    /// Held while files are synced: whoever waits for it finds that the sync of the one before served it too.
    syncing: Mutex<()>,
    /// Held while tiles and checkpoints are written, so that a checkpoint never names less than the one before it.
    publisher: Mutex<Publisher>,
}

impl Files {
    pub(crate) fn new(disk: Arc<dyn Disk>, lock: Arc<HeldLock>, publisher: Publisher) -> Self {
        Self {
            disk,
            lock,
            bell: Bell::default(),
            synced: AtomicU64::new(0),
            syncing: Mutex::new(()),
            publisher: Mutex::new(publisher),
        }
    }

    /// What writes tiles and checkpoints; locked before the state.
    pub(crate) fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the thread that syncs.
#[derive(Default)]
pub(crate) struct Bell {
    pub(crate) dirty: AtomicBool,
    pub(crate) phase: Mutex<Phase>,
    pub(crate) ring: Condvar,
}

/// Whether the thread that syncs should go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was not started.
    #[default]
    Absent,
    Running,
    /// It was asked to end.
    Stopping,
    Ended,
}

/// Where entries go.
pub(crate) enum Store {
    Memory(Vec<Box<[u8]>>),
    Segments(SegmentWriter),
}

/// What the lock protects.
pub(crate) struct State {
    tree: CompactRange,
    store: Store,
    /// The hashes of the last entries, for whoever writes the tiles.
    leaves: Vec<Hash>,
    entry: Vec<u8>,
    closed: bool,
    /// The first failure after which nothing is accepted.
    stopped: Option<LogError>,
    /// The first failure after which only outcomes and the end are accepted.
    full: Option<LogError>,
}

impl State {
    pub(crate) fn new(tree: CompactRange, store: Store) -> Self {
        Self { tree, store, leaves: Vec::new(), entry: Vec::new(), closed: false, stopped: None, full: None }
    }

    pub(crate) fn tree(&self) -> &CompactRange {
        &self.tree
    }

    pub(crate) fn in_memory(&self, seq: u64) -> Option<&[u8]> {
        match &self.store {
            Store::Memory(entries) => usize::try_from(seq).ok().and_then(|seq| entries.get(seq)).map(|entry| &**entry),
            Store::Segments(_) => None,
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Fails if an entry on this behalf is not accepted.
    pub(crate) fn accepts(&self, claim: Claim) -> Result<(), LogError> {
        if let Some(cause) = &self.stopped {
            return Err(cause.clone());
        }
        if self.closed {
            return Err(LogError::Closed);
        }
        match (&self.full, claim) {
            (Some(cause), Claim::Plain | Claim::Intent) => Err(cause.clone()),
            _ => Ok(()),
        }
    }

    /// Accepts nothing any more, because of this failure or an earlier one.
    pub(crate) fn stop(&mut self, cause: LogError) -> LogError {
        self.stopped.get_or_insert(cause.stopped()).clone()
    }

    fn fill(&mut self, cause: LogError) -> LogError {
        self.full.get_or_insert(cause).clone()
    }
}

impl Inner {
    pub(crate) fn new(
        id: String,
        salted: Hmac<Sha256>,
        payloads: Payloads,
        files: Option<Files>,
        state: State,
    ) -> Self {
        let (owner, in_flight) = (Owner::this_process(), AtomicU64::new(0));
        Self { id, owner, salted, payloads, files, state: Mutex::new(state), in_flight }
    }

    /// The state, unless code panicked while it was held: then its entry may be half done, and the log has stopped.
    pub(crate) fn state(&self) -> Result<MutexGuard<'_, State>, LogError> {
        self.check_owner()?;
        self.marked_state()
    }

    /// The same without asking which process this is.
    fn marked_state(&self) -> Result<MutexGuard<'_, State>, LogError> {
        self.owner.check_mark()?;
        self.state.lock().map_err(|poison| {
            let seq = poison.get_ref().tree.size();
            LogError::BuilderPanicked { seq }.stopped()
        })
    }

    /// The state for looking only.
    pub(crate) fn peek(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn check_owner(&self) -> Result<(), LogError> {
        if self.files.is_some() { self.owner.check() } else { self.owner.check_mark() }
    }

    pub(crate) fn append(&self, claim: Claim, build: &mut Builder<'_>) -> Result<u64, LogError> {
        // An outcome follows an intent that was checked in full, so the mark is enough for it.
        let mut guard = if claim == Claim::Outcome { self.marked_state()? } else { self.state()? };
        let state = &mut *guard;
        state.accepts(claim)?;
        let seq = state.tree.size();
        state.entry.clear();
        build(&Stamp { seq, log: &self.id, micros: now() }, &mut state.entry);
        check_size(seq, state.entry.len(), claim)?;
        let leaf = leaf_hash(&state.entry);
        match &mut state.store {
            Store::Memory(entries) => entries.push(state.entry.as_slice().into()),
            Store::Segments(segment) => {
                let promised = self.promised(claim);
                let written = match promised {
                    Some(promised) => segment.write(seq, &state.entry, promised),
                    None => segment.write_promised(&state.entry),
                };
                match written {
                    Ok(()) => {}
                    Err(Failure::Full(cause)) => return Err(state.fill(cause)),
                    Err(Failure::Broken(cause)) => return Err(state.stop(cause)),
                }
            }
        }
        state.tree.append(leaf);
        if self.files.is_some() {
            state.leaves.push(leaf);
        }
        match claim {
            Claim::Intent => drop(self.in_flight.fetch_add(1, Ordering::Relaxed)),
            Claim::Closing => state.closed = true,
            Claim::Plain | Claim::Outcome => {}
        }
        drop(guard);
        if let Some(files) = &self.files {
            files.bell.ring_if_clean();
        }
        Ok(seq)
    }

    /// The space that must be left for others after an entry; nothing if the entry's own space was promised to it.
    fn promised(&self, claim: Claim) -> Option<u64> {
        let more = match claim {
            Claim::Plain => 0,
            Claim::Intent => 1,
            Claim::Outcome | Claim::Closing => return None,
        };
        Some((self.in_flight.load(Ordering::Relaxed) + more) * frame::size(OUTCOME_MAX) + CLOSING)
    }

    /// An intent has its outcome, or will never have one.
    pub(crate) fn free_reservation(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Refuses new entries because a file besides the segments could not be written.
    pub(crate) fn refuse_after(&self, cause: LogError) -> LogError {
        match self.state() {
            Ok(mut state) => state.fill(cause),
            Err(error) => error,
        }
    }

    /// Accepts nothing any more.
    pub(crate) fn stop(&self, cause: LogError) -> LogError {
        match self.state() {
            Ok(mut state) => state.stop(cause),
            Err(error) => error,
        }
    }

    /// Whether this many entries are on stable storage, or never will be because the log is in memory.
    pub(crate) fn is_synced(&self, size: u64) -> bool {
        self.files.as_ref().is_none_or(|files| files.synced.load(Ordering::Acquire) >= size)
    }

    /// Returns when this many entries are on stable storage. Those who come while a sync is under way share the next.
    pub(crate) fn commit(&self, size: u64) -> Result<(), LogError> {
        let Some(files) = &self.files else { return Ok(()) };
        if self.is_synced(size) {
            return Ok(());
        }
        let _turn = files.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_synced(size) {
            return Ok(());
        }
        self.sync_files(files, |_| ()).map(drop)
    }

    /// Puts on stable storage what has been appended, payloads first, and then names it in a checkpoint if asked to.
    pub(crate) fn sync(&self, with_checkpoint: bool) -> Result<(), LogError> {
        let Some(files) = &self.files else { return Ok(()) };
        self.sync_for(files, &mut files.publisher(), with_checkpoint)
    }

    /// The same for whoever has the publisher already.
    pub(crate) fn sync_for(
        &self,
        files: &Files,
        publisher: &mut Publisher,
        with_checkpoint: bool,
    ) -> Result<(), LogError> {
        let spare = std::mem::take(&mut publisher.spare);
        let synced = {
            let _turn = files.syncing.lock().unwrap_or_else(PoisonError::into_inner);
            self.sync_files(files, |state| std::mem::replace(&mut state.leaves, spare))?
        };
        let Some((tree, leaves)) = synced else { return Ok(()) };
        // INVARIANT: a checkpoint names only what is on stable storage.
        let published = publisher.add(leaves).and_then(|()| {
            if with_checkpoint && tree.size() > publisher.size() { publisher.publish(&tree) } else { Ok(()) }
        });
        published.map_err(|cause| if cause.is_full() { self.refuse_after(cause) } else { self.stop(cause) })
    }

    /// Syncs the files; `syncing` is held. Gives the tree over what is on stable storage now, and what `take` took of
    /// the state at that moment.
    fn sync_files<T>(
        &self,
        files: &Files,
        take: impl FnOnce(&mut State) -> T,
    ) -> Result<Option<(CompactRange, T)>, LogError> {
        files.bell.dirty.store(false, Ordering::SeqCst);
        let (tree, taken, file, path) = {
            let mut state = self.state()?;
            if let Some(cause) = &state.stopped {
                return Err(cause.clone());
            }
            let Store::Segments(segment) = &state.store else { return Ok(None) };
            let (file, path) = (segment.file(), segment.path());
            (state.tree.clone(), take(&mut state), file, path)
        };
        self.payloads.sync().map_err(|cause| self.stop(cause))?;
        if files.synced.load(Ordering::Acquire) < tree.size() {
            file.sync().map_err(|error| self.stop(LogError::io("sync", path, &error)))?;
            files.synced.store(tree.size(), Ordering::Release);
        }
        Ok(Some((tree, taken)))
    }

    /// How many entries the last checkpoint named that was written by this process.
    pub(crate) fn named(&self) -> u64 {
        self.files.as_ref().map_or(0, |files| files.publisher().size())
    }

    /// Gives back the space that was taken ahead.
    pub(crate) fn release_space(&self) -> Result<(), LogError> {
        let mut state = self.state()?;
        match &mut state.store {
            Store::Memory(_) => Ok(()),
            Store::Segments(segment) => segment.release(),
        }
    }
}

impl Bell {
    /// Tells the thread that something was appended since it last synced.
    fn ring_if_clean(&self) {
        // The state's lock orders this after the `store(false)` of any sync that has not seen the entry.
        if !self.dirty.load(Ordering::Relaxed) && !self.dirty.swap(true, Ordering::SeqCst) {
            // The thread looks at `dirty` under this lock before it waits, so it cannot miss the ring.
            drop(self.phase.lock().unwrap_or_else(PoisonError::into_inner));
            self.ring.notify_all();
        }
    }

    /// Waits until the answer is something, at most so long; then the phase.
    pub(crate) fn wait_while(&self, timeout: Option<Duration>, mut idle: impl FnMut(Phase) -> bool) -> Phase {
        let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        match timeout {
            None => *self.ring.wait_while(phase, |phase| idle(*phase)).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let answer = self.ring.wait_timeout_while(phase, timeout, |phase| idle(*phase));
                *answer.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Tells the thread to end, unless it has ended.
    pub(crate) fn ask_to_stop(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Running {
            *phase = Phase::Stopping;
        }
        drop(phase);
        self.ring.notify_all();
    }

    pub(crate) fn enter(&self, next: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = next;
        self.ring.notify_all();
    }
}

fn check_size(seq: u64, size: usize, claim: Claim) -> Result<(), LogError> {
    match claim {
        _ if size == 0 => Err(LogError::EntryEmpty { seq }),
        _ if size > ENTRY_MAX => Err(LogError::EntryTooLarge { seq, size }),
        Claim::Outcome if size > OUTCOME_MAX => Err(LogError::OutcomeTooLarge { seq, size }),
        Claim::Plain | Claim::Intent | Claim::Outcome | Claim::Closing => Ok(()),
    }
}

/// Microseconds since 1970-01-01 UTC; a clock before that says 0.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
