"""Asking a log of a million entries: the first 100 denials of one agent, in milliseconds, and what the index costs."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kernels import PEER, ROOT
from rounds import Contestant, Elsewhere, take_turns

from agent_os import FlightRecorder, KernelSpace, Policy, PolicyDenied
from agent_os.recorder.query import Query

ENTRIES = 1_000_000
AGENTS = 50
#: Of the actions of each agent, one in so many is denied.
DENIED = 100
QUESTION: dict[str, Any] = {"agent_id": "agent-7", "effect": "deny", "limit": 100}

RULES = """
agent_os: 1
name: bench
rules:
  - {id: run, effect: allow, action: agent.run}
  - {id: read, effect: allow, action: mail.read, when: {args.number: {lt: 99}}}
"""


def run(rounds: int) -> dict[str, dict[str, float]]:
    """Each round asks once."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "log"
        written = fill(directory)
        recorder = FlightRecorder(directory)
        began = time.perf_counter()
        entries = recorder.reindex()
        indexed = time.perf_counter() - began
        began = time.perf_counter()
        expected = scan(recorder)
        scanned = time.perf_counter() - began
        assert list(recorder.query(**QUESTION)) == expected
        assert len(expected) == QUESTION["limit"]
        contestants: dict[str, Contestant | Elsewhere] = {
            "agent_os, query": Contestant(
                "list(query(**question))", {"query": recorder.query, "question": QUESTION}, calls=1
            ),
            "agent_os, query, newest first": Contestant(
                "list(query(**question))",
                {"query": recorder.query, "question": {**QUESTION, "newest_first": True}},
                calls=1,
            ),
            "agent_os, recorder opened anew, query": Contestant(
                "list(recorder(directory).query(**question))",
                {"recorder": FlightRecorder, "directory": directory, "question": QUESTION},
                calls=1,
            ),
            **peer(Path(folder) / "peer.db"),
        }
        figures = take_turns(contestants, rounds)
        table = {name: {key: round(value / 1_000, 3) for key, value in row.items()} for name, row in figures.items()}
        return {
            **table,
            "agent_os, every entry read in Python instead": {"p50": round(scanned * 1_000, 1)},
            f"agent_os, the index of {entries:,} entries made": {
                "p50": round(indexed * 1_000),
                "entries/s": round(entries / indexed),
            },
            "agent_os, that log written": {"p50": round(written * 1_000), "entries/s": round(entries / written)},
        }


def scan(recorder: FlightRecorder) -> list[Any]:
    query = Query(**QUESTION)
    return list(query.select(recorder.entries(query.first)))


def fill(directory: Path) -> float:
    """A log of as many entries, in runs of 500 actions; how many seconds that took."""
    began = time.perf_counter()
    with KernelSpace(Policy.from_text(RULES, name="bench.yaml"), recorder=directory, record="none") as kernel:

        @kernel.tool("mail.read")
        def read(number: int) -> int:
            return number

        def work() -> None:
            for number in range(500):
                with contextlib.suppress(PolicyDenied):
                    read(number=number % DENIED)

        agents = [kernel.register(lambda: work(), agent_id=f"agent-{number}") for number in range(AGENTS)]
        turn = 0
        while kernel.flight_recorder.size < ENTRIES:
            kernel.execute_sync(agents[turn % AGENTS])
            turn += 1
    return time.perf_counter() - began


def peer(database: Path) -> dict[str, Elsewhere]:
    """PyPI's agent-os-kernel with as many actions and denials, if ``make bench`` has set it up."""
    if not PEER.exists():
        print("  .venv-peer is missing, so agent-os-kernel is left out; `make bench` makes it", file=sys.stderr)
        return {}
    command = [PEER, ROOT / "benches/peers/agent_os_kernel.py", "recorder", str(ENTRIES // 2), "1", database]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return {"agent-os-kernel 3.7.0, FlightRecorder.query_logs": Elsewhere(process)}
