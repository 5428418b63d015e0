"""Signals of processes whose code runs in a thread: they are looked at when it calls the kernel."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from agent_os.processes import handlers

if TYPE_CHECKING:
    from agent_os._core import Process


def answer(process: Process) -> None:
    """Waits while the process is stopped, runs its handlers, and raises ``AgentKilled`` if a signal ends it."""
    while True:
        process.wait_while_stopped()
        delivery = process.next_delivery()
        if delivery is None:
            status = process.status
            if status is not None and status[1] is not None:
                raise process.killed(status[1])
            if process.state != "stopped":
                return
            continue
        kind, number, restore = delivery
        if kind == "throw":
            raise process.killed(number)
        if kind == "handle":
            _handle(process, number, restore)


def _handle(process: Process, number: int, restore: list[int]) -> None:
    try:
        coroutine = handlers.call(process, number)
        if coroutine is not None:
            asyncio.run(coroutine)
    except BaseException as error:  # noqa: BLE001 -- a handler that fails must not take the process with it
        # What a handler fails with is reported as the failures of destructors are.
        report = SimpleNamespace(
            exc_type=type(error),
            exc_value=error,
            exc_traceback=error.__traceback__,
            err_msg=f"a signal handler of {process!r} failed",
            object=process,
        )
        sys.unraisablehook(cast("sys.UnraisableHookArgs", report))
    finally:
        process.handled(restore)
