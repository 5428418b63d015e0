//! What a decision reads: who asks, what is asked, and the state of the run. All of it is given; nothing is fetched.

use std::borrow::Cow;
use std::fmt;

use crate::amount::Amount;
use crate::policy::{Provenance, RuleIx};
use crate::value::{Value, shown_key};

/// One step of a path into the arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// A key of a map.
    Key(String),
    /// A place in a list, counted from 0; on a map, the key spelt so.
    Index(usize, String),
}

impl Segment {
    /// The step's text as a key.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Key(key) | Self::Index(_, key) => key,
        }
    }
}

/// A path into the arguments, and its place in its bundle's table of paths, so that a reader can keep what it made of
/// the path (interned keys, say) at the same place of a table of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentPath {
    /// The place in the bundle's table.
    pub index: usize,
    /// The steps; never empty.
    pub segments: Vec<Segment>,
}

/// What reading a path came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// Nothing is there.
    Missing,
    /// A step goes into something that is neither a map nor a list.
    Mistyped,
    /// Something is there that cannot be read: over a limit, not UTF-8, or of a type that is not accepted.
    Malformed,
    /// What is there.
    Item(T),
}

/// A value as an operator sees it.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A float, NaN and infinities included.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// Anything else, or any of the above.
    Value(Cow<'a, Value>),
}

/// Arguments that are read path by path, at most once each.
pub trait Arguments {
    /// A handle to what a path leads to.
    type Item;

    /// Follows a path.
    fn get(&self, path: &ArgumentPath) -> Found<Self::Item>;

    /// Reads what was found.
    fn view<'i>(&self, item: &'i Self::Item) -> Found<View<'i>>;

    /// Shows every text of the arguments, at any depth: strings, paths, bytes as UTF-8, and keys of maps. It ends at the
    /// first that passes, and gives the path of that argument; for a key, the path of its map. A plain word that is the
    /// name of an argument ([`is_argument_name`]) does not count.
    fn find_text(&self, passes: &impl Fn(&str) -> bool) -> Option<String>;
}

impl<'v> Arguments for &'v Value {
    type Item = &'v Value;

    fn get(&self, path: &ArgumentPath) -> Found<&'v Value> {
        let mut value: &'v Value = self;
        for segment in &path.segments {
            let next = match (value.transparent(), segment) {
                (Value::Map(entries), segment) => entries.get(segment.key()),
                (Value::List(items), Segment::Index(index, _)) => items.get(*index),
                (Value::List(_), Segment::Key(_)) => return Found::Mistyped,
                _ => return Found::Mistyped,
            };
            match next {
                Some(next) => value = next,
                None => return Found::Missing,
            }
        }
        Found::Item(value)
    }

    fn view<'i>(&self, item: &'i &'v Value) -> Found<View<'i>> {
        Found::Item(View::Value(Cow::Borrowed(item)))
    }

    fn find_text(&self, passes: &impl Fn(&str) -> bool) -> Option<String> {
        let Value::Map(entries) = self else { return self.find_text_below("args", passes) };
        entries.iter().find_map(|(name, value)| {
            if passes(name) && !is_argument_name(name) {
                return Some("args".to_owned());
            }
            value.find_text_below("", passes).map(|below| format!("args.{}{below}", shown_key(name)))
        })
    }
}

/// True for the name of an argument that is a word and nothing else: the tool's author chose it, and it says no place.
#[must_use]
pub fn is_argument_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Who asks, as the kernel knows it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The agent's stable name.
    pub id: &'a str,
    /// The agent's roles.
    pub roles: &'a [String],
}

/// The state of the run that asks.
#[derive(Clone, Copy, Debug)]
pub struct RunState<'a> {
    // INVARIANT: sorted, without repeats.
    /// Marks on the data that the run has seen.
    pub labels: &'a [String],
    /// Actions that this run, and the runs below it, have had allowed so far.
    pub calls: u64,
    /// Runs above this one.
    pub depth: u32,
    /// The agent of the run above, if there is one.
    pub parent: Option<&'a str>,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub now_micros: i64,
    /// The text that the run has seen, by origin.
    pub provenance: &'a Provenance,
    /// What is used of limits.
    pub usage: &'a dyn Usage,
}

/// What is used of the limits of rules. It is asked only about rules that have one, and whose other conditions hold.
pub trait Usage: fmt::Debug {
    /// How much of the rule's limit is used, for whoever has used the most of those that the request is charged to;
    /// `None` if that cannot be told.
    fn used(&self, rule: RuleIx) -> Option<Amount>;
}

impl<'a> RunState<'a> {
    /// A run that was just started by the operator, in 1970, and has used nothing; change what is different.
    #[must_use]
    pub fn start(provenance: &'a Provenance) -> Self {
        Self { labels: &[], calls: 0, depth: 0, parent: None, now_micros: 0, provenance, usage: &Unused }
    }
}

/// Nothing is used.
#[derive(Clone, Copy, Debug)]
pub struct Unused;

impl Usage for Unused {
    fn used(&self, _rule: RuleIx) -> Option<Amount> {
        Some(Amount::ZERO)
    }
}
