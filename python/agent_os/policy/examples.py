"""Runs the examples of rules when their file is loaded, against that file and what it extends.

An example whose effect is that of its rule must be decided by that rule: a deny that the default gives
would say nothing about a rule whose action is misspelt.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agent_os.errors import AgentOSError
from agent_os.policy.compiler import compile_union
from agent_os.policy.places import pointer_of
from agent_os.policy.union import join

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_os import _core
    from agent_os.policy.document import Example, ExampleRequest, Rule
    from agent_os.policy.library import Part
    from agent_os.policy.places import Source
    from agent_os.policy.problems import Report

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def run_examples(parts: Iterable[Part], report: Report) -> None:
    """Reports every example that is decided otherwise than it says."""
    for part in parts:
        if part.source is None or part.document is None or not any(rule.examples for rule in part.document.rules):
            continue
        bundle = compile_union(join([part], report), report)
        if bundle is not None:
            for index, rule in enumerate(part.document.rules):
                for number, example in enumerate(rule.examples):
                    _run(bundle, part.source, rule, example, pointer_of(["rules", index, "examples", number]), report)


def _run(bundle: _core.Bundle, source: Source, rule: Rule, example: Example, pointer: str, report: Report) -> None:
    action, arguments = request_of(example.request)
    try:
        decision = bundle.decide(action, example.request.args, **arguments)
        fault = _fault(bundle, rule, example, decision)
    except AgentOSError as error:
        fault = f"the request is refused: {error}"
    if fault is not None:
        hint = f"correct the rule or the example; `agentos explain` shows why `{action}` is decided so"
        message = f"an example of `{rule.id}` fails: {fault}"
        report.add(source, pointer, "example_failed", message, hint)


def request_of(request: ExampleRequest) -> tuple[str, dict[str, Any]]:
    """The action of a request, and the rest of it as ``Bundle.decide`` takes it."""
    return request.action, {
        "agent": request.agent.id,
        "roles": request.agent.roles,
        "labels": request.run.labels,
        "calls": request.run.calls,
        "usage": [(rule, format(Decimal(str(used)), "f")) for rule, used in request.usage.items()],
        "depth": request.run.depth,
        "parent": request.run.parent,
        "now_micros": (request.time - _EPOCH) // timedelta(microseconds=1),
        "texts": [pair for text in request.run.texts for pair in text.items()],
    }


def _fault(bundle: _core.Bundle, rule: Rule, example: Example, decided: _core.Decision) -> str | None:
    # An example of a rule in shadow says what is decided once nothing is.
    in_shadow = any(row["id"] == rule.id and row["mode"] == "shadow" for row in bundle.rules)
    decision = decided.shadow or decided if in_shadow else decided
    got = f"got {decision.effect} by {_rules(decision.rules)}"
    if decision.effect != example.expected:
        return f"expected {example.expected}, {got}"
    if rule.effect == example.expected and rule.id not in decision.rules:
        return f"expected {example.expected} by `{rule.id}`, {got}"
    if rule.effect == "require" and example.expected != "deny" and not _attaches(bundle, rule, example):
        return f"expected the obligations of `{rule.id}`, {got} without them"
    return None


def _attaches(bundle: _core.Bundle, rule: Rule, example: Example) -> bool:
    action, arguments = request_of(example.request)
    rows = bundle.explain(action, example.request.args, **arguments)
    return any(row["rule"] == rule.id and row["applies"] != "false" for row in rows)


def _rules(rules: Iterable[str]) -> str:
    return ", ".join(f"`{rule}`" for rule in rules) or "default"
