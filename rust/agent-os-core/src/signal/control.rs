//! One process's share of the signals: its state, what is pending, and what it has arranged.

use std::fmt;

use super::{Disposition, Effect, Signal, SignalSet, State, Status, Then, coded, transition};

/// The state of one process as signals see it. Whoever drives the process asks [`Control::next`] before each step until
/// there is nothing, and takes the step only while the state is running; both under the lock that [`Control::post`] is
/// called under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    state: State,
    // INVARIANT: what cannot be blocked is pending only while the process is stopped, and SIGKILL never is.
    pending: SignalSet,
    // INVARIANT: holds nothing that cannot be blocked.
    blocked: SignalSet,
    // INVARIANT: no signal is in both.
    ignored: SignalSet,
    handled: SignalSet,
    /// By place in the table: what is blocked while the handler of that signal runs, besides the signal itself.
    masks: [SignalSet; Signal::ALL.len()],
    thrown: Option<Signal>,
    // INVARIANT: there is one if and only if the process has ended.
    status: Option<Status>,
}

const _: () = assert!(size_of::<Control>() <= 64, "there are as many of these as processes");

coded! {
    /// What a change of mask does with the given signals.
    Mask {
        /// They are blocked besides those that are.
        Block = "block",
        /// They are blocked no longer.
        Unblock = "unblock",
        /// They are blocked, and no others.
        Set = "set",
    }
}

/// What became of a signal that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Posted {
    /// Nothing: the process ignores it or has ended.
    Discarded,
    /// It is kept until the process starts, goes on or unblocks it.
    Pending,
    /// [`Control::next`] delivers it before the next step.
    Ready,
    /// The process has stopped: no further step.
    Stopped,
    /// The process goes on.
    Resumed {
        /// True if [`Control::next`] has something to deliver first.
        ready: bool,
    },
    /// The process has ended: no further step.
    Terminated,
}

impl Posted {
    /// The stable snake_case code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Discarded => "discarded",
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::Resumed { ready: false } => "resumed",
            Self::Resumed { ready: true } => "resumed_and_ready",
            Self::Terminated => "terminated",
        }
    }
}

/// What must be done before the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Run the handler; what it must not be interrupted by is blocked from now on.
    Handle {
        /// What it is called for.
        signal: Signal,
        /// For [`Control::handled`] when the handler is done.
        restore: SignalSet,
    },
    /// Throw it into the running code, and tell [`Control::end`] when that has unwound.
    Throw(Signal),
    /// The process has stopped: no step.
    Stop,
}

/// A signal for which nothing can be arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCatchable(pub Signal);

impl fmt::Display for NotCatchable {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name();
        write!(to, "`{name}` can be neither handled nor ignored; a clean end belongs into a handler of `SIGTERM`")
    }
}

impl std::error::Error for NotCatchable {}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Control {
    /// A process that has taken no step, blocks nothing and has arranged nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Created,
            pending: SignalSet::EMPTY,
            blocked: SignalSet::EMPTY,
            ignored: SignalSet::EMPTY,
            handled: SignalSet::EMPTY,
            masks: [SignalSet::EMPTY; Signal::ALL.len()],
            thrown: None,
            status: None,
        }
    }

    /// The first step is due. Returns the state: one that was stopped before waits for its SIGCONT, one that has ended
    /// never starts.
    pub fn start(&mut self) -> State {
        self.state = match self.state {
            State::Created | State::Running => State::Running,
            State::Stopped => State::Stopped,
            State::Terminated => State::Terminated,
            State::Reaped => State::Reaped,
        };
        self.state
    }

    /// A signal is sent.
    pub fn post(&mut self, signal: Signal) -> Posted {
        let to = transition(self.state, signal, self.disposition(signal), self.blocked.contains(signal));
        self.state = to.state;
        self.pending = self.pending.minus(to.discards);
        match to.effect {
            Effect::Discard => Posted::Discarded,
            Effect::Pend => {
                self.pending = self.pending.with(signal);
                Posted::Pending
            }
            Effect::Handle | Effect::Throw => {
                self.pending = self.pending.with(signal);
                Posted::Ready
            }
            Effect::Terminate { .. } => {
                self.finish(Status::Killed(signal));
                Posted::Terminated
            }
            Effect::Stop => {
                // One of the same kind that was not delivered yet is the same stop.
                self.pending = self.pending.without(signal);
                Posted::Stopped
            }
            Effect::Resume { then } => {
                match then {
                    Then::Nothing => {}
                    Then::Pend | Then::Handle => self.pending = self.pending.with(signal),
                }
                self.resumed()
            }
        }
    }

    /// What must be done before the next step, the lowest number first. Ask again until there is nothing.
    // Not an iterator: what comes next depends on what is sent and arranged in between.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Delivery> {
        while let Some(signal) = self.deliverable() {
            self.pending = self.pending.without(signal);
            let to = transition(self.state, signal, self.disposition(signal), false);
            self.state = to.state;
            match to.effect {
                // It was blocked when it was sent, or its disposition has changed since.
                Effect::Discard => {}
                Effect::Handle => return Some(self.handle(signal)),
                Effect::Throw => {
                    self.thrown = self.thrown.or(Some(signal));
                    return Some(Delivery::Throw(signal));
                }
                Effect::Stop => return Some(Delivery::Stop),
                Effect::Terminate { .. } => self.finish(Status::Killed(signal)),
                // Not of a running process that does not block the signal.
                Effect::Pend | Effect::Resume { .. } => {}
            }
        }
        None
    }

    /// A handler is done: the mask is what it was when the handler was called, as by `sigreturn`.
    pub fn handled(&mut self, restore: SignalSet) {
        self.blocked = restore.minus(SignalSet::UNBLOCKABLE);
    }

    /// Changes what is blocked, and returns what was. Signals that cannot be blocked are left out without a word, as
    /// `sigprocmask` does. Ask [`Control::next`] afterwards: something may have become deliverable.
    pub fn set_mask(&mut self, how: Mask, signals: SignalSet) -> SignalSet {
        let before = self.blocked;
        let wanted = match how {
            Mask::Block => before.union(signals),
            Mask::Unblock => before.minus(signals),
            Mask::Set => signals,
        };
        self.blocked = wanted.minus(SignalSet::UNBLOCKABLE);
        before
    }

    /// Arranges what is to happen on a signal, and returns what was arranged; `mask` is blocked while a handler runs. A
    /// pending signal that would now be ignored is discarded, blocked or not (POSIX.1-2017 §2.4.3).
    ///
    /// # Errors
    /// For SIGKILL and SIGSTOP.
    pub fn set_disposition(
        &mut self,
        signal: Signal,
        disposition: Disposition,
        mask: SignalSet,
    ) -> Result<Disposition, NotCatchable> {
        match signal.handler() {
            super::Handler::Never => return Err(NotCatchable(signal)),
            super::Handler::Replaces | super::Handler::Observes => {}
        }
        let before = self.disposition(signal);
        (self.ignored, self.handled) = (self.ignored.without(signal), self.handled.without(signal));
        match disposition {
            Disposition::Default => {}
            Disposition::Ignore => self.ignored = self.ignored.with(signal),
            Disposition::Handle => self.handled = self.handled.with(signal),
        }
        if let Some(place) = self.masks.get_mut(signal as usize) {
            *place = mask;
        }
        // SECURITY: asked of the table, so that what ends a process whatever it arranged stays pending.
        if transition(State::Running, signal, disposition, false).effect == Effect::Discard {
            self.pending = self.pending.without(signal);
        }
        Ok(before)
    }

    /// The code has ended. Returns the status of the process, or `None` if it had ended before: the first end counts.
    ///
    /// Code that a signal was thrown into has been killed by that signal, whatever it returns or raises afterwards, and
    /// so has a stopped process that was condemned meanwhile.
    pub fn end(&mut self, status: Status) -> Option<Status> {
        match self.state {
            State::Created | State::Running | State::Stopped => {}
            State::Terminated | State::Reaped => return None,
        }
        let status = match status {
            Status::Returned | Status::Raised => self.condemned().or(self.thrown).map_or(status, Status::Killed),
            Status::Killed(_) => status,
        };
        self.finish(status);
        Some(status)
    }

    /// Collects the status of a process that has ended, once.
    pub fn reap(&mut self) -> Option<Status> {
        match self.state {
            State::Terminated => {
                self.state = State::Reaped;
                self.status
            }
            State::Created | State::Running | State::Stopped | State::Reaped => None,
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What was sent and not delivered.
    #[must_use]
    pub const fn pending(&self) -> SignalSet {
        self.pending
    }

    /// What is held back.
    #[must_use]
    pub const fn blocked(&self) -> SignalSet {
        self.blocked
    }

    /// What is arranged for a signal.
    #[must_use]
    pub const fn disposition(&self, signal: Signal) -> Disposition {
        if self.handled.contains(signal) {
            Disposition::Handle
        } else if self.ignored.contains(signal) {
            Disposition::Ignore
        } else {
            Disposition::Default
        }
    }

    /// The first signal that was thrown into the code.
    #[must_use]
    pub const fn thrown(&self) -> Option<Signal> {
        self.thrown
    }

    /// How it ended, if it has.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        self.status
    }

    /// The signal that ended the process and that a handler of it is told of.
    #[must_use]
    pub const fn observed(&self) -> Option<Signal> {
        let Some(Status::Killed(signal)) = self.status else { return None };
        match transition(State::Running, signal, self.disposition(signal), false).effect {
            Effect::Terminate { observed: true } => Some(signal),
            Effect::Terminate { observed: false }
            | Effect::Discard
            | Effect::Pend
            | Effect::Handle
            | Effect::Throw
            | Effect::Stop
            | Effect::Resume { .. } => None,
        }
    }

    /// True if [`Control::next`] has something to look at.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.deliverable().is_some()
    }

    fn deliverable(&self) -> Option<Signal> {
        match self.state {
            State::Running => self.pending.minus(self.blocked).first(),
            State::Created | State::Stopped | State::Terminated | State::Reaped => None,
        }
    }

    fn handle(&mut self, signal: Signal) -> Delivery {
        let restore = self.blocked;
        let mask = self.masks.get(signal as usize).copied().unwrap_or_default();
        self.blocked = restore.union(mask.with(signal)).minus(SignalSet::UNBLOCKABLE);
        Delivery::Handle { signal, restore }
    }

    /// The process goes on.
    fn resumed(&mut self) -> Posted {
        // SECURITY: no further step, not even into the handler of a signal of a lower number.
        if let Some(signal) = self.condemned() {
            self.finish(Status::Killed(signal));
            return Posted::Terminated;
        }
        Posted::Resumed { ready: self.is_ready() }
    }

    /// What was sent while the process was stopped, and ends it whatever it arranged.
    fn condemned(&self) -> Option<Signal> {
        let ends = |signal: &Signal| {
            let effect = transition(State::Running, *signal, self.disposition(*signal), false).effect;
            matches!(effect, Effect::Terminate { .. })
        };
        self.pending.iter().find(ends)
    }

    fn finish(&mut self, status: Status) {
        self.state = State::Terminated;
        self.pending = SignalSet::EMPTY;
        self.status = Some(status);
    }
}

#[cfg(test)]
mod tests {
    use super::{Control, Delivery, Mask, NotCatchable, Posted};
    use crate::signal::{Disposition, Signal, SignalSet, State, Status};

    fn running() -> Control {
        let mut control = Control::new();
        assert_eq!(control.start(), State::Running);
        control
    }

    fn set(signals: &[Signal]) -> SignalSet {
        signals.iter().copied().collect()
    }

    /// A process in each of the five states.
    fn in_every_state() -> [Control; 5] {
        let (mut stopped, mut terminated, mut reaped) = (running(), running(), running());
        stopped.post(Signal::Stop);
        terminated.post(Signal::Kill);
        reaped.post(Signal::Kill);
        reaped.reap();
        [Control::new(), running(), stopped, terminated, reaped]
    }

    #[test]
    fn what_cannot_be_caught_says_what_to_do_instead() {
        for signal in [Signal::Kill, Signal::Stop] {
            let mut control = running();
            let before = control.clone();
            let refused = control.set_disposition(signal, Disposition::Handle, SignalSet::EMPTY);
            assert_eq!(refused, Err(NotCatchable(signal)));
            assert_eq!(control, before);
        }
        let said = NotCatchable(Signal::Kill).to_string();
        assert_eq!(
            said,
            "`SIGKILL` can be neither handled nor ignored; a clean end belongs into a handler of `SIGTERM`"
        );
    }

    #[test]
    fn what_cannot_be_blocked_is_left_out_of_every_mask() {
        let everything: SignalSet = Signal::ALL.iter().copied().collect();
        let blockable = everything.minus(set(&[Signal::Kill, Signal::Stop, Signal::Policy, Signal::Trust]));
        let mut control = running();
        control.set_mask(Mask::Block, everything);
        assert_eq!(control.blocked(), blockable);
        control.set_mask(Mask::Set, everything);
        assert_eq!(control.set_mask(Mask::Unblock, everything), blockable);
        control.set_disposition(Signal::Usr1, Disposition::Handle, everything).unwrap();
        control.post(Signal::Usr1);
        assert!(matches!(control.next(), Some(Delivery::Handle { signal: Signal::Usr1, .. })));
        assert_eq!(control.blocked(), blockable);
        control.handled(everything);
        assert_eq!(control.blocked(), blockable);
    }

    #[test]
    fn one_that_was_condemned_while_stopped_takes_no_step_when_it_goes_on() {
        for signal in [Signal::Policy, Signal::Trust] {
            let mut control = running();
            for handled in [Signal::Hup, Signal::Cont, signal] {
                control.set_disposition(handled, Disposition::Handle, SignalSet::EMPTY).unwrap();
            }
            assert_eq!(control.post(Signal::Stop), Posted::Stopped);
            assert_eq!(control.post(Signal::Hup), Posted::Pending);
            assert_eq!(control.post(signal), Posted::Pending);
            // Neither of these takes it back.
            control.set_disposition(signal, Disposition::Ignore, SignalSet::EMPTY).unwrap();
            control.set_disposition(signal, Disposition::Handle, SignalSet::EMPTY).unwrap();
            let mut returns = control.clone();
            assert_eq!(returns.end(Status::Returned), Some(Status::Killed(signal)));
            assert_eq!(control.post(Signal::Cont), Posted::Terminated);
            assert_eq!(control.next(), None);
            assert_eq!((control.status(), control.observed()), (Some(Status::Killed(signal)), Some(signal)));
        }
    }

    #[test]
    fn only_a_process_that_runs_has_anything_delivered() {
        for mut control in in_every_state() {
            let state = control.state();
            control.pending = set(&[Signal::Hup, Signal::Tstp]);
            assert_eq!(control.next().is_some(), state == State::Running, "{state:?}");
        }
    }

    #[test]
    fn the_first_end_counts_and_the_status_is_collected_once() {
        for mut control in in_every_state() {
            let state = control.state();
            let over = matches!(state, State::Terminated | State::Reaped);
            assert_eq!(control.end(Status::Returned), (!over).then_some(Status::Returned), "{state:?}");
            assert_eq!(control.end(Status::Raised), None);
            let status = if over { Status::Killed(Signal::Kill) } else { Status::Returned };
            assert_eq!(control.reap(), (state != State::Reaped).then_some(status));
            assert_eq!(control.reap(), None);
            assert_eq!((control.state(), control.status()), (State::Reaped, Some(status)));
            assert_eq!(control.start(), State::Reaped);
        }
    }

    #[test]
    fn code_that_swallows_what_is_thrown_into_it_was_killed_all_the_same() {
        for status in [Status::Returned, Status::Raised] {
            let mut control = running();
            control.post(Signal::Term);
            assert_eq!(control.next(), Some(Delivery::Throw(Signal::Term)));
            assert_eq!(control.end(status), Some(Status::Killed(Signal::Term)));
        }
    }

    #[test]
    fn a_kill_during_unwinding_is_what_killed_it() {
        let mut control = running();
        control.post(Signal::Term);
        assert_eq!(control.next(), Some(Delivery::Throw(Signal::Term)));
        assert_eq!((control.state(), control.thrown()), (State::Running, Some(Signal::Term)));
        assert_eq!(control.post(Signal::Kill), Posted::Terminated);
        assert_eq!(control.end(Status::Returned), None);
        assert_eq!(control.status(), Some(Status::Killed(Signal::Kill)));
    }
}
