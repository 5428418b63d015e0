"""Governed tools: the wrapper that stands where the function stood, and reading what a function takes."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agent_os._core import CompileFailed, Held
from agent_os.errors import UnsupportedEntryPoint
from agent_os.kernel.approvals import confirm, confirm_async
from agent_os.kernel.argument_schemas import schema_of
from agent_os.kernel.settings import names_of
from agent_os.processes import threads
from agent_os.processes.context import current

if TYPE_CHECKING:
    from agent_os._core import Call, Kernel, Tool
    from agent_os.kernel.running import Running

Function = Callable[..., Any]
Parameter = tuple[str, int, bool, Any, bool]

CANCELLED = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)


def refuse_generators(function: Function, what: str) -> None:
    """A generator does its work after the call has ended, where nothing could govern it."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        name = getattr(function, "__qualname__", repr(function))
        raise UnsupportedEntryPoint(
            f"`{name}` is a generator, which would act after it was governed; make the {what} a function that returns "
            "its result, such as a list"
        )


def parameters(signature: inspect.Signature, injected: Iterable[str], name: str) -> list[Parameter]:
    """What the core needs to know of each parameter."""
    wanted = set(injected)
    unknown = wanted - set(signature.parameters)
    if unknown:
        known = ", ".join(f"`{each}`" for each in signature.parameters)
        raise ValueError(
            f"`{name}` has no parameter `{min(unknown)}` to be injected; its parameters are {known or 'none'}"
        )
    rows: list[Parameter] = []
    for each in signature.parameters.values():
        has_default = each.default is not inspect.Parameter.empty
        default = each.default if has_default else None
        rows.append((each.name, int(each.kind), has_default, default, each.name in wanted))
    return rows


def read_signature(function: Function) -> inspect.Signature:
    """The signature of the function itself, not of something that it says it wraps."""
    try:
        return inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError) as error:
        raise UnsupportedEntryPoint(
            f"the parameters of `{function!r}` cannot be read, so its arguments cannot be judged; "
            "wrap it in a function that names them"
        ) from error


def add(
    core: Kernel,
    action: str,
    function: Function,
    rows: list[Parameter],
    labels: Iterable[str],
    origin: str,
    signature: inspect.Signature,
    schema: Any,
) -> Tool:
    """Makes the tool known to the core. Raises ``PolicyError`` if rules in force do not fit its arguments."""
    if schema is None:
        schema = schema_of(function, signature, {row[0] for row in rows if row[4]})
    elif not isinstance(schema, (Mapping, bool)):
        raise TypeError(f"`schema` of `{action}` is a `{type(schema).__name__}`; give a JSON Schema, a mapping")
    try:
        return core.tool(
            action,
            function,
            rows,
            list(names_of(labels, "labels")),
            origin,
            signature,
            schema if isinstance(schema, bool) else dict(schema),
        )
    except CompileFailed as failed:
        from agent_os.policy.tool_types import bad_schema, misfits

        if failed.problems[0][1] == "bad_schema":
            raise bad_schema(failed.problems, f"the schema of `{action}`") from None
        raise misfits(core.bundle, failed.problems) from None


def governed(kernel: Running, tool: Tool, function: Function, signature: inspect.Signature) -> Function:
    """The function that takes the place of ``function``; async if that is async."""
    wrapper = _async_tool(kernel, tool) if inspect.iscoroutinefunction(function) else _sync_tool(kernel, tool)
    stand_in(wrapper, function, signature)
    return wrapper


def stand_in(wrapper: Function, function: Function, signature: inspect.Signature) -> None:
    """Gives the wrapper the looks of the function, but no way to it."""
    functools.update_wrapper(wrapper, function, updated=())
    # Whoever follows `__wrapped__` would get the function without the kernel.
    del wrapper.__wrapped__  # type: ignore[attr-defined]
    wrapper.__signature__ = signature  # type: ignore[attr-defined]


def _async_tool(kernel: Running, tool: Tool) -> Function:
    begin = tool.begin
    commits = kernel.commits

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            call = begin(current(), args, kwargs)
        except Held:
            call = await _begun_later(begin, args, kwargs)
        if call.asks:
            await confirm_async(call, kernel.approver, kernel.approval_seconds)
        if commits is not None:
            await commits.before(call)
        try:
            result = await _invoked(call)
        except BaseException as error:
            if commits is not None:
                await commits.raised(call, error, cancelled=isinstance(error, CANCELLED))
            else:
                call.raised(error, isinstance(error, CANCELLED))
            raise
        return call.returned(result) if commits is None else await commits.returned(call, result)

    return wrapper


def _sync_tool(kernel: Running, tool: Tool) -> Function:
    begin = tool.begin

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            call = begin(current(), args, kwargs)
        except Held:
            call = _when_continued(begin, args, kwargs)
        if call.asks:
            confirm(call, kernel.approver, kernel.approval_seconds)
        return _perform(call)

    return wrapper


def _when_continued(begin: Callable[..., Call], args: Any, kwargs: Any) -> Call:
    """Waits in a thread of the process's own. In an event loop nothing may block, so there the call is denied."""
    process = current()
    while process is not None and process.is_threaded:
        threads.answer(process)
        with suppress(Held):
            return begin(process, args, kwargs)
    return begin(process, args, kwargs, True)


def _invoked_here(call: Call) -> Any:
    process = current()
    while True:
        with suppress(Held):
            return call.invoke()
        if process is None or _is_in_a_loop():
            raise _given_up(call)
        process.wait_while_stopped()


def _given_up(call: Call) -> PermissionError:
    """Of a call that was decided before its process was stopped, where nothing may wait for SIGCONT."""
    call.abandon()
    return PermissionError("the process was stopped before the tool began, so it did not begin; call it again")


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def run_in_thread(kernel: Running, tool: Tool, args: Any, kwargs: Any) -> Any:
    """Calls a sync tool without blocking the loop. It is decided and confirmed here, so that a waiter who is cancelled
    before it began has cancelled it."""
    try:
        call = tool.begin(current(), args, kwargs)
    except Held:
        call = await _begun_later(tool.begin, args, kwargs)
    if call.asks:
        await confirm_async(call, kernel.approver, kernel.approval_seconds)
    try:
        return await asyncio.to_thread(_perform, call)
    except asyncio.CancelledError:
        call.abandon()
        raise


async def _begun_later(begin: Callable[..., Call], args: Any, kwargs: Any) -> Call:
    """The driver takes the next step when the process may go on. Code that is not driven is denied."""
    await asyncio.sleep(0)
    return begin(current(), args, kwargs, True)


def _invoked(call: Call) -> Any:
    """Begins an async tool, when the process may go on."""
    try:
        return call.invoke()
    except Held:
        return _invoked_later(call)


async def _invoked_later(call: Call) -> Any:
    # As for `_begun_later`.
    await asyncio.sleep(0)
    try:
        running = call.invoke()
    except Held:
        raise _given_up(call) from None
    return await running


def _perform(call: Call) -> Any:
    try:
        result = _invoked_here(call)
    except BaseException as error:
        call.raised(error, isinstance(error, CANCELLED))
        raise
    return call.returned(result)
