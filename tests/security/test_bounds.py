"""Promise: whatever a hijacked model sends, a decision takes bounded time, and what is over a bound is a denial.

Time is the processor's, of this thread, with a bound that is far above what any linear algorithm needs here and far
below what an exponential or a quadratic one would take.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent_os import Decision, KernelSpace, Policy, _core

SECONDS = 10.0
MEGABYTE = 1_000_000


def compiled(when: dict[str, Any], effect: str = "deny") -> _core.Bundle:
    rules = [{"id": "rule", "effect": effect, "action": ["work.do"], "when": when}]
    return _core.Bundle.compile({"agent_os": 1, "name": "bounds", "default": "deny", "rules": rules})


def within_bounds(act: Callable[[], Decision]) -> Decision:
    start = time.thread_time()
    decision = act()
    assert time.thread_time() - start < SECONDS
    return decision


EVIL = ["(a+)+", "(a|aa)+", "(a|a?)+", "(.*a){12}", "([a-z]+)*", r"(\w+\s?)*", "(a*)*(a*)*", "(?:a?){60}a{60}"]


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("pattern", EVIL)
def test_a_regular_expression_takes_time_linear_in_the_text(pattern: str, anchored: bool) -> None:
    written = {"pattern": f"{pattern}$" if anchored else f"{pattern}b", "anchored": anchored}
    bundle = compiled({"args.text": {"matches": written}}, "allow")
    decision = within_bounds(lambda: bundle.decide("work.do", {"text": "a" * (MEGABYTE // 10) + "!"}, agent="desk-7"))
    assert (decision.effect, decision.reason) == ("deny", "denied_by_default")


# For each family: a condition, a text of a megabyte that is hard for it, and the reason why a deny rule with it denies
# or does not apply.
TEXTS: dict[str, tuple[dict[str, Any], str]] = {
    "eq": ({"eq": "a"}, "a" * MEGABYTE),
    "in": ({"in": ["a", "b"]}, "a" * MEGABYTE),
    "starts_with": ({"starts_with": "aab"}, "a" * MEGABYTE),
    "contains": ({"contains": "aaaaaaaaaaaaaaab"}, "a" * MEGABYTE),
    "ignore_case": ({"contains": "\u0391\u03a3b", "ignore_case": True}, "\u03b1\u03c2" * (MEGABYTE // 4)),
    "length": ({"length": {"lt": 10}}, "é" * (MEGABYTE // 2)),
    "glob": ({"glob": "**/*a*b*c*/x"}, "a/" * (MEGABYTE // 2)),
    "before": ({"before": dt.date(2026, 1, 1)}, "2026-01-01" * (MEGABYTE // 10)),
    "under": ({"under": "/srv"}, "/srv" + "/a/.." * (MEGABYTE // 5)),
    "name": ({"name": [".env"]}, "/a" * (MEGABYTE // 2)),
    "extension": ({"extension": ["pem"]}, "a.pem" * (MEGABYTE // 5)),
    "host": ({"host": ["example.com"]}, "https://" + "a." * (MEGABYTE // 2)),
    "private_address": ({"private_address": True}, "http://[" + "::1" * (MEGABYTE // 3)),
    "network": ({"network": ["10.0.0.0/8"]}, "1." * (MEGABYTE // 2)),
    "domain": ({"domain": ["example.com"]}, "a@" * (MEGABYTE // 2)),
    "programs": ({"programs": {"contains": "rm"}}, "a;" * (MEGABYTE // 2)),
    "programs, nested": ({"programs": {"contains": "rm"}}, "$(" * (MEGABYTE // 2)),
    "statements": ({"statements": {"contains": "drop"}}, "SELECT " + "1," * (MEGABYTE // 2)),
    "statements, nested": ({"statements": {"contains": "drop"}}, "SELECT " + "(" * (MEGABYTE // 2)),
}


@pytest.mark.parametrize("family", TEXTS)
def test_a_megabyte_of_text_is_decided_in_bounded_time_and_never_allowed(family: str) -> None:
    tests, text = TEXTS[family]
    deny, allow = compiled({"args.value": tests}), compiled({"args.value": tests}, "allow")
    decision = within_bounds(lambda: deny.decide("work.do", {"value": text}, agent="desk-7"))
    assert decision.effect == "deny"
    assert decision.reason in {"denied_by_rule", "denied_by_default", "condition_unknown"}
    assert decision.unknowns == ([("rule", "args.value")] if decision.reason == "condition_unknown" else [])
    other = within_bounds(lambda: allow.decide("work.do", {"value": text}, agent="desk-7"))
    assert other.effect == "allow" or other.reason == "denied_by_default"
    # What the one takes for unknown the other does not take for true.
    assert not (decision.reason == "condition_unknown" and other.effect == "allow")


def test_text_over_the_limit_is_unknown_and_named() -> None:
    limits = {name: value for name, value, _ in _core.limits()}
    over = "a" * (limits["string_bytes"] + 1)
    decision = within_bounds(
        lambda: compiled({"args.value": {"contains": "b"}}).decide("work.do", {"value": over}, agent="desk-7")
    )
    assert (decision.effect, decision.reason, decision.unknowns) == (
        "deny",
        "condition_unknown",
        [("rule", "args.value")],
    )


def test_nesting_beyond_the_limit_is_unknown_and_named() -> None:
    limits = {name: value for name, value, _ in _core.limits()}
    bundle = compiled({"args.value": {"size": {"gt": 5}}})
    value: Any = 1
    # The first is over no other bound.
    for depth in (limits["depth"] + 2, 100_000):
        value = 1
        for _ in range(depth):
            value = [value]
        decision = within_bounds(lambda value=value: bundle.decide("work.do", {"value": value}, agent="desk-7"))
        assert (decision.effect, decision.reason) == ("deny", "condition_unknown")
    while isinstance(value, list):
        value = value[0]


def test_a_list_of_a_million_is_unknown_and_named() -> None:
    bundle = compiled({"args.value": {"some": {"eq": 7}}})
    limits = {name: value for name, value, _ in _core.limits()}
    # The second list is over no other bound than that on the number of values.
    for count in (1_000_000, limits["items"]):
        decision = within_bounds(lambda count=count: bundle.decide("work.do", {"value": [1] * count}, agent="desk-7"))
        assert (decision.effect, decision.reason, decision.unknowns) == (
            "deny",
            "condition_unknown",
            [("rule", "args.value")],
        )


def test_a_crowd_of_rules_is_not_searched_over_and_over_for_a_text_that_repeats() -> None:
    # Each of a thousand literals is repeated a hundred times; it must count once.
    rules = [
        {"id": f"rule-{n}", "effect": "deny", "action": ["work.do"], "when": {"args.text": {"contains": f"<{n}>"}}}
        for n in range(1_000)
    ]
    bundle = _core.Bundle.compile({"agent_os": 1, "name": "bounds", "default": "deny", "rules": rules})
    text = "".join(f"<{n}>" for n in range(1_000)) * 100
    decision = within_bounds(lambda: bundle.decide("work.do", {"text": text}, agent="desk-7"))
    assert (decision.effect, len(decision.rules)) == ("deny", 1_000)


def test_a_million_tokens_of_run_text_are_searched_in_bounded_time() -> None:
    bundle = compiled({"args.iban": {"seen_in": ["user"]}}, "allow")
    texts = [("user", " ".join(str(n) for n in range(MEGABYTE)))]
    decision = within_bounds(
        lambda: bundle.decide("work.do", {"iban": "SE3550000000054910000003"}, agent="desk-7", texts=texts)
    )
    assert (decision.effect, decision.reason) == ("deny", "denied_by_default")


def test_arguments_over_the_limits_are_refused_before_the_tool_runs() -> None:
    rules = "agent_os: 1\nname: bounds\nrules:\n  - {id: all, effect: allow, action: work.do, agent: {id: operator}}\n"
    with KernelSpace(Policy.from_text(rules), durability="memory") as kernel:
        ran = []

        @kernel.tool("work.do")
        def work(value: object) -> None:
            ran.append(value)

        for value in ("a" * 2_000_000, [1] * 1_000_000):
            with pytest.raises(Exception, match="cannot be judged") as failure:
                kernel.operator().execute_sync("work.do", value=value)
            assert getattr(failure.value, "code", "") in {"request_invalid", "policy_denied"}
        assert not ran
