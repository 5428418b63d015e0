"""What processes have arranged to be called on signals, by their kernel's and their own number."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from agent_os.processes.context import entered
from agent_os.processes.signals import AgentSignal

if TYPE_CHECKING:
    from agent_os._core import Kernel, Process

Handler = Callable[[AgentSignal], Any]

_ARRANGED: dict[tuple[int, int], dict[int, Handler]] = {}


def arrange(
    core: Kernel, process: Process, signal: AgentSignal, handler: Handler | None, mask: Iterable[AgentSignal]
) -> None:
    """Calls ``handler`` on the signal, or with ``None`` does again what the signal does by itself."""
    core.arrange(process, signal, "default" if handler is None else "handle", [int(one) for one in mask])
    arranged = _ARRANGED.setdefault(process.key, {})
    if handler is None:
        arranged.pop(signal, None)
    else:
        arranged[signal] = handler


def ignore(core: Kernel, process: Process, signal: AgentSignal) -> None:
    """Lets the signal do nothing."""
    core.arrange(process, signal, "ignore", [])
    _ARRANGED.get(process.key, {}).pop(signal, None)


def forget(process: Process) -> None:
    """The process has ended."""
    _ARRANGED.pop(process.key, None)


def call(process: Process, number: int) -> Any:
    """Calls the handler as the process, and gives the coroutine of one that is to be awaited."""
    handler = _ARRANGED.get(process.key, {}).get(number)
    if handler is None:
        return None
    # The code that is interrupted may be that of a run which the process waits for.
    with entered(process):
        result = handler(AgentSignal(number))
    return _awaited(process, result) if inspect.isawaitable(result) else None


async def _awaited(process: Process, result: Awaitable[Any]) -> None:
    with entered(process):
        await result
