//! The total table: a state and a signal give a state and an effect.

use super::{DefaultAction, Disposition, Handler, Signal, SignalSet, State};

/// What a signal does when it is sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transition {
    /// The state after it.
    pub state: State,
    /// What happens.
    pub effect: Effect,
    /// Pending signals that are gone with it, whatever the process arranged for it.
    pub discards: SignalSet,
}

/// What happens when a signal is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing, and it is not kept.
    Discard,
    /// It is kept until it can be delivered.
    Pend,
    /// The process's handler runs before its next step.
    Handle,
    /// It is thrown into the running code, which may clean up. The process runs until that has unwound.
    Throw,
    /// The process ends at once, without another step.
    Terminate {
        /// True if a handler is told of it. It cannot prevent it.
        observed: bool,
    },
    /// The process stops at once.
    Stop,
    /// The process goes on.
    Resume {
        /// What becomes of the signal itself.
        then: Then,
    },
}

impl Effect {
    /// The stable snake_case code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Pend => "pend",
            Self::Handle => "handle",
            Self::Throw => "throw",
            Self::Terminate { observed: false } => "terminate",
            Self::Terminate { observed: true } => "terminate_observed",
            Self::Stop => "stop",
            Self::Resume { then: Then::Nothing } => "resume",
            Self::Resume { then: Then::Pend } => "resume_and_pend",
            Self::Resume { then: Then::Handle } => "resume_and_handle",
        }
    }
}

/// What becomes of a signal whose default action is to continue, besides that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// It is not kept.
    Nothing,
    /// It is blocked, and kept.
    Pend,
    /// The process's handler runs.
    Handle,
}

/// What `signal` does to a process in `state` that arranged `disposition` for it, and blocks it or not.
///
/// As on Linux: an ignored signal is discarded when it is sent unless it is blocked; a stopped process keeps everything
/// but SIGKILL and SIGCONT until it goes on; SIGCONT resumes whatever was arranged for it; stop signals and SIGCONT
/// discard each other. A process that has taken no step has nothing to unwind, so what would be thrown ends it at once.
#[must_use]
pub const fn transition(state: State, signal: Signal, disposition: Disposition, blocked: bool) -> Transition {
    let meaning = meaning(signal, disposition, blocked);
    let (after, effect) = match state {
        State::Created => created(meaning),
        State::Running => running(meaning),
        State::Stopped => stopped(meaning),
        State::Terminated | State::Reaped => {
            return Transition { state, effect: Effect::Discard, discards: SignalSet::EMPTY };
        }
    };
    Transition { state: after, effect, discards: discards(signal) }
}

/// What a signal means to a process, whatever its state.
#[derive(Clone, Copy)]
enum Meaning {
    Hold,
    Ignore,
    Handle,
    Throw,
    Stop,
    Continue(Then),
    /// The end, of which a handler may be told.
    Condemn {
        observed: bool,
    },
    Kill,
}

const fn meaning(signal: Signal, disposition: Disposition, blocked: bool) -> Meaning {
    match (signal.handler(), signal.default_action()) {
        // SECURITY: nothing that is arranged or blocked comes into these; a handler is told at most.
        (Handler::Never, DefaultAction::Terminate) => Meaning::Kill,
        (Handler::Observes, DefaultAction::Terminate) => {
            Meaning::Condemn { observed: matches!(disposition, Disposition::Handle) }
        }
        (Handler::Never | Handler::Observes, DefaultAction::Stop) => Meaning::Stop,
        (Handler::Never | Handler::Observes | Handler::Replaces, DefaultAction::Continue) => {
            Meaning::Continue(match (blocked, disposition) {
                (true, Disposition::Default | Disposition::Ignore | Disposition::Handle) => Then::Pend,
                (false, Disposition::Default | Disposition::Ignore) => Then::Nothing,
                (false, Disposition::Handle) => Then::Handle,
            })
        }
        (Handler::Never | Handler::Observes, DefaultAction::Ignore) => Meaning::Ignore,
        (Handler::Replaces, DefaultAction::Terminate | DefaultAction::Stop | DefaultAction::Ignore) => {
            match (blocked, disposition) {
                (true, Disposition::Default | Disposition::Ignore | Disposition::Handle) => Meaning::Hold,
                (false, Disposition::Ignore) => Meaning::Ignore,
                (false, Disposition::Handle) => Meaning::Handle,
                (false, Disposition::Default) => match signal.default_action() {
                    DefaultAction::Terminate => Meaning::Throw,
                    DefaultAction::Stop => Meaning::Stop,
                    DefaultAction::Continue | DefaultAction::Ignore => Meaning::Ignore,
                },
            }
        }
    }
}

const fn created(meaning: Meaning) -> (State, Effect) {
    match meaning {
        Meaning::Hold | Meaning::Handle | Meaning::Continue(Then::Pend | Then::Handle) => {
            (State::Created, Effect::Pend)
        }
        Meaning::Ignore | Meaning::Continue(Then::Nothing) => (State::Created, Effect::Discard),
        Meaning::Throw | Meaning::Kill => (State::Terminated, Effect::Terminate { observed: false }),
        Meaning::Condemn { observed } => (State::Terminated, Effect::Terminate { observed }),
        Meaning::Stop => (State::Stopped, Effect::Stop),
    }
}

const fn running(meaning: Meaning) -> (State, Effect) {
    match meaning {
        Meaning::Hold | Meaning::Continue(Then::Pend) => (State::Running, Effect::Pend),
        Meaning::Ignore | Meaning::Continue(Then::Nothing) => (State::Running, Effect::Discard),
        Meaning::Handle | Meaning::Continue(Then::Handle) => (State::Running, Effect::Handle),
        Meaning::Throw => (State::Running, Effect::Throw),
        Meaning::Kill => (State::Terminated, Effect::Terminate { observed: false }),
        Meaning::Condemn { observed } => (State::Terminated, Effect::Terminate { observed }),
        Meaning::Stop => (State::Stopped, Effect::Stop),
    }
}

const fn stopped(meaning: Meaning) -> (State, Effect) {
    match meaning {
        Meaning::Kill => (State::Terminated, Effect::Terminate { observed: false }),
        Meaning::Continue(then) => (State::Running, Effect::Resume { then }),
        Meaning::Ignore => (State::Stopped, Effect::Discard),
        Meaning::Hold | Meaning::Handle | Meaning::Throw | Meaning::Stop | Meaning::Condemn { .. } => {
            (State::Stopped, Effect::Pend)
        }
    }
}

/// What is gone as soon as the signal is sent. A budget that is used up is not a job control signal: SIGCONT leaves it.
const fn discards(signal: Signal) -> SignalSet {
    if matches!(signal, Signal::Cont) {
        SignalSet::STOPS
    } else if SignalSet::STOPS.contains(signal) {
        SignalSet::EMPTY.with(Signal::Cont)
    } else {
        SignalSet::EMPTY
    }
}

#[cfg(test)]
mod tests {
    use super::{Disposition, Effect, Signal, SignalSet, State, Transition, transition};

    /// Every (state, signal, disposition, blocked) with what it comes to.
    fn all() -> impl Iterator<Item = (State, Signal, Disposition, bool, Transition)> {
        State::ALL.iter().flat_map(|&state| {
            Signal::ALL.iter().flat_map(move |&signal| {
                Disposition::ALL.iter().flat_map(move |&disposition| {
                    [false, true].map(|blocked| {
                        (state, signal, disposition, blocked, transition(state, signal, disposition, blocked))
                    })
                })
            })
        })
    }

    fn is_over(state: State) -> bool {
        matches!(state, State::Terminated | State::Reaped)
    }

    #[test]
    fn nothing_reaches_what_has_ended() {
        for (state, _, _, _, to) in all().filter(|case| is_over(case.0)) {
            assert_eq!(to, Transition { state, effect: Effect::Discard, discards: SignalSet::EMPTY });
        }
    }

    #[test]
    fn kill_ends_every_living_process_at_once_whatever_it_arranged() {
        for (_, _, _, _, to) in all().filter(|case| case.1 == Signal::Kill && !is_over(case.0)) {
            assert_eq!((to.state, to.effect), (State::Terminated, Effect::Terminate { observed: false }));
        }
    }

    #[test]
    fn stop_stops_every_living_process_whatever_it_arranged() {
        for (_, _, _, _, to) in all().filter(|case| case.1 == Signal::Stop && !is_over(case.0)) {
            assert_eq!(to.state, State::Stopped);
            assert!(to.discards.contains(Signal::Cont));
        }
    }

    #[test]
    fn no_handler_and_no_mask_saves_what_policy_or_trust_condemns() {
        for (state, signal, disposition, _, to) in all() {
            if !matches!(signal, Signal::Policy | Signal::Trust) || is_over(state) {
                continue;
            }
            if state == State::Stopped {
                assert_eq!((to.state, to.effect), (State::Stopped, Effect::Pend));
            } else {
                let observed = disposition == Disposition::Handle;
                assert_eq!((to.state, to.effect), (State::Terminated, Effect::Terminate { observed }));
            }
        }
    }

    #[test]
    fn a_stopped_process_moves_for_kill_and_cont_only() {
        for (_, signal, _, _, to) in all().filter(|case| case.0 == State::Stopped) {
            let expected = match signal {
                Signal::Kill => State::Terminated,
                Signal::Cont => State::Running,
                _ => State::Stopped,
            };
            assert_eq!(to.state, expected, "{signal:?}");
        }
    }

    #[test]
    fn cont_resumes_and_discards_stops_whatever_was_arranged_for_it() {
        for (state, _, _, _, to) in all().filter(|case| case.1 == Signal::Cont && !is_over(case.0)) {
            assert_eq!(to.discards, SignalSet::STOPS);
            assert_eq!(matches!(to.effect, Effect::Resume { .. }), state == State::Stopped);
        }
    }

    #[test]
    fn what_is_blocked_and_can_be_is_kept_and_changes_no_state_but_by_cont() {
        for (state, signal, _, _, to) in all().filter(|case| case.3 && case.1.is_blockable() && !is_over(case.0)) {
            let resumed = state == State::Stopped && signal == Signal::Cont;
            assert_eq!(to.state, if resumed { State::Running } else { state });
            assert!(matches!(to.effect.code(), "pend" | "resume_and_pend"), "{signal:?} {:?}", to.effect);
        }
    }

    #[test]
    fn only_what_was_made_goes_back_to_its_making_and_nobody_is_reaped_by_a_signal() {
        for (state, _, _, _, to) in all() {
            assert!(to.state != State::Created || state == State::Created);
            assert!(to.state != State::Reaped || state == State::Reaped);
        }
    }

    #[test]
    fn the_state_says_what_the_effect_was() {
        for (state, _, _, _, to) in all() {
            let expected = match to.effect {
                Effect::Discard | Effect::Pend => state,
                Effect::Handle | Effect::Throw | Effect::Resume { .. } => State::Running,
                Effect::Terminate { .. } => State::Terminated,
                Effect::Stop => State::Stopped,
            };
            assert_eq!(to.state, expected);
        }
    }
}
