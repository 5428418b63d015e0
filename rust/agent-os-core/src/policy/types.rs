//! Types of arguments: what the JSON Schema of an action says about them, and the rules that do not fit it.
//!
//! [`ArgumentTypes`] is one action's schema, [`ToolTypes`] are those of several. A rule does not fit if no argument that
//! a schema allows could ever tell what the rule asks: the path leads nowhere, or the operator takes nothing that stands
//! there. Nothing is claimed of what is not known: a schema that says little types little. Values are not checked
//! against schemas here or anywhere; a decision does not know them.

mod kinds;
mod operands;
mod place;
mod rules;
mod schema;
mod shape;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bundle::Bundle;
use super::document::Problems;
use super::effect::RuleIx;
use super::problem::{Code, Problem};
use crate::action;
use crate::value::Value;
use shape::{Node, NodeIx};

/// What is known of the arguments of one action.
#[derive(Debug)]
pub struct ArgumentTypes {
    // INVARIANT: the first two are those of `shape::ANY` and `shape::NOTHING`.
    nodes: Vec<Node>,
    root: NodeIx,
    /// The only arguments that there are; `None` if there may be others.
    names: Option<BTreeSet<String>>,
}

impl ArgumentTypes {
    /// Reads the JSON Schema of an action's arguments, which is that of one object.
    ///
    /// ```
    /// use agent_os_core::{canonical::parse_json, policy::ArgumentTypes};
    /// let schema = parse_json(br#"{"type": "object", "properties": {"amount": {"type": "number"}}}"#)?;
    /// assert!(ArgumentTypes::read(&schema).is_ok());
    /// let odd = parse_json(br#"{"type": "object", "properties": {"amount": {"type": "money"}}}"#)?;
    /// assert_eq!(ArgumentTypes::read(&odd).unwrap_err()[0].pointer, "/properties/amount/type");
    /// # Ok::<(), agent_os_core::canonical::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// Everything in it that is no JSON Schema. A keyword that is not known here says nothing, as JSON Schema has it.
    pub fn read(schema: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        match schema::read(schema, &mut problems) {
            Some(types) => Ok(types),
            None => Err(problems.into_vec()),
        }
    }
}

/// What is known of the arguments of several actions.
#[derive(Clone, Debug, Default)]
pub struct ToolTypes {
    by_action: BTreeMap<String, Arc<ArgumentTypes>>,
}

/// Whether the actions that are known may be all that a pattern is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Someone listed the tools: what no listed one takes, and looks like what one takes, is a mistake.
    Stated,
    /// Tools come one by one: of a pattern, nothing can be said before the last one is there.
    SoFar,
}

impl ToolTypes {
    /// Reads a mapping from actions to JSON Schemas.
    ///
    /// # Errors
    /// Every problem, with its place in the mapping.
    pub fn read(tools: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        match Self::read_into(tools, &mut problems) {
            Some(types) => Ok(types),
            None => Err(problems.into_vec()),
        }
    }

    pub(super) fn read_into(tools: &Value, problems: &mut Problems) -> Option<Self> {
        let Value::Map(entries) = tools else {
            problems.wrong_type(
                tools,
                "a mapping from actions to JSON Schemas",
                "write `payments.send: {type: object, …}`",
            );
            return None;
        };
        let mut found = Self::default();
        for (name, schema) in entries {
            problems.push(name);
            if let Err(fault) = action::check(name) {
                let hint = "a schema is of one action: write its name without `*`";
                problems.add(
                    Code::BadAction,
                    format!("`{}` is not an action: {fault}", wording::shortened(name)),
                    hint,
                );
            } else if let Some(types) = schema::read(schema, problems) {
                found.insert(name, Arc::new(types));
            }
            problems.pop();
        }
        (found.by_action.len() == entries.len()).then_some(found)
    }

    /// Adds an action, or gives it another schema; returns the one that it had.
    pub fn insert(&mut self, action: &str, types: Arc<ArgumentTypes>) -> Option<Arc<ArgumentTypes>> {
        self.by_action.insert(action.to_owned(), types)
    }

    /// Undoes what [`ToolTypes::insert`] did, by what that returned.
    pub fn put_back(&mut self, action: &str, before: Option<Arc<ArgumentTypes>>) {
        match before {
            Some(types) => self.by_action.insert(action.to_owned(), types),
            None => self.by_action.remove(action),
        };
    }

    /// True if no action is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_action.is_empty()
    }

    /// Every place of a document's rules that does not fit; pointers are into the document. What is no rule is passed
    /// over: compiling says that.
    #[must_use]
    pub fn check_document(&self, document: &Value, known: Known) -> Vec<Problem> {
        let rules = match document.get("rules") {
            Some(Value::List(rules)) => rules.as_slice(),
            _ => &[],
        };
        rules::check(self, document, rules.iter().enumerate(), known)
    }
}

impl Bundle {
    /// Every place of the rules that does not fit the schemas of the tools; pointers are into [`Bundle::document`].
    ///
    /// ```
    /// use agent_os_core::{canonical::parse_json, policy::{Bundle, Code, Known, ToolTypes}};
    /// let bundle = Bundle::compile(&parse_json(br#"{"agent_os": 1, "name": "n", "rules": [
    ///     {"id": "big", "effect": "deny", "action": ["pay"], "when": {"args.ammount": {"gt": 500}}}]}"#)?).unwrap();
    /// let tools = parse_json(br#"{"pay": {"type": "object", "properties": {"amount": {"type": "number"}}}}"#)?;
    /// let problems = bundle.check_tools(&ToolTypes::read(&tools).unwrap(), Known::Stated);
    /// assert_eq!(problems[0].code, Code::UnknownArgument);
    /// assert_eq!(problems[0].hint, "did you mean `args.amount`?");
    /// # Ok::<(), agent_os_core::canonical::DecodeError>(())
    /// ```
    #[must_use]
    pub fn check_tools(&self, tools: &ToolTypes, known: Known) -> Vec<Problem> {
        if tools.is_empty() { Vec::new() } else { tools.check_document(self.document(), known) }
    }

    /// As [`Bundle::check_tools`], of the rules that are for one action.
    #[must_use]
    pub fn check_tool(&self, tools: &ToolTypes, action: &str) -> Vec<Problem> {
        let all = match self.document().get("rules") {
            Some(Value::List(rules)) => rules.as_slice(),
            _ => &[],
        };
        // Rules have the same places in the normal form.
        let places = self.rules_for(action).into_iter().map(RuleIx::get);
        let rules = places.filter_map(|place| Some((place, all.get(place)?)));
        rules::check(tools, self.document(), rules, Known::SoFar)
    }
}
