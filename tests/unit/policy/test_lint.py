"""Promise: what looks like a mistake is told with the rule, its place, why, and what to write instead."""

from __future__ import annotations

from agent_os.policy import Policy
from agent_os.policy.linting import LINTS

LEAKY = """\
agent_os: 1
rules:
  - id: refunds
    effect: allow
    action: payments.refund
    when: {args.amount: {le: 20}}
  - {id: no-refunds, effect: deny, action: payments.*, when: {args.amount: {le: 100}}}
  - id: wire
    effect: allow
    action: payments.send
    when: {args.iban: {not_seen_in: [untrusted]}}
"""


def test_findings_stand_where_their_rule_does_and_errors_come_first() -> None:
    found = Policy.from_text(LEAKY, name="leaky.yaml").check()
    told = [(f.code, f.level, f.rule, f.other, f.path, f.file, f.line, f.column) for f in found]
    assert told == [
        ("trip_wire_guard", "error", "wire", None, "args.iban", "leaky.yaml", 8, 5),
        ("shadowed_rule", "warning", "refunds", "no-refunds", None, "leaky.yaml", 3, 5),
        ("no_message", "info", "no-refunds", None, None, "leaky.yaml", 7, 5),
    ]
    assert str(found[1]).startswith("leaky.yaml:3:5: warning[shadowed_rule]: `refunds` never decides")
    assert all(f.hint and f.code in LINTS for f in found)


def test_a_policy_that_says_what_it_does_has_no_findings() -> None:
    text = LEAKY.replace("not_seen_in: [untrusted]", "seen_in: [user]").replace("le: 100", "gt: 20")
    text = text.replace("{gt: 20}}}", "{gt: 20}}, message: by hand}")
    assert Policy.from_text(text).check() == ()


def test_presets_have_no_findings_but_the_default_that_permissive_is_about() -> None:
    found = {name: {f.code for f in Policy.load(name).check()} for name in ("strict", "standard", "permissive")}
    assert found == {"strict": set(), "standard": set(), "permissive": {"default_allow"}}
