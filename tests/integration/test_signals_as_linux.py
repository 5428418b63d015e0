"""Promise: POSIX signals do to a process here what they do to a real one on Linux.

One script is taken by a real child process and by the state machine. After each step both have the same state, the same
signals pending, blocked, ignored and caught, are inside the same handler, and `wait` has told the same.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_os import _core
from tests.integration.linux_process import LinuxProcess, Seen

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"},
    reason="the oracle is Linux, by the layout of its sigaction on these machines",
)

POSIX = [row["number"] for row in _core.signals() if row["number"] < 64]
NEVER = {row["number"] for row in _core.signals() if row["handler"] == "never"}
STATES = {"running": "S", "stopped": "T", "terminated": "Z"}

Step = tuple[Any, ...]


@dataclass
class Process:
    """The state machine, driven as the Linux kernel drives a process that waits in a system call."""

    control: _core.SignalControl = field(default_factory=_core.SignalControl)
    #: Handlers that were called and have not returned: signal, mask to restore, and whether it has run a step.
    frames: list[tuple[int, tuple[int, ...], bool]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    told: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.control.start()

    def take(self, step: Step) -> None:
        self.said, self.told = [], []
        match step:
            case ("send", signal):
                became = self.control.post(signal)
                if became == "stopped":
                    self.told.append(("stopped", signal))
                elif became.startswith("resumed"):
                    self.told.append(("continued", 18))
            case ("mask", how, numbers):
                self.control.set_mask(how, numbers)
            case ("action", signal, disposition, mask):
                try:
                    self.control.set_disposition(signal, disposition, mask)
                except ValueError:
                    self.said.append(f"refused {signal}")
            case ("return",):
                self.control.handled(self.frames.pop()[1])
        self._deliver()

    def _deliver(self) -> None:
        while delivery := self.control.next():
            match delivery:
                case ("handle", int(signal), restore):
                    self.frames.append((signal, restore, False))
                case ("throw", _, _):
                    self.control.end("raised")
                case _:
                    self.told.append(("stopped", 20))  # of those that can be blocked, only SIGTSTP stops
        status = self.control.status
        if status is not None:
            # Linux forgets that it went on once it has ended.
            self.told = [("killed", NUMBERS[status])]
        elif self.control.state == "running" and self.frames and not self.frames[-1][2]:
            signal, restore, _ = self.frames[-1]
            self.frames[-1] = (signal, restore, True)
            self.said.append(f"enter {signal}")

    def seen(self) -> Seen:
        def arranged(disposition: str) -> frozenset[int]:
            return frozenset(number for number in POSIX if self.control.disposition(number) == disposition)

        pending, blocked = frozenset(self.control.pending), frozenset(self.control.blocked)
        return Seen(STATES[self.control.state], pending, blocked, arranged("ignore"), arranged("handle"))


NUMBERS = {row["name"]: row["number"] for row in _core.signals()}


def compare(script: list[Step]) -> int:
    """Takes the script twice; how many steps were taken."""
    ours, taken = Process(), 0
    with LinuxProcess() as real:
        for number, step in enumerate(script):
            own_doing = step[0] != "send"
            # A stopped process does nothing itself, and nobody returns from a handler that was not called.
            if (own_doing and ours.control.state != "running") or (step[0] == "return" and not ours.frames):
                continue
            if own_doing:
                real.order(*flat(step))
            else:
                real.send(step[1])
            ours.take(step)
            taken += 1
            at = f"step {number} of {script}"
            seen = real.settle()
            assert real.answers() == ours.said, at
            if seen.state == "Z":
                assert ours.control.state == "terminated", at
                assert real.waited() == ours.told, at
                break
            assert seen.only(frozenset(POSIX)) == ours.seen(), at
            assert real.waited() == ours.told, at
    return taken


def flat(step: Step) -> list[object]:
    """A step as words."""
    return [word for part in step for word in (part if isinstance(part, list) else [part])]


SIGNALS = st.sampled_from(POSIX)
SETS = st.lists(SIGNALS, max_size=5, unique=True)
ACTIONS = st.tuples(st.just("action"), SIGNALS, st.sampled_from(["handle", "handle", "ignore", "default"]), SETS)
STEPS = st.one_of(
    # What leaves it alive is more often of interest.
    st.tuples(st.just("send"), SIGNALS),
    st.tuples(st.just("send"), st.sampled_from([17, 18, 18, 19, 20])),
    st.tuples(st.just("mask"), st.sampled_from(["block", "block", "unblock", "set"]), SETS),
    ACTIONS,
    st.just(("return",)),
)
SCRIPTS = st.tuples(st.lists(ACTIONS, max_size=6), st.lists(STEPS, min_size=1, max_size=25)).map(
    lambda parts: parts[0] + parts[1]
)


def test_each_signal_in_each_state_with_each_arrangement_does_what_it_does_on_linux() -> None:
    """The whole table of transitions for POSIX signals, and what becomes of what it left pending."""
    dispositions = ("default", "ignore", "handle")
    for signal, disposition, blocked, stopped in product(POSIX, dispositions, (False, True), (False, True)):
        script: list[Step] = [("action", signal, disposition, [])]
        script += [("mask", "block", [18, 20])] if signal in {18, 19, 20} else []
        script += [("mask", "block", [signal])] if blocked else [("mask", "unblock", [signal])]
        script += [("send", 19)] if stopped else []
        # What it discards; then itself, twice.
        script += [("send", {18: 20, 19: 18, 20: 18}[signal])] if signal in {18, 19, 20} and not stopped else []
        script += [("send", signal), ("send", signal), ("send", 18), ("mask", "set", []), ("return",), ("send", 18)]
        assert compare(script) >= 3


@settings(max_examples=100)
@given(SCRIPTS)
def test_random_scripts_come_to_the_same_on_linux(script: list[Step]) -> None:
    compare(script)


@pytest.mark.slow
@settings(max_examples=500)
@given(SCRIPTS)
def test_many_random_scripts_come_to_the_same_on_linux(script: list[Step]) -> None:
    compare(script)
