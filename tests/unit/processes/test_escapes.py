"""What runs on after its process was killed, as the page of limits says, and that nothing of it passes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agent_os import PolicyDenied, _core
from agent_os.errors import AgentKilled
from tests.unit.kernel.desk import desk

Touch = Callable[[], Any]


class Escape:
    """Code that got away: what it did by itself, and what came of its calls."""

    def __init__(self) -> None:
        self.ran = 0
        self.denied: list[str] = []
        self.effects = 0

    def effect(self) -> None:
        self.effects += 1

    def call(self, touch: Touch) -> None:
        self.ran += 1
        try:
            touch()
        except PolicyDenied as denied:
            self.denied.append(denied.code)
        except AgentKilled:
            self.denied.append("killed")


def later(escape: Escape, touch: Touch) -> None:
    asyncio.get_running_loop().call_later(0.01, escape.call, touch)


def by_hand(escape: Escape, touch: Touch) -> object:
    async def work() -> None:
        await asyncio.sleep(0.01)
        escape.call(touch)

    return asyncio.Task(work())


def in_a_fresh_context(escape: Escape, touch: Touch) -> object:
    async def work() -> None:
        await asyncio.sleep(0.01)
        escape.call(touch)

    return contextvars.Context().run(asyncio.get_running_loop().create_task, work())


def below_another_factory(escape: Escape, touch: Touch) -> object:
    async def work() -> None:
        await asyncio.sleep(0.01)
        escape.call(touch)

    asyncio.get_running_loop().set_task_factory(None)
    return asyncio.get_running_loop().create_task(work())


def in_a_loop_of_a_thread(escape: Escape, touch: Touch) -> None:
    async def work() -> None:
        await asyncio.sleep(0.01)
        escape.call(touch)

    threading.Thread(target=asyncio.run, args=(work(),)).start()


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (later, "killed"),
        (by_hand, "killed"),
        (in_a_fresh_context, "no_process"),
        (below_another_factory, "killed"),
        (in_a_loop_of_a_thread, "no_process"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_it_runs_and_nothing_of_it_passes(way: Callable[[Escape, Touch], object], reason: str) -> None:
    with desk() as kernel:
        escape = Escape()
        kept: list[object] = []

        @kernel.tool("t.touch")
        def touch() -> None:
            escape.effect()

        @kernel.register
        async def agent() -> None:
            kept.append(way(escape, touch))
            await asyncio.sleep(3600)

        process = kernel.spawn(agent)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        process.kill()
        await asyncio.sleep(0.1)
        assert (escape.ran, escape.effects, escape.denied) == (1, 0, [reason])


async def test_what_escapes_a_stop_is_denied_and_does_not_spin() -> None:
    with desk() as kernel:
        denied: list[str] = []
        kept: list[object] = []

        @kernel.tool("t.touch")
        async def touch() -> None:
            return None

        async def escaped() -> None:
            await asyncio.sleep(0.01)
            try:
                await touch()
            except PolicyDenied as error:
                denied.append(error.code)

        @kernel.register
        async def agent() -> None:
            kept.append(asyncio.Task(escaped()))
            await asyncio.sleep(3600)

        process = kernel.spawn(agent)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        process.stop()
        await asyncio.sleep(0.1)
        assert denied == ["process_stopped"]


async def test_what_an_ended_process_left_behind_is_closed_as_any_coroutine_is() -> None:
    with desk() as kernel:
        closed: list[int] = []

        async def work() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                closed.append(1)

        @kernel.register
        async def agent() -> None:
            asyncio.get_running_loop().call_soon(asyncio.create_task, work())
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        before = _core.morgue()
        await kernel.execute(agent)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.get_coro().close()
        assert (closed, _core.morgue()) == ([1], before)


async def test_a_computation_is_not_interrupted_and_takes_no_next_step() -> None:
    with desk() as kernel:
        reached: list[str] = []

        @kernel.register
        async def agent() -> None:
            process = kernel.processes()[0]
            killer = threading.Thread(target=process.kill)
            killer.start()
            killer.join()
            reached.append("end of the computation")
            await asyncio.sleep(0)
            reached.append("next step")

        with contextlib.suppress(AgentKilled):
            await kernel.execute(agent)
        assert reached == ["end of the computation"]


async def test_what_an_ended_process_left_behind_runs_on_and_nothing_of_it_passes() -> None:
    with desk() as kernel:
        escape = Escape()
        tasks: list[asyncio.Task[None]] = []

        @kernel.tool("t.touch")
        def touch() -> None:
            escape.effect()

        async def work() -> None:
            await asyncio.sleep(0.01)
            escape.call(touch)

        @kernel.register
        async def agent() -> None:
            tasks.append(asyncio.create_task(work()))

        await kernel.execute(agent)
        await asyncio.gather(*tasks)
        assert (escape.ran, escape.effects, escape.denied) == (1, 0, ["process_ended"])


def test_a_kernel_without_a_loop_says_what_to_do() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> None:
            return None

        with pytest.raises(TypeError, match="`execute_sync`"):
            kernel.spawn(agent)
