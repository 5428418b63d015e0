"""The command line, `agentos`. Commands are imported when they are used, so that it starts at once."""

from __future__ import annotations

from agent_os.cli.program import main

__all__ = ["main"]
