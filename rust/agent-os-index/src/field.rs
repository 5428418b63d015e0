//! What entries can be looked up by.

/// What is looked up. An entry may have several labels and rules, and one of each of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Field {
    /// The number of a run.
    Pid,
    /// The number of the run that started the one that an entry is about.
    Parent,
    /// A rule that decided, demanded something or asked.
    Rule,
    /// A label of the run, of a result, or one that a rule demanded.
    Label,
    /// How an action ended.
    Status,
    /// The action that an entry is about.
    Action,
    /// The agent that an entry is about.
    Agent,
    /// What was decided.
    Effect,
    /// What kind of entry it is.
    Kind,
}

/// Every field, those first by which few entries are usually found.
pub(crate) const FIELDS: [Field; 9] = [
    Field::Pid,
    Field::Parent,
    Field::Rule,
    Field::Label,
    Field::Status,
    Field::Action,
    Field::Agent,
    Field::Effect,
    Field::Kind,
];

impl Field {
    /// The field of this name.
    ///
    /// ```
    /// use agent_os_index::Field;
    /// assert_eq!(Field::named("agent"), Some(Field::Agent));
    /// assert_eq!(Field::named("colour"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FIELDS.into_iter().find(|field| field.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pid => "pid",
            Self::Parent => "parent",
            Self::Rule => "rule",
            Self::Label => "label",
            Self::Status => "status",
            Self::Action => "action",
            Self::Agent => "agent",
            Self::Effect => "effect",
            Self::Kind => "kind",
        }
    }

    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}
