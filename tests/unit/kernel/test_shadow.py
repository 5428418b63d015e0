"""Rules in shadow on the road of a call: they stop nothing, oblige to nothing, and stand in the log."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from agent_os import KernelSpace, NothingEnforced
from tests.unit.kernel.desk import desk, inside, of_kind, policy

DENY = "{id: no, effect: deny, action: cards.read, mode: shadow}"
HIDE = "{id: hide, effect: require, action: cards.*, redact: [args.card, result.card], label: pii, mode: shadow}"
ALLOW = "{id: yes, effect: allow, action: cards.*}"


def with_tool(kernel: KernelSpace) -> Any:
    @kernel.tool("cards.read")
    def read(card: str) -> str:
        return f"card {card}"

    return read


def test_a_deny_in_shadow_stops_nothing_and_stands_in_the_log() -> None:
    with desk(ALLOW, DENY) as kernel:
        read = with_tool(kernel)
        assert inside(kernel, lambda: read("4111")) == "card 4111"
        (intent,) = [entry for entry in of_kind(kernel, "intent") if entry["action"] == "cards.read"]
        assert intent["decision"] == {
            "effect": "allow",
            "reason": "allowed_by_rule",
            "rules": ["yes"],
            "shadow": {"effect": "deny", "reason": "denied_by_rule", "rules": ["no"]},
        }


def test_obligations_in_shadow_are_not_applied() -> None:
    with desk(ALLOW, HIDE, record="full") as kernel:
        read = with_tool(kernel)
        assert inside(kernel, lambda: read("4111")) == "card 4111"
        (intent,) = [entry for entry in of_kind(kernel, "intent") if entry["action"] == "cards.read"]
        assert intent["args"]["full"] == {"card": "4111"}
        assert intent["run"]["labels"] == []
        assert "obligations" not in intent["decision"]
        assert intent["decision"]["shadow"]["obligations"] == {
            "label": ["pii"],
            "redact": ["args.card", "result.card"],
            "rules": ["hide"],
        }


def test_an_ask_in_shadow_asks_nobody() -> None:
    def approver(_: object) -> bool:
        raise AssertionError("nobody is to be asked")

    ask = "{id: ask, effect: ask, action: cards.*, mode: shadow}"
    with desk(ALLOW, ask, approver=approver) as kernel:
        read = with_tool(kernel)
        assert inside(kernel, lambda: read("4111")) == "card 4111"


def test_an_allow_in_shadow_lets_nothing_through() -> None:
    with desk("{id: yes, effect: allow, action: cards.*, mode: shadow}") as kernel:
        read = with_tool(kernel)
        with pytest.raises(PermissionError):
            inside(kernel, lambda: read("4111"))
        (denied,) = of_kind(kernel, "denied")
        assert denied["decision"]["shadow"] == {"effect": "allow", "reason": "allowed_by_rule", "rules": ["yes"]}


def test_check_says_it_too() -> None:
    with desk(ALLOW, DENY) as kernel:
        kernel.register(lambda: None, agent_id="clerk")
        decision = kernel.check("cards.read", {"card": "4111"}, agent="clerk")
        assert decision
        assert decision.shadow is not None
        assert decision.shadow.effect == "deny"


def test_a_kernel_that_enforces_nothing_says_so_when_it_is_made_and_when_it_is_reloaded() -> None:
    with pytest.warns(NothingEnforced, match="`observe` ENFORCES NOTHING"):
        kernel = KernelSpace("observe", durability="memory")
    with kernel:
        (loaded,) = of_kind(kernel, "policy.loaded")
        assert loaded["only_observes"] is True
        read = with_tool(kernel)
        assert inside(kernel, lambda: read("4111")) == "card 4111"
        assert {entry["decision"]["reason"] for entry in of_kind(kernel, "intent")} == {"only_observed"}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            kernel.reload("strict")
        with pytest.warns(NothingEnforced):
            kernel.reload("observe")


def test_a_policy_with_one_enforced_rule_is_no_such_policy() -> None:
    rules = ("{id: a, effect: deny, action: x}", "{id: b, effect: deny, action: y, mode: shadow}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with KernelSpace(policy(*rules, default="allow"), durability="memory") as kernel:
            assert "only_observes" not in of_kind(kernel, "policy.loaded")[0]
