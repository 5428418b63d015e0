//! A compiled policy: immutable, and cheap to ask.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::document::{self, Agents, Document, Rule, Source};
use super::effect::{Effect, Obligations, PathIx, RuleEffect, RuleIx};
use super::index::{ActionIndex, Candidates};
use super::limit::Limit;
use super::normal;
use super::path::INPUTS;
use super::pattern::ActionPattern;
use super::problem::Problem;
use super::subject::{Fingerprint, Selector, Selectors, SubjectKey};
use crate::request::{ArgumentPath, Segment, Subject};
use crate::value::Value;

/// A compiled policy. It is immutable; put it into an `Arc` to share it between threads.
#[derive(Debug)]
pub struct Bundle {
    name: String,
    default: Effect,
    digest: String,
    fingerprint: Fingerprint,
    document: Value,
    // INVARIANT: ascending by id; `codes` and `scopes` have the same places.
    rules: Vec<RuleInfo>,
    codes: Vec<RuleCode>,
    scopes: Vec<RuleScope>,
    /// Of the enforced rules.
    index: ActionIndex,
    /// `None` if nothing is in shadow, so that it costs nothing then.
    shadow: Option<Box<Shadow>>,
    selectors: Selectors,
    reads_time: bool,
    names_subjects: bool,
    // INVARIANT: each one's `index` is its place; `argument_spellings` has the same places.
    argument_paths: Vec<ArgumentPath>,
    argument_spellings: Vec<String>,
}

/// The bundle as it would be if nothing of it were in shadow.
#[derive(Debug)]
pub(super) struct Shadow {
    pub(super) default: Effect,
    /// Of all rules, the enforced ones included.
    index: ActionIndex,
}

impl Shadow {
    pub(super) fn candidates(&self, action: &str) -> Option<Candidates<'_>> {
        self.index.candidates(action)
    }
}

/// What a rule says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Unique in the bundle.
    pub id: String,
    /// What it does when it applies.
    pub effect: RuleEffect,
    /// What it tells the person that it stops.
    pub message: Option<String>,
    /// Where it was written, if the front end said.
    pub source: Option<Source>,
    /// What it demands, if its effect is `require`.
    pub obligations: Obligations,
    /// True if it decides nothing, and what it would have decided is recorded.
    pub shadow: bool,
}

/// What a decision needs of a rule.
#[derive(Debug)]
pub(super) struct RuleCode {
    pub(super) selector: Option<Selector>,
    pub(super) when: Option<Condition>,
    /// Boxed: few rules have one, and decisions walk over many rules.
    pub(super) unless: Option<Box<Condition>>,
    pub(super) limit: Option<Box<Limit>>,
}

/// What is known of a rule beside what a decision reads.
#[derive(Debug)]
pub(super) struct RuleScope {
    pub(super) actions: Vec<ActionPattern>,
    pub(super) agents: Option<Agents>,
    reads: Vec<u32>,
}

impl Bundle {
    /// Compiles a normalised document. The document is understood completely, or every problem with it is returned.
    ///
    /// ```
    /// use agent_os_core::{canonical::parse_json, policy::{Bundle, Effect}};
    /// let document = parse_json(br#"{"agent_os": 1, "name": "desk", "default": "deny", "rules": [
    ///     {"id": "small", "effect": "allow", "action": ["payments.send"], "when": {"args.amount": {"le": 500}}}]}"#)?;
    /// let bundle = Bundle::compile(&document).unwrap();
    /// assert_eq!(bundle.default_effect(), Effect::Deny);
    ///
    /// let misspelt = parse_json(br#"{"agent_os": 1, "name": "desk", "rules": [
    ///     {"id": "small", "effect": "allow", "action": ["payments.send"], "when": {"args.amount": {"lte": 500}}}]}"#)?;
    /// let problems = Bundle::compile(&misspelt).unwrap_err();
    /// assert_eq!(problems[0].pointer, "/rules/0/when/args.amount/lte");
    /// assert_eq!(problems[0].hint, "did you mean `le`?");
    /// # Ok::<(), agent_os_core::canonical::DecodeError>(())
    /// ```
    ///
    /// # Errors
    /// All problems of the document, in the order they were met.
    pub fn compile(document: &Value) -> Result<Self, Vec<Problem>> {
        Self::compile_owned(document.clone()).map(|(bundle, _)| bundle)
    }

    /// As [`Bundle::compile`], of a document that nobody else needs; also the canonical bytes of its normal form.
    pub(super) fn compile_owned(document: Value) -> Result<(Self, Vec<u8>), Vec<Problem>> {
        let read = document::read(&document)?;
        let document = normal::normal_form(document);
        let encoded = normal::encode(&document);
        Ok((Self::new(read, document, encoded.fingerprint()), encoded.bytes))
    }

    fn new(read: Document, document: Value, fingerprint: Fingerprint) -> Self {
        let mut index = index_of(&read.rules, |rule| !rule.shadow);
        let is_shadowed = read.default != read.shadow_default || read.rules.iter().any(|rule| rule.shadow);
        let mut shadow = is_shadowed
            .then(|| Box::new(Shadow { default: read.shadow_default, index: index_of(&read.rules, |_| true) }));
        let mut selectors = Selectors::default();
        let (mut rules, mut codes, mut scopes) = (Vec::new(), Vec::new(), Vec::new());
        for rule in read.rules {
            let (info, code, scope) = split(rule, &mut selectors);
            rules.push(info);
            codes.push(code);
            scopes.push(scope);
        }
        let mut conditions = codes.iter().flat_map(|code: &RuleCode| code.when.iter().chain(code.unless.as_deref()));
        // What is left of a limit depends on the time as well.
        let reads_time =
            conditions.any(Condition::reads_time) || codes.iter().any(|code: &RuleCode| code.limit.is_some());
        let indices = std::iter::once(&mut index).chain(shadow.as_mut().map(|shadow| &mut shadow.index));
        indices.for_each(|index| index.make_sieves(|rule| codes.get(rule.get())));
        let names_subjects = rules.iter().any(|rule: &RuleInfo| !rule.obligations.subject.is_empty());
        Self {
            name: read.name,
            default: read.default,
            digest: normal::spelt(&fingerprint),
            fingerprint,
            document,
            rules,
            codes,
            scopes,
            index,
            shadow,
            selectors,
            reads_time,
            names_subjects,
            argument_paths: read.argument_paths,
            argument_spellings: read.argument_spellings,
        }
    }

    /// `sha256:` and the hex of the SHA-256 of the normal form without the rules' places in files: one digest for all
    /// documents that mean the same by order, repeats and sets.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What holds where no rule applies: allow or deny.
    #[must_use]
    pub fn default_effect(&self) -> Effect {
        self.default
    }

    /// True if everything is allowed whatever is asked: the default is allow and every rule is in shadow. Whoever puts
    /// such a bundle in force is told so.
    #[must_use]
    pub fn only_observes(&self) -> bool {
        self.default == Effect::Allow && self.rules.iter().all(|rule| rule.shadow)
    }

    /// The rules, in the order of their ids. A [`RuleIx`] is a place in it.
    #[must_use]
    pub fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }

    /// The rule at a place.
    #[must_use]
    pub fn rule(&self, rule: RuleIx) -> Option<&RuleInfo> {
        self.rules.get(rule.get())
    }

    /// The place of the rule with this id.
    #[must_use]
    pub fn rule_ix(&self, id: &str) -> Option<RuleIx> {
        self.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok().and_then(RuleIx::new)
    }

    /// The spelling of a path; empty for a path of another bundle.
    #[must_use]
    pub fn path(&self, path: PathIx) -> &str {
        let input = path.as_input().and_then(|place| INPUTS.get(place)).map(|(name, ..)| *name);
        let argument = || path.as_argument().and_then(|place| self.argument_spellings.get(place)).map(String::as_str);
        input.or_else(argument).unwrap_or_default()
    }

    /// Every argument path of the bundle, at the place that its `index` says.
    #[must_use]
    pub fn argument_paths(&self) -> &[ArgumentPath] {
        &self.argument_paths
    }

    /// The argument path at a place; `None` for an input of the run and for a path of another bundle.
    #[must_use]
    pub fn argument_path(&self, path: PathIx) -> Option<&ArgumentPath> {
        self.argument_paths.get(path.as_argument()?)
    }

    /// The steps of an argument path; none for any other path.
    #[must_use]
    pub fn segments(&self, path: PathIx) -> &[Segment] {
        self.argument_path(path).map(|path| path.segments.as_slice()).unwrap_or_default()
    }

    /// The argument paths that conditions on this action mention, operands included, by spelling and each once. It
    /// depends on nothing but the bundle and the action.
    #[must_use]
    pub fn read_paths(&self, action: &str) -> Vec<PathIx> {
        let mut found: BTreeMap<&str, PathIx> = BTreeMap::new();
        let rules = self.rules_for(action);
        for place in rules.iter().filter_map(|rule| self.scope(*rule)).flat_map(|scope| &scope.reads) {
            let path = PathIx::argument(*place);
            found.insert(self.path(path), path);
        }
        found.into_values().collect()
    }

    /// The rules that are for this action, those in shadow included, ascending; none for a name outside the grammar.
    #[must_use]
    pub fn rules_for(&self, action: &str) -> Vec<RuleIx> {
        let candidates = match self.shadow() {
            Some(shadow) => shadow.candidates(action),
            None => self.candidates(action),
        };
        let postings = candidates.unwrap_or_default();
        let rules = postings.iter().flat_map(|posting| RuleEffect::ALL.iter().flat_map(|effect| posting.of(*effect)));
        let mut found: Vec<RuleIx> = rules.copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The limit of a rule, if it has one.
    #[must_use]
    pub fn limit(&self, rule: RuleIx) -> Option<&Limit> {
        self.code(rule)?.limit.as_deref()
    }

    /// Which rules are for this agent; computed once and used for every decision about it.
    #[must_use]
    pub fn subject(&self, subject: &Subject<'_>) -> SubjectKey {
        self.selectors.key(subject, &self.fingerprint)
    }

    /// What these `require` rules demand together.
    #[must_use]
    pub fn obligations(&self, requires: &[RuleIx]) -> Obligations {
        Obligations::merge(requires.iter().filter_map(|rule| self.rule(*rule)).map(|rule| &rule.obligations))
    }

    /// Whether some rule says whose data an action is about.
    #[must_use]
    pub fn names_subjects(&self) -> bool {
        self.names_subjects
    }

    /// True if any condition or limit depends on the time; for other bundles any moment does.
    #[must_use]
    pub fn reads_time(&self) -> bool {
        self.reads_time
    }

    /// The normal form: rules by id, unordered lists sorted, sets put in their place. It compiles to this bundle.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The enforced rules for an action.
    pub(super) fn candidates(&self, action: &str) -> Option<Candidates<'_>> {
        self.index.candidates(action)
    }

    pub(super) fn shadow(&self) -> Option<&Shadow> {
        self.shadow.as_deref()
    }

    pub(super) fn code(&self, rule: RuleIx) -> Option<&RuleCode> {
        self.codes.get(rule.get())
    }

    pub(super) fn scope(&self, rule: RuleIx) -> Option<&RuleScope> {
        self.scopes.get(rule.get())
    }
}

/// The index of the chosen rules; the others keep their places.
fn index_of(rules: &[Rule], chosen: impl Fn(&Rule) -> bool) -> ActionIndex {
    ActionIndex::new(rules.iter().map(|rule| {
        let actions = if chosen(rule) { rule.actions.as_slice() } else { &[] };
        (rule.effect, actions)
    }))
}

fn split(rule: Rule, selectors: &mut Selectors) -> (RuleInfo, RuleCode, RuleScope) {
    let info = RuleInfo {
        id: rule.id,
        effect: rule.effect,
        message: rule.message,
        source: rule.source,
        obligations: rule.obligations,
        shadow: rule.shadow,
    };
    let code = RuleCode {
        selector: rule.agents.as_ref().map(|agents| selectors.intern(agents)),
        when: rule.when,
        unless: rule.unless.map(Box::new),
        limit: rule.limit.map(Box::new),
    };
    let scope = RuleScope { actions: rule.actions, agents: rule.agents, reads: rule.reads };
    (info, code, scope)
}

#[cfg(test)]
mod tests {
    use super::{Bundle, SubjectKey};

    #[test]
    fn bundles_and_keys_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Bundle>();
        shared::<SubjectKey>();
    }
}
