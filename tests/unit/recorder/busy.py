"""A log of many blocks of the index, written by three kernels one after the other, for tests that ask it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from agent_os import KernelSpace, Policy, PolicyDenied

NAMES = ("anna", "bert", "cleo")

RULES = """
agent_os: 1
name: busy
rules:
  - {id: run, effect: allow, action: agent.run}
  - {id: read, effect: allow, action: mail.read}
  - {id: mark, effect: require, action: mail.read, label: [marked]}
  - {id: write, effect: allow, action: mail.write, when: {args.number: {lt: 7}}}
"""


def a_busy_log(directory: Path, *, rounds: int = 3, runs: int = 40, calls: int = 60) -> None:
    """Runs of three agents, with children, errors and denials."""
    for _ in range(rounds):
        with KernelSpace(Policy.from_text(RULES, name="busy.yaml"), recorder=directory) as kernel:
            _work(kernel, runs, calls)


def _work(kernel: KernelSpace, runs: int, calls: int) -> None:
    @kernel.tool("mail.read", labels=["mail"])
    def read(number: int) -> int:
        if number % 11 == 0:
            raise ValueError("no such mail")
        return number

    @kernel.tool("mail.write")
    def write(number: int) -> int:
        return number

    def run(depth: int, number: int) -> None:
        for call in range(calls):
            with contextlib.suppress(PolicyDenied, ValueError):
                (write if call % 3 == 0 else read)(number=(call + number) % 13)
        if depth:
            kernel.execute_sync(agents[(number + 1) % 3], depth - 1, number + 1)

    # A function is registered once, so each agent has one of its own.
    agents = [kernel.register(lambda depth, number: run(depth, number), agent_id=name) for name in NAMES]
    for number in range(runs):
        kernel.execute_sync(agents[number % 3], number % 3, number)
