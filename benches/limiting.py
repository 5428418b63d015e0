"""What reserving limits adds to a governed call of a tool that does nothing, by their number and by the store.

The calls are made inside of a run, with its log in memory. ``adds`` is the difference of the medians to the same call
without a limit; it holds reading what is used, the decision by it, the reservation and its part of the log. A limit of
ours is a window that slides; the peer, PyPI's ``limits``, counts a fixed one in memory, and decides and records nothing
beside it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path

from kernels import PEER, ROOT
from rounds import Contestant, Elsewhere, summary, take_turns

from agent_os import KernelSpace, Policy

BATCH = 200

#: Rules that are for the tool, each with a limit of its own, after the one that allows it.
CAPS = (
    "over: {calls: 1000000000, per: 24h, by: agent}",
    "over: {calls: 1000000000, per: 1h, by: agent}",
    "over: {calls: 1000000000, per: 24h, by: global}",
)


def policy(limits: int) -> Policy:
    """Allows the tool within none, one or three limits."""
    caps = [f"  - {{id: cap-{at}, effect: deny, action: bench.nothing, {CAPS[at]}}}" for at in range(limits)]
    return Policy.from_text(
        "agent_os: 1\nname: bench\nrules:\n  - {id: run, effect: allow, action: agent.run}\n"
        "  - {id: nothing, effect: allow, action: bench.nothing}\n" + "\n".join(caps)
    )


def run(rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        table = measure(rounds, Path(folder))
    for limits, name in ((1, "one"), (3, "three")):
        table.update(peer(rounds, limits, f"limits, fixed window in memory, {name} hit{'s' if limits > 1 else ''}"))
    return table


def measure(rounds: int, folder: Path) -> dict[str, object]:
    kernels: list[KernelSpace] = []
    batches: dict[str, Callable[[], float]] = {}
    for store in ("memory", "SQLite"):
        for limits, name in ((0, "no limit"), (1, "one limit"), (3, "three limits")):
            path = folder / f"{limits}.sqlite" if store == "SQLite" else None
            made = KernelSpace(policy(limits), durability="memory", store=path)
            kernels.append(made)
            batches[f"{store}, {name}"] = batch(made, BATCH if path is None else BATCH // 10)
    figures: dict[str, list[float]] = {name: [] for name in batches}
    for turn in range(rounds + 2):
        for name, act in batches.items():
            mean = act()
            if turn >= 2:
                figures[name].append(mean)
    for made in kernels:
        made.close()
    table: dict[str, object] = {}
    for name, each in figures.items():
        table[name] = row = summary(each)
        if not name.endswith("no limit"):
            bare = summary(figures[f"{name.split(',')[0]}, no limit"])
            row["adds"] = round(row["p50"] - bare["p50"], 3)
    return table


def batch(made: KernelSpace, calls: int) -> Callable[[], float]:
    @made.tool("bench.nothing")
    def nothing() -> None:
        """Does nothing."""

    def agent() -> float:
        return timeit.timeit(nothing, number=calls) / calls * 1e6

    made.register(agent, agent_id="desk-7")
    return lambda: made.execute_sync(agent)


def peer(rounds: int, limits: int, name: str) -> dict[str, object]:
    """PyPI's limits, if ``make bench`` has set it up."""
    if not PEER.exists():
        print("  .venv-peer is missing, so limits is left out; `make bench` makes it", file=sys.stderr)
        return {}
    command = [PEER, ROOT / "benches/peers/limits_window.py", str(limits), str(BATCH)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    contestants: dict[str, Contestant | Elsewhere] = {name: Elsewhere(process)}
    return dict(take_turns(contestants, rounds))
