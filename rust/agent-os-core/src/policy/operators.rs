//! The one table of operators: the compiler, the JSON Schema, the reference pages and the tests are made from it.

use super::suggest;

macro_rules! named {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $item_doc:literal])+ $variant:ident = $code:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[doc = $item_doc])+ $variant,)+
        }

        impl $name {
            /// Every one, in the order of declaration.
            pub const ALL: &[$name] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

named! {
    /// What a value is to an operator. An enumeration's member is its value.
    Kind {
        /// Null.
        Null = "null",
        /// True or false.
        Bool = "bool",
        /// A finite number of any type.
        Number = "number",
        /// Text; paths and UUIDs are read as their text.
        String = "string",
        /// Bytes.
        Bytes = "bytes",
        /// A date without a time.
        Date = "date",
        /// A date with a time.
        DateTime = "datetime",
        /// A list or a set.
        List = "list",
        /// A map.
        Map = "map",
    }
}

impl Kind {
    /// True if a policy can write such a value as an operand.
    #[must_use]
    pub(super) const fn is_scalar(self) -> bool {
        match self {
            Self::Null | Self::Bool | Self::Number | Self::String | Self::Date | Self::DateTime => true,
            Self::Bytes | Self::List | Self::Map => false,
        }
    }
}

named! {
    /// Operators that belong together on the reference page.
    Family {
        /// Any value.
        Any = "any",
        /// Text.
        String = "string",
        /// Numbers.
        Number = "number",
        /// Dates and instants.
        Time = "time",
        /// Lists, sets and maps.
        Collection = "collection",
        /// File paths.
        Path = "path",
        /// URLs.
        Url = "url",
        /// IP addresses.
        Ip = "ip",
        /// Shell commands.
        Shell = "shell",
        /// SQL.
        Sql = "sql",
        /// E-mail addresses.
        Email = "email",
        /// Where a value came from.
        Provenance = "provenance",
        /// Changes how its neighbours compare.
        Modifier = "modifier",
    }
}

named! {
    /// The form of an operand.
    OperandShape {
        /// Null, a boolean, number, string, date or datetime, or `{arg: args.path}`.
        ScalarOrArg = "scalar_or_arg",
        /// A non-empty list of scalars of one kind, or the name of a set as `$name`.
        ListOrSet = "list_or_set",
        /// `true` or `false`.
        Bool = "bool",
        /// `true` and nothing else.
        True = "true",
        /// A non-empty string, a non-empty list of such, or `{arg: args.path}`.
        StringsOrArg = "strings_or_arg",
        /// A non-empty string or non-empty list of such.
        Strings = "strings",
        /// A regular expression, or `{pattern: …, anchored: …}`.
        Pattern = "pattern",
        /// A number or `{arg: args.path}`.
        NumberOrArg = "number_or_arg",
        /// A date, a datetime with an offset, or `{arg: args.path}`.
        MomentOrArg = "moment_or_arg",
        /// A mapping of operators that take numbers.
        NumberTests = "number_tests",
        /// A mapping of operators, or a condition over `item`.
        ItemTests = "item_tests",
        /// A mapping of operators that take lists.
        ListTests = "list_tests",
        /// A non-empty list of leading words, or `{program: …, args: …, flags: …, targets: …, writes: …, sure: true}`.
        Command = "command",
        /// A mapping of operators that take lists, over kinds of statements.
        StatementTests = "statement_tests",
        /// A mapping of operators that take lists, over names in lower case.
        NameTests = "name_tests",
        /// A dialect of SQL.
        Dialect = "dialect",
        /// A non-empty list of origins.
        Origins = "origins",
        /// A glob or a non-empty list of such.
        Globs = "globs",
        /// A host, `.name` for those below it, or a non-empty list of such.
        Hosts = "hosts",
        /// A scheme of URLs or a non-empty list of such.
        Schemes = "schemes",
        /// A port or a non-empty list of such.
        Ports = "ports",
        /// A network, an address, or a non-empty list of such.
        Networks = "networks",
        /// The name of a file, without folders, or a non-empty list of such.
        FileNames = "file_names",
        /// A file extension without its dot or a non-empty list of such.
        Extensions = "extensions",
        /// Not settled: the operator is not supported by this version.
        Unsettled = "unsettled",
    }
}

/// One operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The key in a condition.
    pub name: &'static str,
    /// What it belongs to.
    pub family: Family,
    /// The form of its operand.
    pub operand: OperandShape,
    /// What it takes; a value of any other kind makes the condition unknown.
    pub accepts: &'static [Kind],
    /// What it means, in one line.
    pub doc: &'static str,
    /// False for an operator that the language reserves and this version refuses.
    pub supported: bool,
}

impl Operator {
    /// The operator of this name, supported or not.
    ///
    /// ```
    /// use agent_os_core::policy::Operator;
    /// assert_eq!(Operator::find("le").unwrap().operand.code(), "number_or_arg");
    /// assert!(Operator::find("lessthan").is_none());
    /// ```
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        OPERATORS.iter().find(|operator| operator.name == name)
    }
}

/// True for a key that is no test of its own: it changes how the tests beside it are read.
pub(super) fn is_modifier(name: &str) -> bool {
    Operator::find(name).is_some_and(|operator| operator.family == Family::Modifier)
}

/// What other tools call these operators, for hints.
const ALIASES: &[(&str, &str)] = &[
    ("==", "eq"),
    ("equals", "eq"),
    ("is", "eq"),
    ("!=", "ne"),
    ("neq", "ne"),
    ("not", "ne"),
    ("<", "lt"),
    ("<=", "le"),
    ("lte", "le"),
    ("max", "le"),
    (">", "gt"),
    (">=", "ge"),
    ("gte", "ge"),
    ("min", "ge"),
    ("one_of", "in"),
    ("any_of", "in"),
    ("exists", "present"),
    ("prefix", "starts_with"),
    ("suffix", "ends_with"),
    ("regex", "matches"),
    ("pattern", "matches"),
    ("len", "length"),
    ("all", "each"),
    ("any", "some"),
    ("within", "under"),
    ("hostname", "host"),
    ("protocol", "scheme"),
    ("cidr", "network"),
    ("subnet", "network"),
    ("ext", "extension"),
    ("basename", "name"),
    ("filename", "name"),
    ("wildcard", "glob"),
    ("fnmatch", "glob"),
];

/// What a person who wrote this name may have meant.
pub(super) fn hint(written: &str) -> String {
    match ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(written)) {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => {
            suggest::hint(written, OPERATORS.iter().filter(|operator| operator.supported).map(|operator| operator.name))
        }
    }
}

use Family as F;
use Kind as K;
use OperandShape as S;

const SCALARS: &[Kind] = &[K::Null, K::Bool, K::Number, K::String, K::Date, K::DateTime];
const MOMENTS: &[Kind] = &[K::Date, K::DateTime, K::String];

const fn operator(
    name: &'static str,
    family: Family,
    operand: OperandShape,
    accepts: &'static [Kind],
    doc: &'static str,
) -> Operator {
    Operator { name, family, operand, accepts, doc, supported: true }
}

/// Every operator, those that this version refuses included.
pub const OPERATORS: &[Operator] = &[
    operator("eq", F::Any, S::ScalarOrArg, K::ALL, "equals; another kind is unknown, not unequal"),
    operator("ne", F::Any, S::ScalarOrArg, K::ALL, "differs; another kind is unknown, not unequal"),
    operator("in", F::Any, S::ListOrSet, SCALARS, "equals one of the list"),
    operator("not_in", F::Any, S::ListOrSet, SCALARS, "equals none of the list"),
    operator("present", F::Any, S::Bool, K::ALL, "is there (null is there), or is not; never unknown"),
    operator("starts_with", F::String, S::StringsOrArg, &[K::String], "starts with one of the texts"),
    operator("ends_with", F::String, S::StringsOrArg, &[K::String], "ends with one of the texts"),
    operator(
        "contains",
        F::String,
        S::ScalarOrArg,
        &[K::String, K::List],
        "a text contains the text, or a list has an item that equals the operand",
    ),
    operator("matches", F::String, S::Pattern, &[K::String], "matches the whole text, in linear time"),
    operator(
        "glob",
        F::String,
        S::Globs,
        &[K::String],
        "fits one of the globs, whole; `*` and `?` do not cross `/`, `**` does; a text with a part `.` or `..` is unknown",
    ),
    operator("length", F::String, S::NumberTests, &[K::String], "the number of code points passes the tests"),
    operator("lt", F::Number, S::NumberOrArg, &[K::Number], "is less, exactly"),
    operator("le", F::Number, S::NumberOrArg, &[K::Number], "is less or equal, exactly"),
    operator("gt", F::Number, S::NumberOrArg, &[K::Number], "is greater, exactly"),
    operator("ge", F::Number, S::NumberOrArg, &[K::Number], "is greater or equal, exactly"),
    operator("before", F::Time, S::MomentOrArg, MOMENTS, "is strictly earlier"),
    operator("after", F::Time, S::MomentOrArg, MOMENTS, "is strictly later"),
    operator("size", F::Collection, S::NumberTests, &[K::List, K::Map], "the number of items passes the tests"),
    operator(
        "each",
        F::Collection,
        S::ItemTests,
        &[K::List],
        "every item passes; of an empty list it is unknown, because nothing was shown",
    ),
    operator("some", F::Collection, S::ItemTests, &[K::List], "at least one item passes; of an empty list it is false"),
    operator("keys", F::Collection, S::ListTests, &[K::Map], "the list of the map's keys passes the tests"),
    operator(
        "under",
        F::Path,
        S::Strings,
        &[K::String],
        "the path, normalised, is one of these or lies inside one; an odd spelling is unknown",
    ),
    operator(
        "name",
        F::Path,
        S::FileNames,
        &[K::String],
        "the last segment of the path, normalised as for `under`, is one of these",
    ),
    operator(
        "extension",
        F::Path,
        S::Extensions,
        &[K::String],
        "the last segment ends in a dot and one of these, after at least one other character",
    ),
    operator("scheme", F::Url, S::Schemes, &[K::String], "the scheme of the URL is one of these"),
    operator(
        "host",
        F::Url,
        S::Hosts,
        &[K::String],
        "the host of the URL is one of these, or lies below one that starts with a dot",
    ),
    operator(
        "port",
        F::Url,
        S::Ports,
        &[K::String],
        "the port of the URL, written or the scheme's own, is one of these",
    ),
    operator(
        "private_address",
        F::Url,
        S::Bool,
        &[K::String],
        "the host of the URL is not on the public internet, by its number in any spelling or by its name, or is",
    ),
    operator("network", F::Ip, S::Networks, &[K::String], "the IP address lies in one of the networks"),
    operator(
        "domain",
        F::Email,
        S::Hosts,
        &[K::String],
        "the domain of the e-mail address is one of these, or lies below one that starts with a dot",
    ),
    operator(
        "programs",
        F::Shell,
        S::ListTests,
        &[K::String],
        "the list of every program that the shell command reaches passes the tests; what cannot be told is unknown",
    ),
    operator(
        "command",
        F::Shell,
        S::Command,
        &[K::String],
        "the shell command runs this; it may, if that cannot be told: unknown",
    ),
    operator(
        "writes",
        F::Shell,
        S::ListTests,
        &[K::String],
        "the list of the files that the shell command writes or removes passes the tests; what cannot be told is unknown",
    ),
    operator(
        "redirects",
        F::Shell,
        S::ListTests,
        &[K::String],
        "the list of the files that redirections (`>` and the like) of the shell command write passes the tests; what cannot be told is unknown",
    ),
    operator(
        "has_substitution",
        F::Shell,
        S::Bool,
        &[K::String],
        "the shell command runs others inside of its words (`$(…)`, backquotes, `<(…)`), or does not",
    ),
    operator(
        "seen_in",
        F::Provenance,
        S::Origins,
        &[K::String, K::Number],
        "occurs, as whole tokens, in text of one of the origins",
    ),
    operator(
        "not_seen_in",
        F::Provenance,
        S::Origins,
        &[K::String, K::Number],
        "occurs in no text of these origins; a trip-wire that re-encoding passes",
    ),
    operator("ignore_case", F::Modifier, S::True, &[], "text comparisons beside it ignore case"),
    operator(
        "statements",
        F::Sql,
        S::StatementTests,
        &[K::String],
        "the list of the kinds of all statements passes the tests",
    ),
    operator("tables", F::Sql, S::NameTests, &[K::String], "the list of the tables that are named passes the tests"),
    operator(
        "functions",
        F::Sql,
        S::NameTests,
        &[K::String],
        "the list of the functions that are called passes the tests",
    ),
    operator(
        "has_where",
        F::Sql,
        S::Bool,
        &[K::String],
        "whatever changes or removes rows has a condition that is not the same for all of them",
    ),
    operator("dialect", F::Modifier, S::Dialect, &[], "how the operators on SQL beside it read the text"),
];

#[cfg(test)]
mod tests {
    use super::{ALIASES, OPERATORS, OperandShape, Operator, hint};

    #[test]
    fn an_alias_is_no_operator_and_leads_to_one() {
        for (alias, name) in ALIASES {
            assert!(Operator::find(alias).is_none() && Operator::find(name).is_some_and(|found| found.supported));
        }
        assert_eq!(hint("LTE"), "did you mean `le`?");
        assert_eq!(hint("start_with"), "did you mean `starts_with`?");
    }

    #[test]
    fn names_are_unique_and_the_reserved_are_unsettled() {
        let mut names: Vec<&str> = OPERATORS.iter().map(|operator| operator.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATORS.len());
        for operator in OPERATORS {
            assert_eq!(operator.supported, operator.operand != OperandShape::Unsettled, "{}", operator.name);
        }
    }
}
