"""What a killed process leaves in flight: the coroutines of its tools end as cancelled ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any

_ENDING: set[asyncio.Task[None]] = set()


def finish(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Cancels a tool's coroutine where it waits, so that its ``finally`` blocks run, outside of the process."""
    task = Context().run(asyncio.get_running_loop().create_task, _end(coroutine))
    _ENDING.add(task)
    task.add_done_callback(_ENDING.discard)


async def _end(coroutine: Coroutine[Any, Any, Any]) -> None:
    try:
        await _Cancelled(coroutine)
    except (asyncio.CancelledError, Exception):  # noqa: BLE001 -- nobody waits for how it ends
        return


class _Cancelled:
    """Goes on with a coroutine that somebody else was awaiting and never will again."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, None]:
        error: BaseException | None = asyncio.CancelledError()
        sent: Any = None
        while True:
            try:
                yielded = self._coroutine.send(sent) if error is None else self._coroutine.throw(error)
            except StopIteration:
                return
            sent, error = None, None
            try:
                sent = yield yielded
            except BaseException as thrown:  # noqa: BLE001 -- it is the coroutine's to handle
                error = thrown
