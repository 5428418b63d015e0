//! Agents and their runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::counters::Counters;
use super::gate::{Attached, Gate, GateKeeper};
use crate::policy::{Origin, Provenance};
use crate::signal::{Control, Delivery, Disposition, Mask, NotCatchable, Signal, SignalSet, State};

/// The agent id under which the operator's own calls are decided and recorded; no agent can be registered under it.
pub const OPERATOR: &str = "operator";

/// A governed actor.
#[derive(Debug)]
pub struct Agent {
    /// Stable name.
    pub id: String,
    // INVARIANT: sorted, without repeats.
    /// Roles.
    pub roles: Vec<String>,
    /// Place in the kernel's table of agents.
    pub(super) index: usize,
}

/// What a run has seen so far.
#[derive(Clone, Debug, Default)]
pub struct RunData {
    // INVARIANT: sorted, without repeats.
    /// Marks on the data.
    pub labels: Vec<String>,
    /// The text, by origin.
    pub provenance: Provenance,
    /// Whose data it has dealt with, as the policy says it: what comes of the run may carry any of it.
    pub subjects: BTreeSet<String>,
}

impl RunData {
    fn add_labels(&mut self, labels: &[String]) {
        for label in labels {
            if let Err(place) = self.labels.binary_search(label) {
                self.labels.insert(place, label.clone());
            }
        }
    }
}

/// One run of an agent. A handle to it is issued by the kernel only.
#[derive(Debug)]
pub struct Process {
    pub(super) kernel: u64,
    pub(super) pid: u64,
    pub(super) agent: Arc<Agent>,
    pub(super) parent: Option<Arc<Process>>,
    pub(super) depth: u32,
    /// Number of the process whose group it is in.
    group: u64,
    /// True if its parent's code waits for it.
    foreground: bool,
    threaded: AtomicBool,
    pub(super) keeper: GateKeeper,
    data: Mutex<Arc<RunData>>,
    calls: AtomicU64,
    /// What this run and those below it have used of limits that count within a run.
    counters: Mutex<Counters>,
}

impl Process {
    /// `leads` makes it the first of a group of its own; else it joins that of its parent, or leads one if the operator
    /// starts it.
    pub(super) fn new(
        kernel: u64,
        pid: u64,
        agent: Arc<Agent>,
        parent: Option<Arc<Process>>,
        foreground: bool,
        leads: bool,
    ) -> Self {
        let data = parent.as_ref().map_or_else(Arc::default, |parent| parent.data());
        let depth = parent.as_ref().filter(|parent| !parent.is_operator()).map_or(0, |parent| parent.depth + 1);
        let group = match &parent {
            Some(parent) if !leads && !parent.is_operator() => parent.group,
            _ => pid,
        };
        Self {
            kernel,
            pid,
            agent,
            parent,
            depth,
            group,
            foreground,
            threaded: AtomicBool::new(false),
            keeper: GateKeeper::new(),
            data: Mutex::new(data),
            calls: AtomicU64::new(0),
            counters: Mutex::default(),
        }
    }

    /// Number of the run, counted from 1 by kernel; 0 is the operator's.
    #[must_use]
    pub fn pid(&self) -> u64 {
        self.pid
    }

    /// Whose run it is.
    #[must_use]
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The run that started this one, the operator's included.
    #[must_use]
    pub fn parent(&self) -> Option<&Process> {
        self.parent.as_deref()
    }

    /// The agent of the run above, if another agent started this one.
    #[must_use]
    pub fn parent_agent(&self) -> Option<&str> {
        self.parent().filter(|parent| !parent.is_operator()).map(|parent| parent.agent.id.as_str())
    }

    /// Runs above this one; 0 for what the operator started.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Actions that this run, and the runs below it, have had allowed so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts an action of this run, for it and for those above it.
    pub(super) fn count_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut above = self.parent();
        while let Some(run) = above.filter(|run| !run.is_operator()) {
            run.calls.fetch_add(1, Ordering::Relaxed);
            above = run.parent();
        }
    }

    pub(super) fn counters(&self) -> MutexGuard<'_, Counters> {
        // A panic in the middle leaves charges that were not taken back: that is less room, not more.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True for the operator's own calls.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.pid == 0
    }

    /// Number of the process whose group it is in.
    #[must_use]
    pub fn group(&self) -> u64 {
        self.group
    }

    /// Number of the kernel that it is of: with the process's own number it tells all processes of a program apart.
    #[must_use]
    pub fn kernel_number(&self) -> u64 {
        self.kernel
    }

    /// True if its code runs in a thread of its own, where nobody drives it.
    #[must_use]
    pub fn is_threaded(&self) -> bool {
        self.threaded.load(Ordering::Relaxed)
    }

    /// Its code is about to run in a thread of its own: signals reach it when it calls the kernel.
    pub fn run_in_thread(&self) {
        self.threaded.store(true, Ordering::Relaxed);
    }

    /// True if its parent's code waits for it, and so cannot go on without it.
    #[must_use]
    pub fn is_foreground(&self) -> bool {
        self.foreground
    }

    /// True for this process and those that it has started, and they have started, at any depth.
    #[must_use]
    pub fn is_below(&self, other: &Process) -> bool {
        let mut here = Some(self);
        while let Some(process) = here {
            if (process.kernel, process.pid) == (other.kernel, other.pid) {
                return true;
            }
            here = process.parent();
        }
        false
    }

    /// Whether anything of it may pass now.
    #[inline]
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.keeper.gate()
    }

    /// True once the run has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.gate(), Gate::Ended | Gate::Killed)
    }

    /// Its signals: a snapshot.
    #[must_use]
    pub fn signals(&self) -> Control {
        self.keeper.control()
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.signals().state()
    }

    /// What must be done before its next step, as [`Control::next`] says.
    pub fn next_delivery(&self) -> Option<Delivery> {
        self.keeper.next()
    }

    /// A handler is done; what it had blocked is blocked no longer.
    pub fn handled(&self, restore: SignalSet) {
        self.keeper.handled(restore);
    }

    /// Changes what it blocks, and gives what it blocked.
    pub fn set_mask(&self, how: Mask, signals: SignalSet) -> SignalSet {
        self.keeper.set_mask(how, signals)
    }

    /// Arranges what is to happen on a signal, and gives what was arranged; `mask` is blocked while a handler runs.
    ///
    /// # Errors
    /// For signals for which nothing can be arranged.
    pub fn set_disposition(
        &self,
        signal: Signal,
        disposition: Disposition,
        mask: SignalSet,
    ) -> Result<Disposition, NotCatchable> {
        self.keeper.set_disposition(signal, disposition, mask)
    }

    /// From now on tells this one when what the process may do has changed.
    pub fn attach(&self, attached: &Arc<dyn Attached>) {
        self.keeper.attach(attached);
    }

    /// What the run has seen so far: a snapshot.
    #[must_use]
    pub fn data(&self) -> Arc<RunData> {
        Arc::clone(&self.lock())
    }

    /// Marks the run. Labels are never taken off.
    pub fn add_labels(&self, labels: &[String]) {
        if labels.is_empty() || self.is_operator() {
            return;
        }
        let mut data = self.lock();
        if labels.iter().any(|label| data.labels.binary_search(label).is_err()) {
            Arc::make_mut(&mut data).add_labels(labels);
        }
    }

    /// Adds text that the run has now seen. The operator's own calls keep none, so that no run inherits any.
    pub fn add_text(&self, origin: Origin, text: &str) {
        if !self.is_operator() && !text.is_empty() {
            Arc::make_mut(&mut self.lock()).provenance.add(origin, text);
        }
    }

    /// Notes whose data the run deals with.
    pub fn add_subjects(&self, names: &BTreeSet<String>) {
        if !self.is_operator() && !names.is_subset(&self.lock().subjects) {
            Arc::make_mut(&mut self.lock()).subjects.extend(names.iter().cloned());
        }
    }

    /// Takes over what a run that this one started has seen: its result may carry any of it.
    pub fn absorb(&self, child: &Process) {
        if self.is_operator() {
            return;
        }
        let theirs = child.data();
        let mut data = self.lock();
        let data = Arc::make_mut(&mut data);
        data.add_labels(&theirs.labels);
        data.provenance.merge(&theirs.provenance);
        data.subjects.extend(theirs.subjects.iter().cloned());
    }

    /// Notes that the run has seen text that could not be read.
    pub fn lose_text(&self) {
        if !self.is_operator() {
            Arc::make_mut(&mut self.lock()).provenance.mark_bounded();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Arc<RunData>> {
        self.data.lock().unwrap_or_else(|poisoned| {
            // A panic may have cost a text: what is not found from now on is unknown.
            let mut data = poisoned.into_inner();
            Arc::make_mut(&mut data).provenance.mark_bounded();
            data
        })
    }
}
