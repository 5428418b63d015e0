//! Signals: the one table of them, what each does to a process in each state, and one process's share of that.
//!
//! POSIX names have Linux's numbers and meaning (signal(7), POSIX.1-2017 §2.4); ours are above 63 and never reach the
//! operating system. Nothing here asks who sends a signal, runs a handler or stops running code: whoever drives the
//! process does, and asks [`Control`] before each step.

mod control;
mod set;
mod transition;

pub use control::{Control, Delivery, Mask, NotCatchable, Posted};
pub use set::SignalSet;
pub use transition::{Effect, Then, Transition, transition};

/// Declares an enum whose variants have a code each: the word for it in vectors, logs and bindings.
macro_rules! coded {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// Every one, in the order of declaration.
            pub const ALL: &[$name] = &[$(Self::$variant),+];

            /// The stable snake_case code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What has exactly that code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
use coded;

macro_rules! signals {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal $name:literal,
       $default:ident, $handler:ident, blockable: $blockable:literal, kernel: $kernel:literal;)+) => {
        /// A signal. The order is that of the numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Signal {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Signal {
            /// Every signal, in ascending number.
            pub const ALL: &[Signal] = &[$(Self::$variant),+];

            /// Its number: Linux's for POSIX names.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// The signal of that number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// Its name, `SIGTERM`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The signal of exactly that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// What it does to a process that has neither a handler for it nor ignores it.
            #[must_use]
            pub const fn default_action(self) -> DefaultAction {
                match self { $(Self::$variant => DefaultAction::$default,)+ }
            }

            /// What a handler of the process may do about it.
            #[must_use]
            pub const fn handler(self) -> Handler {
                match self { $(Self::$variant => Handler::$handler,)+ }
            }

            /// True if a mask can hold it back.
            #[must_use]
            pub const fn is_blockable(self) -> bool {
                match self { $(Self::$variant => $blockable,)+ }
            }

            /// True if nobody but the kernel may raise it.
            #[must_use]
            pub const fn is_kernels(self) -> bool {
                match self { $(Self::$variant => $kernel,)+ }
            }

            /// What it is for, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

signals! {
    /// Whoever the work was for has gone.
    Hup = 1 "SIGHUP", Terminate, Replaces, blockable: true, kernel: false;
    /// A person interrupts.
    Int = 2 "SIGINT", Terminate, Replaces, blockable: true, kernel: false;
    /// Ends the process without another step of it.
    Kill = 9 "SIGKILL", Terminate, Never, blockable: false, kernel: false;
    /// For the agent's own use.
    Usr1 = 10 "SIGUSR1", Terminate, Replaces, blockable: true, kernel: false;
    /// For the agent's own use.
    Usr2 = 12 "SIGUSR2", Terminate, Replaces, blockable: true, kernel: false;
    /// It wrote to a pipe that nobody reads.
    Pipe = 13 "SIGPIPE", Terminate, Replaces, blockable: true, kernel: false;
    /// Asks for a clean end.
    Term = 15 "SIGTERM", Terminate, Replaces, blockable: true, kernel: false;
    /// A child stopped, resumed or ended.
    Chld = 17 "SIGCHLD", Ignore, Replaces, blockable: true, kernel: false;
    /// Resumes a stopped process.
    Cont = 18 "SIGCONT", Continue, Observes, blockable: true, kernel: false;
    /// Stops the process.
    Stop = 19 "SIGSTOP", Stop, Never, blockable: false, kernel: false;
    /// Asks the process to stop.
    Tstp = 20 "SIGTSTP", Stop, Replaces, blockable: true, kernel: false;
    /// Policy condemns the process.
    Policy = 64 "SIGPOLICY", Terminate, Observes, blockable: false, kernel: true;
    /// The process is trusted no longer.
    Trust = 65 "SIGTRUST", Terminate, Observes, blockable: false, kernel: true;
    /// A budget is used up.
    Budget = 66 "SIGBUDGET", Stop, Replaces, blockable: true, kernel: true;
    /// The same call comes again and again.
    Loop = 67 "SIGLOOP", Stop, Replaces, blockable: true, kernel: true;
    /// The process has strayed from its task.
    Drift = 68 "SIGDRIFT", Stop, Replaces, blockable: true, kernel: true;
}

coded! {
    /// What a signal does to a process that leaves it alone.
    DefaultAction {
        /// Ends the process.
        Terminate = "terminate",
        /// Stops it until a SIGCONT.
        Stop = "stop",
        /// Resumes it if it is stopped.
        Continue = "continue",
        /// Nothing.
        Ignore = "ignore",
    }
}

coded! {
    /// What a process's handler may do about a signal.
    Handler {
        /// There can be none, and ignoring is not possible either.
        Never = "never",
        /// It runs in place of the default, and the process lives on.
        Replaces = "replaces",
        /// It may run besides; the default happens all the same.
        Observes = "observes",
    }
}

coded! {
    /// Where a process is between its making and its end.
    State {
        /// It has taken no step.
        Created = "created",
        /// It may take steps.
        Running = "running",
        /// It takes none until a SIGCONT.
        Stopped = "stopped",
        /// It has ended, and its status was not collected.
        Terminated = "terminated",
        /// Its status was collected: nothing is left of it.
        Reaped = "reaped",
    }
}

coded! {
    /// What a process has arranged for a signal.
    Disposition {
        /// The default action.
        Default = "default",
        /// Nothing is to happen.
        Ignore = "ignore",
        /// Its handler is to run.
        Handle = "handle",
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its code returned.
    Returned,
    /// Its code raised.
    Raised,
    /// A signal ended it.
    Killed(Signal),
}

impl Status {
    /// `returned`, `raised`, or the name of the signal.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Raised => "raised",
            Self::Killed(signal) => signal.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DefaultAction, Handler, Signal};

    #[test]
    fn numbers_ascend_and_names_are_found_again_exactly() {
        assert!(Signal::ALL.is_sorted_by_key(|signal| signal.number()));
        for &signal in Signal::ALL {
            assert_eq!(Signal::from_number(signal.number()), Some(signal));
            assert_eq!(Signal::from_name(signal.name()), Some(signal));
            assert_eq!(Signal::from_name(&signal.name().to_lowercase()), None);
            assert_eq!(Signal::from_name(&format!("{} ", signal.name())), None);
        }
        let known = (0..=u8::MAX).filter(|&number| Signal::from_number(number).is_some()).count();
        assert_eq!(known, Signal::ALL.len());
    }

    #[test]
    fn what_only_the_kernel_raises_never_reaches_the_operating_system() {
        assert!(Signal::ALL.iter().all(|signal| signal.is_kernels() == (signal.number() > 63)));
    }

    #[test]
    fn what_cannot_be_prevented_cannot_be_blocked_either() {
        for &signal in Signal::ALL {
            let prevented = match (signal.handler(), signal.default_action()) {
                (Handler::Replaces, _) | (Handler::Observes, DefaultAction::Continue) => true,
                (Handler::Never | Handler::Observes, _) => false,
            };
            assert_eq!(signal.is_blockable(), prevented, "{}", signal.name());
        }
    }
}
