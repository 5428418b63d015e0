"""How far the reading of a large policy is, for whoever watches."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Called now and then with the file and the share of it that is read, from 0 to 1.
WATCHER: Final[ContextVar[Callable[[str, float], None] | None]] = ContextVar("agent_os_policy_watcher", default=None)


@contextmanager
def watched(watcher: Callable[[str, float], None]) -> Iterator[None]:
    """Tells ``watcher`` of every policy that is loaded within."""
    token = WATCHER.set(watcher)
    try:
        yield
    finally:
        WATCHER.reset(token)
