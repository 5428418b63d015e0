"""Promise: each difference that is told has a request that both policies, asked again, decide as it says."""

from __future__ import annotations

import pytest

from agent_os.policy import Policy
from agent_os.policy.differing import PolicyDiff, Side

OLD = """\
agent_os: 1
rules:
  - {id: small, effect: allow, action: payments.send, when: {args.amount: {gt: 0, le: 500}}}
  - {id: large, effect: ask, action: payments.send, when: {args.amount: {gt: 500}}}
  - {id: known, effect: allow, action: mail.send, when: {args.to: {seen_in: [user]}}}
  - {id: night, effect: deny, action: "**", when: {time.hour: {lt: 6}}}
  - {id: hide, effect: require, action: payments.*, redact: args.iban}
  - {id: files, effect: allow, action: files.read, agent: {role: reader}, when: {args.path: {under: /srv}}}
"""


def compare(before: str, after: str) -> PolicyDiff:
    old, new = Policy.from_text(OLD), Policy.from_text(OLD.replace(before, after))
    found = old.diff(new)
    for difference in found.differences:
        for policy, side in ((old, difference.before), (new, difference.after)):
            decision = policy.decide(difference.action, difference.args, **difference.state)
            assert (decision.effect, decision.reason, decision.rules) == (side.effect, side.reason, side.rules)
    return found


def effects(found: PolicyDiff) -> set[tuple[str, str, str]]:
    return {(one.change, one.before.effect, one.after.effect) for one in found.differences}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("le: 500", "le: 501", set()),  # the ask stands above it either way
        ("gt: 500}", "gt: 501}", {("closed", "ask", "deny")}),
        ("gt: 0, le: 500", "gt: 1, le: 500", {("closed", "allow", "deny")}),
        ("gt: 0, le: 500", "le: 500", {("opened", "deny", "allow")}),
        (
            "effect: ask",
            "effect: allow",
            {("opened", "ask", "allow"), ("opened", "ask", "deny"), ("closed", "ask", "deny")},
        ),
        ("seen_in: [user]", "seen_in: [user, trusted]", {("opened", "deny", "allow")}),
        ("lt: 6", "lt: 7", {("closed", "allow", "deny"), ("closed", "ask", "deny")}),
        ("redact: args.iban", "redact: args.card", {("obligations", "allow", "allow"), ("obligations", "ask", "ask")}),
        (
            "redact: args.iban",
            "redact: args.iban, subject: args.to",
            {("obligations", "allow", "allow"), ("obligations", "ask", "ask")},
        ),
        ("role: reader", "role: [reader, clerk]", {("opened", "deny", "allow")}),
        ("under: /srv", "under: /srv/data", {("closed", "allow", "deny")}),
        ("agent_os: 1", "agent_os: 1\ndefault: allow", {("opened", "deny", "allow")}),
        ("effect: deny", "effect: ask", {("opened", "deny", "ask")}),
    ],
)
def test_what_a_change_opens_and_closes_is_found(before: str, after: str, expected: set[tuple[str, str, str]]) -> None:
    found = compare(before, after)
    assert effects(found) <= expected
    assert bool(found) is bool(expected)


def test_the_request_is_the_least_that_shows_the_difference() -> None:
    (difference,) = compare("under: /srv", "under: /srv/data").differences
    assert set(difference.args) == {"path"}
    assert difference.state["roles"] == ["reader"]
    assert difference.before == Side("allow", "allowed_by_rule", ("files",), (), {})


def test_what_changes_no_decision_is_no_difference() -> None:
    assert not compare("id: small", "message: small ones, id: small")
    assert not compare("id: small", "id: tiny")
    assert not compare("{gt: 0, le: 500}", "{le: 500, gt: 0.0}")


def test_data_says_that_it_is_no_proof() -> None:
    data = compare("le: 500", "le: 400").to_dict()
    assert data["is_proof"] is False
    assert data["changes"] == {"opened": 0, "closed": 1, "obligations": 0}
    assert data["differences"][0]["request"]["args"]["amount"] > 400
