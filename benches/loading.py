"""Getting 10,000 rules into force: from YAML, from a compiled bundle, and what a swap does to who decides meanwhile.

Milliseconds. What a load made is taken apart after the clock has stopped. For a swap one thread decides in a loop and
notes each single decision, with and without another thread that puts one of two bundles in force 200 times; both
bundles were compiled before. On an interpreter with a global lock a decision can also wait for the other thread's turn,
up to its switch interval of 5 ms; `swapping.py` measures without one.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kernels import bundle, kernel
from rounds import summary

from agent_os import Policy, _core

SIZE = 10_000


def rules(limit: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"rule-{number}",
            "effect": "allow",
            "action": [f"service{number}.send"],
            "when": {"args.amount": {"gt": 0, "le": limit}, "args.currency": {"in": ["EUR", "SEK"]}},
        }
        for number in range(SIZE)
    ]


def run(rounds: int) -> dict[str, object]:
    table: dict[str, object] = {}
    compiled = bundle(rules(500)).dump()
    figures = [timed(lambda: _core.Bundle.load(compiled)) for _ in range(max(10, rounds // 4))]
    table[f"compiled bundle, {SIZE} rules"] = summary(figures)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        lines = ["agent_os: 1", "name: bench", "rules:"]
        lines += [
            f"  - {{id: r{number}, effect: allow, action: service{number}.send, when: {{args.amount: {{le: 500}}}}}}"
            for number in range(SIZE)
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        table[f"YAML, {SIZE} rules"] = summary([timed(lambda: Policy.load(path)) for _ in range(3)])
    table.update(swaps())
    return table


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter_ns()
    made = act()
    took = (time.perf_counter_ns() - start) / 1e6
    del made
    return took


def swaps() -> dict[str, object]:
    made = kernel(rules(500))
    bundles = [bundle(rules(500)), bundle(rules(400))]
    check, action, args = made.check, f"service{SIZE // 2}.send", {"amount": 120, "currency": "SEK"}

    def decide(decisions: int) -> list[float]:
        clock, figures = time.perf_counter_ns, []
        for _ in range(decisions):
            start = clock()
            check(action, args, agent="desk-7")
            figures.append((clock() - start) / 1e6)
        return figures

    decide(1_000)
    alone = decide(300_000)
    took: list[float] = []

    def swap() -> None:
        for turn in range(200):
            start = time.perf_counter_ns()
            made.core.reload(bundles[turn % 2])
            took.append((time.perf_counter_ns() - start) / 1e6)
            time.sleep(0.002)

    swapper = threading.Thread(target=swap)
    swapper.start()
    beside: list[float] = []
    while swapper.is_alive():
        beside += decide(5_000)
    swapper.join()
    made.close()
    return {
        "one decision, nothing else": tail(alone),
        "one decision, beside 200 swaps": tail(beside),
        "one swap, in its own thread": tail(took),
    }


def tail(figures: list[float]) -> dict[str, float]:
    ordered = sorted(figures)
    return {
        "p50": round(statistics.median(ordered), 6),
        "p99.9": round(ordered[len(ordered) * 999 // 1000], 6),
        "worst": round(ordered[-1], 6),
    }
