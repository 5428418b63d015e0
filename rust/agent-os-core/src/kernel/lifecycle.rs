//! From the creation of a process to its reaping, and who may send it a signal.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::decision::Decision;
use super::gate::Gate;
use super::process::{Agent, Process};
use super::record::{RecordFault, Recorder};
use super::road::{Cleared, Kernel};
use crate::audit::event::{Draft, kind};
use crate::signal::{Posted, Signal, State, Status};

/// The processes that were created and not yet reaped, by number.
#[derive(Debug)]
pub(super) struct Processes {
    next_pid: AtomicU64,
    table: RwLock<BTreeMap<u64, Arc<Process>>>,
}

impl Processes {
    pub(super) fn new() -> Self {
        Self { next_pid: AtomicU64::new(1), table: RwLock::default() }
    }
}

/// The sender is neither the operator nor above the process, and no decision lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPermitted;

impl fmt::Display for NotPermitted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a process signals those that it has started; for others it asks for the action `signal.send`")
    }
}

impl<R: Recorder, X> Kernel<R, X> {
    /// Makes a process of `agent` below `parent`, which takes no step until [`Kernel::start`]. The code of the parent waits
    /// for one in the foreground. One that `leads` is the first of a group of its own.
    pub fn create(&self, agent: &Arc<Agent>, parent: &Arc<Process>, foreground: bool, leads: bool) -> Arc<Process> {
        let pid = self.processes.next_pid.fetch_add(1, Ordering::Relaxed);
        let process = Process::new(self.number, pid, Arc::clone(agent), Some(Arc::clone(parent)), foreground, leads);
        let process = Arc::new(process);
        self.processes.table.write().unwrap_or_else(PoisonError::into_inner).insert(pid, Arc::clone(&process));
        process
    }

    /// Starts a process, as the audited decision allows. It is [`State::Stopped`] if it was stopped before, and has ended
    /// if it was ended before.
    ///
    /// # Errors
    /// The recorder did not take the entry; it takes no step.
    pub fn start(&self, allowed: Cleared<'_, Decision, R::Receipt>, process: &Process) -> Result<State, RecordFault> {
        let mut draft = Draft::new();
        draft
            .text("agent", &process.agent.id)
            .number("intent", self.recorder.intent_seq(allowed.receipt()))
            .text("kind", kind::PROCESS_STARTED)
            .number("parent", process.parent().map_or(0, Process::pid))
            .number("pid", process.pid);
        self.recorder.event(&draft)?;
        Ok(process.keeper.start())
    }

    /// Ends a process: nothing of it passes any more. How it ended is what it was first; `None` if it had ended before.
    pub fn end(&self, process: &Process, status: Status) -> Option<Status> {
        let ended = process.keeper.end(status);
        if ended.is_some() {
            self.tell_parent(process);
        }
        ended
    }

    /// Collects how a process ended, once, and takes it out of the table. `None` if it has not ended, or was reaped.
    pub fn reap(&self, process: &Process) -> Option<Status> {
        let status = process.keeper.reap()?;
        self.processes.table.write().unwrap_or_else(PoisonError::into_inner).remove(&process.pid);
        Some(status)
    }

    /// Every process that was not reaped, by number.
    #[must_use]
    pub fn processes(&self) -> Vec<Arc<Process>> {
        self.processes.table.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// True if the sender may signal the process without being asked: the operator all, a process of which anything may
    /// pass those that it has started and itself.
    #[must_use]
    pub fn may_signal(&self, sender: &Process, target: &Process) -> bool {
        let is_own = target.kernel == self.number && sender.kernel == self.number && target.is_below(sender);
        is_own && matches!(sender.gate(), Gate::Open | Gate::Signalled)
    }

    /// Sends a signal and records it. Whoever may not send it unasked needs the right to `signal.send`.
    ///
    /// `None` says that the sender lacks the right, and nothing happened.
    ///
    /// # Errors
    /// It could not be recorded. What stops or ends the process has happened all the same: only SIGCONT, which lets
    /// effects pass again, needs its record first.
    pub fn signal(
        &self,
        sender: &Process,
        target: &Process,
        signal: Signal,
        right: Option<Cleared<'_, Decision, R::Receipt>>,
    ) -> Option<Result<Posted, RecordFault>> {
        if signal.is_kernels() || (right.is_none() && !self.may_signal(sender, target)) {
            return None;
        }
        let intent = right.map(|right| self.recorder.intent_seq(right.receipt()));
        Some(self.record_and_post(sender, target, signal, intent, None))
    }

    /// Raises a signal of the kernel's own, or any other in its name; `why` stands in the log.
    ///
    /// # Errors
    /// As for [`Kernel::signal`].
    pub fn raise(&self, target: &Process, signal: Signal, why: &str) -> Result<Posted, RecordFault> {
        self.record_and_post(&self.operator, target, signal, None, Some(why))
    }

    fn record_and_post(
        &self,
        sender: &Process,
        target: &Process,
        signal: Signal,
        intent: Option<u64>,
        why: Option<&str>,
    ) -> Result<Posted, RecordFault> {
        let mut draft = Draft::new();
        draft.text("agent", &target.agent.id);
        if let Some(why) = why {
            draft.text("cause", why);
        }
        if let Some(intent) = intent {
            draft.number("intent", intent);
        }
        draft
            .text("kind", kind::SIGNAL_SENT)
            .number("pid", target.pid)
            .number("sender", sender.pid)
            .text("signal", signal.name());
        let recorded = self.recorder.event(&draft);
        if let (Signal::Cont, Err(fault)) = (signal, recorded.as_ref().map(|_| ())) {
            return Err(fault.clone());
        }
        let posted = target.keeper.post(signal);
        match posted {
            Posted::Stopped | Posted::Resumed { .. } | Posted::Terminated => self.tell_parent(target),
            Posted::Discarded | Posted::Pending | Posted::Ready => {}
        }
        recorded.map(|_| posted)
    }

    /// SIGCHLD is what every change of a child is followed by; the log has the change itself.
    fn tell_parent(&self, process: &Process) {
        if let Some(parent) = process.parent().filter(|parent| !parent.is_operator()) {
            parent.keeper.post(Signal::Chld);
        }
    }
}
