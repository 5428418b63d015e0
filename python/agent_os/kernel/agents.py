"""Running agents: each run is a process of its own, below the one that started it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from agent_os.errors import UnsupportedEntryPoint
from agent_os.kernel.approvals import confirm, confirm_async
from agent_os.kernel.tools import CANCELLED, stand_in
from agent_os.processes import handlers, threads
from agent_os.processes.context import current, entered
from agent_os.processes.driving import drive
from agent_os.processes.signals import AgentSignal

if TYPE_CHECKING:
    from agent_os._core import Call, Process
    from agent_os.kernel.running import Running

Function = Callable[..., Any]


async def run_async(kernel: Running, agent_id: str, function: Function, args: Any, kwargs: Any) -> Any:
    """One run of an agent inside an event loop. A sync agent runs in a thread, so that it does not block the loop."""
    call = kernel.core.run(agent_id, parent(kernel), describe(agent_id, args, kwargs))
    return await carry_out(kernel, call, function, args, kwargs)


async def carry_out(kernel: Running, call: Call, function: Function, args: Any, kwargs: Any) -> Any:
    """What follows the decision: confirming it, and the run."""
    try:
        return await _carry_out(kernel, call, function, args, kwargs)
    finally:
        handlers.forget(call.child)


async def _carry_out(kernel: Running, call: Call, function: Function, args: Any, kwargs: Any) -> Any:
    if call.asks:
        await confirm_async(call, kernel.approver, kernel.approval_seconds)
    if not inspect.iscoroutinefunction(function):
        return await _in_thread(call, function, args, kwargs)
    commits = kernel.commits
    if commits is not None:
        await commits.before(call)
    process = call.start(args, kwargs)
    with entered(process):
        try:
            result = await drive(process, function(*args, **kwargs))
        except BaseException as error:
            if commits is not None:
                await commits.raised(call, error, cancelled=isinstance(error, CANCELLED))
            else:
                call.raised(error, isinstance(error, CANCELLED))
            raise
        return call.returned(result) if commits is None else await commits.returned(call, result)


def run_sync(kernel: Running, agent_id: str, function: Function, args: Any, kwargs: Any) -> Any:
    """One run of an agent in this thread."""
    if inspect.iscoroutinefunction(function):
        return _in_new_loop(
            lambda: run_async(kernel, agent_id, function, args, kwargs), f"the async agent `{agent_id}`"
        )
    call = kernel.core.run(agent_id, parent(kernel), describe(agent_id, args, kwargs))
    if call.asks:
        confirm(call, kernel.approver, kernel.approval_seconds)
    try:
        return _perform(call, function, args, kwargs)
    finally:
        handlers.forget(call.child)


async def _in_thread(call: Call, function: Function, args: Any, kwargs: Any) -> Any:
    """Runs a sync agent without blocking the loop. Nobody waits for a thread whose process was killed."""
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(None, copy_context().run, _perform, call, function, args, kwargs)
    killed = loop.create_future()
    process = call.child

    def tell() -> None:
        if not killed.done():
            killed.set_result(None)

    def look() -> None:
        if process.status is not None and process.status[0] == "killed":
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(tell)

    watch = process.watch(look)
    look()
    try:
        await asyncio.wait([work, killed], return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        # The thread cannot be stopped, but nothing that it asks for from now on happens.
        call.abandon()
        raise
    finally:
        del watch
    if work.done() or process.status is None:
        return work.result()
    work.add_done_callback(_ignore)
    error = process.killed(process.status[1] or AgentSignal.SIGKILL)
    call.raised(error, False)
    raise error


def _ignore(work: asyncio.Future[Any]) -> None:
    """What comes late is dropped."""
    if not work.cancelled():
        work.exception()


def _perform(call: Call, function: Function, args: Any, kwargs: Any) -> Any:
    process = call.start(args, kwargs)
    process.run_in_thread()
    with entered(process):
        try:
            # A signal may have come before there was a thread for it.
            threads.answer(process)
            result = function(*args, **kwargs)
        except BaseException as error:
            call.raised(error, isinstance(error, CANCELLED))
            raise
        return call.returned(result)


def _in_new_loop(start: Callable[[], Coroutine[Any, Any, Any]], what: str) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(start())
    raise UnsupportedEntryPoint(
        f"`execute_sync` was called inside a running event loop, which {what} would block; "
        "use `await kernel.execute(…)` there"
    )


def wait(tool: Function, action: str, args: Any, kwargs: Any) -> Any:
    """Calls a governed tool outside an event loop."""
    if not inspect.iscoroutinefunction(tool):
        return tool(*args, **kwargs)
    return _in_new_loop(lambda: tool(*args, **kwargs), f"the async tool `{action}`")


def governed(kernel: Running, function: Function, declare: Callable[[Function], str]) -> Function:
    """The function that runs the agent under the kernel when it is called; async if the agent is async."""

    async def start(*args: Any, **kwargs: Any) -> Any:
        return await run_async(kernel, agent_id, function, args, kwargs)

    def start_sync(*args: Any, **kwargs: Any) -> Any:
        return run_sync(kernel, agent_id, function, args, kwargs)

    run: Function = start if inspect.iscoroutinefunction(function) else start_sync
    stand_in(run, function, inspect.signature(function))
    agent_id = declare(run)
    return run


def parent(kernel: Running) -> Process:
    """Who starts the run: the run that the caller is in, else the operator."""
    process = current()
    return kernel.core.operator if process is None else process


def describe(agent_id: str, args: Any, kwargs: Any) -> dict[str, Any]:
    """What is judged and recorded of a run's arguments: their types."""
    return {
        "agent": agent_id,
        "args": [type(value).__qualname__ for value in args],
        "kwargs": {name: type(value).__qualname__ for name, value in kwargs.items()},
    }
