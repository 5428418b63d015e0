"""Driven code behaves as it does without us: results, errors, context, cancellation, groups, time-outs."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agent_os import AgentKilled, AgentSignal, UnsupportedEntryPoint
from tests.unit.kernel.desk import desk

VALUE: contextvars.ContextVar[str] = contextvars.ContextVar("value", default="outside")


async def awaits_a_future() -> Any:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, 7)
    return await future


async def gets_an_error_from_a_future() -> Any:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_exception, LookupError("gone"))
    try:
        await future
    except LookupError as error:
        return str(error)


async def gathers() -> Any:
    async def one(number: int) -> int:
        await asyncio.sleep(0)
        return number

    return await asyncio.gather(*(one(number) for number in range(5)))


async def gathers_errors() -> Any:
    async def one(number: int) -> int:
        await asyncio.sleep(0)
        raise ValueError(number)

    return [str(error) for error in await asyncio.gather(*(one(n) for n in range(3)), return_exceptions=True)]


async def times_out() -> Any:
    try:
        await asyncio.wait_for(asyncio.sleep(3600), 0.001)
    except (TimeoutError, asyncio.TimeoutError):
        return "late"


async def cancels_a_task() -> Any:
    seen = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            seen.append(error.args)
            raise

    task = asyncio.create_task(work(), name="worker")
    await asyncio.sleep(0)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError:
        return seen, task.get_name(), task.cancelled()


async def shields() -> Any:
    async def work() -> str:
        await asyncio.sleep(0.001)
        return "done"

    task = asyncio.ensure_future(work())
    outer = asyncio.shield(task)
    outer.cancel()
    return await task


async def keeps_context() -> Any:
    VALUE.set("mine")

    async def work() -> str:
        return VALUE.get()

    return await asyncio.create_task(work()), VALUE.get()


async def iterates_an_async_generator() -> Any:
    async def numbers() -> Any:
        try:
            for number in range(3):
                await asyncio.sleep(0)
                yield number
        finally:
            await asyncio.sleep(0)

    return [number async for number in numbers()]


async def leaves_an_async_generator_half_read() -> Any:
    closed = []

    async def numbers() -> Any:
        try:
            while True:
                yield 1
        finally:
            closed.append(1)

    generator = numbers()
    async for _ in generator:
        break
    await generator.aclose()
    return closed


async def locks_and_queues() -> Any:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    lock = asyncio.Lock()

    async def put() -> None:
        for number in range(5):
            async with lock:
                await queue.put(number)

    task = asyncio.create_task(put())
    got = [await queue.get() for _ in range(5)]
    await task
    return got


async def uses_a_thread() -> Any:
    return await asyncio.to_thread(lambda: VALUE.get())


async def runs_a_task_group() -> Any:
    if sys.version_info < (3, 11):
        return "not there"
    done = []

    async def work(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)
        if number == 2:
            raise ValueError(number)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(work(number))
    except BaseExceptionGroup as errors:  # noqa: F821 -- there from 3.11 on
        return sorted(done), [str(error) for error in errors.exceptions]


async def times_out_as_a_block() -> Any:
    if sys.version_info < (3, 11):
        return "not there"
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(3600)
    except TimeoutError:
        task = asyncio.current_task()
        return task.cancelling() if task is not None else None


async def uses_anyio() -> Any:
    seen = []

    async def work(number: int) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(number)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(work, number)
    with anyio.move_on_after(0.001) as scope:
        await anyio.sleep(3600)
    return sorted(seen), scope.cancelled_caught, len(anyio.get_running_tasks()) > 0


async def raises() -> Any:
    await asyncio.sleep(0)
    raise LookupError("nothing there")


CODE: list[Callable[[], Awaitable[Any]]] = [
    awaits_a_future,
    gets_an_error_from_a_future,
    gathers,
    gathers_errors,
    times_out,
    cancels_a_task,
    shields,
    keeps_context,
    iterates_an_async_generator,
    leaves_an_async_generator_half_read,
    locks_and_queues,
    uses_a_thread,
    runs_a_task_group,
    times_out_as_a_block,
    uses_anyio,
]


@pytest.mark.parametrize("code", CODE, ids=lambda code: code.__name__)
@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
def test_it_is_as_without_us(code: Callable[[], Awaitable[Any]], debug: bool) -> None:
    async def bare() -> Any:
        return await code()

    with desk() as kernel:

        @kernel.register
        async def agent() -> Any:
            return await code()

        async def driven() -> Any:
            return await kernel.execute(agent)

        async def spawned() -> Any:
            return await kernel.spawn(agent).result()

        expected = asyncio.run(bare(), debug=debug)
        assert asyncio.run(driven(), debug=debug) == expected
        assert asyncio.run(spawned(), debug=debug) == expected


def test_an_error_keeps_its_traceback() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> None:
            await raises()

        async def scene() -> None:
            with pytest.raises(LookupError) as caught:
                await kernel.execute(agent)
            assert [entry.name for entry in caught.traceback][-2:] == ["agent", "raises"]

        asyncio.run(scene())


async def test_whoever_awaits_a_run_can_cancel_it() -> None:
    with desk() as kernel:
        seen = []

        @kernel.register
        async def agent() -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                seen.append("cleaned up")

        run = asyncio.ensure_future(kernel.execute(agent))
        await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert seen == ["cleaned up"]


async def test_another_task_factory_is_kept_below_ours() -> None:
    made = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    with desk() as kernel:

        @kernel.register
        async def agent() -> int:
            return await asyncio.create_task(awaits_a_future())

        assert await kernel.execute(agent) == 7
        assert len(made) == 1


def test_without_asyncio_it_says_so() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> None:
            return None

        coroutine = kernel.execute(agent)
        with pytest.raises(UnsupportedEntryPoint, match="no event loop of asyncio"):
            coroutine.send(None)


async def test_a_run_inside_a_run_waits_as_long_as_it_must() -> None:
    with desk() as kernel:

        @kernel.tool("t.slow")
        async def slow() -> str:
            await asyncio.sleep(0.001)
            return "slow"

        @kernel.register
        async def inner() -> str:
            await asyncio.sleep(0.001)
            return await slow()

        @kernel.register
        async def middle() -> str:
            return await asyncio.create_task(kernel.execute(inner))

        @kernel.register
        async def outer() -> str:
            return await kernel.execute(middle)

        assert await asyncio.wait_for(kernel.execute(outer), 5) == "slow"


@pytest.mark.parametrize("signal", [AgentSignal.SIGKILL, AgentSignal.SIGTERM])
async def test_a_signal_to_the_inner_run_is_an_error_of_the_outer_one(signal: AgentSignal) -> None:
    with desk() as kernel:

        @kernel.register
        async def inner() -> None:
            await asyncio.sleep(3600)

        @kernel.register
        async def outer() -> str:
            try:
                await kernel.execute(inner)
            except AgentKilled as killed:
                return AgentSignal(killed.signal).name
            return "nothing"

        process = kernel.spawn(outer)
        await asyncio.sleep(0.01)
        kernel.signals.signal("inner", signal)
        assert await asyncio.wait_for(process.result(), 5) == signal.name


async def test_a_time_out_of_its_own_waits_until_a_stopped_process_goes_on() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> str:
            try:
                await asyncio.wait_for(asyncio.sleep(3600), 0.01)
            except (TimeoutError, asyncio.TimeoutError):
                return "late"
            return "nothing"

        process = kernel.spawn(agent)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        process.stop()
        await asyncio.sleep(0.05)
        assert process.state == "stopped"
        process.cont()
        assert await asyncio.wait_for(process.result(), 5) == "late"


async def test_code_that_runs_can_neither_be_stepped_nor_closed() -> None:
    with desk() as kernel:

        async def tries() -> list[str]:
            said = []
            for what in ("close", "send"):
                with pytest.raises(ValueError, match="already executing") as refused:
                    getattr(own[0], what)(*([None] if what == "send" else []))
                said.append(str(refused.value))
            return said

        own: list[Any] = []

        async def child() -> list[str]:
            task = asyncio.current_task()
            assert task is not None
            own.append(task.get_coro())
            return await tries()

        @kernel.register
        async def parent() -> list[str]:
            return await asyncio.create_task(child())

        assert len(await asyncio.wait_for(kernel.execute(parent), 5)) == 2


async def test_to_continue_and_cancel_in_one_turn_is_to_cancel() -> None:
    with desk() as kernel:
        seen: list[str] = []

        @kernel.register
        async def agent() -> None:
            try:
                for _ in range(1_000_000):
                    await asyncio.sleep(0)
            finally:
                seen.append("cleaned up")

        run = asyncio.ensure_future(kernel.execute(agent))
        await asyncio.sleep(0)
        process = kernel.processes()[0]
        process.stop()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        process.cont()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(run, 5)
        assert seen == ["cleaned up"]


async def test_sigterm_lets_everything_that_the_code_waits_for_end() -> None:
    with desk() as kernel:
        seen: list[int] = []

        async def work(number: int) -> None:
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)
                seen.append(number)

        @kernel.register
        async def agent() -> None:
            await asyncio.gather(*(work(number) for number in range(3)))

        process = kernel.spawn(agent)
        await asyncio.sleep(0.01)
        assert await process.terminate(grace=5) == ("killed", AgentSignal.SIGTERM)
        assert sorted(seen) == [0, 1, 2]


async def test_a_stopped_process_keeps_no_loop_busy() -> None:
    with desk() as kernel:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        @kernel.register
        async def agent() -> None:
            await answer

        process = kernel.spawn(agent)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        process.stop()
        answer.set_result(None)
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1

        handle = [asyncio.get_running_loop().call_soon(turn)]
        await asyncio.sleep(0.02)
        assert (turns, handle[0].cancelled()) == (1, False)
        assert process.state == "stopped"
        process.cont()
        assert await asyncio.wait_for(process.wait(), 5) == ("returned", None)
