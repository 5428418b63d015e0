"""The fragment that our policies and Cedar's share: generated documents and requests, and a translation to Cedar.

Cedar is two-valued: a condition that cannot be evaluated drops its whole policy, a `forbid` too. Ours is
three-valued, and unknown counts against the caller. So each condition is translated twice, after Kleene: `surely`
holds where ours is true, `possibly` where ours is true or unknown. An allow becomes a `permit` that is surely met, a
deny a `forbid` that is possibly met. What Cedar then computes is its own.

Not in the fragment, because Cedar has no counterpart: `ask` and `require`, approvals, obligations, limits, provenance,
a default of allow, decimals and floats, dates, `each`, `some`, `keys`, `length`, `size`, regular expressions, shell,
SQL, URLs and normalised paths. Values of another type than the operator's are left to `tests/property/test_cedar.py`,
which states where the two differ by design.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

ACTIONS: Final = ("payments.send", "payments.list", "files.read", "files.write.all")
PATTERNS: Final = {
    "payments.send": ("payments.send",),
    "files.read": ("files.read",),
    "payments.*": ("payments.send", "payments.list"),
    "files.**": ("files.read", "files.write.all"),
    "**": ACTIONS,
    "*.read": ("files.read",),
    "**.all": ("files.write.all",),
}
AGENTS: Final = ("desk-7", "desk-71", "clerk")
AGENT_PATTERNS: Final = {
    "desk-7": ("desk-7",),
    "desk-*": ("desk-7", "desk-71"),
    "*": AGENTS,
    "*k": ("clerk",),
}
ROLES: Final = ("treasurer", "auditor")
WORDS: Final = ("EUR", "SEK", "EURO", "", "a*b", "a\\b", 'a"b', "Straße", "ab", "x\ty")
NUMBERS: Final = (-(2**63), -1, 0, 1, 499, 500, 501, 2**63 - 1)
#: The arguments of the fragment, each always of one type or absent.
TEXTS: Final = ("currency", "note")
INTEGERS: Final = ("amount", "cap")
LISTS: Final = ("tags",)
FLAGS: Final = ("urgent",)

Condition = dict[str, Any]


def document(source: random.Random) -> dict[str, Any]:
    """A policy of the fragment."""
    rules = [_rule(source, f"r{number}") for number in range(source.randint(1, 7))]
    return {"agent_os": 1, "name": "generated", "default": "deny", "rules": rules}


def request(source: random.Random) -> dict[str, Any]:
    """A request with arguments that are of their types or absent."""
    drawn: dict[str, Any] = {
        **{name: source.choice(WORDS) for name in TEXTS},
        **{name: source.choice(NUMBERS) for name in INTEGERS},
        **{name: source.sample(WORDS, source.randint(0, 3)) for name in LISTS},
        **{name: source.random() < 0.5 for name in FLAGS},
    }
    return {
        "action": source.choice(ACTIONS),
        "args": {name: value for name, value in drawn.items() if source.random() < 0.8},
        "agent": source.choice(AGENTS),
        "roles": [role for role in ROLES if source.random() < 0.4],
        "labels": sorted(label for label in ("secret", "pii") if source.random() < 0.3),
    }


def policies(of: dict[str, Any]) -> str:
    """The document in Cedar, one policy a rule, in the order of the rules."""
    return "\n".join(_policy(rule) for rule in of["rules"])


def asked(of: dict[str, Any]) -> dict[str, Any]:
    """The request in Cedar."""
    return {
        "principal": {"type": "Agent", "id": principal(of)},
        "action": {"type": "Action", "id": of["action"]},
        "resource": {"type": "Kernel", "id": "kernel"},
        "context": {"args": of["args"], "labels": of["labels"]},
    }


def entities() -> list[dict[str, Any]]:
    """Every agent with every choice of roles."""
    some = [[role for bit, role in enumerate(ROLES) if choice >> bit & 1] for choice in range(2 ** len(ROLES))]
    return [
        {
            "uid": {"type": "Agent", "id": principal({"agent": agent, "roles": roles})},
            "attrs": {"name": agent},
            "parents": [{"type": "Role", "id": role} for role in roles],
        }
        for agent in AGENTS
        for roles in some
    ]


def principal(of: dict[str, Any]) -> str:
    """The agent with its roles, which differ by request."""
    return "/".join([of["agent"], *sorted(of["roles"])])


def _rule(source: random.Random, rule_id: str) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": rule_id,
        "effect": source.choice(("allow", "allow", "deny")),
        "action": source.sample(sorted(PATTERNS), source.randint(1, 2)),
    }
    if source.random() < 0.3:
        rule["agent"] = {"id": source.sample(sorted(AGENT_PATTERNS), source.randint(1, 2))}
    if source.random() < 0.3:
        rule.setdefault("agent", {})["role"] = source.sample(ROLES, source.randint(1, 2))
    for key, chance in (("when", 0.9), ("unless", 0.3)):
        if source.random() < chance:
            rule[key] = _condition(source, 2)
    return rule


def _condition(source: random.Random, depth: int) -> Condition:
    kind = source.random()
    if depth and kind < 0.15:
        return {"not": _condition(source, depth - 1)}
    if depth and kind < 0.4:
        key = source.choice(("all", "any"))
        return {key: [_condition(source, depth - 1) for _ in range(source.randint(1, 3))]}
    if kind < 0.5:
        return {"run.labels": {"contains": source.choice(("secret", "pii", "none"))}}
    path, operator, operand = source.choice(_LEAVES)(source)
    optional = "?" if operator != "present" and source.random() < 0.2 else ""
    leaf: Condition = {f"args.{path}{optional}": {operator: operand}}
    if depth and source.random() < 0.3:
        leaf.update(_condition(source, 0))
    return leaf


_Leaf = tuple[str, str, Any]


def _word(source: random.Random, *, empty: bool = True) -> str:
    return source.choice([word for word in WORDS if word or empty])


_LEAVES: Final[tuple[Callable[[random.Random], _Leaf], ...]] = (
    lambda source: (source.choice(TEXTS), source.choice(("eq", "ne")), _word(source)),
    lambda source: (source.choice(TEXTS), source.choice(("in", "not_in")), source.sample(WORDS, 2)),
    lambda source: (source.choice(TEXTS), source.choice(("starts_with", "ends_with")), _word(source, empty=False)),
    lambda source: (source.choice(TEXTS), "contains", _word(source, empty=False)),
    lambda source: (source.choice(INTEGERS), source.choice(("lt", "le", "gt", "ge")), source.choice(NUMBERS)),
    lambda source: (source.choice(INTEGERS), source.choice(("eq", "ne")), source.choice(NUMBERS)),
    lambda _: ("amount", "le", {"arg": "args.cap"}),
    lambda _: ("currency", "eq", {"arg": "args.note"}),
    lambda source: (source.choice(LISTS), "contains", _word(source, empty=False)),
    lambda source: (source.choice(FLAGS), "eq", source.random() < 0.5),
    lambda source: (source.choice((*TEXTS, *INTEGERS, *LISTS, *FLAGS)), "present", source.random() < 0.5),
)


def _policy(rule: dict[str, Any]) -> str:
    effect, possibly = ("permit", False) if rule["effect"] == "allow" else ("forbid", True)
    actions = sorted({action for pattern in rule["action"] for action in PATTERNS[pattern]})
    names = ", ".join(f'Action::"{action}"' for action in actions)
    clauses = []
    agent = rule.get("agent", {})
    if "id" in agent:
        ids = sorted({name for pattern in agent["id"] for name in AGENT_PATTERNS[pattern]})
        clauses.append(f"[{', '.join(map(_text, ids))}].contains(principal.name)")
    if "role" in agent:
        clauses.append("(" + " || ".join(f'principal in Role::"{role}"' for role in agent["role"]) + ")")
    if "when" in rule:
        clauses.append(_holds(rule["when"], possibly))
    if "unless" in rule:
        clauses.append(f"!({_holds(rule['unless'], not possibly)})")
    condition = f" when {{ {' && '.join(clauses)} }}" if clauses else ""
    return f"{effect}(principal, action in [{names}], resource){condition};"


def _holds(condition: Condition, possibly: bool) -> str:
    parts = []
    for key, value in condition.items():
        if key in ("all", "any"):
            joint = " && " if key == "all" else " || "
            parts.append("(" + joint.join(_holds(part, possibly) for part in value) + ")")
        elif key == "not":
            parts.append(f"!({_holds(value, not possibly)})")
        else:
            ((operator, operand),) = value.items()
            parts.append(_leaf(key, operator, operand, possibly))
    return "(" + " && ".join(parts) + ")"


def _leaf(key: str, operator: str, operand: Any, possibly: bool) -> str:
    if key == "run.labels":
        return f"context.labels.contains({_text(operand)})"
    optional = key.endswith("?")
    name = key.removeprefix("args.").removesuffix("?")
    there, value = f"context.args has {name}", f"context.args.{name}"
    if operator == "present":
        return f"({there})" if operand else f"(!({there}))"
    test = _test(value, operator, operand)
    if isinstance(operand, dict):
        other = f"context.args has {operand['arg'].removeprefix('args.')}"
        test = f"(!({other}) || {test})" if possibly else f"({other} && {test})"
    return f"(!({there}) || {test})" if possibly and not optional else f"({there} && {test})"


def _test(value: str, operator: str, operand: Any) -> str:
    if isinstance(operand, dict):
        other = f"context.args.{operand['arg'].removeprefix('args.')}"
        return f"{value} {'<=' if operator == 'le' else '=='} {other}"
    signs = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
    if operator in signs:
        return f"{value} {signs[operator]} {_literal(operand)}"
    if operator in ("in", "not_in"):
        listed = f"[{', '.join(map(_text, operand))}].contains({value})"
        return listed if operator == "in" else f"!({listed})"
    if operator == "contains" and value.endswith(".tags"):
        return f"{value}.contains({_text(operand)})"
    before, after = {"starts_with": ("", "*"), "ends_with": ("*", ""), "contains": ("*", "*")}[operator]
    return f'{value} like "{before}{_escaped(operand, star=True)}{after}"'


def _literal(operand: Any) -> str:
    if isinstance(operand, bool):
        return "true" if operand else "false"
    return str(operand) if isinstance(operand, int) else _text(operand)


def _text(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str, *, star: bool = False) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\t": "\\t", **({"*": "\\*"} if star else {})}
    return "".join(escapes.get(character, character) for character in text)
