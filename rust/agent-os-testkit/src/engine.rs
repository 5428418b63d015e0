//! The product's engine, behind the same words as the reference.

use std::collections::BTreeSet;

use agent_os_core::amount::Amount;
use agent_os_core::policy::{Bundle, Origin, Problem, Provenance, StatedUsage, Verdict, decide};
use agent_os_core::request::{RunState, Subject};
use agent_os_core::value::Value;

use crate::case::{Decided, Request};

/// A compiled policy, with the text of the runs that ask it.
pub struct Engine {
    bundle: Bundle,
    provenance: Provenance,
}

impl Engine {
    /// Compiles a normalised document.
    ///
    /// # Errors
    /// Whatever is wrong with the document.
    pub fn new(document: &Value, texts: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        Bundle::compile(document).map(|bundle| Self::of(bundle, texts))
    }

    /// Takes a bundle that was compiled or loaded.
    #[must_use]
    pub fn of(bundle: Bundle, texts: &[(String, String)]) -> Self {
        let mut provenance = Provenance::default();
        for (origin, text) in texts {
            let origin = Origin::parse(origin).unwrap_or_else(|| panic!("no origin `{origin}`"));
            provenance.add(origin, text);
        }
        Self { bundle, provenance }
    }

    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Decides, and puts the decision into words.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decided {
        let bundle = &self.bundle;
        let subject = bundle.subject(&Subject { id: &request.agent, roles: &request.roles });
        let used = request.usage.iter().map(|(rule, used)| {
            (rule.clone(), Amount::parse(used).unwrap_or_else(|| panic!("`{used}` is not an amount")))
        });
        let used = used.collect();
        let usage = StatedUsage::new(bundle, &used);
        let run = RunState {
            labels: &request.labels,
            calls: request.calls,
            depth: request.depth,
            parent: request.parent.as_deref(),
            now_micros: request.now_micros,
            provenance: &self.provenance,
            usage: &usage,
        };
        let approved: Vec<_> = request.approved.iter().filter_map(|id| bundle.rule_ix(id)).collect();
        let verdict = decide(bundle, &subject, &request.action, &(&request.args), &run, &approved);
        self.in_words(&verdict)
    }

    fn in_words(&self, verdict: &Verdict) -> Decided {
        let bundle = &self.bundle;
        let id = |rule| {
            bundle
                .rule(rule)
                .map(|rule| rule.id.clone())
                .unwrap_or_else(|| panic!("a verdict names its bundle's rules"))
        };
        let unknowns: Vec<_> =
            verdict.unknowns.iter().map(|unknown| (id(unknown.rule), bundle.path(unknown.path).to_owned())).collect();
        let obligations = bundle.obligations(&verdict.requires);
        let decided = Decided {
            effect: verdict.effect.code().to_owned(),
            rules: verdict.rules.iter().map(|rule| id(*rule)).collect(),
            reason: verdict.reason.code().to_owned(),
            unknowns,
            redact: obligations.redact,
            labels: obligations.labels,
            record: obligations.record.map(|level| level.code().to_owned()),
            shadow: verdict.shadow.as_deref().map(|shadow| Box::new(self.in_words(shadow))),
            charges: verdict
                .charges
                .iter()
                .map(|charge| (id(charge.rule), charge.amount.to_string(), charge.bounded))
                .collect(),
        };
        assert!(
            is_ascending(&decided.unknowns) && is_ascending(&decided.rules),
            "in order, without repeats: {decided:?}"
        );
        decided
    }
}

fn is_ascending<T: Ord + Clone>(items: &[T]) -> bool {
    items.iter().cloned().collect::<BTreeSet<_>>().into_iter().eq(items.iter().cloned())
}
