"""`agentos explain`: why a request is decided as it is, rule by rule."""

from __future__ import annotations

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.moments import moment_of
from agent_os.cli.output import coloured, print_json, say, shown
from agent_os.policy import Policy

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.policy import Explanation

_ORIGINS = ("user", "system", "trusted", "untrusted")


def run(arguments: Namespace) -> Exit:
    """Says of every rule whether it applies, then the decision."""
    if fault := _core.check_action(arguments.action):
        raise UsageError(f"`{arguments.action}` is not an action: {fault}\n  hint: write it like `payments.send`")
    if arguments.depth < 0:
        raise UsageError(f"`--depth {arguments.depth}` is below 0\n  hint: it is the number of runs above this one")
    if arguments.calls < 0:
        raise UsageError(f"`--calls {arguments.calls}` is below 0\n  hint: it is the number of calls before this one")
    for name in (arguments.agent, *arguments.role, *arguments.label, *filter(None, [arguments.parent])):
        if not _core.is_name(name):
            raise UsageError(f"`{name}` is not the name of an agent, role or label\n  hint: use A-Z a-z 0-9 _ . : -")
    request = _args(arguments.args)
    policy = Policy.load(arguments.policy)
    state: dict[str, Any] = {
        "agent": arguments.agent,
        "roles": arguments.role,
        "labels": arguments.label,
        "depth": arguments.depth,
        "parent": arguments.parent,
        "texts": [_text(text) for text in arguments.text],
        "time": moment_of("--time", arguments.time),
        "calls": arguments.calls,
        "usage": [_used(used, policy) for used in arguments.used],
    }
    explanation = policy.explain(arguments.action, request, **state)
    if arguments.json:
        print_json(explanation.to_dict())
    else:
        _tell(explanation)
    return Exit.OK


def _args(given: str | None) -> dict[str, Any]:
    if given is None:
        return {}
    data = given.encode("utf-8", "surrogateescape")
    if given == "@-":
        data = sys.stdin.buffer.read()
    elif given.startswith("@"):
        data = Path(given[1:]).read_bytes()
    try:
        value = _core.thaw(data)
    except ValueError as error:
        where = str(error).removeprefix("not canonical JSON ")
        raise UsageError(f"`--args` is not JSON {where}\n  hint: write an object like '{{\"amount\": 5}}'") from error
    if not isinstance(value, dict):
        raise UsageError("`--args` is not a JSON object\n  hint: name each argument, like '{\"amount\": 5}'")
    return value


def _text(given: str) -> tuple[str, str]:
    origin, equals, text = given.partition("=")
    if not equals or origin not in _ORIGINS:
        raise UsageError(
            f"`--text {given:.60}` does not begin with an origin and `=`\n  hint: write ORIGIN=TEXT with an origin of "
            + ", ".join(_ORIGINS)
        )
    return origin, text


def _used(given: str, policy: Policy) -> tuple[str, str]:
    rule, equals, amount = given.partition("=")
    rules = {row["id"]: row for row in policy.bundle.rules}
    if not equals or rule not in rules:
        hint = "write RULE=AMOUNT with the id of a rule of this policy"
        raise UsageError(f"`--used {given:.60}` names no rule\n  hint: {hint}")
    try:
        used = Decimal(amount)
    except InvalidOperation:
        used = Decimal("NaN")
    if not used.is_finite() or used < 0:
        raise UsageError(f"`--used {given:.60}` is no amount\n  hint: write a number of at least 0, like {rule}=1500")
    return rule, format(used, "f")


def _tell(explanation: Explanation) -> None:
    width = max((len(rule.rule) for rule in explanation.rules), default=0)
    for rule in explanation.rules:
        place = f"  ({rule.place})" if rule.place else ""
        mode = "in shadow: " if rule.mode == "shadow" else ""
        print(shown(f"{rule.applies:<7}  {rule.effect:<7}  {rule.rule:<{width}}  {mode}{rule.because}{place}"))
    decision = explanation.decision
    by = ", ".join(f"`{rule}`" for rule in decision.rules) or "the default"
    what = f"`{explanation.action}` by agent `{explanation.agent}`, by {by} ({decision.reason})"
    print(f"{coloured(decision.effect)}: {shown(what)}")
    for rule_id, path in decision.unknowns:
        print(shown(f"  `{path}` is unknown in rule `{rule_id}`, which counts against the caller"))
    for line in filter(None, decision.message.split("\n")):
        print(shown(f"  {line}"))
    for name, value in decision.obligations.items():
        print(shown(f"  {name}: {value if isinstance(value, str) else ', '.join(value)}"))
    if shadow := decision.shadow:
        would = ", ".join(f"`{rule}`" for rule in shadow.rules) or "the default"
        print(f"  with the rules in shadow: {coloured(shadow.effect)}{shown(f', by {would} ({shadow.reason})')}")
    if decision.reason == "only_observed":
        say("warning: this policy ENFORCES NOTHING: every rule is in shadow and everything is allowed")
