"""What keeping the log costs: beside a ceiling program in Rust, and per action from Python beside other recorders.

The rows of the ceiling program are its own (``rust/agent-os-log/examples/ceiling.rs``), and so is the row about memory
over ten million entries (``growth.rs`` there). Those from Python are one
action with its outcome, in microseconds, each on the disk of the folder for temporary files: ours governed as well
as recorded; SQLite in WAL mode with a chain of hashes, a transaction for each of the two rows; ``agent-os-kernel``
with its recorder.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from kernels import PEER, ROOT
from rounds import Elsewhere, summary

from agent_os import KernelSpace, Policy

RULES = """
agent_os: 1
name: bench
rules:
  - {id: all, effect: allow, action: [agent.run, mail.read]}
"""

BATCH = 200
EXAMPLE = ["cargo", "run", "--quiet", "--release", "--locked", "-p", "agent-os-log", "--example"]


def run(rounds: int) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    for line in [*example("ceiling"), *example("growth")]:
        figures = json.loads(line)
        table[figures.pop("what")] = figures
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        batches: dict[str, Callable[[], float]] = {
            "agent_os, written, from Python": ours(stack, folder, "written"),
            "agent_os, commit, from Python": ours(stack, folder, "commit"),
            "SQLite WAL with a hash chain, synchronous=NORMAL": chain(folder / "normal.db", "NORMAL"),
            "SQLite WAL with a hash chain, synchronous=FULL": chain(folder / "full.db", "FULL"),
            **peer(stack, folder / "peer.db"),
        }
        measured: dict[str, list[float]] = {name: [] for name in batches}
        for _ in range(max(10, rounds // 4)):
            for name, batch in batches.items():
                measured[name].append(batch())
    return {**table, **{name: summary(figures) for name, figures in measured.items()}}


def example(name: str) -> list[str]:
    """The lines of a program in Rust that measures by itself."""
    done = subprocess.run([*EXAMPLE, name], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def ours(stack: ExitStack, folder: Path, durability: str) -> Callable[[], float]:
    kernel = stack.enter_context(
        KernelSpace(Policy.from_text(RULES), recorder=folder / durability, durability=durability)
    )

    @kernel.tool("mail.read")
    def read(number: int) -> int:
        return number

    @kernel.register(agent_id="clerk")
    def clerk() -> float:
        began = time.perf_counter()
        for number in range(BATCH):
            read(number)
        return (time.perf_counter() - began) / BATCH * 1e6

    return lambda: float(kernel.execute_sync(clerk))


def chain(database: Path, synchronous: str) -> Callable[[], float]:
    """Two rows for an action, each with the hash of all before it."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash BLOB NOT NULL)")
    last = b""

    def append(entry: dict[str, object]) -> None:
        nonlocal last
        text = json.dumps(entry, sort_keys=True)
        last = hashlib.sha256(last + text.encode()).digest()
        connection.execute("INSERT INTO log (entry, hash) VALUES (?, ?)", (text, last))

    def batch() -> float:
        began = time.perf_counter()
        for number in range(BATCH):
            append({"kind": "intent", "agent": "clerk", "action": "mail.read", "number": number, "time": time.time()})
            append({"kind": "outcome", "agent": "clerk", "action": "mail.read", "status": "returned"})
        return (time.perf_counter() - began) / BATCH * 1e6

    return batch


def peer(stack: ExitStack, database: Path) -> dict[str, Callable[[], float]]:
    """PyPI's agent-os-kernel, if ``make bench`` has set it up."""
    if not PEER.exists():
        print("  .venv-peer is missing, so agent-os-kernel is left out; `make bench` makes it", file=sys.stderr)
        return {}
    command = [PEER, ROOT / "benches/peers/agent_os_kernel.py", "recording", "1", str(BATCH), database]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(process.terminate)
    return {"agent-os-kernel 3.7.0, FlightRecorder": Elsewhere(process).batch()}
