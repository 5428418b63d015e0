//! What a schema says of one value, in a form that can be asked.

use std::collections::BTreeMap;

use super::kinds::Kinds;
use crate::value::Value;

/// The place of a node among those of its schema.
pub(super) type NodeIx = usize;

/// Nothing is known of the value.
pub(super) const ANY: NodeIx = 0;
/// No value is allowed.
pub(super) const NOTHING: NodeIx = 1;

/// A schema that was read. Every node allows at least what its schema allows.
#[derive(Debug)]
pub(super) enum Node {
    Any,
    Nothing,
    Shape(Box<Shape>),
    /// One of them holds; also a reference, to one.
    Either(Vec<NodeIx>),
    /// All of them hold.
    Both(Vec<NodeIx>),
}

/// What is said of a value by its kind.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kinds: Kinds,
    /// A number is an integer.
    pub(super) is_whole: bool,
    /// The only values that there are, each a scalar.
    pub(super) values: Option<Vec<Value>>,
    /// Of a map.
    pub(super) entries: BTreeMap<String, NodeIx>,
    /// The entries of a map that are not named.
    pub(super) rest: NodeIx,
    /// The first items of a list.
    pub(super) first: Vec<NodeIx>,
    /// The items of a list after those.
    pub(super) items: NodeIx,
}

impl Shape {
    /// A value of one of these kinds, of which nothing else is known.
    pub(super) fn of(kinds: Kinds) -> Self {
        Self {
            kinds,
            is_whole: false,
            values: None,
            entries: BTreeMap::new(),
            rest: ANY,
            first: Vec::new(),
            items: ANY,
        }
    }
}
