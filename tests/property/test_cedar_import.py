"""Promise: what an imported Cedar policy allows, Cedar allows; where nothing fails there, both say the same."""

from __future__ import annotations

import json
import random
from typing import Any

import cedarpy
import pytest

from agent_os.errors import PolicyError
from agent_os.policy import Policy
from agent_os.policy.importing import import_text

ATTRIBUTES: dict[str, tuple[Any, ...]] = {
    "amount": (0, 5, 500, -3),
    "currency": ("EUR", "SEK", "hot"),
    "urgent": (True, False),
    "tags": (["hot"], ["cold", "hot"], []),
}
ODD: tuple[Any, ...] = ("hot", 7, True, ["x"], {"a": 1})


def sentence(source: random.Random) -> str:
    name = source.choice(list(ATTRIBUTES))
    value = json.dumps(source.choice(ATTRIBUTES["currency" if name == "tags" else name]))
    if source.random() < 0.2:
        return f"context has {name}"
    return {
        "amount": f"context.amount {source.choice(['<', '<=', '>', '>=', '==', '!='])} {value}",
        "currency": source.choice([f"context.currency == {value}", '["EUR", "SEK"].contains(context.currency)']),
        "urgent": source.choice(["context.urgent", f"context.urgent == {value}"]),
        "tags": f"context.tags.contains({value})",
    }[name]


def condition(source: random.Random, depth: int = 2) -> str:
    kind = source.choice(["test", "and", "or", "not"]) if depth else "test"
    if kind == "test":
        return sentence(source)
    if kind == "not":
        return f"!({condition(source, depth - 1)})"
    sign = "&&" if kind == "and" else "||"
    return f"({condition(source, depth - 1)} {sign} {condition(source, depth - 1)})"


def policies(source: random.Random) -> str:
    texts = []
    for _ in range(source.randint(1, 4)):
        principal = source.choice(["principal", 'principal == Agent::"a"', 'principal in Role::"r"'])
        action = source.choice(["action", 'action == Action::"send"', 'action in [Action::"send", Action::"read"]'])
        clauses = "".join(f" {word} {{ {condition(source)} }}" for word in ("when", "unless") if source.random() < 0.6)
        texts.append(f"{source.choice(['permit', 'permit', 'forbid'])} ({principal}, {action}, resource){clauses};")
    return "\n".join(texts)


def test_what_the_import_allows_cedar_allows_and_without_failures_both_say_the_same() -> None:
    source = random.Random(7)
    imported = allowed = same = 0
    refusals: set[str] = set()
    entities = [
        {"uid": {"type": "Agent", "id": "a"}, "attrs": {}, "parents": [{"type": "Role", "id": "r"}]},
        {"uid": {"type": "Agent", "id": "b"}, "attrs": {}, "parents": []},
        {"uid": {"type": "Role", "id": "r"}, "attrs": {}, "parents": []},
    ]
    for _ in range(1500):
        text = policies(source)
        try:
            policy = Policy.from_text(import_text("cedar", text))
        except PolicyError as error:
            refusals.update(problem.code for problem in error.problems)
            continue
        imported += 1
        asked = []
        for _ in range(12):
            context = {name: source.choice(values) for name, values in ATTRIBUTES.items()}
            for name in ATTRIBUTES:
                if source.random() < 0.12:
                    context[name] = source.choice(ODD)
                elif source.random() < 0.12:
                    del context[name]
            asked.append((source.choice("ab"), source.choice(["send", "read", "other"]), context))
        requests = [
            {
                "principal": f'Agent::"{agent}"',
                "action": f'Action::"{action}"',
                "resource": 'Resource::"x"',
                "context": context,
            }
            for agent, action, context in asked
        ]
        answers = cedarpy.is_authorized_batch(requests, text, entities)
        for (agent, action, context), answer in zip(asked, answers, strict=True):
            ours = policy.decide(action, context, agent=agent, roles=["r"] if agent == "a" else [])
            theirs = answer.decision.value.lower()
            allowed += ours.effect == "allow"
            if ours.effect == "allow":
                assert theirs == "allow", (text, agent, action, context)
            plain = all(context.get(name) in values for name, values in ATTRIBUTES.items())
            if plain and not answer.diagnostics.errors:
                same += 1
                assert ours.effect == theirs, (text, agent, action, context)
    assert refusals == {"not_importable"}
    assert imported > 300
    assert allowed > 500
    assert same > 2000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("permit (principal, action, resource) when { context.a < 1 || context.b == 2 };", (1, 59)),
        ("permit (principal, action, resource) unless { context.a < 1 && context.b == 2 };", (1, 61)),
        ('permit (principal, action, resource == File::"x");', (1, 37)),
        ('permit (principal == User::"x", action, resource);', (1, 22)),
        ('permit (principal, action in Action::"group", resource);', (1, 30)),
        ("permit (principal, action, resource) when { principal.age > 5 };", (1, 45)),
        ('permit (principal, action, resource) when { context.name like "a*" };', (1, 58)),
        ('\npermit (principal, action, resource) when { !context.tags.contains("x") };', (2, 59)),
        ('permit (principal, action, resource) when { [1, "a"].contains(context.x) };', (1, 45)),
        ('permit (principal, action, resource) when { context.a == "\\n" };', (1, 58)),
        ("permit (principal, action, resource)", (1, 37)),
        ("permit # ;", (1, 8)),
        (f"permit (principal, action, resource) when {{ {'!' * 40}context.a }};", (1, 61)),
    ],
)
def test_what_does_not_map_is_told_with_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(PolicyError) as raised:
        import_text("cedar", text, file="a.cedar")
    assert [(problem.line, problem.column) for problem in raised.value.problems] == [place]


def test_every_policy_that_does_not_map_is_told() -> None:
    text = 'permit (principal, action, resource == A::"x");\nforbid (principal, action, resource);\nallow;\n'
    with pytest.raises(PolicyError) as raised:
        import_text("cedar", text)
    assert [problem.line for problem in raised.value.problems] == [1, 3]
