//! What may stand at a path: asked of a schema, in bounded time.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::ArgumentTypes;
use super::kinds::Kinds;
use super::shape::{ANY, NOTHING, Node, NodeIx, Shape};
use crate::policy::operators::Kind;
use crate::request::Segment;
use crate::value::Value;

/// Steps of one question, after which anything may stand there. Schemas share parts, so few parts can be many ways.
const STEPS: usize = 10_000;

/// Levels of schemas that look at one and the same value. A schema that is its own part ends here, too.
const LEVELS: usize = 64;

/// What may stand somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Node(NodeIx),
    Either(Vec<Place>),
    Both(Vec<Place>),
}

impl Place {
    const ANY: Self = Self::Node(ANY);
    const NOTHING: Self = Self::Node(NOTHING);

    fn either(places: impl Iterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for place in places {
            if place == Self::ANY {
                return Self::ANY;
            }
            if place != Self::NOTHING && !all.contains(&place) {
                all.push(place);
            }
        }
        match all.len() {
            0 => Self::NOTHING,
            1 => all.pop().unwrap_or(Self::NOTHING),
            _ => Self::Either(all),
        }
    }

    fn both(places: impl Iterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for place in places {
            if place == Self::NOTHING {
                return Self::NOTHING;
            }
            if place != Self::ANY && !all.contains(&place) {
                all.push(place);
            }
        }
        match all.len() {
            0 => Self::ANY,
            1 => all.pop().unwrap_or(Self::ANY),
            _ => Self::Both(all),
        }
    }
}

/// How a path goes into lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Items {
    /// By the place of an item, and no other way.
    ByPlace,
    /// Also into every item.
    Through,
}

/// A step from a value into it.
#[derive(Clone, Copy)]
enum Step<'s> {
    Segment(&'s Segment),
    /// Into any item of a list.
    Item,
}

impl ArgumentTypes {
    /// What an argument's path leads to; `None` if no arguments have it.
    pub(super) fn at(&self, path: &[Segment], items: Items) -> Option<Place> {
        if let (Some(names), Some(first)) = (&self.names, path.first()) {
            if !names.contains(first.key()) {
                return None;
            }
        }
        path.iter().try_fold(Place::Node(self.root), |place, segment| self.next(&place, segment, items))
    }

    fn next(&self, place: &Place, segment: &Segment, items: Items) -> Option<Place> {
        if items == Items::ByPlace {
            return self.step(place, segment);
        }
        let mut found = Vec::new();
        let mut here = Some(place.clone());
        for _ in 0..LEVELS {
            let Some(now) = here else { break };
            found.extend(self.step(&now, segment));
            here = self.items(&now);
        }
        // A list of lists of lists: deeper than this, anything may stand there.
        found.extend(here.map(|_| Place::ANY));
        Some(Place::either(found.into_iter())).filter(|place| *place != Place::NOTHING)
    }

    /// What a path leads to from a place.
    pub(super) fn from(&self, place: &Place, path: &[Segment]) -> Option<Place> {
        path.iter().try_fold(place.clone(), |place, segment| self.step(&place, segment))
    }

    fn step(&self, place: &Place, segment: &Segment) -> Option<Place> {
        Some(self.stepped(place, Step::Segment(segment), &Steps::new(), 0)).filter(|place| self.has_value(place))
    }

    /// What the items of a list are; `None` if there is no list that has any.
    pub(super) fn items(&self, place: &Place) -> Option<Place> {
        Some(self.stepped(place, Step::Item, &Steps::new(), 0)).filter(|place| self.has_value(place))
    }

    fn stepped(&self, place: &Place, step: Step<'_>, steps: &Steps, level: usize) -> Place {
        if steps.are_spent(level) {
            return Place::ANY;
        }
        match place {
            Place::Node(node) => match self.nodes.get(*node) {
                Some(Node::Any) | None => Place::ANY,
                Some(Node::Nothing) => Place::NOTHING,
                Some(Node::Shape(shape)) => shape.stepped(step),
                Some(Node::Either(nodes)) => {
                    Place::either(nodes.iter().map(|node| self.stepped(&Place::Node(*node), step, steps, level + 1)))
                }
                Some(Node::Both(nodes)) => {
                    Place::both(nodes.iter().map(|node| self.stepped(&Place::Node(*node), step, steps, level + 1)))
                }
            },
            Place::Either(places) => {
                Place::either(places.iter().map(|place| self.stepped(place, step, steps, level + 1)))
            }
            Place::Both(places) => Place::both(places.iter().map(|place| self.stepped(place, step, steps, level + 1))),
        }
    }

    /// True unless no value there has such a shape. What is not known has any.
    pub(super) fn admits(&self, place: &Place, fits: &dyn Fn(&Shape) -> bool) -> bool {
        self.admitted(place, fits, &Steps::new(), 0)
    }

    fn admitted(&self, place: &Place, fits: &dyn Fn(&Shape) -> bool, steps: &Steps, level: usize) -> bool {
        if steps.are_spent(level) {
            return true;
        }
        let admits = |place: &Place| self.admitted(place, fits, steps, level + 1);
        match place {
            Place::Node(node) => match self.nodes.get(*node) {
                Some(Node::Any) | None => true,
                Some(Node::Nothing) => false,
                Some(Node::Shape(shape)) => fits(shape),
                Some(Node::Either(nodes)) => nodes.iter().any(|node| admits(&Place::Node(*node))),
                Some(Node::Both(nodes)) => nodes.iter().all(|node| admits(&Place::Node(*node))),
            },
            Place::Either(places) => places.iter().any(admits),
            Place::Both(places) => places.iter().all(admits),
        }
    }

    fn has_value(&self, place: &Place) -> bool {
        self.admits(place, &|shape| !shape.kinds.is_empty())
    }

    /// The kinds that values there may have.
    pub(super) fn kinds(&self, place: &Place) -> Kinds {
        let has = |kind: Kind| self.admits(place, &|shape| shape.kinds.has(kind));
        Kind::ALL.iter().copied().filter(|kind| has(*kind)).fold(Kinds::NONE, Kinds::with)
    }

    /// Some of what may be there, for a message: the values that are listed, and the names of entries.
    pub(super) fn listed(&self, place: &Place) -> (Vec<&Value>, BTreeSet<&str>) {
        let mut found = (Vec::new(), BTreeSet::new());
        self.list(place, &mut found, &Steps::new(), 0);
        found
    }

    fn list<'t>(&'t self, place: &Place, found: &mut (Vec<&'t Value>, BTreeSet<&'t str>), steps: &Steps, level: usize) {
        if steps.are_spent(level) {
            return;
        }
        match place {
            Place::Node(node) => match self.nodes.get(*node) {
                Some(Node::Shape(shape)) => {
                    found.0.extend(shape.values.iter().flatten());
                    found.1.extend(shape.entries.keys().map(String::as_str));
                }
                Some(Node::Either(nodes) | Node::Both(nodes)) => {
                    nodes.iter().for_each(|node| self.list(&Place::Node(*node), found, steps, level + 1));
                }
                Some(Node::Any | Node::Nothing) | None => {}
            },
            Place::Either(places) | Place::Both(places) => {
                places.iter().for_each(|place| self.list(place, found, steps, level + 1));
            }
        }
    }

    /// The names that could stand where a path leads nowhere, and how many of its steps lead somewhere.
    pub(super) fn names_beside(&self, path: &[Segment], items: Items) -> (Vec<String>, usize) {
        let mut here = Place::Node(self.root);
        for (taken, segment) in path.iter().enumerate() {
            let is_closed = taken == 0 && self.names.as_ref().is_some_and(|names| !names.contains(segment.key()));
            match self.next(&here, segment, items).filter(|_| !is_closed) {
                Some(next) => here = next,
                None if taken == 0 => return (self.names.iter().flatten().cloned().collect(), 0),
                None => {
                    let inner = self.items(&here).filter(|_| items == Items::Through);
                    let names = self.listed(inner.as_ref().unwrap_or(&here)).1;
                    return (names.into_iter().map(str::to_owned).collect(), taken);
                }
            }
        }
        (Vec::new(), path.len())
    }
}

impl Shape {
    fn stepped(&self, step: Step<'_>) -> Place {
        let of_map = |key: &str| Place::Node(self.entries.get(key).copied().unwrap_or(self.rest));
        let of_list = |index: usize| Place::Node(self.first.get(index).copied().unwrap_or(self.items));
        let (in_map, in_list) = match step {
            Step::Segment(segment @ Segment::Key(_)) => (of_map(segment.key()), Place::NOTHING),
            Step::Segment(segment @ Segment::Index(index, _)) => (of_map(segment.key()), of_list(*index)),
            Step::Item => {
                let all = self.first.iter().chain([&self.items]).map(|node| Place::Node(*node));
                (Place::NOTHING, Place::either(all))
            }
        };
        let of_kind = |kind: Kind, place: Place| if self.kinds.has(kind) { place } else { Place::NOTHING };
        Place::either([of_kind(Kind::Map, in_map), of_kind(Kind::List, in_list)].into_iter())
    }
}

/// What is left of the steps of a question.
struct Steps(Cell<usize>);

impl Steps {
    fn new() -> Self {
        Self(Cell::new(STEPS))
    }

    /// Takes one; true if there was none, or if the question is too deep.
    fn are_spent(&self, level: usize) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left == 0 || level > LEVELS
    }
}
