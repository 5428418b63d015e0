//! Why a decision is what it is: the one table of reason codes.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal;)+) => {
        /// A stable reason code. Codes are never reused for another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason, in the order of declaration.
            pub const ALL: &[Reason] = &[$(Self::$variant),+];

            /// The stable snake_case code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What the code means, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

reasons! {
    /// An allow rule applies and nothing stronger does.
    AllowedByRule = "allowed_by_rule";
    /// No rule applies and the policy's default is allow.
    AllowedByDefault = "allowed_by_default";
    /// Everything is allowed: the policy enforces nothing, it only observes.
    OnlyObserved = "only_observed";
    /// An ask rule applies and no deny does.
    AskedByRule = "asked_by_rule";
    /// A deny rule applies.
    DeniedByRule = "denied_by_rule";
    /// No rule applies and the policy's default is deny.
    DeniedByDefault = "denied_by_default";
    /// A limit of a rule would be passed: too much of it is used.
    LimitExceeded = "limit_exceeded";
    /// The state store could not be read or written, so nobody knows what is used of a limit.
    StoreFailed = "store_failed";
    /// Deny or ask rules apply only because a condition of theirs is unknown, which counts against the caller.
    ConditionUnknown = "condition_unknown";
    /// The arguments cannot be frozen, or the action's name is outside the grammar.
    RequestInvalid = "request_invalid";
    /// The call was made outside any live process.
    NoProcess = "no_process";
    /// The agent is not registered with this kernel.
    AgentUnknown = "agent_unknown";
    /// No tool of that name is registered with this kernel.
    ActionUnknown = "action_unknown";
    /// The process that asks has ended.
    ProcessEnded = "process_ended";
    /// The process that asks is stopped; it may ask again when it is continued.
    ProcessStopped = "process_stopped";
    /// A signal has ended the process that asks.
    ProcessKilled = "process_killed";
    /// The kernel is closed, or this is a forked copy of it.
    KernelClosed = "kernel_closed";
    /// The intent could not be recorded, so the action did not happen.
    RecordFailed = "record_failed";
    /// The action happened and its outcome could not be recorded: the result is withheld and effects stop.
    OutcomeUnrecorded = "outcome_unrecorded";
    /// An obligation could not be met on the result, which is withheld.
    ObligationFailed = "obligation_failed";
    /// The action must be confirmed and there is no approver.
    ApprovalMissing = "approval_missing";
    /// The approver said no.
    ApprovalRefused = "approval_refused";
    /// The approval came too late.
    ApprovalExpired = "approval_expired";
    /// The approver failed or answered with something that is neither `True` nor `False`.
    ApprovalInvalid = "approval_invalid";
    /// Other rules asked each time the action was confirmed, until the rounds ran out.
    ApprovalChanged = "approval_changed";
    /// Only the operator may do this: it is asked from inside a running agent.
    ControlPlane = "control_plane";
    /// An argument names a file of the control plane (log, state store, policy), whatever the policy says.
    ProtectedPath = "protected_path";
    /// Runs are nested more deeply than the limit.
    RunTooDeep = "run_too_deep";
    /// Something failed inside the kernel; nothing passed.
    InternalError = "internal_error";
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn codes_are_unique_and_snake_case() {
        let mut codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
