"""Starting agents beside whoever asks: each in a task of its own."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from agent_os.errors import UnsupportedEntryPoint
from agent_os.kernel import agents
from agent_os.processes.context import PROCESS
from agent_os.processes.process import AgentProcess

if TYPE_CHECKING:
    from agent_os._core import Call
    from agent_os.kernel.running import Running

_RUNNING: set[asyncio.Task[None]] = set()


def spawn(kernel: Running, agent_id: str, function: Callable[..., Any], args: Any, kwargs: Any) -> AgentProcess:
    """Decides, and starts the task that does the rest."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise UnsupportedEntryPoint(
            "`spawn` starts an agent in the running event loop, and none runs here; call it inside `asyncio.run`, or "
            "use `execute_sync`"
        ) from None
    call = kernel.core.run(agent_id, agents.parent(kernel), agents.describe(agent_id, args, kwargs), spawned=True)
    handle = call.child
    process = AgentProcess(kernel.core, handle)
    outcome: Future[Any] = Future()
    process._outcome = outcome  # noqa: SLF001 -- whoever spawns is who may
    # What nobody holds any more nobody waits for.
    weakref.finalize(process, handle.reap)
    context = copy_context()
    # The task is the kernel's; only what it drives is the process's.
    context.run(PROCESS.set, None)
    task = context.run(loop.create_task, _run(kernel, call, function, args, kwargs, outcome, weakref.ref(process)))
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
    return process


async def _run(
    kernel: Running,
    call: Call,
    function: Callable[..., Any],
    args: Any,
    kwargs: Any,
    outcome: Future[Any],
    process: weakref.ref[AgentProcess],
) -> None:
    try:
        outcome.set_result(await agents.carry_out(kernel, call, function, args, kwargs))
    except BaseException as error:  # it belongs to whoever asks for the result
        outcome.set_exception(error)
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            # These end the program, as they do in any task.
            raise
    finally:
        if process() is None:
            call.child.reap()
