"""Promise: on the fragment that both languages share, an engine that is not ours decides the same, rule for rule.

Cedar's own engine (`cedarpy`) is asked. Where the two languages differ by design, a test below shows the difference and
says why ours is as it is.
"""

from __future__ import annotations

import json
import random
from typing import Any

import cedarpy
import pytest

from agent_os import _core
from agent_os.policy import Policy
from tests.property import cedar

DOCUMENTS = 500
REQUESTS = 100


def test_cedar_agrees_on_fifty_thousand_pairs(request: pytest.FixtureRequest) -> None:
    """Effect and deciding rules, of 500 generated policies with 100 requests each."""
    seed = request.config.option.hypothesis_seed
    source = random.Random(seed)
    entities = cedarpy.Entities.from_json_str(json.dumps(cedar.entities()))
    decided = {"allow": 0, "deny": 0}
    by_default = 0
    for _ in range(DOCUMENTS):
        document = cedar.document(source)
        bundle = _core.Bundle.compile(document)
        asked = [cedar.request(source) for _ in range(REQUESTS)]
        text = cedar.policies(document)
        answers = cedarpy.is_authorized_batch([cedar.asked(each) for each in asked], text, entities)
        for each, answer in zip(asked, answers, strict=True):
            ours = bundle.decide(each["action"], each["args"], **_state(each))
            assert answer.diagnostics.errors == []
            places = [int(reason.removeprefix("policy")) for reason in answer.diagnostics.reasons]
            theirs = answer.decision.value.lower(), sorted(document["rules"][place]["id"] for place in places)
            assert (ours.effect, list(ours.rules)) == theirs, (text, each, ours.explain())
            decided[ours.effect] += 1
            by_default += not ours.rules
    assert sum(decided.values()) == DOCUMENTS * REQUESTS
    # The generator reaches every kind of decision, or agreement would say nothing.
    assert min(*decided.values(), by_default) > DOCUMENTS * REQUESTS // 20


ALLOW_ALL = "  - {id: all, effect: allow, action: '**'}\n"
PERMIT_ALL = "permit(principal, action, resource);\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "args", "expected", "reason"),
    [
        (
            "  - {id: no, effect: deny, action: '**', when: {args.amount: {gt: 500}}}\n",
            "forbid(principal, action, resource) when { context.args.amount > 500 };",
            {},
            ("deny", "Allow"),
            "a deny whose argument is missing is skipped by Cedar, so leaving it out passes; ours applies",
        ),
        (
            "  - {id: no, effect: deny, action: '**', when: {args.amount: {gt: 500}}}\n",
            "forbid(principal, action, resource) when { context.args.amount > 500 };",
            {"amount": "900"},
            ("deny", "Allow"),
            "a deny whose argument is of another type is skipped by Cedar; ours applies",
        ),
        (
            "  - {id: no, effect: deny, action: '**', when: {args.command: {eq: drop}}}\n",
            'forbid(principal, action, resource) when { context.args.command == "drop" };',
            {"command": ["drop"]},
            ("deny", "Allow"),
            "to Cedar two types are unequal, so a list around the word dodges the rule; to us it is unknown",
        ),
        (
            "  - {id: no, effect: deny, action: '**', when: {args.tags: {each: {eq: ok}}}}\n",
            'forbid(principal, action, resource) when { ["ok"].containsAll(context.args.tags) };',
            {"tags": []},
            ("deny", "Deny"),
            "of an empty list Cedar says that all of it is contained; ours says unknown, and here both deny",
        ),
        (
            "  - {id: no, effect: deny, action: '**', unless: {args.tags: {each: {eq: ok}}}}\n",
            'forbid(principal, action, resource) unless { ["ok"].containsAll(context.args.tags) };',
            {"tags": []},
            ("deny", "Allow"),
            "an exception that holds of an empty list in Cedar does not in ours: nothing was shown",
        ),
    ],
)
def test_where_ours_and_cedar_differ_by_design(
    ours: str, theirs: str, args: dict[str, Any], expected: tuple[str, str], reason: str
) -> None:
    """`reason` says why; what can only be stricter than Cedar is never laxer."""
    assert reason
    policy = Policy.from_text("agent_os: 1\nname: n\nrules:\n" + ALLOW_ALL + ours)
    asked = {"action": "files.read", "args": args, "agent": "clerk", "roles": [], "labels": []}
    answer = cedarpy.is_authorized(cedar.asked(asked), PERMIT_ALL + theirs, cedar.entities())
    decided = policy.decide("files.read", args, agent="clerk").effect
    assert (decided, answer.decision.value) == expected


def _state(of: dict[str, Any]) -> dict[str, Any]:
    return {key: of[key] for key in ("agent", "roles", "labels")}
