"""What is in shadow decides nothing, and says what it would have decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_os.errors import PolicyError
from agent_os.policy import Policy

BASE = """\
agent_os: 1
name: base
rules:
  - {id: pay, effect: allow, action: payments.send}
"""
TRIAL = """\
agent_os: 1
name: trial
mode: shadow
rules:
  - {id: large, effect: ask, action: payments.send, when: {args.amount: {gt: 500}}}
  - {id: look, effect: allow, action: payments.list}
  - {id: hide, effect: require, action: payments.*, redact: args.card}
"""


@pytest.fixture
def together(tmp_path: Path) -> Policy:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "trial.yaml").write_text(TRIAL)
    return Policy.load([tmp_path / "base.yaml", tmp_path / "trial.yaml"])


def test_a_file_in_shadow_beside_an_enforced_one_changes_no_decision(together: Policy) -> None:
    alone = Policy.from_text(BASE)
    for action, args in (("payments.send", {"amount": 900}), ("payments.list", {}), ("other", {})):
        decision, before = together.decide(action, args, agent="a"), alone.decide(action, args, agent="a")
        assert (decision.effect, decision.rules, decision.reason) == (before.effect, before.rules, before.reason)
        assert decision.obligations == before.obligations == {}


def test_the_decision_carries_what_would_have_been_decided(together: Policy) -> None:
    shadow = together.decide("payments.send", {"amount": 900}, agent="a").shadow
    assert shadow is not None
    assert (shadow.effect, shadow.rules, shadow.reason) == ("ask", ("large",), "asked_by_rule")
    assert shadow.obligations == {"redact": ("args.card",)}
    unknown = together.decide("payments.send", {}, agent="a").shadow
    assert unknown is not None
    assert (unknown.reason, unknown.unknowns) == ("condition_unknown", [("large", "args.amount")])
    opened = together.decide("payments.list", {}, agent="a").shadow
    assert opened is not None
    assert (opened.effect, opened.rules) == ("allow", ("look",))
    assert together.decide("other", {}, agent="a").shadow is None


def test_the_default_of_a_file_in_shadow_contributes_nothing(tmp_path: Path) -> None:
    (tmp_path / "open.yaml").write_text("agent_os: 1\ndefault: allow\nrules: [{id: d, effect: deny, action: x}]\n")
    (tmp_path / "trial.yaml").write_text(TRIAL)
    decision = Policy.load([tmp_path / "open.yaml", tmp_path / "trial.yaml"]).decide("other", agent="a")
    assert decision.effect == "allow"
    assert decision.shadow is not None
    assert (decision.shadow.effect, decision.shadow.reason) == ("deny", "denied_by_default")


def test_a_policy_that_is_all_in_shadow_permits_nothing() -> None:
    for text in (TRIAL, TRIAL.replace("mode: shadow", "mode: shadow\ndefault: allow")):
        policy = Policy.from_text(text)
        assert not policy.bundle.only_observes
        assert policy.decide("payments.list", agent="a").effect == "deny"


def test_what_a_file_in_shadow_extends_stays_enforced() -> None:
    text = "agent_os: 1\nmode: shadow\nextends: [strict]\nrules: [{id: a, effect: allow, action: x}]\n"
    policy = Policy.from_text(text)
    assert policy.decide("agent.run", {"agent": "b"}, agent="a").effect == "allow"
    decision = policy.decide("x", agent="a")
    assert decision.effect == "deny"
    assert decision.shadow is not None
    assert decision.shadow.effect == "allow"


def test_a_rule_cannot_step_out_of_the_shadow_of_its_file() -> None:
    policy = Policy.from_text(TRIAL.replace("payments.list}", "payments.list, mode: enforce}"))
    assert policy.decide("payments.list", agent="a").effect == "deny"


def test_a_rule_that_says_that_it_is_enforced_is_the_same_rule() -> None:
    spelt = BASE.replace("payments.send}", "payments.send, mode: enforce}")
    assert Policy.from_text(spelt).digest == Policy.from_text(BASE).digest
    assert Policy.from_text(BASE.replace("payments.send}", "payments.send, mode: shadow}")).digest != (
        Policy.from_text(BASE).digest
    )


def test_an_example_of_a_rule_in_shadow_says_what_is_decided_once_it_is_enforced() -> None:
    rule = "{id: d, effect: deny, action: x, mode: shadow, examples: [{EXPECT: {action: x}}]}"
    text = f"agent_os: 1\ndefault: allow\nrules: [{rule}]\n"
    Policy.from_text(text.replace("EXPECT", "deny"))
    with pytest.raises(PolicyError, match="an example of `d` fails: expected allow, got deny by `d`"):
        Policy.from_text(text.replace("EXPECT", "allow"))


def test_an_allow_in_shadow_does_not_open_what_a_file_has_closed(tmp_path: Path) -> None:
    (tmp_path / "closed.yaml").write_text(f"closed: true\n{BASE}")
    (tmp_path / "trial.yaml").write_text(TRIAL)
    with pytest.raises(PolicyError, match="the allow rule `look` would open"):
        Policy.load([tmp_path / "closed.yaml", tmp_path / "trial.yaml"])


def test_an_explanation_marks_what_is_in_shadow_and_says_what_would_have_been_decided(together: Policy) -> None:
    explanation = together.explain("payments.send", {"amount": 900}, agent="a")
    assert {rule.rule: rule.mode for rule in explanation.rules}["large"] == "shadow"
    text = str(explanation)
    assert "with the rules in shadow it would be ask, by `large` (asked_by_rule)" in text
    assert "in shadow: `args.amount` is the number 900" in text
    assert explanation.to_dict()["shadow"] == {
        "effect": "ask",
        "reason": "asked_by_rule",
        "deciding_rules": ["large"],
    }
    assert "ask rule `large`, in shadow" in explanation.decision.explain()


def test_a_compiled_bundle_keeps_what_is_in_shadow(together: Policy, tmp_path: Path) -> None:
    together.save(tmp_path / "compiled")
    loaded = Policy.load(tmp_path / "compiled")
    shadow = loaded.decide("payments.send", {"amount": 900}, agent="a").shadow
    assert shadow is not None
    assert shadow.effect == "ask"
