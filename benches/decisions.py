"""One decision from Python, with 10 to 10,000 rules on as many actions.

Each rule allows one action, for amounts above 0 and up to 500 and for two currencies; the request is the middle rule's
and is allowed. Policies and entities are parsed before; cedarpy gets its pre-parsed handles, casbin its enforcer,
regorus an engine with its rules in one set. CEL has expressions and no policies: a dict finds the action's one, as in
the plain dict, which knows neither agents, unknowns nor explanations and is the floor of what Python can do. A rule of
agent-os-kernel has one condition, on the tool's name.
"""

from __future__ import annotations

import io
import logging

import casbin
import cedarpy
import cel
from kernels import agent_os_kernel, checking, kernel
from rounds import Contestant, Elsewhere, take_turns

from agent_os import KernelSpace

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
        made = ours(size)
        action = f"service{size // 2}.send"
        contestants: dict[str, Contestant | Elsewhere] = {
            "agent_os kernel.check": checking(made, action, {"amount": 120, "currency": "SEK"}, allowed=True),
            "agent_os, a denial by default": checking(made, action, {"amount": 900, "currency": "SEK"}, allowed=False),
            "cedarpy, parsed before": cedar(size),
            "casbin": casbin_enforcer(size),
            **regorus_engine(size),
            "CEL, compiled before, behind a dict": cel_program(size),
            **agent_os_kernel("actions", size),
            "dict and an expression": plain_dict(size),
        }
        for name, figures in take_turns(contestants, rounds if size < 10_000 else max(10, rounds // 3)).items():
            table[f"{name}, {size} rules"] = figures
        made.close()
    return table


def ours(size: int) -> KernelSpace:
    return kernel(
        [
            {
                "id": f"rule-{number}",
                "effect": "allow",
                "action": [f"service{number}.send"],
                "when": {"args.amount": {"gt": 0, "le": 500}, "args.currency": {"in": ["EUR", "SEK"]}},
            }
            for number in range(size)
        ]
    )


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


def regorus_engine(size: int) -> dict[str, Contestant]:
    try:
        import regorus
    except ImportError:
        return {}
    engine = regorus.Engine()
    engine.add_policy("default.rego", "package bench\nimport rego.v1\ndefault allow := false\n")
    # A file may have 1 MiB at most.
    for start in range(0, size, 2_000):
        text = io.StringIO()
        text.write("package bench\nimport rego.v1\n")
        for number in range(start, min(size, start + 2_000)):
            text.write(
                f'allow if {{ input.action == "service{number}.send"; input.amount > 0; input.amount <= 500; '
                'input.currency in {"EUR", "SEK"} }\n'
            )
        engine.add_policy(f"rules{start}.rego", text.getvalue())
    request = {"action": f"service{size // 2}.send", "amount": 120, "currency": "SEK"}
    engine.set_input(request)
    assert engine.eval_rule("data.bench.allow") is True
    statement = 'set_input(request); eval_rule("data.bench.allow")'
    names = {"set_input": engine.set_input, "eval_rule": engine.eval_rule, "request": request}
    return {"regorus": Contestant(statement, names, max(1, 2_000 // size))}


def cel_program(size: int) -> Contestant:
    program = cel.compile('amount > 0 && amount <= 500 && currency in ["EUR", "SEK"]')
    programs = {f"service{number}.send": program for number in range(size)}
    action, args = f"service{size // 2}.send", {"amount": 120, "currency": "SEK"}
    assert programs[action].execute(args) is True
    names = {"programs": programs, "action": action, "args": args}
    return Contestant("programs[action].execute(args)", names, 200)


def plain_dict(size: int) -> Contestant:
    def small(args: dict[str, object]) -> bool:
        amount = args["amount"]
        return isinstance(amount, int) and 0 < amount <= 500 and args["currency"] in {"EUR", "SEK"}

    rules = {f"service{number}.send": small for number in range(size)}
    action, args = f"service{size // 2}.send", {"amount": 120, "currency": "SEK"}
    return Contestant("rules[action](args)", {"rules": rules, "action": action, "args": args}, 2_000)
