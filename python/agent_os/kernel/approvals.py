"""Asking a person: approvers and what they are shown.

An approver is a callable that takes an :class:`ApprovalRequest` and returns ``True`` or ``False``, or a coroutine
function that does. Only the object ``True`` confirms; an error, a late answer and anything else deny.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any, TextIO

from agent_os.errors import PolicyDenied
from agent_os.kernel.queue import OperatorQueue

if TYPE_CHECKING:
    from agent_os._core import Call

__all__ = ["ApprovalRequest", "Approver", "confirm", "confirm_async", "terminal_approver"]


@dataclass(frozen=True)
class ApprovalRequest:
    """What is to be confirmed. The arguments are a copy, without what the policy redacts.

    ``rules`` lists the rules that ask, each with its message or ``None``. ``request`` is the digest of the frozen
    request, to which the approval is bound; ``expires_micros`` is when it is too late (microseconds since the epoch).
    """

    action: str
    agent_id: str | None
    pid: int | None
    args: dict[str, Any]
    rules: list[tuple[str, str | None]]
    request: str
    bundle: str
    expires_micros: int


Approver = Callable[[ApprovalRequest], "bool | Awaitable[bool]"]


def confirm(call: Call, approver: Approver | None, seconds: float) -> None:
    """Has the call confirmed, in this thread; returns when it may run, else raises ``PolicyDenied``."""
    while call.asks:
        if approver is None:
            call.unanswered()
            continue
        request = ApprovalRequest(**call.ask(seconds))
        name = approver_name(approver)
        try:
            # A context of its own: the approver does not act as the agent that asks.
            answer: object = contextvars.Context().run(approver, request)
            if inspect.isawaitable(answer):
                answer = _in_own_loop(answer)
        except BaseException as error:
            _failed(call, name, error)
            raise
        call.answer(answer, name)


async def confirm_async(call: Call, approver: Approver | None, seconds: float) -> None:
    """As :func:`confirm`, without blocking the event loop."""
    while call.asks:
        if approver is None:
            call.unanswered()
            continue
        request = ApprovalRequest(**call.ask(seconds))
        name = approver_name(approver)
        # A context of its own: the approver does not act as the agent that asks.
        task = contextvars.Context().run(asyncio.get_running_loop().create_task, _ask_async(approver, request))
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
            answer = task.result() if done else None
        except BaseException as error:
            _failed(call, name, error)
            raise
        finally:
            task.cancel()
        # What was not answered in time is too late: `answer` finds the deadline passed.
        call.answer(answer, name)


def approver_name(approver: Approver) -> str:
    """How the log names an approver."""
    return str(getattr(approver, "__qualname__", type(approver).__qualname__))[:128]


async def _ask_async(approver: Approver, request: ApprovalRequest) -> object:
    if isinstance(approver, OperatorQueue):
        return await approver.wait(request)
    if inspect.iscoroutinefunction(approver):
        return await approver(request)
    # A thread of the pool has a context of its own too.
    answer = await asyncio.get_running_loop().run_in_executor(None, approver, request)
    return await answer if inspect.isawaitable(answer) else answer


def _failed(call: Call, name: str, error: BaseException) -> None:
    """Denies because the approver failed or the waiter was cancelled."""
    try:
        call.answer(None, name)
    except PolicyDenied as denied:
        if isinstance(error, Exception):
            raise denied from error


def _in_own_loop(answer: Awaitable[object]) -> object:
    """Waits for a coroutine without the event loop that may be running in this thread."""
    result: list[object] = []
    failure: list[BaseException] = []

    async def wait() -> object:
        return await answer

    def work() -> None:
        try:
            result.append(asyncio.run(wait()))
        except BaseException as error:  # noqa: BLE001 -- it is raised again in the thread that waits
            failure.append(error)

    thread = Thread(target=work, name="agent-os-approver")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def terminal_approver(stdin: TextIO | None = None, stderr: TextIO | None = None) -> Approver:
    """An approver that asks at the terminal. Without a terminal, and for any answer but ``y`` or ``yes``: no."""

    def terminal(request: ApprovalRequest) -> bool:
        source, sink = stdin or sys.stdin, stderr or sys.stderr
        if source is None or not source.isatty():
            return False
        print(f"\nagent `{request.agent_id}` asks for `{request.action}`:", file=sink)
        for name, value in request.args.items():
            # The model wrote these values: control characters must not reach the terminal.
            print(f"  {name!a} = {value!a}", file=sink)
        for rule, message in request.rules:
            print(f"  rule `{rule}`: {message or 'a person must confirm this'}", file=sink)
        print("allow it once? [y/N] ", end="", file=sink, flush=True)
        return source.readline().strip().lower() in {"y", "yes"}

    return terminal
