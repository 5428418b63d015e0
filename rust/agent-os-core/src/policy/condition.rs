//! Conditions after they were read: typed, so that evaluating them can meet no surprise.

use std::cmp::Ordering;

use ipnet::IpNet;
use rustc_hash::FxHashSet;

use super::effect::PathIx;
use super::host::HostPattern;
use super::operators::Kind;
use super::path::Input;
use super::path_name::NameTest;
use super::path_under::Base;
use super::provenance::OriginSet;
use super::reading::Moment;
use super::shell::CommandTest;
use super::sql::{Dialect, Part};
use super::text::Pattern;
use super::url::UrlTest;
use crate::number::Number;
use crate::request::Segment;
use crate::value::Value;

/// A condition.
#[derive(Debug)]
pub(super) enum Condition {
    All(Box<[Condition]>),
    Any(Box<[Condition]>),
    Not(Box<Condition>),
    Leaf(Leaf),
}

impl Condition {
    /// True if it depends on the time.
    pub(super) fn reads_time(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::reads_time),
            Self::Not(inner) => inner.reads_time(),
            // What `each` and `some` look at are items and nothing else.
            Self::Leaf(leaf) => matches!(leaf.source, Source::Input(input) if input.is_time()),
        }
    }
}

/// Tests on what one path leads to.
#[derive(Debug)]
pub(super) struct Leaf {
    /// What is named when the leaf is unknown: inside `each` and `some`, the path of the list.
    pub(super) path: PathIx,
    pub(super) source: Source,
    /// Absence makes the leaf false, rather than unknown.
    pub(super) if_present: bool,
    pub(super) tests: Tests,
}

/// Where a leaf reads from.
#[derive(Debug)]
pub(super) enum Source {
    Argument(PathIx),
    Input(Input),
    /// The item that `each` or `some` looks at, and the way from there.
    Item(Box<[Segment]>),
}

/// Tests that hold together. What explanations say of them is kept apart from what decisions read.
#[derive(Debug)]
pub(super) struct Tests {
    pub(super) checks: Box<[Check]>,
    // INVARIANT: of the same length.
    words: Box<[Words]>,
}

/// How a test was written.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) operator: &'static str,
    /// Shortened.
    pub(super) operand: Box<str>,
}

impl Tests {
    pub(super) fn new(tests: Vec<(Check, Words)>) -> Self {
        let (checks, words): (Vec<Check>, Vec<Words>) = tests.into_iter().unzip();
        Self { checks: checks.into(), words: words.into() }
    }

    pub(super) fn with_words(&self) -> impl Iterator<Item = (&Check, &Words)> {
        self.checks.iter().zip(&self.words)
    }
}

/// What a test does.
#[derive(Debug)]
pub(super) enum Check {
    Equals { operand: Operand, negate: bool, ignore_case: bool },
    OneOf { members: Members, negate: bool, ignore_case: bool },
    Present(bool),
    StartsWith { parts: Parts, ignore_case: bool },
    EndsWith { parts: Parts, ignore_case: bool },
    Contains { operand: Operand, ignore_case: bool },
    Matches(Pattern),
    Length(Tests),
    Order { operand: NumberOperand, accepted: Accepted },
    Time { operand: MomentOperand, accepted: Ordering },
    Size(Tests),
    Each(ItemCheck),
    Some(ItemCheck),
    Keys(Tests),
    Glob(Box<[Pattern]>),
    Under(Box<[Base]>),
    Name(NameTest),
    Url(UrlTest),
    Network(Box<[IpNet]>),
    Domain(Box<[HostPattern]>),
    Sql { part: Part, dialect: Dialect, tests: Tests },
    HasWhere { expected: bool, dialect: Dialect },
    SeenIn { origins: OriginSet, negate: bool },
    Shell(ShellCheck),
}

/// What a shell command is asked.
#[derive(Debug)]
pub(super) enum ShellCheck {
    Programs(Tests),
    Writes(Tests),
    Redirects(Tests),
    HasSubstitution(bool),
    Command(Box<CommandTest>),
}

/// What is done to each item of a list.
#[derive(Debug)]
pub(super) enum ItemCheck {
    Tests(Tests),
    Condition(Condition),
}

/// A scalar, or what another path leads to.
#[derive(Debug)]
pub(super) enum Operand {
    Literal(Value),
    Argument(PathIx),
}

#[derive(Debug)]
pub(super) enum NumberOperand {
    Literal(Number),
    Argument(PathIx),
}

#[derive(Debug)]
pub(super) enum MomentOperand {
    Literal(Moment),
    Argument(PathIx),
}

/// Texts of which one is enough. With `ignore_case` they are folded.
#[derive(Debug)]
pub(super) enum Parts {
    Literal(Box<[Box<str>]>),
    Argument(PathIx),
}

/// Orders that a comparison accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) less: bool,
    pub(super) equal: bool,
    pub(super) greater: bool,
}

impl Accepted {
    pub(super) fn holds(self, order: Ordering) -> bool {
        match order {
            Ordering::Less => self.less,
            Ordering::Equal => self.equal,
            Ordering::Greater => self.greater,
        }
    }
}

/// From this many members on, a list is searched by hash or by halving.
const MANY: usize = 8;

/// The members of a list, all of one kind.
#[derive(Debug)]
pub(super) enum Members {
    /// With `ignore_case`, folded.
    Texts(FxHashSet<Box<str>>),
    /// As few as are found faster one by one; with `ignore_case`, folded.
    FewTexts(Box<[Box<str>]>),
    // INVARIANT: ascending.
    Numbers(Box<[Number]>),
    Few(Box<[Value]>),
}

impl Members {
    /// `kind` is the kind of all of them.
    pub(super) fn new(values: Vec<Value>, kind: Kind) -> Self {
        match kind {
            Kind::String if values.len() >= MANY => {
                Self::Texts(values.iter().filter_map(|value| value.as_text().map(Into::into)).collect())
            }
            Kind::String => Self::FewTexts(values.iter().filter_map(|value| value.as_text().map(Into::into)).collect()),
            Kind::Number if values.len() >= MANY => {
                let mut numbers: Vec<Number> = values
                    .into_iter()
                    .filter_map(|value| match value {
                        Value::Number(number) => Some(number),
                        _ => None,
                    })
                    .collect();
                numbers.sort_by(Number::compare);
                Self::Numbers(numbers.into())
            }
            _ => Self::Few(values.into()),
        }
    }
}
