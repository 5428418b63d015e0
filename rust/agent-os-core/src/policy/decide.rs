//! The decision: deny before ask before allow before the default.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::bundle::{Bundle, RuleCode, Shadow};
use super::condition::Condition;
use super::effect::{Effect, PathIx, RuleEffect, RuleIx};
use super::evaluate::Evaluation;
use super::index::Posting;
use super::kleene::Kleene;
use super::limit::{Limit, LimitCharge, Measure};
use super::subject::SubjectKey;
use crate::reason::Reason;
use crate::request::{Arguments, RunState};

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Allow, ask or deny.
    pub effect: Effect,
    /// Why, as a stable code.
    pub reason: Reason,
    // INVARIANT: ascending, without repeats.
    /// Every applicable rule of that effect; with an allow also the ask rules that an approval satisfied. None for a
    /// default. Where a limit is used up and nothing else denies: the rules whose limit it is.
    pub rules: SmallVec<[RuleIx; 4]>,
    // INVARIANT: sorted by rule and the path's spelling, without repeats.
    /// Where the rules above and the attached `require` rules apply only because a condition is unknown.
    pub unknowns: Vec<Unknown>,
    // INVARIANT: ascending, without repeats.
    /// Applicable `require` rules, unless the effect is deny. [`Bundle::obligations`] says what they demand.
    pub requires: SmallVec<[RuleIx; 4]>,
    // INVARIANT: its own `shadow` is `None`.
    /// What would have been decided if nothing of the bundle were in shadow, where that is anything else. It permits
    /// nothing, forbids nothing, and its obligations are not applied.
    pub shadow: Option<Box<Verdict>>,
    // INVARIANT: ascending by rule, without repeats.
    /// What an allow adds to what is used of limits. Whoever lets the action happen reserves it first.
    pub charges: Vec<LimitCharge>,
    /// The argument that names something protected, if that is the reason.
    pub argument: Option<Box<str>>,
}

/// A path that was unknown, and the rule that counted it against the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The rule.
    pub rule: RuleIx,
    /// The path; for a condition on the items of a list, the path of the list.
    pub path: PathIx,
}

/// Decides a request. It is a function of its arguments alone, and it cannot fail: a name outside the grammar of
/// actions is denied, and so is a key that was made by another bundle.
///
/// `approved` are ask rules that a person has confirmed for this very request: they no longer ask, and where nothing
/// else stands against it, they let the action happen. A deny still wins.
///
/// ```
/// use agent_os_core::canonical::parse_json;
/// use agent_os_core::policy::{Bundle, Effect, Provenance, decide};
/// use agent_os_core::request::{RunState, Subject};
/// let bundle = Bundle::compile(&parse_json(br#"{"agent_os": 1, "name": "desk", "default": "deny", "rules": [
///     {"id": "small", "effect": "allow", "action": ["payments.send"], "when": {"args.amount": {"le": 500}}},
///     {"id": "large", "effect": "ask", "action": ["payments.send"], "when": {"args.amount": {"gt": 500}}}]}"#)?).unwrap();
/// let desk = bundle.subject(&Subject { id: "desk-7", roles: &[] });
/// let provenance = Provenance::default();
/// let run = RunState::start(&provenance);
///
/// let small = parse_json(br#"{"amount": 12.50}"#)?;
/// assert_eq!(decide(&bundle, &desk, "payments.send", &&small, &run, &[]).effect, Effect::Allow);
///
/// let missing = parse_json(br#"{}"#)?; // unknown counts against the caller
/// let verdict = decide(&bundle, &desk, "payments.send", &&missing, &run, &[]);
/// assert_eq!((verdict.effect, verdict.reason.code()), (Effect::Ask, "condition_unknown"));
/// assert_eq!(bundle.path(verdict.unknowns[0].path), "args.amount");
/// # Ok::<(), agent_os_core::canonical::DecodeError>(())
/// ```
pub fn decide<A: Arguments>(
    bundle: &Bundle,
    subject: &SubjectKey,
    action: &str,
    args: &A,
    run: &RunState<'_>,
    approved: &[RuleIx],
) -> Verdict {
    if !subject.is_of(bundle.fingerprint()) {
        return Verdict::denied(Reason::InternalError);
    }
    let Some(candidates) = bundle.candidates(action) else { return Verdict::denied(Reason::RequestInvalid) };
    let evaluation = Evaluation::new(bundle, args, run);
    let decision = Decision::new(bundle, subject, &candidates, &evaluation);
    let verdict = decision.decide(bundle.default_effect(), approved);
    match bundle.shadow() {
        None => verdict,
        Some(shadow) => decision.with_shadow(verdict, shadow, action, approved),
    }
}

/// The `require` rules that apply to a request, whatever is decided about it, ascending. A decision attaches them to an
/// allow and an ask; whoever records a denial asks here what must be redacted in its record. Empty for a name outside
/// the grammar and for a key of another bundle.
///
/// ```
/// use agent_os_core::canonical::parse_json;
/// use agent_os_core::policy::{Bundle, Provenance, required};
/// use agent_os_core::request::{RunState, Subject};
/// let bundle = Bundle::compile(&parse_json(br#"{"agent_os": 1, "name": "desk", "rules": [
///     {"id": "hide", "effect": "require", "action": ["**"], "redact": ["args.card"]}]}"#)?).unwrap();
/// let desk = bundle.subject(&Subject { id: "desk-7", roles: &[] });
/// let provenance = Provenance::default();
/// let run = RunState::start(&provenance);
/// let args = parse_json(br#"{"card": "4111"}"#)?;
/// let rules = required(&bundle, &desk, "payments.send", &&args, &run);
/// assert_eq!(bundle.obligations(&rules).redact, ["args.card"]);
/// # Ok::<(), agent_os_core::canonical::DecodeError>(())
/// ```
pub fn required<A: Arguments>(
    bundle: &Bundle,
    subject: &SubjectKey,
    action: &str,
    args: &A,
    run: &RunState<'_>,
) -> SmallVec<[RuleIx; 4]> {
    match bundle.candidates(action).filter(|_| subject.is_of(bundle.fingerprint())) {
        Some(candidates) => {
            let evaluation = Evaluation::new(bundle, args, run);
            let decision = Decision::new(bundle, subject, &candidates, &evaluation);
            decision.applicable(RuleEffect::Require).rules
        }
        None => SmallVec::new(),
    }
}

impl Verdict {
    /// A denial by no rule.
    pub(crate) fn denied(reason: Reason) -> Self {
        Self {
            effect: Effect::Deny,
            reason,
            rules: SmallVec::new(),
            unknowns: Vec::new(),
            requires: SmallVec::new(),
            shadow: None,
            charges: Vec::new(),
            argument: None,
        }
    }
}

/// Rules that apply.
#[derive(Debug, Default)]
struct Hits {
    // INVARIANT: ascending, without repeats.
    rules: SmallVec<[RuleIx; 4]>,
    // INVARIANT: ascending, without repeats; a part of `rules`.
    /// Those that apply because a condition is unknown.
    by_unknown: Vec<RuleIx>,
}

impl Hits {
    fn sort(&mut self) {
        self.rules.sort_unstable();
        self.rules.dedup();
        self.by_unknown.sort_unstable();
        self.by_unknown.dedup();
    }

    /// Takes out the rules that are among these.
    fn split_off(&mut self, chosen: &[RuleIx]) -> Self {
        let rules = self.rules.iter().copied().filter(|rule| chosen.contains(rule)).collect();
        let by_unknown = self.by_unknown.iter().copied().filter(|rule| chosen.contains(rule)).collect();
        self.rules.retain(|rule| !chosen.contains(rule));
        self.by_unknown.retain(|rule| !chosen.contains(rule));
        Self { rules, by_unknown }
    }

    fn merge(&mut self, other: Self) {
        if !other.rules.is_empty() {
            self.rules.extend(other.rules);
            self.by_unknown.extend(other.by_unknown);
            self.sort();
        }
    }
}

struct Decision<'d, A: Arguments> {
    bundle: &'d Bundle,
    subject: &'d SubjectKey,
    candidates: &'d [&'d Posting],
    /// The effects that the candidates have, as bits.
    effects: u8,
    evaluation: &'d Evaluation<'d, A>,
    limits: RefCell<Limits>,
}

/// What came up of limits on the way.
#[derive(Default)]
struct Limits {
    charges: Vec<LimitCharge>,
    /// Allow and `require` rules whose limit is used up, or of which that cannot be told.
    spent: Vec<(RuleEffect, RuleIx, Kleene)>,
}

impl<'d, A: Arguments> Decision<'d, A> {
    fn new(
        bundle: &'d Bundle,
        subject: &'d SubjectKey,
        candidates: &'d [&'d Posting],
        evaluation: &'d Evaluation<'d, A>,
    ) -> Self {
        let effects = candidates.iter().fold(0, |effects, posting| effects | posting.effects());
        Self { bundle, subject, candidates, effects, evaluation, limits: RefCell::default() }
    }

    fn decide(&self, default: Effect, approved: &[RuleIx]) -> Verdict {
        let denies = self.applicable(RuleEffect::Deny);
        if !denies.rules.is_empty() {
            return self.verdict(Effect::Deny, Reason::DeniedByRule, denies);
        }
        let mut asks = self.applicable(RuleEffect::Ask);
        let satisfied = if approved.is_empty() { Hits::default() } else { asks.split_off(approved) };
        if !asks.rules.is_empty() {
            return self.verdict(Effect::Ask, Reason::AskedByRule, asks);
        }
        let mut allows = self.applicable(RuleEffect::Allow);
        allows.merge(satisfied);
        if !allows.rules.is_empty() {
            return self.verdict(Effect::Allow, Reason::AllowedByRule, allows);
        }
        match default {
            Effect::Allow => self.verdict(Effect::Allow, Reason::AllowedByDefault, allows),
            Effect::Ask | Effect::Deny => {
                let spent = self.spent(RuleEffect::Allow);
                if spent.rules.is_empty() {
                    Verdict::denied(Reason::DeniedByDefault)
                } else {
                    self.verdict(Effect::Deny, Reason::LimitExceeded, spent)
                }
            }
        }
    }

    /// The verdict of the enforced rules, unchanged, with what all rules would have said beside it. Nothing is charged
    /// for what would have been.
    #[cold]
    fn with_shadow(&self, enforced: Verdict, shadow: &Shadow, action: &str, approved: &[RuleIx]) -> Verdict {
        let candidates = shadow.candidates(action).unwrap_or_default();
        let shadowed = Decision::new(self.bundle, self.subject, &candidates, self.evaluation);
        let would = Verdict { charges: Vec::new(), ..shadowed.decide(shadow.default, approved) };
        let said = |verdict: &Verdict| (verdict.effect, verdict.reason);
        let differs = said(&would) != said(&enforced)
            || (&would.rules, &would.unknowns) != (&enforced.rules, &enforced.unknowns)
            || self.bundle.obligations(&would.requires) != self.bundle.obligations(&enforced.requires);
        let observed = enforced.reason == Reason::AllowedByDefault && self.bundle.only_observes();
        Verdict {
            reason: if observed { Reason::OnlyObserved } else { enforced.reason },
            shadow: differs.then(|| Box::new(would)),
            ..enforced
        }
    }

    /// The rules of one effect that apply.
    #[inline]
    fn applicable(&self, effect: RuleEffect) -> Hits {
        if self.effects & effect.bit() == 0 { Hits::default() } else { self.applicable_of(effect) }
    }

    fn applicable_of(&self, effect: RuleEffect) -> Hits {
        let mut hits = Hits::default();
        let mut sources = 0;
        for posting in self.candidates {
            let rules = posting.of(effect);
            if rules.is_empty() {
                continue;
            }
            sources += 1;
            match posting.sieve(effect) {
                None => rules.iter().for_each(|rule| self.judge(*rule, effect, &mut hits)),
                Some(sieve) => {
                    let left = sieve.sift(!effect.applies_on_unknown(), |path, act| {
                        self.evaluation.argument(path, |found| act(found))
                    });
                    left.iter().for_each(|rule| self.judge(*rule, effect, &mut hits));
                }
            }
        }
        // One posting is in order and has no repeats. A rule with several patterns may stand in several.
        if sources > 1 {
            hits.sort();
        }
        hits
    }

    fn judge(&self, rule: RuleIx, effect: RuleEffect, hits: &mut Hits) {
        let Some(code) = self.bundle.code(rule) else { return };
        if !self.subject.is_in(code.selector) {
            return;
        }
        let holds = self.evaluation.holds(code.when.as_ref(), code.unless.as_deref());
        let applies = match &code.limit {
            Some(limit) => self.limited(effect, rule, limit, holds),
            None => holds,
        };
        match applies {
            Kleene::True => hits.rules.push(rule),
            Kleene::Unknown if effect.applies_on_unknown() => {
                hits.rules.push(rule);
                hits.by_unknown.push(rule);
            }
            Kleene::Unknown | Kleene::False => {}
        }
    }

    /// Whether a rule with a limit applies, now that its conditions came to `holds`.
    fn limited(&self, effect: RuleEffect, rule: RuleIx, limit: &Limit, holds: Kleene) -> Kleene {
        if holds == Kleene::False || holds == Kleene::Unknown && !effect.applies_on_unknown() {
            return holds;
        }
        let within = self.evaluation.within(rule, limit);
        let applies = match effect {
            RuleEffect::Allow => holds.and(within),
            RuleEffect::Deny | RuleEffect::Ask => holds.and(!within),
            RuleEffect::Require => holds,
        };
        let mut limits = self.limits.borrow_mut();
        if matches!(effect, RuleEffect::Allow | RuleEffect::Require) && within != Kleene::True {
            limits.spent.push((effect, rule, holds.and(!within)));
        }
        if effect != RuleEffect::Allow || applies == Kleene::True {
            // SECURITY: a person may confirm an action whose amount nobody can tell. It uses the limit up.
            let amount = self.evaluation.amount(limit).unwrap_or(limit.max);
            limits.charges.push(LimitCharge { rule, amount, bounded: within == Kleene::True });
        }
        applies
    }

    /// The rules of an effect whose limit is used up. Of a `require` also those of which that cannot be told; an allow
    /// of which that cannot be told is one that does not apply.
    fn spent(&self, effect: RuleEffect) -> Hits {
        let limits = self.limits.borrow();
        let mut hits = Hits::default();
        if limits.spent.is_empty() {
            return hits;
        }
        let spent = limits.spent.iter().filter(|(of, _, _)| *of == effect);
        for (_, rule, truth) in spent {
            match truth {
                Kleene::True => hits.rules.push(*rule),
                Kleene::Unknown if effect.applies_on_unknown() => {
                    hits.rules.push(*rule);
                    hits.by_unknown.push(*rule);
                }
                Kleene::Unknown | Kleene::False => {}
            }
        }
        hits.sort();
        hits
    }

    fn charges(&self) -> Vec<LimitCharge> {
        let mut charges = std::mem::take(&mut self.limits.borrow_mut().charges);
        charges.sort_by_key(|charge| charge.rule);
        charges.dedup_by_key(|charge| charge.rule);
        charges
    }

    fn verdict(&self, effect: Effect, reason: Reason, hits: Hits) -> Verdict {
        let requires = match effect {
            Effect::Allow | Effect::Ask => self.applicable(RuleEffect::Require),
            Effect::Deny => Hits::default(),
        };
        if effect != Effect::Deny {
            let spent = self.spent(RuleEffect::Require);
            if !spent.rules.is_empty() {
                return self.verdict(Effect::Deny, Reason::LimitExceeded, spent);
            }
        }
        let reason = match reason {
            Reason::DeniedByRule if self.all_by_limit(&hits) => Reason::LimitExceeded,
            reason => reason,
        };
        let all_unknown = !hits.rules.is_empty() && hits.by_unknown.len() == hits.rules.len();
        Verdict {
            effect,
            reason: if all_unknown && effect != Effect::Allow { Reason::ConditionUnknown } else { reason },
            unknowns: self.unknowns(&hits.by_unknown, &requires.by_unknown),
            rules: hits.rules,
            requires: requires.rules,
            shadow: None,
            charges: if effect == Effect::Allow { self.charges() } else { Vec::new() },
            argument: None,
        }
    }

    /// True if of the rules that are known to apply each does so by its limit.
    fn all_by_limit(&self, hits: &Hits) -> bool {
        let mut known = hits.rules.iter().filter(|rule| !hits.by_unknown.contains(rule));
        known.all(|rule| self.bundle.limit(*rule).is_some())
    }

    fn unknowns(&self, deciding: &[RuleIx], requires: &[RuleIx]) -> Vec<Unknown> {
        let mut unknowns = Vec::new();
        if deciding.is_empty() && requires.is_empty() {
            return unknowns;
        }
        for rule in deciding.iter().chain(requires) {
            let Some(RuleCode { when, unless, limit, .. }) = self.bundle.code(*rule) else { continue };
            if let Some(limit) = limit.as_deref().filter(|limit| self.evaluation.amount(limit).is_none()) {
                if let Measure::Sum(path) = limit.measure {
                    unknowns.push(Unknown { rule: *rule, path });
                }
            }
            for condition in [when.as_ref(), unless.as_deref()].into_iter().flatten() {
                self.collect(*rule, condition, &mut unknowns);
            }
        }
        let spelling = |unknown: &Unknown| self.bundle.path(unknown.path);
        unknowns.sort_unstable_by(|a, b| a.rule.cmp(&b.rule).then_with(|| spelling(a).cmp(spelling(b))));
        unknowns.dedup();
        unknowns
    }

    /// The paths of unknown leaves, through the parts that are unknown themselves.
    fn collect(&self, rule: RuleIx, condition: &Condition, unknowns: &mut Vec<Unknown>) {
        if self.evaluation.condition(condition, None) != Kleene::Unknown {
            return;
        }
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.collect(rule, part, unknowns));
            }
            Condition::Not(inner) => self.collect(rule, inner, unknowns),
            Condition::Leaf(leaf) => unknowns.push(Unknown { rule, path: leaf.path }),
        }
    }
}
