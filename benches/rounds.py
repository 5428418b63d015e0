"""Taking turns: batches of several contestants, interleaved."""

from __future__ import annotations

import statistics
import timeit
from typing import Any, NamedTuple


class Contestant(NamedTuple):
    """A statement that is timed where it stands, so that no call is counted but its own."""

    statement: str
    names: dict[str, Any]
    calls: int


def summary(figures: list[float]) -> dict[str, float]:
    """Median, least and 90th percentile."""
    ordered = sorted(figures)
    return {
        "p50": round(statistics.median(ordered), 3),
        "min": round(ordered[0], 3),
        "p90": round(ordered[len(ordered) * 9 // 10], 3),
    }


def take_turns(contestants: dict[str, Contestant], rounds: int) -> dict[str, dict[str, float]]:
    """Every contestant's batch in every round; the first two rounds warm up."""
    timers = {name: timeit.Timer(each.statement, globals=each.names) for name, each in contestants.items()}
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 2):
        for name, timer in timers.items():
            calls = contestants[name].calls
            mean = timer.timeit(calls) / calls * 1e6
            if turn >= 2:
                figures[name].append(mean)
    return {name: summary(each) for name, each in figures.items()}
