//! One question to both evaluators, and what each of them answers.

use agent_os_core::canonical;
use agent_os_core::value::Value;

use crate::sql::Sql;

/// Everything that a decision reads beside the policy.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub action: String,
    /// Who asks.
    pub agent: String,
    /// The agent's roles.
    pub roles: Vec<String>,
    /// The arguments, a map.
    pub args: Value,
    /// What is known of the texts of SQL among the arguments. The engine does not see it.
    pub sql: Vec<Sql>,
    // INVARIANT: sorted, without repeats.
    /// The run's labels.
    pub labels: Vec<String>,
    /// Runs above this one.
    pub depth: u32,
    /// Actions that the run has had allowed.
    pub calls: u64,
    /// What is used of limits, by rule; of others nothing.
    pub usage: Vec<(String, String)>,
    /// The agent of the run above.
    pub parent: Option<String>,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub now_micros: i64,
    /// The run's text: the code of an origin, and the text.
    pub texts: Vec<(String, String)>,
    /// Ids of ask rules that were approved.
    pub approved: Vec<String>,
}

impl Request {
    /// The request as a value, in the shape that the vectors and the Python reference use.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let texts =
            self.texts.iter().map(|(origin, text)| Value::List(vec![origin.as_str().into(), text.as_str().into()]));
        let usage = self.usage.iter().map(|(rule, used)| Value::List(vec![rule.as_str().into(), used.as_str().into()]));
        Value::from([
            ("action", self.action.as_str().into()),
            ("agent", self.agent.as_str().into()),
            ("roles", strings(&self.roles)),
            ("args", self.args.clone()),
            ("sql", Value::Map(self.sql.iter().map(|sql| (sql.text.clone(), sql.to_value())).collect())),
            ("labels", strings(&self.labels)),
            ("calls", i64::try_from(self.calls).unwrap_or(i64::MAX).into()),
            ("usage", Value::List(usage.collect())),
            ("depth", i64::from(self.depth).into()),
            ("parent", self.parent.as_deref().map_or(Value::Null, Value::from)),
            ("now_micros", self.now_micros.into()),
            ("texts", Value::List(texts.collect())),
            ("approved", strings(&self.approved)),
        ])
    }
}

/// A decision in words, so that two evaluators can be compared without sharing types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// `allow`, `ask` or `deny`.
    pub effect: String,
    /// Ids of the deciding rules, ascending.
    pub rules: Vec<String>,
    /// The reason's code.
    pub reason: String,
    /// Rule id and path of what was unknown, ascending.
    pub unknowns: Vec<(String, String)>,
    /// Paths to redact, ascending.
    pub redact: Vec<String>,
    /// Labels to add, ascending.
    pub labels: Vec<String>,
    /// How fully to record.
    pub record: Option<String>,
    /// What would have been decided if nothing were in shadow, where that is anything else.
    pub shadow: Option<Box<Decided>>,
    /// What an allow adds to what is used of limits: rule, amount, and whether the limit bounds it; ascending.
    pub charges: Vec<(String, String, bool)>,
}

impl Decided {
    /// The decision as a value, in the shape that the vectors and the Python reference use.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let unknowns =
            self.unknowns.iter().map(|(rule, path)| Value::List(vec![rule.as_str().into(), path.as_str().into()]));
        let mut obligations =
            vec![("redact".to_owned(), strings(&self.redact)), ("labels".to_owned(), strings(&self.labels))];
        obligations.extend(self.record.as_deref().map(|level| ("record".to_owned(), level.into())));
        let mut entries = vec![
            ("effect".to_owned(), self.effect.as_str().into()),
            ("rules".to_owned(), strings(&self.rules)),
            ("reason".to_owned(), self.reason.as_str().into()),
            ("unknowns".to_owned(), Value::List(unknowns.collect())),
            ("obligations".to_owned(), Value::Map(obligations.into_iter().collect())),
        ];
        entries.extend(self.shadow.as_ref().map(|shadow| ("shadow".to_owned(), shadow.to_value())));
        Value::Map(entries.into_iter().collect())
    }
}

/// A list of strings.
#[must_use]
pub fn strings(texts: &[String]) -> Value {
    Value::List(texts.iter().map(|text| text.as_str().into()).collect())
}

/// A value in its canonical form, for reports and exports.
#[must_use]
pub fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(&canonical::encode(value)).into_owned()
}
