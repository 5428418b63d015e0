"""Where keys of logs are kept, in the user's own state folder, and their indexes, in the cache: never beside a log."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """The folder of Agent OS under ``$XDG_STATE_HOME``, or under ``~/.local/state``."""
    return (_named("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "agent-os"


def key_folder() -> Path:
    """The folder of the keys that sign logs; a file ``<log id>.key`` for each."""
    return state_folder() / "keys"


def index_folder() -> Path:
    """The folder of the indexes of logs, under ``$XDG_CACHE_HOME`` or the system's folder for what can be made anew."""
    if given := _named("XDG_CACHE_HOME"):
        cache = given
    elif sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        cache = Path(local)
    else:
        cache = Path.home() / ".cache"
    return cache / "agent-os" / "log-index"


def _named(variable: str) -> Path | None:
    """The folder that a variable of the XDG Base Directory Specification names: a relative path counts as none."""
    path = Path(os.environ.get(variable, ""))
    return path if path.is_absolute() else None
