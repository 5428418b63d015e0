"""Starting processes beside each other, what is known of them, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time

import pytest

from agent_os import AgentKilled, AgentSignal, ApprovalRequest, PolicyDenied, _core
from tests.unit.kernel.desk import about, desk, of_kind

SPAWN = "{id: spawn, effect: allow, action: agent.spawn}"


def test_the_names_and_numbers_are_the_cores() -> None:
    assert {signal.name: int(signal) for signal in AgentSignal} == {
        row["name"]: row["number"] for row in _core.signals()
    }


async def test_a_result_an_error_and_a_kill_come_to_whoever_asks() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent(what: str) -> str:
            if what == "raise":
                raise LookupError("nothing there")
            if what == "wait":
                await asyncio.sleep(3600)
            return what

        good, bad, endless = (kernel.spawn(agent, what) for what in ("good", "raise", "wait"))
        assert (await good.result(), await good.wait(), await good.wait()) == (
            "good",
            ("returned", None),
            ("returned", None),
        )
        with pytest.raises(LookupError, match="nothing there"):
            await bad.result()
        assert await bad.wait() == ("raised", None)
        endless.kill()
        with pytest.raises(AgentKilled) as killed:
            await endless.result()
        assert (killed.value.pid, killed.value.agent_id, killed.value.signal) == (endless.pid, "agent", 9)
        assert kernel.processes() == [], "all were waited for"


async def test_a_process_is_in_the_table_until_it_was_waited_for_or_nobody_holds_it() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> None:
            return None

        held = kernel.spawn(agent)
        kernel.spawn(agent)
        await asyncio.sleep(0.01)
        gc.collect()
        assert [process.pid for process in kernel.processes()] == [held.pid]
        assert [process.state for process in kernel.processes()] == ["terminated"]
        await held.wait()
        assert (held.state, kernel.processes()) == ("reaped", [])
        with pytest.raises(ProcessLookupError):
            held.signal(AgentSignal.SIGTERM)
        with pytest.raises(ProcessLookupError):
            kernel.signals.signal("agent", AgentSignal.SIGTERM)


async def test_children_groups_and_orphans() -> None:
    with desk() as kernel:
        children = []

        @kernel.register
        async def child() -> None:
            await asyncio.sleep(3600)

        @kernel.register
        async def parent() -> None:
            children.extend(kernel.spawn(child) for _ in range(2))
            await asyncio.sleep(3600)

        head = kernel.spawn(parent)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sorted(each.pid for each in head.children) == sorted(each.pid for each in children)
        assert {each.group for each in children} == {head.group} == {head.pid}
        assert {each.parent for each in children} == {head.pid}
        head.kill()
        assert [each.status for each in children] == [None, None], "what it has spawned lives on"
        assert {each.parent for each in children} == {0}
        assert kernel.signals.signal_group(head.group, AgentSignal.SIGKILL) == 2
        assert [await each.wait() for each in children] == [("killed", AgentSignal.SIGKILL)] * 2


async def test_sigchld_tells_a_parent_that_asks_for_it() -> None:
    with desk() as kernel:
        told: list[AgentSignal] = []

        @kernel.register
        async def quick() -> None:
            return None

        @kernel.register
        async def child() -> None:
            await asyncio.sleep(3600)

        @kernel.register
        async def parent() -> None:
            me = next(each for each in kernel.processes() if each.agent_id == "parent")
            me.on(AgentSignal.SIGCHLD, told.append)
            below = kernel.spawn(child)
            await asyncio.sleep(0)
            below.stop()
            await asyncio.sleep(0.01)
            below.kill()
            await asyncio.sleep(0.01)
            await kernel.spawn(quick).wait()
            await asyncio.sleep(0.01)

        await kernel.execute(parent)
        assert told == [AgentSignal.SIGCHLD] * 3, "it stopped, it was killed, another one returned"


async def test_what_must_not_start_is_denied_at_once() -> None:
    with desk("{id: other, effect: allow, action: t.other}") as kernel:

        @kernel.register
        async def agent() -> None:
            return None

        with pytest.raises(PolicyDenied):
            kernel.spawn(agent)
        assert kernel.processes() == []
        assert about(kernel, "agent.spawn") == [("denied", "denied_by_default")]


@pytest.mark.parametrize("answer", [True, False])
async def test_what_must_be_confirmed_is_created_until_it_was(answer: bool) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def approver(request: ApprovalRequest) -> bool:
        asked.set()
        await go_on.wait()
        return answer

    with desk("{id: ask, effect: ask, action: agent.spawn}", approver=approver) as kernel:

        @kernel.register
        async def agent() -> str:
            return "ran"

        process = kernel.spawn(agent)
        await asked.wait()
        assert process.state == "created"
        go_on.set()
        if answer:
            assert await process.result() == "ran"
        else:
            with pytest.raises(PolicyDenied):
                await process.result()
        assert kernel.processes() == []


async def test_what_is_killed_before_it_was_confirmed_never_starts() -> None:
    go_on = asyncio.Event()

    async def approver(request: ApprovalRequest) -> bool:
        await go_on.wait()
        return True

    with desk("{id: ask, effect: ask, action: agent.spawn}", approver=approver) as kernel:
        ran = []

        @kernel.register
        async def agent() -> None:
            ran.append(1)

        process = kernel.spawn(agent)
        await asyncio.sleep(0)
        process.kill()
        go_on.set()
        assert await process.wait() == ("killed", AgentSignal.SIGKILL)
        await asyncio.sleep(0.01)
        assert ran == []


async def test_what_was_stopped_before_its_first_step_takes_it_when_it_is_continued() -> None:
    with desk() as kernel:
        ran = []

        @kernel.register
        async def agent() -> None:
            ran.append(1)

        process = kernel.spawn(agent)
        process.stop()
        await asyncio.sleep(0.01)
        assert ran == []
        process.cont()
        await process.wait()
        assert ran == [1]


async def test_signals_are_told_in_the_log_of_the_process_that_got_them() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> None:
            await asyncio.sleep(3600)

        process = kernel.spawn(agent)
        await asyncio.sleep(0)
        process.stop()
        process.kill()
        entries = of_kind(kernel, "signal.sent")
        assert [(entry["pid"], entry["sender"], entry["signal"]) for entry in entries] == [
            (process.pid, 0, "SIGSTOP"),
            (process.pid, 0, "SIGKILL"),
        ]
        assert [entry["status"] for entry in of_kind(kernel, "outcome")] == ["killed"]


async def test_masks_hold_signals_back() -> None:
    with desk() as kernel:
        got: list[AgentSignal] = []

        @kernel.register
        async def agent() -> None:
            me = kernel.processes()[0]
            me.on(AgentSignal.SIGUSR1, got.append)
            assert me.block(AgentSignal.SIGUSR1) == ()
            me.signal(AgentSignal.SIGUSR1)
            me.signal(AgentSignal.SIGUSR1)
            await asyncio.sleep(0)
            assert got == []
            assert me.unblock(AgentSignal.SIGUSR1) == (AgentSignal.SIGUSR1,)
            await asyncio.sleep(0)
            assert got == [AgentSignal.SIGUSR1], "they coalesce"

        await kernel.execute(agent)


async def test_only_the_process_itself_and_the_operator_arrange_its_signals() -> None:
    with desk() as kernel:

        @kernel.register
        async def victim() -> None:
            await asyncio.sleep(3600)

        other = kernel.spawn(victim)
        handle = kernel.core.processes()[0]

        @kernel.register
        async def agent() -> list[str]:
            reasons = []
            for attempt in (
                lambda: other.ignore(AgentSignal.SIGTERM),
                lambda: other.block(AgentSignal.SIGTERM),
                lambda: kernel.core.arrange(handle, AgentSignal.SIGTERM, "ignore", []),
                lambda: kernel.core.mask(handle, "block", [AgentSignal.SIGTERM]),
            ):
                with pytest.raises(PolicyDenied) as denied:
                    attempt()
                reasons.append(denied.value.code)
            return reasons

        assert await kernel.execute(agent) == ["control_plane"] * 4
        assert await other.terminate() == ("killed", AgentSignal.SIGTERM)


async def test_there_is_no_way_to_signal_in_the_name_of_another() -> None:
    """Who sends is what the kernel says, and no argument."""
    with desk(SPAWN) as kernel:

        @kernel.register
        async def victim() -> None:
            await asyncio.sleep(3600)

        other = kernel.spawn(victim)
        handle = kernel.core.processes()[0]

        @kernel.register
        async def agent() -> str:
            with pytest.raises(PolicyDenied) as denied:
                kernel.core.signal(handle, AgentSignal.SIGKILL)
            return denied.value.code

        assert await kernel.execute(agent) == "denied_by_default"
        assert other.status is None
        assert not hasattr(handle, "signal")


async def test_arranging_signals_leaves_nothing_behind_when_a_run_has_ended() -> None:
    from agent_os.processes import handlers

    with desk() as kernel:

        def arranges() -> None:
            kernel.processes()[-1].on(AgentSignal.SIGUSR1, lambda _: None)

        @kernel.register
        async def driven() -> None:
            arranges()

        @kernel.register
        def threaded() -> None:
            arranges()

        before = len(handlers._ARRANGED)
        await kernel.execute(driven)
        await kernel.execute(threaded)
        await asyncio.to_thread(kernel.execute_sync, threaded)
        assert len(handlers._ARRANGED) == before


def test_an_agent_that_exits_ends_the_program() -> None:
    with desk() as kernel:

        @kernel.register
        async def agent() -> None:
            raise SystemExit(3)

        async def scene() -> None:
            await kernel.spawn(agent).wait()
            await asyncio.sleep(1)

        with pytest.raises(SystemExit) as ended:
            asyncio.run(scene())
        assert ended.value.code == 3


async def test_what_a_tool_returns_is_not_asked_what_it_is() -> None:
    asked: list[str] = []

    class Curious:
        def __getattr__(self, name: str) -> object:
            asked.append(name)
            raise AttributeError(name)

    with desk() as kernel:

        @kernel.tool("t.curious")
        def curious() -> Curious:
            return Curious()

        @kernel.register
        async def agent() -> None:
            curious()

        await kernel.execute(agent)
        assert "cr_frame" not in asked


async def test_shutdown_lets_processes_end_and_kills_those_that_do_not() -> None:
    kernel = desk()
    seen: list[str] = []

    @kernel.register
    async def polite() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append("polite")

    @kernel.register
    async def stubborn() -> None:
        while True:
            with contextlib.suppress(BaseException):
                seen.append("stubborn")
                await asyncio.sleep(3600)

    processes = [kernel.spawn(polite), kernel.spawn(stubborn)]
    await asyncio.sleep(0)
    await kernel.shutdown(grace=0.05)
    assert (seen.count("polite"), seen.count("stubborn")) == (1, 2)
    assert [process.status for process in processes] == [
        ("killed", AgentSignal.SIGTERM),
        ("killed", AgentSignal.SIGKILL),
    ]
    assert kernel.processes() == []
    assert not kernel.check("t.any", agent="polite")


def test_join_waits_outside_of_a_loop_and_control_comes_from_another_thread() -> None:
    with desk() as kernel:
        spawned: list[object] = []
        ready = threading.Event()

        @kernel.register
        async def agent() -> None:
            await asyncio.sleep(3600)

        async def scene() -> None:
            spawned.append(kernel.spawn(agent))
            ready.set()
            await spawned[0].wait()  # type: ignore[attr-defined]

        thread = threading.Thread(target=asyncio.run, args=(scene(),))
        thread.start()
        ready.wait()
        process = kernel.processes()[0]
        with pytest.raises(TimeoutError):
            process.join(0.01)
        process.kill()
        assert process.join(5) == ("killed", AgentSignal.SIGKILL)
        thread.join()


async def test_a_blocked_loop_does_not_keep_a_kill_from_closing_the_gate() -> None:
    with desk() as kernel:
        status: list[object] = []

        @kernel.register
        async def agent() -> None:
            await asyncio.sleep(3600)

        process = kernel.spawn(agent)
        await asyncio.sleep(0)

        def control() -> None:
            process.kill()
            status.append(process.join(5))

        thread = threading.Thread(target=control)
        thread.start()
        while thread.is_alive():
            time.sleep(0.001)  # noqa: ASYNC251 -- the loop is blocked
        assert status == [("killed", AgentSignal.SIGKILL)]
