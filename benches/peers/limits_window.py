"""PyPI ``limits``: hits on fixed windows in memory, in an environment of its own.

``limits_window.py LIMITS CALLS`` answers each line of stdin with the microseconds per call of a batch; a call is a hit
on each of the limits.
"""

from __future__ import annotations

import sys
import timeit

from limits import RateLimitItemPerDay
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter


def main() -> None:
    limits, calls = int(sys.argv[1]), int(sys.argv[2])
    hit = FixedWindowRateLimiter(MemoryStorage()).hit
    items = [RateLimitItemPerDay(1_000_000_000, days) for days in range(1, limits + 1)]

    def call() -> bool:
        return all(hit(item, "desk-7") for item in items)

    assert call()
    for _ in sys.stdin:
        print(timeit.timeit(call, number=calls) / calls * 1e6, flush=True)


if __name__ == "__main__":
    main()
