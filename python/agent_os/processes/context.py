"""The run that the current task or thread belongs to.

The variable is a hint: what it carries is a handle that only the core can issue, and the core checks it at every call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_os._core import Process

PROCESS: ContextVar[Process | None] = ContextVar("agent_os_process", default=None)

current = PROCESS.get


@contextmanager
def entered(process: Process) -> Iterator[None]:
    """Makes the calls of the enclosed code those of ``process``."""
    token = PROCESS.set(process)
    try:
        yield
    finally:
        try:
            PROCESS.reset(token)
        except ValueError:
            # The coroutine was closed from another context, which never had the value.
            pass
