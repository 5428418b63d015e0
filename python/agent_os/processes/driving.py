"""Driving an agent's coroutine, and the tasks that it creates, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from agent_os._core import Driver, Process
from agent_os.errors import UnsupportedEntryPoint
from agent_os.processes import handlers
from agent_os.processes.context import PROCESS

__all__ = ["drive"]


def drive(process: Process, coroutine: Coroutine[Any, Any, Any]) -> Driver:
    """What is awaited instead of the coroutine. Every task that it creates in this loop is driven too."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        coroutine.close()
        raise UnsupportedEntryPoint(
            "an agent's coroutine is driven by asyncio, and no event loop of asyncio runs here; start it with "
            "`asyncio.run`, with anyio's asyncio backend, or with `kernel.execute_sync`"
        ) from None
    _install(loop)
    return Driver(process, coroutine, handlers.call)


class TaskFactory:
    """Creates tasks as the factory before it did; those of an agent's process are driven."""

    def __init__(self, before: Callable[..., Any] | None) -> None:
        self._before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        context = options.get("context")
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is not None and not process.is_operator and _is_driveable(coroutine):
            coroutine = Driver(process, coroutine, handlers.call, is_task=True)
        if self._before is None:
            return asyncio.Task(coroutine, loop=loop, **options)
        return self._before(loop, coroutine, **options)


def _is_driveable(coroutine: Any) -> bool:
    return asyncio.iscoroutine(coroutine) and not isinstance(coroutine, Driver)


def _install(loop: asyncio.AbstractEventLoop) -> None:
    # Whoever has set another factory since keeps it, below ours.
    factory = loop.get_task_factory()
    if not isinstance(factory, TaskFactory):
        loop.set_task_factory(TaskFactory(factory))
