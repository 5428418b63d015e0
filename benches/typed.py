"""Operators that parse text, on typical arguments; explaining 1,000 rules; provenance in a run that has seen 1 MB.

An operator that this build has not got yet is left out, and said so.
"""

from __future__ import annotations

import sys

from kernels import checking, kernel
from rounds import Contestant, take_turns

from agent_os import KernelSpace, Policy, _core

TYPICAL = {
    "url": ({"args.url": {"host": ["api.example.com"], "scheme": ["https"]}}, "https://api.example.com/v1/orders?id=7"),
    "email": ({"args.email": {"domain": ["example.com"]}}, "first.last@example.com"),
    "path": ({"args.path": {"under": "/srv/data"}}, "/srv/data/2026/01/report.csv"),
    "shell": (
        {"args.shell": {"programs": {"each": {"in": ["git", "grep", "head"]}}}},
        "git log --oneline | grep fix | head -5",
    ),
    "sql": (
        {"args.sql": {"statements": {"each": {"eq": "select"}}}},
        "SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer WHERE o.total > 100 ORDER BY o.id",
    ),
}

#: Other texts for the same conditions.
MORE = {
    "shell, a single command": ("shell", "git log --oneline -5"),
    "sql, one table": ("sql", "SELECT id, name FROM customers WHERE id = 7"),
}


def run(rounds: int) -> dict[str, object]:
    contestants: dict[str, Contestant] = {}
    for name, (when, value) in TYPICAL.items():
        try:
            made = kernel([{"id": name, "effect": "allow", "action": ["work.do"], "when": when}])
        except _core.CompileFailed as error:
            print(f"  {name} is left out: {error.problems[0]}", file=sys.stderr)
            continue
        contestants[f"decide on a typical {name}"] = checking(made, "work.do", {name: value}, allowed=True, calls=500)
    for name, (kind, value) in MORE.items():
        when = TYPICAL[kind][0]
        made = kernel([{"id": kind, "effect": "allow", "action": ["work.do"], "when": when}])
        contestants[f"decide on {name}"] = checking(made, "work.do", {kind: value}, allowed=True, calls=500)
    contestants |= explaining(1_000)
    table: dict[str, object] = dict(take_turns(contestants, rounds))
    table["seen_in, 1 MB of run text"] = seen(rounds)
    return table


def explaining(size: int) -> dict[str, Contestant]:
    """What people and programs call to learn why: of one decision, of the rules for its action, of every rule."""
    lines = [
        f"  - {{id: rule-{number}, effect: allow, action: service{number}.send, "
        "when: {args.amount: {gt: 0, le: 500}, args.currency: {in: [EUR, SEK]}}}"
        for number in range(size)
    ]
    policy = Policy.from_text("\n".join(["agent_os: 1", "name: bench", "rules:", *lines]))
    names = {
        "policy": policy,
        "decision": policy.decide(f"service{size // 2}.send", {"amount": 900, "currency": "SEK"}, agent="desk-7"),
        "action": f"service{size // 2}.send",
        "args": {"amount": 900, "currency": "SEK"},
    }
    explain = 'policy.explain(action, args, agent="desk-7")'
    return {
        f"Decision.explain, {size} rules": Contestant("decision.explain()", names, 500),
        f"Policy.explain, {size} rules": Contestant(explain, names, 200),
        f"Policy.explain and all its rules, {size} rules": Contestant(f"{explain}.rules", names, 5),
    }


def seen(rounds: int) -> dict[str, float]:
    """Timed inside of a run, whose text a check of the kernel sees."""
    made: KernelSpace = kernel(
        [
            {"id": "run", "effect": "allow", "action": ["agent.run"]},
            {"id": "seen", "effect": "allow", "action": ["work.do"], "when": {"args.iban": {"seen_in": ["user"]}}},
        ]
    )
    figures: dict[str, dict[str, float]] = {}

    def reader(_text: str) -> None:
        args = {"iban": "SE3550000000054910000003"}
        assert made.check("work.do", args)
        names = {"check": made.check, "args": args}
        contestant = Contestant('check("work.do", args)', names, 200)
        figures.update(take_turns({"seen": contestant}, rounds))

    made.register(reader, agent_id="reader")
    made.execute_sync(reader, "some words that were said before. " * 30_000 + "SE3550000000054910000003")
    made.close()
    return figures["seen"]
