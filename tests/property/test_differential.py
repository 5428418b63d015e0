"""Engine and reference decide the same: effect, rules, reason, unknowns and obligations.

The Rust generator exports pairs with the answers of its own reference; Hypothesis adds what only Python has: arguments
as Python objects, read lazily from the caller's own dict.
"""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_os import _core
from agent_os.errors import RequestInvalid
from tests.property import reference, strategies

ROOT = Path(__file__).parents[2]
EXPORTED_PAIRS = 5_000


def plain(value: Any) -> Any:
    """The canonical form of a value as Python objects that the reference reads."""
    return reference.untag(json.loads(_core.canonical(value), parse_float=Decimal))


def answer(decision: Any) -> dict[str, Any]:
    """A decision of the engine in the words of the reference."""
    shadow = getattr(decision, "shadow", None)
    obligations = decision.obligations
    record = {"record": obligations["record"]} if "record" in obligations else {}
    return {
        "effect": decision.effect,
        "rules": list(decision.rules),
        "reason": decision.reason,
        "unknowns": list(decision.unknowns),
        "obligations": {
            "redact": list(obligations.get("redact", ())),
            "labels": list(obligations.get("label", ())),
            **record,
        },
        **({} if shadow is None else {"shadow": answer(shadow)}),
    }


def engine(bundle: Any, request: dict[str, Any], args: Any) -> dict[str, Any]:
    state = {key: value for key, value in request.items() if key not in ("action", "args", "sql")}
    rules = {rule["id"] for rule in bundle.rules}
    state["texts"] = [tuple(text) for text in request["texts"]]
    state["usage"] = [tuple(pair) for pair in request["usage"]]
    state["approved"] = [rule for rule in request["approved"] if rule in rules]
    return answer(bundle.decide(request["action"], args, **state))


@settings(max_examples=250)
@given(strategies.documents(), st.lists(strategies.requests, min_size=1, max_size=6))
def test_engine_and_reference_agree_on_python_objects(document: dict[str, Any], requests: list[dict[str, Any]]) -> None:
    bundle = _core.Bundle.compile(document)
    for request in requests:
        expected = reference.decide(document, {**request, "args": plain(request["args"])})
        assert engine(bundle, request, request["args"]) == expected
        assert engine(bundle, request, _core.freeze(request["args"])) == expected


UNREADABLE = [float("nan"), float("inf"), "\ud800", object(), [object()], 10**1_001, Decimal("NaN"), b"x" * (2**20 + 1)]


@pytest.mark.parametrize("value", UNREADABLE, ids=lambda value: repr(value)[:20])
@settings(max_examples=25)
@given(tests=strategies.word_tests | strategies.number_tests)
def test_what_cannot_be_read_is_unknown_when_read_and_refused_when_frozen(value: Any, tests: dict[str, Any]) -> None:
    rules = [
        {"id": "no", "effect": "deny", "action": ["**"], "when": {"args.x": tests}},
        {"id": "no-not", "effect": "deny", "action": ["**"], "when": {"not": {"args.x?": tests}}},
        {
            "id": "yes",
            "effect": "allow",
            "action": ["**"],
            "when": {"any": [{"args.x": tests}, {"not": {"args.x": tests}}]},
        },
    ]
    sets = {"words": ["EUR"], "numbers": [1]}
    bundle = _core.Bundle.compile({"agent_os": 1, "name": "n", "default": "deny", "sets": sets, "rules": rules})
    decision = bundle.decide("a.b", {"x": value}, agent="a", now_micros=0)
    assert decision.reason == "condition_unknown"
    assert decision.unknowns == [("no", "args.x"), ("no-not", "args.x")]
    present = [{"id": "there", "effect": "allow", "action": ["**"], "when": {"args.x": {"present": True}}}]
    bundle = _core.Bundle.compile({"agent_os": 1, "name": "n", "default": "deny", "sets": {}, "rules": present})
    assert bundle.decide("a.b", {"x": value}, agent="a", now_micros=0)
    with pytest.raises(RequestInvalid):
        _core.freeze({"x": value})


def with_tuples(decided: dict[str, Any]) -> dict[str, Any]:
    """A decision that was read from JSON, as the reference gives it."""
    shadow = {"shadow": with_tuples(decided["shadow"])} if "shadow" in decided else {}
    return {**decided, "unknowns": [tuple(pair) for pair in decided["unknowns"]], **shadow}


def agrees(case: dict[str, Any]) -> bool:
    """The engine and the reference both give the answer that a language-neutral case expects.

    False if the engine cannot be asked from Python, where a set cannot hold both ``1`` and ``True``.
    """
    document, request = reference.untag(case["document"]), reference.untag(case["request"])
    expected = with_tuples(case["expected"])
    assert reference.decide(document, request) == expected
    bundle = _core.Bundle.compile(document)
    try:
        args = _core.thaw(json.dumps(case["request"]["args"], default=float).encode())
    except ValueError as error:
        if "a set has members that Python takes for equal" not in str(error):
            raise
        return False
    assert engine(bundle, request, args) == expected
    return True


def exporter() -> Path | None:
    """The program that exports pairs, where it has been built."""
    targets = [Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")), ROOT / "target"]
    built = [target / profile / "differential" for target in targets for profile in ("checked", "release", "debug")]
    return next((path for path in built if path.is_file()), None)


@pytest.mark.skipif(
    exporter() is None, reason="`cargo build --profile checked -p agent-os-testkit` builds the exporter"
)
def test_engine_and_reference_agree_on_exported_pairs() -> None:
    lines = subprocess.run(
        [str(exporter()), "--export", str(EXPORTED_PAIRS), "--seed", "5"], check=True, capture_output=True
    ).stdout.splitlines()
    assert len(lines) == EXPORTED_PAIRS
    asked = sum(agrees(json.loads(line, parse_float=Decimal)) for line in lines)
    assert asked > 0.99 * EXPORTED_PAIRS
