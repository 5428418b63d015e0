"""What governing adds to one call of an async tool that does nothing, by durability and by what is recorded.

The bare tool runs in the same loop, in turns with the governed ones. ``written`` logs go to the folder for temporary
files. The figure "adds" is the difference of the medians.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rounds import summary

from agent_os import KernelSpace, Policy

RULES = """
agent_os: 1
name: bench
extends: [strict]
rules:
  - {id: nothing, effect: allow, action: bench.nothing}
  - id: payments
    effect: allow
    action: bench.pay
    when: {args.amount: {gt: 0, le: 500}, args.currency: {in: [EUR, SEK]}}
"""

BATCH = 200


async def nothing() -> None:
    """The bare tool."""


async def pay(iban: str, amount: int, currency: str) -> None:
    """The bare tool with arguments."""


def run(rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        return measure(rounds, Path(folder))


def measure(rounds: int, folder: Path) -> dict[str, object]:
    calls: dict[str, tuple[KernelSpace | None, Callable[[], Awaitable[object]]]] = {
        "bare, no arguments": (None, nothing),
        "bare, three arguments": (None, lambda: pay("SE3550000000054910000003", 120, "SEK")),
    }
    kernels = []
    for durability in ("memory", "written"):
        for record in ("fields", "full"):
            kernel = KernelSpace(
                Policy.from_text(RULES),
                durability=durability,
                record=record,
                recorder=None if durability == "memory" else folder / record,
            )
            kernels.append(kernel)
            governed_nothing = kernel.tool("bench.nothing")(nothing)
            governed_pay = kernel.tool("bench.pay")(pay)
            if record == "fields":
                calls[f"{durability}, no arguments"] = (kernel, governed_nothing)
            calls[f"{durability}, three arguments, record={record}"] = (
                kernel,
                lambda send=governed_pay: send("SE3550000000054910000003", 120, "SEK"),
            )
    figures: dict[str, list[float]] = {name: [] for name in calls}
    agents: dict[str, Callable[[], Awaitable[float]]] = {}
    for name, (kernel, call) in calls.items():
        agents[name] = agent(kernel, name, call)
    asyncio.run(turns(agents, figures, rounds))
    for kernel in kernels:
        kernel.close()
    table: dict[str, object] = {name: summary(each) for name, each in figures.items()}
    for name, each in list(table.items()):
        bare = table["bare, no arguments" if "no arguments" in name else "bare, three arguments"]
        if not name.startswith("bare"):
            each["adds"] = round(each["p50"] - bare["p50"], 3)
    return table


def agent(
    kernel: KernelSpace | None, name: str, call: Callable[[], Awaitable[object]]
) -> Callable[[], Awaitable[float]]:
    async def batch() -> float:
        start = time.perf_counter_ns()
        for _ in range(BATCH):
            await call()
        return (time.perf_counter_ns() - start) / BATCH / 1000

    if kernel is None:
        return batch
    kernel.register(batch, agent_id="".join(each if each.isalnum() else "-" for each in name))
    return lambda: kernel.execute(batch)


async def turns(
    agents: dict[str, Callable[[], Awaitable[float]]], figures: dict[str, list[float]], rounds: int
) -> None:
    for turn in range(rounds + 2):
        for name, start in agents.items():
            mean = await start()
            if turn >= 2:
                figures[name].append(mean)
