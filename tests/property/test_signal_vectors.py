"""The language-neutral signals of tests/vectors/signals hold through the binding, and the table is bad-input proof.

tests/vectors/README.md says what a case means. Rust runs the same files.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from agent_os import _core

VECTORS = Path(__file__).parents[1] / "vectors" / "signals"
NUMBERS = {row["name"]: row["number"] for row in _core.signals()}
NAMES = {number: name for name, number in NUMBERS.items()}
STATES = ("created", "running", "stopped", "terminated", "reaped")
DISPOSITIONS = ("default", "ignore", "handle")


def load(name: str, key: str) -> list[Any]:
    loaded: list[Any] = json.loads((VECTORS / name).read_text("utf-8"))[key]
    return loaded


def test_every_transition() -> None:
    seen = set()
    for row in load("transitions.json", "rows"):
        for signal, disposition, blocked in product(
            row.get("signals", NUMBERS), row.get("dispositions", DISPOSITIONS), row_blocked(row)
        ):
            to, effect, discards = _core.signal_transition(row["state"], NUMBERS[signal], disposition, blocked)
            assert (to, effect) == (row["to"], row["effect"]), (row, signal)
            assert named(discards) == row.get("discards", []), (row, signal)
            seen.add((row["state"], signal, disposition, blocked))
    assert seen == set(product(STATES, NUMBERS, DISPOSITIONS, (False, True)))


def row_blocked(row: dict[str, Any]) -> tuple[bool, ...]:
    return (row["blocked"],) if "blocked" in row else (False, True)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in load("scripts.json", "cases")])
def test_script(case: dict[str, Any]) -> None:
    control = _core.SignalControl()
    if not case.get("created"):
        control.start()
    for step in case["steps"]:
        take(control, step)
        if "state" in step:
            assert control.state == step["state"], step
        if "pending" in step:
            assert named(control.pending) == step["pending"], step
        if "blocked" in step:
            assert set(named(control.blocked)) == set(step["blocked"]), step


def take(control: _core.SignalControl, step: dict[str, Any]) -> None:
    """Does one step and compares what it gives."""
    match step:
        case {"start": state}:
            assert control.start() == state, step
        case {"post": signal, "gives": became}:
            assert control.post(NUMBERS[signal]) == became, step
        case {"next": expected}:
            assert told(control.next()) == expected, step
        case {"handled": names}:
            control.handled(numbered(names))
        case {"mask": how, "signals": names, "was": was}:
            assert set(named(control.set_mask(how, numbered(names)))) == set(was), step
        case {"arrange": signal, "was": None}:
            with pytest.raises(ValueError, match=f"`{signal}` can be neither handled nor ignored"):
                control.set_disposition(NUMBERS[signal], step["disposition"])
        case {"arrange": signal, "disposition": disposition, "was": was}:
            mask = numbered(step.get("mask", []))
            assert control.set_disposition(NUMBERS[signal], disposition, mask) == was, step
        case {"end": how, "gives": status}:
            assert control.end(how) == status, step
        case {"reap": status}:
            assert control.reap() == status, step
        case _:
            pytest.fail(f"no step: {step}")


def told(delivery: tuple[str, int | None, tuple[int, ...]] | None) -> object:
    match delivery:
        case ("handle", int(signal), restore):
            return {"handle": NAMES[signal], "restore": named(restore)}
        case ("throw", int(signal), ()):
            return {"throw": NAMES[signal]}
        case ("stop", None, ()):
            return "stop"
        case _:
            return delivery


def numbered(names: list[str]) -> list[int]:
    return [NUMBERS[name] for name in names]


def named(numbers: tuple[int, ...]) -> list[str]:
    return [NAMES[number] for number in numbers]


@pytest.mark.parametrize("number", [0, -1, 3, 63, 69, 255, 256, 2**40])
def test_a_number_that_is_no_signal_is_refused_everywhere(number: int) -> None:
    control = _core.SignalControl()
    control.start()
    for refused in (
        lambda: control.post(number),
        lambda: control.handled([1, number]),
        lambda: control.set_mask("set", [number]),
        lambda: control.set_disposition(number, "ignore"),
        lambda: control.set_disposition(1, "handle", [number]),
        lambda: control.disposition(number),
        lambda: _core.signal_transition("running", number, "default", False),
    ):
        with pytest.raises(ValueError, match=f"`{number}` is no number of a signal"):
            refused()
    assert (control.state, control.pending, control.blocked) == ("running", (), ())


def test_a_word_that_is_none_is_refused() -> None:
    control = _core.SignalControl()
    with pytest.raises(ValueError, match="`Handle` is no disposition"):
        control.set_disposition(1, "Handle")
    with pytest.raises(ValueError, match="`replace` is no change of a mask"):
        control.set_mask("replace", [])
    with pytest.raises(ValueError, match="`sigterm` is no end of a process"):
        control.end("sigterm")
    with pytest.raises(ValueError, match="`dead` is no state"):
        _core.signal_transition("dead", 1, "default", False)
    assert control.state == "created"


def test_a_handler_that_observes_the_end_is_told_of() -> None:
    control = _core.SignalControl()
    control.set_disposition(NUMBERS["SIGTRUST"], "handle")
    assert control.observed is None
    assert control.post(NUMBERS["SIGTRUST"]) == "terminated"
    assert (control.observed, control.status) == (NUMBERS["SIGTRUST"], "SIGTRUST")
