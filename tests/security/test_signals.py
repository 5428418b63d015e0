"""Stop stops and kill kills, whatever the agent's code does about it (lessons 24 to 27)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_os import AgentKilled, AgentProcess, AgentSignal, KernelSpace, PolicyDenied
from agent_os.processes.context import current
from tests.unit.kernel.desk import about, desk, of_kind

Body = Callable[["Steps"], Awaitable[None]]


class Steps:
    """What an agent's code gets done: steps of its own, and effects that pass the kernel."""

    def __init__(self) -> None:
        self.taken = 0
        self.effects = 0
        self.cleaned_up = 0

    @property
    def all(self) -> tuple[int, int, int]:
        return self.taken, self.effects, self.cleaned_up


async def swallows_everything(steps: Steps) -> None:
    while True:
        with contextlib.suppress(BaseException):
            while True:
                steps.taken += 1
                await asyncio.sleep(0)


async def cleans_up_for_ever(steps: Steps) -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        while True:
            steps.cleaned_up += 1
            await asyncio.sleep(0)


async def shields_itself(steps: Steps) -> None:
    await asyncio.shield(asyncio.ensure_future(swallows_everything(steps)))


async def hides_in_a_group(steps: Steps) -> None:
    await asyncio.gather(*(swallows_everything(steps) for _ in range(10)), return_exceptions=True)


async def sleeps(steps: Steps) -> None:
    await asyncio.sleep(3600)
    steps.taken += 1


async def waits_for_an_event(steps: Steps) -> None:
    await asyncio.Event().wait()
    steps.taken += 1


async def yields_by_hand(steps: Steps) -> None:
    class Bare:
        def __await__(self):  # type: ignore[no-untyped-def]
            while True:
                steps.taken += 1
                with contextlib.suppress(BaseException):
                    yield

    await Bare()


BODIES: list[Body] = [
    swallows_everything,
    cleans_up_for_ever,
    shields_itself,
    hides_in_a_group,
    sleeps,
    waits_for_an_event,
    yields_by_hand,
]


def spawned(kernel: KernelSpace, body: Body, steps: Steps) -> AgentProcess:
    @kernel.tool("t.touch")
    async def touch() -> None:
        steps.effects += 1

    async def agent() -> None:
        await touch()
        await body(steps)

    kernel.register(agent, agent_id="victim")
    return kernel.spawn(agent)


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
async def test_24_after_sigkill_no_further_step_is_taken(body: Body) -> None:
    with desk() as kernel:
        steps = Steps()
        process = spawned(kernel, body, steps)
        await turns()
        assert steps.effects == 1, "it ran"
        process.signal(AgentSignal.SIGKILL)
        before = steps.all
        await turns()
        assert steps.all == before
        assert await asyncio.wait_for(process.wait(), 5) == ("killed", AgentSignal.SIGKILL)
        with pytest.raises(AgentKilled):
            await process.result()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
async def test_25_a_stopped_process_takes_no_step_and_goes_on_where_it_was(body: Body) -> None:
    with desk() as kernel:
        steps = Steps()
        process = spawned(kernel, body, steps)
        await turns()
        process.signal(AgentSignal.SIGSTOP)
        before = steps.all
        await turns()
        assert (steps.all, process.state) == (before, "stopped")
        process.signal(AgentSignal.SIGCONT)
        await turns()
        assert process.state == "running"
        if steps.taken:
            assert steps.taken > before[0]


async def test_25_the_tasks_of_a_stopped_process_take_no_step() -> None:
    with desk() as kernel:
        steps = Steps()

        async def work() -> None:
            while True:
                steps.taken += 1
                await asyncio.sleep(0)

        @kernel.register
        async def agent() -> None:
            await asyncio.gather(*(work() for _ in range(5)))

        process = kernel.spawn(agent)
        await turns(5)
        process.stop()
        before = steps.taken
        await turns(5)
        process.kill()
        await turns(5)
        assert before > 0
        assert steps.taken == before


async def test_25_what_a_stopped_process_waited_for_is_there_when_it_goes_on() -> None:
    with desk() as kernel:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        @kernel.register
        async def agent() -> str:
            return await answer

        process = kernel.spawn(agent)
        await turns()
        process.stop()
        answer.set_result("late")
        await turns()
        assert process.status is None
        process.cont()
        assert await asyncio.wait_for(process.result(), 5) == "late"


async def test_24_a_kill_in_the_middle_of_a_step_withholds_the_result() -> None:
    """The signal comes from another thread while the code computes: the step cannot be taken back, its result can."""
    with desk() as kernel:

        @kernel.register
        async def agent() -> str:
            process = kernel.processes()[0]
            sender = threading.Thread(target=process.kill)
            sender.start()
            sender.join()
            return "loot"

        with pytest.raises(AgentKilled):
            await kernel.execute(agent)


async def test_25_a_process_that_stops_in_its_last_step_gives_its_result_when_it_goes_on() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> str:
            kernel.processes()[0].stop()
            return "done"

        process = kernel.spawn(agent)
        await turns(5)
        assert (process.state, process.status) == ("stopped", None)
        process.cont()
        assert await asyncio.wait_for(process.result(), 5) == "done"


async def test_25_after_a_kill_in_the_middle_of_a_step_nothing_passes() -> None:
    with desk() as kernel:
        effects = []

        @kernel.tool("t.touch")
        async def touch() -> None:
            effects.append(1)

        @kernel.register
        async def agent() -> None:
            process = kernel.processes()[0]
            sender = threading.Thread(target=process.kill)
            sender.start()
            sender.join()
            with contextlib.suppress(BaseException):
                await touch()
            assert not kernel.check("t.touch")

        with pytest.raises(AgentKilled):
            await kernel.execute(agent)
        assert effects == []
        assert ("denied", "process_killed") in about(kernel, "t.touch")


async def test_24_the_tool_that_a_killed_process_waited_for_is_cancelled_and_cleans_up() -> None:
    with desk() as kernel:
        seen: list[str] = []

        @kernel.tool("t.slow")
        async def slow() -> str:
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)
                seen.append("tool")
            return "late"

        @kernel.register
        async def agent() -> None:
            try:
                await slow()
            finally:
                seen.append("agent")

        process = kernel.spawn(agent)
        await turns()
        process.kill()
        await turns()
        assert seen == ["tool"]
        assert about(kernel, "t.slow") == [("intent", "allowed_by_rule"), ("outcome", "killed")]


async def test_24_a_nested_run_ends_with_the_one_that_waits_for_it() -> None:
    with desk() as kernel:
        steps = Steps()

        @kernel.register
        async def inner() -> None:
            await swallows_everything(steps)

        @kernel.register
        async def outer() -> None:
            await kernel.execute(inner)

        process = kernel.spawn(outer)
        await turns()
        process.kill()
        before = steps.taken
        await turns()
        assert (steps.taken, [each.status for each in kernel.processes() if each.pid != process.pid]) == (before, [])
        assert [entry["status"] for entry in of_kind(kernel, "outcome")] == ["killed", "killed"]


async def test_24_of_many_agents_one_is_killed_and_the_others_are_not_disturbed() -> None:
    with desk() as kernel:
        counts = [Steps() for _ in range(200)]
        processes = []
        for number, steps in enumerate(counts):

            async def agent(steps: Steps = steps) -> None:
                await swallows_everything(steps)

            kernel.register(agent, agent_id=f"agent-{number}")
            processes.append(kernel.spawn(agent))
        await turns(3)
        processes[100].kill()
        before = [steps.taken for steps in counts]
        await turns(10)
        moved = [steps.taken > old for steps, old in zip(counts, before, strict=True)]
        assert moved == [number != 100 for number in range(200)]


async def test_24_sigterm_lets_the_code_end_and_the_status_is_the_signals_all_the_same() -> None:
    with desk() as kernel:
        seen = []

        @kernel.register
        async def agent() -> str:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                seen.append("asked to end")
            return "swallowed"

        process = kernel.spawn(agent)
        await turns()
        assert await process.terminate(grace=5) == ("killed", AgentSignal.SIGTERM)
        assert seen == ["asked to end"]


async def test_24_who_swallows_sigterm_is_killed_after_the_grace() -> None:
    with desk() as kernel:
        process = spawned(kernel, swallows_everything, Steps())
        await turns()
        assert (await process.terminate(grace=0.05)).signal in {AgentSignal.SIGTERM, AgentSignal.SIGKILL}
        assert process.status is not None


@pytest.mark.parametrize("signal", [AgentSignal.SIGKILL, AgentSignal.SIGSTOP])
async def test_25_nothing_is_arranged_against_kill_and_stop(signal: AgentSignal) -> None:
    with desk() as kernel:
        process = spawned(kernel, sleeps, Steps())
        await turns()
        with pytest.raises(ValueError, match="neither handled nor ignored"):
            process.on(signal, lambda _: None)
        with pytest.raises(ValueError, match="neither handled nor ignored"):
            process.ignore(signal)
        process.block(signal)
        process.signal(signal)
        assert process.state == ("terminated" if signal == AgentSignal.SIGKILL else "stopped")


async def test_26_a_handler_that_raises_hangs_or_recurses_breaks_nothing() -> None:
    with desk() as kernel:
        process = spawned(kernel, waits_for_an_event, Steps())
        await turns()

        async def hangs(signal: AgentSignal) -> None:
            await asyncio.Event().wait()

        process.on(AgentSignal.SIGUSR1, lambda signal: process.signal(signal))
        process.on(AgentSignal.SIGUSR2, hangs)
        process.signal(AgentSignal.SIGUSR1)
        await turns()
        process.signal(AgentSignal.SIGUSR2)
        await turns()
        assert process.state == "running"
        process.kill()
        assert await asyncio.wait_for(process.wait(), 5) == ("killed", AgentSignal.SIGKILL)


async def test_20_an_agent_signals_what_it_has_started_and_asks_for_the_rest() -> None:
    with desk("{id: spawn, effect: allow, action: agent.spawn}") as kernel:

        @kernel.register
        async def bystander() -> None:
            await asyncio.sleep(3600)

        @kernel.register
        async def agent() -> str:
            own = kernel.spawn(bystander)
            own.kill()
            with pytest.raises(PolicyDenied) as denied:
                kernel.signals.signal("bystander", AgentSignal.SIGKILL)
            return denied.value.code

        other = kernel.spawn(bystander)
        await turns()
        assert await kernel.execute(agent) == "denied_by_default"
        assert other.status is None
        assert about(kernel, "signal.send") == [("denied", "denied_by_default")]


async def test_25_after_a_kill_in_the_middle_of_a_step_no_signal_passes_either() -> None:
    with desk() as kernel:

        @kernel.register
        async def child() -> None:
            await asyncio.sleep(3600)

        @kernel.register
        async def agent() -> None:
            below = kernel.spawn(child)
            me = next(each for each in kernel.processes() if each.agent_id == "agent")
            sender = threading.Thread(target=me.kill)
            sender.start()
            sender.join()
            with contextlib.suppress(BaseException):
                below.kill()

        with pytest.raises(AgentKilled):
            await kernel.execute(agent)
        assert [each.status for each in kernel.processes() if each.agent_id == "child"] == [None]
        assert about(kernel, "signal.send") == [("denied", "process_killed")]


async def test_20_nobody_but_the_kernel_raises_its_own_signals() -> None:
    with desk() as kernel:
        process = spawned(kernel, sleeps, Steps())
        await turns()
        with pytest.raises(ValueError, match="the kernel only"):
            process.signal(AgentSignal.SIGPOLICY)


async def test_27_whoever_awaits_a_killed_run_gets_an_error_and_never_waits_for_ever() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> None:
            await swallows_everything(Steps())

        run = asyncio.ensure_future(kernel.execute(agent))
        await turns()
        kernel.signals.signal("agent", AgentSignal.SIGKILL)
        with pytest.raises(AgentKilled):
            await asyncio.wait_for(run, 5)


async def test_27_giving_up_on_a_stopped_run_takes_no_step_of_it() -> None:
    with desk() as kernel:
        steps = Steps()

        @kernel.register
        async def agent() -> None:
            await cleans_up_for_ever(steps)

        run = asyncio.ensure_future(kernel.execute(agent))
        await turns()
        kernel.signals.signal("agent", AgentSignal.SIGSTOP)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(run, 5)
        await turns()
        assert steps.cleaned_up == 0
        assert [entry["cause"] for entry in of_kind(kernel, "signal.sent") if "cause" in entry] == [
            "cancelled while it was stopped"
        ]


def test_25_a_thread_stops_and_dies_at_its_next_call() -> None:
    with desk() as kernel:
        effects: list[int] = []
        in_thread, go_on = threading.Event(), threading.Event()

        @kernel.tool("t.touch")
        def touch() -> None:
            effects.append(1)

        @kernel.register
        def agent() -> None:
            in_thread.set()
            go_on.wait()
            touch()

        async def scene() -> None:
            process = kernel.spawn(agent)
            await asyncio.to_thread(in_thread.wait)
            process.stop()
            go_on.set()
            await asyncio.sleep(0.05)
            assert effects == []
            process.kill()
            assert await asyncio.wait_for(process.wait(), 5) == ("killed", AgentSignal.SIGKILL)
            await asyncio.sleep(0.05)
            assert effects == []

        asyncio.run(scene())


async def test_24_a_sync_agent_that_is_killed_before_its_thread_began_never_begins() -> None:
    with desk() as kernel:
        ran: list[int] = []

        @kernel.register
        def agent() -> None:
            ran.append(1)

        process = kernel.spawn(agent)
        process.kill()
        assert await asyncio.wait_for(process.wait(), 5) == ("killed", AgentSignal.SIGKILL)
        await asyncio.sleep(0.05)
        assert ran == []


async def test_24_a_sync_tool_that_waits_for_a_thread_does_not_begin_after_a_kill() -> None:
    with desk() as kernel:
        effects: list[int] = []
        go_on = threading.Event()

        @kernel.tool("t.touch")
        def touch() -> None:
            effects.append(1)

        @kernel.register
        async def agent() -> None:
            await kernel.execute("t.touch")

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            loop.set_default_executor(pool)
            pool.submit(go_on.wait)
            process = kernel.spawn(agent)
            await turns(5)
            process.kill()
            go_on.set()
            await asyncio.wait_for(process.wait(), 5)
            await asyncio.to_thread(lambda: None)
        assert effects == []
        assert about(kernel, "t.touch") == [("intent", "allowed_by_rule"), ("outcome", "killed")]


async def test_26_an_async_handler_that_signals_itself_leaves_others_their_turns() -> None:
    with desk() as kernel:
        process = spawned(kernel, waits_for_an_event, Steps())
        await turns()
        calls: list[int] = []

        async def again(signal: AgentSignal) -> None:
            calls.append(1)
            process.signal(signal)

        process.on(AgentSignal.SIGUSR1, again)
        process.signal(AgentSignal.SIGUSR1)
        await turns()
        assert calls
        process.kill()
        assert await asyncio.wait_for(process.wait(), 5) == ("killed", AgentSignal.SIGKILL)


async def test_20_a_handler_runs_as_the_process_that_arranged_it() -> None:
    with desk() as kernel:
        asked: list[str | None] = []

        @kernel.register
        async def inner() -> None:
            await asyncio.sleep(0.02)

        @kernel.register
        async def outer() -> None:
            me = next(each for each in kernel.processes() if each.agent_id == "outer")
            me.on(AgentSignal.SIGUSR1, lambda _: asked.append(getattr(current(), "agent_id", None)))
            await kernel.execute(inner)

        process = kernel.spawn(outer)
        await asyncio.sleep(0.01)
        process.signal(AgentSignal.SIGUSR1)
        await process.wait()
        assert asked == ["outer"]
