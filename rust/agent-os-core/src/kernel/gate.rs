//! What a process may do now, by the signals that it was sent, and who is told when that changes.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::signal::{Control, Delivery, Disposition, Mask, NotCatchable, Posted, Signal, SignalSet, State, Status};

/// Whether anything of a process may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Gate {
    /// Yes.
    Open = 0,
    /// Yes, and a signal waits to be delivered before its next step.
    Signalled = 1,
    /// No, until it is continued.
    Stopped = 2,
    /// No: its code has ended.
    Ended = 3,
    /// No: a signal has ended it.
    Killed = 4,
}

/// Whoever runs code of a process.
pub trait Attached: Send + Sync {
    /// What the process may do has changed: look at [`Process::gate`](super::Process::gate) again. It is called on the
    /// signaller's thread without any lock of the kernel, and must not block.
    fn look_again(&self);
}

/// The gate of one process.
pub(super) struct GateKeeper {
    // INVARIANT: what `gate_of` says of `control`, so that no step and no call takes the lock while nothing happens.
    gate: AtomicU8,
    control: Mutex<Control>,
    attached: Mutex<Vec<Weak<dyn Attached>>>,
}

impl GateKeeper {
    pub(super) fn new() -> Self {
        Self { gate: AtomicU8::new(Gate::Open as u8), control: Mutex::new(Control::new()), attached: Mutex::default() }
    }

    /// Whether anything passes now.
    #[inline]
    pub(super) fn gate(&self) -> Gate {
        match self.gate.load(Ordering::Acquire) {
            0 => Gate::Open,
            1 => Gate::Signalled,
            2 => Gate::Stopped,
            3 => Gate::Ended,
            _ => Gate::Killed,
        }
    }

    pub(super) fn control(&self) -> Control {
        self.locked().clone()
    }

    pub(super) fn start(&self) -> State {
        self.change(Control::start)
    }

    pub(super) fn post(&self, signal: Signal) -> Posted {
        let posted = self.change(|control| control.post(signal));
        match posted {
            Posted::Discarded | Posted::Pending => {}
            Posted::Ready | Posted::Stopped | Posted::Resumed { .. } | Posted::Terminated => self.tell(),
        }
        posted
    }

    /// What must be done before the next step.
    pub(super) fn next(&self) -> Option<Delivery> {
        let mut control = self.locked();
        let next = control.next();
        // There may be more, which the next question finds out.
        let gate = match (gate_of(&control), next) {
            (Gate::Open, Some(_)) => Gate::Signalled,
            (gate, _) => gate,
        };
        self.gate.store(gate as u8, Ordering::Release);
        next
    }

    pub(super) fn handled(&self, restore: SignalSet) {
        self.change(|control| control.handled(restore));
    }

    pub(super) fn set_mask(&self, how: Mask, signals: SignalSet) -> SignalSet {
        self.change(|control| control.set_mask(how, signals))
    }

    pub(super) fn set_disposition(
        &self,
        signal: Signal,
        disposition: Disposition,
        mask: SignalSet,
    ) -> Result<Disposition, NotCatchable> {
        self.change(|control| control.set_disposition(signal, disposition, mask))
    }

    pub(super) fn end(&self, status: Status) -> Option<Status> {
        let ended = self.change(|control| control.end(status));
        if ended.is_some() {
            self.tell();
        }
        ended
    }

    pub(super) fn reap(&self) -> Option<Status> {
        self.change(Control::reap)
    }

    pub(super) fn attach(&self, attached: &Arc<dyn Attached>) {
        let mut all = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has gone is forgotten when the list would grow.
        if all.len() == all.capacity() {
            all.retain(|one| one.strong_count() > 0);
        }
        all.push(Arc::downgrade(attached));
    }

    fn tell(&self) {
        // Told without the lock: whoever is told may attach more.
        let all = self.attached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.iter().filter_map(Weak::upgrade).for_each(|one| one.look_again());
    }

    fn change<T>(&self, change: impl FnOnce(&mut Control) -> T) -> T {
        let mut control = self.locked();
        let changed = change(&mut control);
        let gate = match gate_of(&control) {
            // A blocked one costs a question before each step, and none is ever forgotten.
            Gate::Open if !control.pending().is_empty() => Gate::Signalled,
            gate => gate,
        };
        self.gate.store(gate as u8, Ordering::Release);
        changed
    }

    fn locked(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gate_of(control: &Control) -> Gate {
    match (control.state(), control.status()) {
        (State::Terminated | State::Reaped, Some(Status::Killed(_))) => Gate::Killed,
        (State::Terminated | State::Reaped, Some(Status::Returned | Status::Raised) | None) => Gate::Ended,
        (State::Stopped, _) => Gate::Stopped,
        (State::Created | State::Running, _) => Gate::Open,
    }
}

impl fmt::Debug for GateKeeper {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GateKeeper").field("gate", &self.gate()).finish_non_exhaustive()
    }
}
