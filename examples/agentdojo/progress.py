"""A progress bar on stderr, and nothing at all where nobody watches."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 30


class Progress:
    """One line that is rewritten on a terminal; elsewhere one line per phase."""

    def __init__(self, total: int, stream: TextIO = sys.stderr) -> None:
        self._total = total
        self._done = 0
        self._phase = ""
        self._stream = stream
        self._live = stream.isatty()
        self._began = time.monotonic()

    def phase(self, name: str) -> None:
        self._phase = name
        if not self._live:
            print(f"{name} ({self._done}/{self._total} runs done)", file=self._stream, flush=True)
        self._draw()

    def tick(self) -> None:
        self._done += 1
        self._draw()

    def close(self) -> None:
        seconds = time.monotonic() - self._began
        clear = "\r\x1b[K" if self._live else ""
        print(f"{clear}{self._done} runs in {seconds:.1f} s", file=self._stream, flush=True)

    def _draw(self) -> None:
        if self._live:
            full = WIDTH * self._done // max(self._total, 1)
            bar = "█" * full + "░" * (WIDTH - full)
            print(f"\r\x1b[K{bar} {self._done}/{self._total}  {self._phase}", end="", file=self._stream, flush=True)
