"""Taking turns: batches of several contestants, interleaved."""

from __future__ import annotations

import statistics
import subprocess
import timeit
from collections.abc import Callable
from typing import Any, NamedTuple


class Contestant(NamedTuple):
    """A statement that is timed where it stands, so that no call is counted but its own."""

    statement: str
    names: dict[str, Any]
    calls: int

    def batch(self) -> Callable[[], float]:
        """Times one batch: microseconds per call."""
        timer = timeit.Timer(self.statement, globals=self.names)
        return lambda: timer.timeit(self.calls) / self.calls * 1e6


class Elsewhere(NamedTuple):
    """A contestant in a process of its own, which answers each line with the microseconds per call of one batch."""

    process: subprocess.Popen[str]

    def batch(self) -> Callable[[], float]:
        sink, source = self.process.stdin, self.process.stdout
        assert sink is not None
        assert source is not None

        def turn() -> float:
            sink.write("go\n")
            sink.flush()
            return float(source.readline())

        return turn


def summary(figures: list[float]) -> dict[str, float]:
    """Median, least and 90th percentile."""
    ordered = sorted(figures)
    return {
        "p50": round(statistics.median(ordered), 3),
        "min": round(ordered[0], 3),
        "p90": round(ordered[len(ordered) * 9 // 10], 3),
    }


def take_turns(contestants: dict[str, Contestant | Elsewhere], rounds: int) -> dict[str, dict[str, float]]:
    """Every contestant's batch in every round; the first two rounds warm up."""
    batches = {name: each.batch() for name, each in contestants.items()}
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 2):
        for name, batch in batches.items():
            mean = batch()
            if turn >= 2:
                figures[name].append(mean)
    for each in contestants.values():
        if isinstance(each, Elsewhere):
            each.process.terminate()
            each.process.wait()
    return {name: summary(each) for name, each in figures.items()}
