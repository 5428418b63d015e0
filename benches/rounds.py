"""Taking turns: batches of several contestants, interleaved."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def batch(function: Callable[[], object], calls: int) -> float:
    """Mean microseconds of a call."""
    start = time.perf_counter_ns()
    for _ in range(calls):
        function()
    return (time.perf_counter_ns() - start) / calls / 1000


def summary(figures: list[float]) -> dict[str, float]:
    """Median, least and 90th percentile."""
    ordered = sorted(figures)
    return {
        "p50": round(statistics.median(ordered), 3),
        "min": round(ordered[0], 3),
        "p90": round(ordered[len(ordered) * 9 // 10], 3),
    }


def take_turns(contestants: dict[str, tuple[Callable[[], object], int]], rounds: int) -> dict[str, dict[str, float]]:
    """Every contestant's batch in every round; the first two rounds warm up."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 2):
        for name, (function, calls) in contestants.items():
            mean = batch(function, calls)
            if turn >= 2:
                figures[name].append(mean)
    return {name: summary(each) for name, each in figures.items()}
