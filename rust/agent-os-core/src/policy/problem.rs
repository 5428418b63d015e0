//! What can be wrong with a policy document: the one table of codes, and the collected problems.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal;)+) => {
        /// A stable code for one kind of mistake. Codes are never reused for another meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of declaration.
            pub const ALL: &[Code] = &[$(Self::$variant),+];

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

codes! {
    /// A value of another type is expected here.
    WrongType = "wrong_type";
    /// A key that must be there is missing.
    MissingKey = "missing_key";
    /// The language has no such key.
    UnknownKey = "unknown_key";
    /// The language has it, and this version does not do it yet.
    NotSupported = "not_supported";
    /// The document is not of a version that is understood.
    BadVersion = "bad_version";
    /// A name, role, label or rule id is outside its grammar.
    BadName = "bad_name";
    /// Two rules have the same id.
    DuplicateId = "duplicate_id";
    /// No such effect, default or record level.
    BadEffect = "bad_effect";
    /// An action pattern is outside its grammar.
    BadAction = "bad_action";
    /// An agent pattern is outside its grammar.
    BadAgent = "bad_agent";
    /// A path is outside its grammar.
    BadPath = "bad_path";
    /// No such operator.
    UnknownOperator = "unknown_operator";
    /// The operator can never take what stands at this path.
    WrongOperator = "wrong_operator";
    /// The operand has another form than the operator's.
    BadOperand = "bad_operand";
    /// The regular expression cannot be compiled, or is too large.
    BadRegex = "bad_regex";
    /// The glob is not whole, or is too large.
    BadGlob = "bad_glob";
    /// The members of a list or set are of several kinds.
    MixedKinds = "mixed_kinds";
    /// No set of that name is defined.
    UnknownSet = "unknown_set";
    /// Something is empty that would then hold for everything or nothing.
    Empty = "empty";
    /// The key is known, and does nothing here.
    MisplacedKey = "misplaced_key";
    /// A bound on the size of policies is exceeded.
    TooLarge = "too_large";
    /// Conditions are nested too deeply.
    TooDeep = "too_deep";
    /// What stands under `tools` is no JSON Schema of arguments.
    BadSchema = "bad_schema";
    /// No action that the rule is for has this argument, by their schemas.
    UnknownArgument = "unknown_argument";
    /// The argument never has this value, by the schema.
    UnknownValue = "unknown_value";
}

/// One mistake in a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a JSON pointer into the document (RFC 6901).
    pub pointer: String,
    /// What kind of mistake.
    pub code: Code,
    /// What is wrong, with the reader's own words in backticks.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}; {}", self.pointer, self.message, self.hint)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_unique_and_snake_case() {
        let mut codes: Vec<&str> = Code::ALL.iter().map(|code| code.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
