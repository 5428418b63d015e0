//! Policies: from a normalised document to a decision.
//!
//! [`Bundle::compile`] understands a document completely or refuses it with every problem it has. [`decide`] is a
//! function of the bundle, the request and the state of the run, and of nothing else; what cannot be told is unknown,
//! and unknown counts against the caller. [`explain`] says the same rule by rule.
//!
//! Nothing here reads YAML, files or clocks, and nothing runs code that a policy brings along.

mod analysis;
mod bundle;
mod bundle_file;
mod condition;
mod decide;
mod diff;
mod document;
mod effect;
mod evaluate;
mod explain;
mod glob;
mod host;
mod index;
mod ip;
mod kleene;
mod limit;
mod lint;
mod mail;
mod narrowing;
mod normal;
mod operators;
mod parsed;
mod path;
mod path_name;
mod path_under;
mod pattern;
mod problem;
mod provenance;
mod reading;
mod shell;
mod sieve;
mod slots;
mod sql;
mod subject;
mod suggest;
mod text;
mod types;
mod url;
mod url_parts;

pub use bundle::{Bundle, RuleInfo};
pub use bundle_file::LoadError;
pub use decide::{Unknown, Verdict, decide, required};
pub use diff::{Change, Diff, Difference, LimitUse, Request, Side, Undecided, Used, diff};
pub use document::Source;
pub use effect::{Effect, Obligations, PathIx, Record, RuleEffect, RuleIx};
pub use explain::{Explanation, explain, explain_rules};
pub use kleene::Kleene;
pub use limit::{By, Limit, LimitCharge, Measure, Per, StatedUsage};
pub use lint::{Finding, Level, Lint, lint};
pub use narrowing::may_open;
pub use operators::{Family, Kind, OPERATORS, OperandShape, Operator};
pub use path::{RedactionRoot, RedactionStep, parse_redaction};
pub use pattern::{ActionPattern, NamePattern};
pub use problem::{Code, Problem};
pub use provenance::{Origin, OriginSet, Provenance};
pub use shell::{ProgramFacts, shell_programs};
pub use sql::StatementKind;
pub use subject::SubjectKey;
pub use text::fold;
pub use types::{ArgumentTypes, Known, ToolTypes};
pub use url_parts::{UrlParts, url_parts};

pub use crate::request::Subject;
