"""Many rules on one action: the rules that the action alone cannot tell apart.

``regex`` rules each match one tenant's lines; ``mixed`` rules are on texts, number ranges and paths in turn; ``every
rule looks`` is the worst case of the latter: a request whose arguments are of another type rules nothing out. Python's
loop over compiled patterns, agent-os-kernel (which compiles them at each call) and cedarpy (without regular
expressions: ``like``) run in the same rounds.
"""

from __future__ import annotations

import io
import re

import cedarpy
from kernels import agent_os_kernel, checking, kernel
from rounds import Contestant, Elsewhere, take_turns

REGEX = r"(GET|POST) /tenants/{}/[a-z]+(\?.*)?"


def run(rounds: int) -> dict[str, object]:
    table: dict[str, object] = {}
    for size in (1_000, 10_000):
        line = f"GET /tenants/{size // 2}/orders?limit=10"
        made = kernel([rule(number, {"args.line": {"matches": REGEX.format(number)}}) for number in range(size)])
        contestants: dict[str, Contestant | Elsewhere] = {
            "agent_os kernel.check": checking(made, "work.do", {"line": line}, allowed=True),
            "agent_os, a denial by default": checking(made, "work.do", {"line": "GET /"}, allowed=False),
            "re, compiled before, in a loop": loop(size, line),
            **agent_os_kernel("regex", size),
        }
        for name, figures in take_turns(contestants, max(10, rounds // 3)).items():
            table[f"{name}, {size} regex rules"] = figures
        made.close()
    size = 1_000
    made = kernel([rule(number, mixed(number)) for number in range(size)])
    args = {"account": f"acc-{size // 2}", "amount": 10 * (size // 2) + 5, "path": f"/srv/tenant-{size // 2}/a.csv"}
    contestants = {
        "agent_os kernel.check": checking(made, "work.do", args, allowed=True),
        "agent_os, a denial by default": checking(
            made, "work.do", {"account": "other", "amount": -5, "path": "/etc/passwd"}, allowed=False
        ),
        "agent_os, arguments of another type": checking(
            made, "work.do", {"account": 1, "amount": "1", "path": 1}, allowed=False
        ),
        "cedarpy, parsed before": cedar(size, args),
    }
    for name, figures in take_turns(contestants, rounds).items():
        table[f"{name}, {size} mixed rules"] = figures
    made.close()
    return table


def rule(number: int, when: dict[str, object]) -> dict[str, object]:
    return {"id": f"rule-{number}", "effect": "allow", "action": ["work.do"], "when": when}


def mixed(number: int) -> dict[str, object]:
    account = {"args.account": {"eq": f"acc-{number}"}}
    amount = {"args.amount": {"ge": 10 * number, "lt": 10 * number + 10}}
    path = {"args.path": {"under": f"/srv/tenant-{number}"}}
    return {**account, **amount} if number % 3 == 0 else amount if number % 3 == 1 else path


def loop(size: int, line: str) -> Contestant:
    matches = [re.compile(REGEX.format(number)).fullmatch for number in range(size)]
    assert any(match(line) for match in matches)
    names = {"matches": matches, "line": line}
    return Contestant("any(match(line) for match in matches)", names, max(1, 2_000 // size))


def cedar(size: int, args: dict[str, object]) -> Contestant:
    text = io.StringIO()
    for number in range(size):
        account = f'context.account == "acc-{number}"'
        amount = f"context.amount >= {10 * number} && context.amount < {10 * number + 10}"
        path = f'context.path like "/srv/tenant-{number}/*"'
        when = f"{account} && {amount}" if number % 3 == 0 else amount if number % 3 == 1 else path
        text.write(f'permit(principal, action == Action::"work.do", resource) when {{ {when} }};\n')
    policies = cedarpy.PolicySet.from_str(text.getvalue())
    entities = cedarpy.Entities.from_json_str("[]")
    request = {
        "principal": 'Agent::"desk-7"',
        "action": 'Action::"work.do"',
        "resource": 'Thing::"any"',
        "context": args,
    }
    assert cedarpy.is_authorized(request, policies, entities).allowed
    names = {"decide": cedarpy.is_authorized, "request": request, "policies": policies, "entities": entities}
    return Contestant("decide(request, policies, entities)", names, 2)
