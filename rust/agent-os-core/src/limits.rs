//! The one table of bounds on what the kernel reads.

/// One bound: its name in documents and messages, its value and what it bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Stable snake_case name.
    pub name: &'static str,
    /// The largest value that is accepted.
    pub value: usize,
    /// What is counted, with its unit.
    pub doc: &'static str,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident = $value:expr;)+) => {
        $($(#[doc = $doc])+ pub const $name: usize = $value;)+

        /// Every bound, in the order of declaration: docs and tests are made from it.
        pub const TABLE: &[Limit] = &[$(Limit {
            name: stringify!($name),
            value: $value,
            doc: concat!($($doc),+),
        }),+];
    };
}

limits! {
    /// Levels of lists and maps inside one argument.
    DEPTH = 32;
    /// Values of all levels in the arguments of one request.
    ITEMS = 10_000;
    /// Bytes of the canonical form of all arguments of one request.
    CANONICAL_BYTES = 1_048_576;
    /// UTF-8 bytes of one string or map key, and bytes of one bytes value.
    STRING_BYTES = 1_048_576;
    /// Decimal digits of one integer or decimal.
    DIGITS = 1_000;
    /// Magnitude of the exponent of one decimal.
    EXPONENT = 10_000;
    /// Bytes of an action.
    ACTION_BYTES = 256;
    /// Bytes of one segment of an action.
    ACTION_SEGMENT_BYTES = 64;
    /// Bytes of an agent's id, a role or a label.
    NAME_BYTES = 128;
    /// Bytes of one file of rules.
    POLICY_FILE_BYTES = 4_194_304;
    /// Rules of one bundle.
    RULES = 100_000;
    /// Bytes of a regular expression in a policy.
    PATTERN_BYTES = 1_000;
    /// Bytes of a compiled regular expression.
    PATTERN_COMPILED_BYTES = 1_048_576;
    /// Bytes of text of one run that provenance conditions can see.
    RUN_TEXT_BYTES = 4_194_304;
    /// Bytes of a value that a provenance condition looks for.
    SEEN_VALUE_BYTES = 4_096;
    /// Bytes of a path that `under` normalises.
    PATH_BYTES = 4_096;
    /// Cases that a proof about rules looks at before it is given up.
    PROOF_CASES = 256;
    /// Requests that one comparison of policies tries.
    DIFF_REQUESTS = 100_000;
    /// Requests that one comparison of policies tries for one rule.
    DIFF_REQUESTS_PER_RULE = 2_000;
    /// Pairs of rules that one check for mistakes compares.
    LINT_PAIRS = 200_000;
    /// Bytes of a URL that the operators of URLs read.
    URL_BYTES = 8_192;
    /// Bytes of a shell command that is analysed.
    SHELL_BYTES = 16_384;
    /// Levels of scripts and substitutions inside one another in a shell command, and of its parentheses.
    SHELL_NESTING = 8;
    /// Programs that one shell command reaches.
    SHELL_PROGRAMS = 1_000;
    /// Seconds that a limit may count for.
    LIMIT_SECONDS = 31_622_400;
    /// Processes that may be nested in one run.
    RUN_DEPTH = 64;
    /// Bytes of a text of SQL that is read.
    SQL_BYTES = 65_536;
    /// Tokens of a text of SQL, spaces and comments left out.
    SQL_TOKENS = 4_096;
    /// Levels of parentheses and of other nesting in a text of SQL.
    SQL_DEPTH = 24;
    /// Operators and keywords that can follow one another in a text of SQL without a comma, and all of `UNION` and its like.
    SQL_CHAIN = 256;
    /// Statements of a text of SQL.
    SQL_STATEMENTS = 64;
    /// Parts of the schema of one action's arguments; of a larger one nothing is known.
    SCHEMA_PARTS = 10_000;
}
