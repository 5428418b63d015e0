"""Where the keys of logs are kept: in the user's own state folder, never beside a log."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """The folder of Agent OS under ``$XDG_STATE_HOME``, or under ``~/.local/state``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "agent-os"


def key_folder() -> Path:
    """The folder of the keys that sign logs; a file ``<log id>.key`` for each."""
    return state_folder() / "keys"
