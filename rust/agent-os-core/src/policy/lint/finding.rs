//! What can be found: the one table of codes.

use crate::policy::document::Source;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The policy does not do what it says it does.
    Error,
    /// It probably does not do what was meant.
    Warning,
    /// It could be said better.
    Info,
}

impl Level {
    /// `error`, `warning` or `info`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

macro_rules! lints {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $level:ident;)+) => {
        /// A stable code for one kind of finding. Codes are never reused for another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Lint {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Lint {
            /// Every code, in the order of declaration.
            pub const ALL: &[Lint] = &[$(Self::$variant),+];

            /// The stable snake_case code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// How bad it is.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level,)+ }
            }

            /// What the code means, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

lints! {
    /// An allow is guarded by nothing but `not_seen_in`, which a re-encoded value passes.
    TripWireGuard = "trip_wire_guard", Error;
    /// The conditions of the rule can never let it apply.
    DeadRule = "dead_rule", Warning;
    /// An allow or ask can never decide: a stronger rule applies wherever it does.
    ShadowedRule = "shadowed_rule", Warning;
    /// Two rules of different effects apply to the very same requests, so the weaker one never decides.
    ContradictoryRules = "contradictory_rules", Warning;
    /// The absence of an argument permits: a `?` below `not` or `unless` of an allow, or with `ne` or `not_in` in a deny or ask.
    AbsencePermits = "absence_permits", Warning;
    /// An allow is for every action, or for all of the kernel's own, without a condition.
    OverBroadAllow = "over_broad_allow", Warning;
    /// What no rule names is allowed.
    DefaultAllow = "default_allow", Warning;
    /// A regular expression says what a typed operator says better.
    RegexForOperator = "regex_for_operator", Warning;
    /// Rules or conditions are too many to be compared with one another, so some of these findings may be missing.
    NotCompared = "not_compared", Info;
    /// Another rule of the same effect applies wherever this one does.
    RedundantRule = "redundant_rule", Info;
    /// A deny or ask has no `message` for the person who meets it.
    NoMessage = "no_message", Info;
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of finding.
    pub lint: Lint,
    /// The rule's id; none for the bundle as a whole.
    pub rule: Option<String>,
    /// The other rule that it is about, if there is one.
    pub other: Option<String>,
    /// The path of the condition that it is about, if it is about one.
    pub path: Option<String>,
    /// Why, with the reader's own words in backticks.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// Where the rule was written.
    pub source: Option<Source>,
}

impl Finding {
    pub(super) fn new(
        lint: Lint,
        rule: Option<&str>,
        path: Option<&str>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            lint,
            rule: rule.map(str::to_owned),
            other: None,
            path: path.map(str::to_owned),
            message: message.into(),
            hint: hint.into(),
            source: None,
        }
    }

    pub(super) fn about(self, other: &str) -> Self {
        Self { other: Some(other.to_owned()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::Lint;

    #[test]
    fn codes_are_unique_and_snake_case() {
        let mut codes: Vec<&str> = Lint::ALL.iter().map(|lint| lint.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Lint::ALL.len());
    }
}
