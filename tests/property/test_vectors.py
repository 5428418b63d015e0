"""The language-neutral decisions of tests/vectors/decisions hold for the engine and for the reference.

tests/vectors/README.md says what a case means. Rust runs the same files.
"""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_os import _core
from tests.property import reference
from tests.property.reference_shell import NotPlainError
from tests.property.test_differential import engine, plain

FILES = sorted((Path(__file__).parents[1] / "vectors" / "decisions").glob("*.json"))
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
STATE = {"roles": [], "labels": [], "depth": 0, "parent": None, "texts": [], "approved": [], "calls": 0, "usage": []}
NOT_FOR_BACKTRACKING = "matches is linear"  # the reference's `re` would not come back from it
# The reference reads no SQL: it knows what a text was made of, if it was made. tests/property/test_sql.py holds the
# engine to sqlglot and to SQLite itself.
OPPOSITE = {"true": "false", "false": "true", "unknown": "unknown"}


def load(kind: str) -> list[Any]:
    loaded = [(path.stem, json.loads(path.read_text("utf-8"), parse_float=Decimal)) for path in FILES]
    listed = [(stem, case) for stem, file in loaded for case in file.get(kind, ())]
    return [pytest.param(case, id=f"{stem}: {case['name']}") for stem, case in listed]


def both(document: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """The decision that engine and reference agree on."""
    document = reference.untag(document)
    now = reference.parse_time("datetime", case.get("now", "2026-01-01T00:00:00Z"))[1]
    request = {
        **STATE,
        "agent": "vector",
        "action": "act",
        **case,
        "now_micros": (now - EPOCH) // timedelta(microseconds=1),
    }
    request = {key: value for key, value in request.items() if key in (*STATE, "agent", "action", "now_micros")}
    args = _core.thaw(json.dumps(case.get("args", {}), default=spelt).encode())
    decided = engine(_core.Bundle.compile(document), request, args)
    on_sql = any(f'"{name}"' in json.dumps(document, default=str) for name in reference.SQL_TESTS)
    if case["name"] != NOT_FOR_BACKTRACKING and not on_sql:
        with contextlib.suppress(NotPlainError):  # a command that only the engine and bash read
            assert decided == reference.decide(document, {**request, "args": plain(args)})
    return decided


def spelt(number: Decimal) -> dict[str, str]:
    """A number of a vector is the decimal that it spells, and JSON of ours says so by a tag."""
    return {"$decimal": str(number)}


def test_the_vectors_are_there() -> None:
    assert len(load("conditions")) >= 150
    assert len(load("decisions")) >= 20


@pytest.mark.parametrize("case", load("decisions"))
def test_decision(case: dict[str, Any]) -> None:
    assert both(case["document"], case) == whole(case["expect"])


def whole(expect: dict[str, Any]) -> dict[str, Any]:
    """What is expected of a decision, with what a vector may leave out."""
    # What an allow reserves is the kernel's; Rust compares it.
    expect = {"rules": [], "unknowns": [], **{key: value for key, value in expect.items() if key != "charges"}}
    return {
        **expect,
        "unknowns": [tuple(pair) for pair in expect["unknowns"]],
        "obligations": {"redact": [], "labels": [], **expect.get("obligations", {})},
        **({"shadow": whole(expect["shadow"])} if "shadow" in expect else {}),
    }


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize("key", ["when", "unless"])
@pytest.mark.parametrize("case", load("conditions"))
def test_condition(case: dict[str, Any], key: str, effect: str) -> None:
    rule = {"id": "r", "effect": effect, "action": ["act"], key: case["when"]}
    document = {"agent_os": 1, "name": "vector", "default": "deny", "sets": case.get("sets", {}), "rules": [rule]}
    decided = both(document, case)
    truth = case["truth"] if key == "when" else OPPOSITE[case["truth"]]
    reasons = {
        ("allow", "true"): "allowed_by_rule",
        ("deny", "true"): "denied_by_rule",
        ("deny", "unknown"): "condition_unknown",
    }
    assert decided["reason"] == reasons.get((effect, truth), "denied_by_default")
    assert decided["effect"] == ("allow" if (effect, truth) == ("allow", "true") else "deny")
    if (effect, truth) == ("deny", "unknown"):
        given = case.get("unknowns")
        assert decided["unknowns"] == [("r", path) for path in given] if given else decided["unknowns"]
    else:
        assert not decided["unknowns"]
