"""One decision from Python: ours, cedarpy, casbin and a dict, with 10 to 10,000 rules.

Each rule allows one action, for amounts above 0 and up to 500 and for two currencies; the request is the middle rule's
and is allowed. Policies and entities are parsed before; cedarpy gets its pre-parsed handles, casbin its enforcer. The
dict knows neither agents, unknowns nor explanations: it is the floor of what Python can do.
"""

from __future__ import annotations

import io
import logging
import tempfile
from pathlib import Path

import casbin
import cedarpy
from rounds import Contestant, take_turns

from agent_os import KernelSpace, _core

SIZES = (10, 100, 1_000, 10_000)

CASBIN_MODEL = """
[request_definition]
r = sub, obj, amount, currency
[policy_definition]
p = sub, obj, least, most
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.obj == p.obj && r.sub == p.sub && r.amount > 0 && r.amount <= 500 && (r.currency == "EUR" || r.currency == "SEK")
"""


def run(rounds: int) -> dict[str, object]:
    table: dict[str, object] = {}
    for size in SIZES:
        contestants = {
            "agent_os kernel.check": ours(size),
            "agent_os, a denial by default": ours_denied(size),
            "cedarpy, parsed before": cedar(size),
            "casbin": casbin_enforcer(size),
            "dict and an expression": plain_dict(size),
        }
        for name, figures in take_turns(contestants, rounds if size < 10_000 else max(10, rounds // 3)).items():
            table[f"{name}, {size} rules"] = figures
    return table


def kernel(size: int) -> KernelSpace:
    rules = [
        {
            "id": f"rule-{number}",
            "effect": "allow",
            "action": [f"service{number}.send"],
            "when": {"args.amount": {"gt": 0, "le": 500}, "args.currency": {"in": ["EUR", "SEK"]}},
        }
        for number in range(size)
    ]
    bundle = _core.Bundle.compile({"agent_os": 1, "name": "bench", "default": "deny", "rules": rules})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.bundle"
        path.write_bytes(bundle.dump())
        made = KernelSpace(path, durability="memory")
    made.register(lambda: None, agent_id="desk-7")
    return made


def ours(size: int) -> Contestant:
    check, action, args = kernel(size).check, f"service{size // 2}.send", {"amount": 120, "currency": "SEK"}
    assert check(action, args, agent="desk-7")
    return Contestant('check(action, args, agent="desk-7")', {"check": check, "action": action, "args": args}, 2_000)


def ours_denied(size: int) -> Contestant:
    check, action, args = kernel(size).check, f"service{size // 2}.send", {"amount": 900, "currency": "SEK"}
    assert not check(action, args, agent="desk-7")
    return Contestant('check(action, args, agent="desk-7")', {"check": check, "action": action, "args": args}, 2_000)


def cedar(size: int) -> Contestant:
    text = io.StringIO()
    for number in range(size):
        text.write(
            f'permit(principal, action == Action::"service{number}.send", resource) when {{ context.amount > 0 && '
            'context.amount <= 500 && ["EUR", "SEK"].contains(context.currency) };\n'
        )
    policies = cedarpy.PolicySet.from_str(text.getvalue())
    entities = cedarpy.Entities.from_json_str("[]")
    request = {
        "principal": 'Agent::"desk-7"',
        "action": f'Action::"service{size // 2}.send"',
        "resource": 'Thing::"any"',
        "context": {"amount": 120, "currency": "SEK"},
    }
    assert cedarpy.is_authorized(request, policies, entities).allowed
    names = {"decide": cedarpy.is_authorized, "request": request, "policies": policies, "entities": entities}
    return Contestant("decide(request, policies, entities)", names, max(2, 2_000 // size))


def casbin_enforcer(size: int) -> Contestant:
    logging.getLogger("casbin").setLevel(logging.ERROR)
    model = casbin.Model()
    model.load_model_from_text(CASBIN_MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.add_policies([["desk-7", f"service{number}.send", "0", "500"] for number in range(size)])
    action = f"service{size // 2}.send"
    assert enforcer.enforce("desk-7", action, 120, "SEK")
    names = {"enforce": enforcer.enforce, "action": action}
    return Contestant('enforce("desk-7", action, 120, "SEK")', names, max(1, 2_000 // size))


def plain_dict(size: int) -> Contestant:
    def small(args: dict[str, object]) -> bool:
        amount = args["amount"]
        return isinstance(amount, int) and 0 < amount <= 500 and args["currency"] in {"EUR", "SEK"}

    rules = {f"service{number}.send": small for number in range(size)}
    action, args = f"service{size // 2}.send", {"amount": 120, "currency": "SEK"}
    return Contestant("rules[action](args)", {"rules": rules, "action": action, "args": args}, 2_000)
