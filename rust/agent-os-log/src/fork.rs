//! Keeps a fork of the writing process from writing.
//!
//! A fork inherits the log's memory and files but not the thread that syncs it; if it appended, it would overwrite what
//! its parent writes. So a log remembers which process opened it, and the child is told by [`mark_forked`].

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::error::LogError;

static GENERATION: AtomicU64 = AtomicU64::new(0);
static LOCKS: Mutex<Vec<Weak<HeldLock>>> = Mutex::new(Vec::new());

/// To be called in a child right after a fork: every log that was opened before refuses from then on, in this process,
/// and no longer keeps its directory locked on behalf of it.
pub fn mark_forked() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
    // A lock that another thread of the parent held at the fork stays locked for ever here, so nothing may wait for it.
    if let Ok(mut locks) = LOCKS.try_lock() {
        for held in locks.drain(..).filter_map(|lock| lock.upgrade()) {
            if let Ok(mut file) = held.0.try_lock() {
                file.take();
            }
        }
    }
}

/// The process that opened a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    generation: u64,
    pid: u32,
}

impl Owner {
    pub(crate) fn this_process() -> Self {
        Self { generation: GENERATION.load(Ordering::SeqCst), pid: process::id() }
    }

    /// Fails in a fork that was marked; costs a load.
    pub(crate) fn check_mark(self) -> Result<(), LogError> {
        if GENERATION.load(Ordering::Relaxed) == self.generation { Ok(()) } else { Err(LogError::Forked) }
    }

    /// Fails in any fork; costs a system call.
    pub(crate) fn check(self) -> Result<(), LogError> {
        self.check_mark()?;
        if process::id() == self.pid { Ok(()) } else { Err(LogError::Forked) }
    }
}

/// A writer's lock, which a fork lets go of.
pub(crate) struct HeldLock(Mutex<Option<Box<dyn Send>>>);

impl HeldLock {
    pub(crate) fn new(lock: Box<dyn Send>) -> Arc<Self> {
        let held = Arc::new(Self(Mutex::new(Some(lock))));
        if let Ok(mut locks) = LOCKS.lock() {
            locks.retain(|lock| lock.strong_count() > 0);
            locks.push(Arc::downgrade(&held));
        }
        held
    }

    pub(crate) fn release(&self) {
        if let Ok(mut lock) = self.0.lock() {
            lock.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_no_owner_even_if_nobody_marked_it() {
        let mine = Owner::this_process();
        assert!(mine.check().is_ok());
        let parents = Owner { pid: mine.pid + 1, ..mine };
        assert!(parents.check_mark().is_ok());
        assert!(matches!(parents.check(), Err(LogError::Forked)));
    }
}
