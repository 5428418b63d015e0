"""An explanation goes rule by rule and names the place of each."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from agent_os.errors import RequestInvalid
from agent_os.policy import Policy

POLICY = Policy.from_text(
    """\
agent_os: 1
rules:
  - id: small
    effect: allow
    action: payments.send
    agent: {role: treasurer}
    when: {args.amount: {le: 500}}
  - id: large
    effect: ask
    action: payments.send
    when: {args.amount: {gt: 500}}
    message: a person must confirm payments above 500
  - {id: mail, effect: deny, action: mail.*}
""",
    name="desk.yaml",
)


def test_it_says_what_decides_and_where_that_stands() -> None:
    why = POLICY.explain("payments.send", {"amount": 700}, agent="desk-7", roles=["treasurer"])
    assert why.decision.effect == "ask"
    rules = {rule.rule: rule for rule in why.rules}
    assert (rules["large"].applies, rules["large"].decides, rules["large"].place) == ("yes", True, "desk.yaml:8")
    assert (rules["small"].applies, rules["small"].path) == ("no", "args.amount")
    assert rules["mail"].applies == "no"
    assert [rule.rule for rule in why.applicable()] == ["large"]


def test_it_says_what_is_unknown() -> None:
    why = POLICY.explain("payments.send", {"amount": "700"}, agent="desk-7", roles=["treasurer"])
    rules = {rule.rule: rule for rule in why.rules}
    assert (why.decision.effect, rules["large"].applies, rules["small"].applies) == ("ask", "unknown", "unknown")
    assert rules["large"].path == "args.amount"


def test_its_text_starts_with_the_decision_and_the_rules_that_decide() -> None:
    lines = str(POLICY.explain("payments.send", {"amount": 700}, agent="desk-7", roles=["treasurer"])).splitlines()
    assert lines[0] == "ask: `payments.send` by agent `desk-7`, by `large` (asked_by_rule)"
    assert lines[1].startswith("  > + large")
    assert lines[1].endswith("(desk.yaml:8)")
    assert lines[2].strip() == "a person must confirm payments above 500"
    assert len(lines) == 5


def test_its_values_are_plain() -> None:
    import json

    row = json.loads(json.dumps(POLICY.explain("mail.send", agent="desk-7").to_dict()))
    assert (row["effect"], row["deciding_rules"], len(row["rules"])) == ("deny", ["mail"], 3)
    assert {rule["rule"]: rule["place"] for rule in row["rules"]}["mail"] == "desk.yaml:13"


def test_a_time_has_an_offset() -> None:
    with pytest.raises(RequestInvalid, match="offset"):
        POLICY.decide("mail.send", agent="a", time=datetime(2026, 1, 1))  # noqa: DTZ001
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert POLICY.decide("mail.send", agent="a", time=moment).effect == "deny"
