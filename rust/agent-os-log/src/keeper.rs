//! The thread that puts a log on stable storage while its writers go on.
//!
//! It sleeps while there is nothing to do, syncs a little after the first entry that needs it, and from time to time
//! writes a checkpoint. A failure stops the log; so does the thread's own end, if nobody asked for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::LogError;
use crate::inner::{Bell, Files, Inner, Phase};

/// Starts the thread.
pub(crate) fn start(inner: &Arc<Inner>, sync_every: Duration, checkpoint_every: Duration) -> Result<(), LogError> {
    let Some(files) = &inner.files else { return Ok(()) };
    files.bell.enter(Phase::Running);
    let shared = Arc::clone(inner);
    let spawned = thread::Builder::new().name("agent-os-log".to_owned()).spawn(move || {
        let watch = Watch(shared);
        if let Some(files) = &watch.0.files {
            run(&watch.0, files, sync_every, checkpoint_every);
        }
    });
    spawned.map(drop).map_err(|error| {
        files.bell.enter(Phase::Absent);
        LogError::io("start the thread that syncs", files.disk.path(""), &error)
    })
}

/// Asks the thread to end and waits until it has.
pub(crate) fn stop(bell: &Bell) {
    bell.ask_to_stop();
    bell.wait_while(None, |phase| matches!(phase, Phase::Running | Phase::Stopping));
}

fn run(inner: &Inner, files: &Files, sync_every: Duration, checkpoint_every: Duration) {
    let mut checkpoint_due: Option<Instant> = None;
    loop {
        let (bell, patience) = (&files.bell, checkpoint_due.map(|due| due.saturating_duration_since(Instant::now())));
        let idle = |phase| phase == Phase::Running && !bell.dirty.load(Ordering::SeqCst);
        if bell.wait_while(patience, idle) != Phase::Running {
            return;
        }
        // What follows within a moment shares the sync.
        if bell.dirty.load(Ordering::SeqCst)
            && bell.wait_while(Some(sync_every), |phase| phase == Phase::Running) != Phase::Running
        {
            return;
        }
        let with_checkpoint = checkpoint_due.is_some_and(|due| due <= Instant::now());
        let synced = inner.sync(with_checkpoint);
        let Some(size) = inner.state().ok().filter(|state| !state.is_stopped()).map(|state| state.tree().size()) else {
            return;
        };
        let named = synced.is_ok() && inner.named() >= size;
        let next = checkpoint_due.filter(|_| !with_checkpoint).unwrap_or_else(|| Instant::now() + checkpoint_every);
        checkpoint_due = (!named).then_some(next);
    }
}

/// Notices when the thread ends.
struct Watch(Arc<Inner>);

impl Drop for Watch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop(LogError::SyncEnded);
        }
        if let Some(files) = &self.0.files {
            files.bell.enter(Phase::Ended);
        }
    }
}
