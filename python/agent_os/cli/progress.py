"""A bar on stderr while a large policy is read; nothing where nobody looks, and nothing for what is read at once."""

from __future__ import annotations

import sys
import time
from typing import Final

from agent_os.cli.output import shown

#: Seconds before the bar appears.
_PATIENCE: Final = 0.3
_WIDTH: Final = 30


class Bar:
    """Draws how far the reading is; ``close`` wipes it away."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._drawn = 0

    def __call__(self, file: str, share: float) -> None:
        if share >= 1:
            # What is said next begins on a line of its own.
            self.close()
            return
        if time.monotonic() - self._start < _PATIENCE:
            return
        done = round(share * _WIDTH)
        line = f"reading {shown(file)[-40:]} [{'#' * done}{'.' * (_WIDTH - done)}] {share:4.0%}"
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()
        self._drawn = max(self._drawn, len(line))

    def close(self) -> None:
        """Leaves the line as it was."""
        if self._drawn:
            sys.stderr.write(f"\r{' ' * self._drawn}\r")
            sys.stderr.flush()
            self._drawn = 0
