"""Bad circumstances on the whole road: a clear error, no action executed, nothing lost."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, PolicyDenied, RecorderError
from tests.unit.kernel.desk import ALL, Trace, about, desk, inside, policy

# -- an identity that is not there ------------------------------------------------------------------------------------


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return Trace(tmp_path)


def in_this_place(call: Callable[[], Any]) -> Any:
    return call()


def in_a_bare_thread(call: Callable[[], Any]) -> Any:
    answers: list[Any] = []

    def work() -> None:
        try:
            answers.append(call())
        except PolicyDenied as denied:
            answers.append(denied)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(answers[0], PolicyDenied):
        raise answers[0]
    return answers[0]


def in_an_executor(call: Callable[[], Any]) -> Any:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def in_a_fresh_context(call: Callable[[], Any]) -> Any:
    return contextvars.Context().run(call)


LOST = [in_a_bare_thread, in_an_executor, in_a_fresh_context]


@pytest.mark.parametrize("place", [in_this_place, *LOST])
def test_a_tool_called_outside_any_process_is_denied(place: Callable[..., Any], trace: Trace) -> None:
    with desk() as kernel:
        touch = kernel.tool("t.touch")(trace.leave)
        for call in (touch, lambda: kernel.execute_sync("t.touch")):
            with pytest.raises(PolicyDenied, match="outside any process") as denied:
                place(call)
            assert denied.value.code == "no_process"
            assert not denied.value.decision
        assert trace.times == 0
        assert about(kernel, "t.touch") == [("denied", "no_process")] * 2


@pytest.mark.parametrize("lose", LOST)
def test_an_identity_that_is_lost_on_the_way_is_not_replaced_by_another(lose: Callable[..., Any], trace: Trace) -> None:
    with desk() as kernel:
        touch = kernel.tool("t.touch")(trace.leave)

        def agent() -> str:
            with pytest.raises(PolicyDenied) as denied:
                lose(touch)
            assert denied.value.code == "no_process"
            return str(touch())

        assert inside(kernel, agent) == "done"
        assert trace.times == 1
        assert [kind for kind, _ in about(kernel, "t.touch")] == ["denied", "intent", "outcome"]


async def test_an_async_tool_in_a_loop_of_its_own_thread_has_no_identity(trace: Trace) -> None:
    with desk() as kernel:

        @kernel.tool("t.touch")
        async def touch() -> str:
            return trace.leave()

        @kernel.register
        async def agent() -> Any:
            loop = asyncio.get_running_loop()
            with pytest.raises(PolicyDenied) as denied:
                await loop.run_in_executor(None, lambda: asyncio.run(touch()))
            assert denied.value.code == "no_process"
            return await asyncio.to_thread(lambda: asyncio.run(touch()))

        assert await kernel.execute(agent) == "done"
        assert trace.times == 1


async def test_a_callback_of_the_loop_keeps_the_identity_it_was_made_with_and_ends_with_its_run(trace: Trace) -> None:
    with desk() as kernel:
        touch = kernel.tool("t.touch")(trace.leave)
        said: list[str] = []
        late = asyncio.Event()

        def callback() -> None:
            try:
                said.append(touch())
            except PolicyDenied as denied:
                said.append(denied.code)
            late.set()

        handles: list[contextvars.Context] = []

        @kernel.register
        async def agent() -> None:
            asyncio.get_running_loop().call_soon(callback)
            handles.append(contextvars.copy_context())
            await late.wait()

        await kernel.execute(agent)
        late.clear()
        asyncio.get_running_loop().call_soon(callback, context=handles[0])
        await late.wait()
        assert said == ["done", "process_ended"]
        assert trace.times == 1


def test_a_run_of_another_kernel_is_nobody_here(trace: Trace) -> None:
    with desk() as ours, desk() as theirs:
        touch = ours.tool("t.touch")(trace.leave)

        def agent() -> None:
            with pytest.raises(PolicyDenied) as denied:
                touch()
            assert denied.value.code == "no_process"

        inside(theirs, agent, agent_id="stranger")
        assert trace.times == 0
        (entry,) = [entry for entry in ours.flight_recorder.entries() if entry["kind"] == "denied"]
        assert "agent" not in entry, "its name means nothing in this log"


# -- a log that cannot be written -------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.name == "posix"
        and hasattr(os, "geteuid")
        and os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
        == 0
    )
    if not mounted:
        if os.environ.get("CI"):
            pytest.fail("the full-disk tests need to mount a tmpfs here; run them as the superuser")
        pytest.skip("mounting a small disk needs the superuser's rights")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Takes all that is left of the disk."""
    ballast = disk / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in (65536, 4096, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(descriptor, b"x" * size)
    finally:
        os.close(descriptor)
    return ballast


def test_a_log_on_a_full_disk_makes_no_kernel(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(RecorderError) as refused:
        KernelSpace(policy(ALL), recorder=small_disk / "log")
    assert str(small_disk) in str(refused.value)


def test_when_the_disk_is_full_no_action_happens_and_every_one_that_happened_has_its_outcome(
    small_disk: Path, trace: Trace
) -> None:
    kernel = KernelSpace(policy(ALL), recorder=small_disk / "log", record="full")
    touch = kernel.tool("t.touch")(lambda text: trace.leave())
    said: list[str] = []

    def agent() -> str:
        for _ in range(10_000):
            before = trace.times
            try:
                touch("x" * 900)
            except RecorderError as error:
                said.append(str(error))
                assert trace.times == before, "the action that could not be recorded did not happen"
                break
        with pytest.raises(RecorderError):
            touch("")
        return "over"

    assert inside(kernel, agent) == "over", "the outcome of the run had its room reserved"
    assert "did not happen" in said[0]
    with pytest.raises(RecorderError):
        inside(kernel, lambda: None)
    fill(small_disk)
    # What could not be said at the end is no problem of what stands in the log.
    with contextlib.suppress(RecorderError):
        kernel.close()
    report = FlightRecorder(small_disk / "log").verify()
    assert report.ok, report.problems
    assert report.unfinished == ()
    outcomes = [entry for entry in FlightRecorder(small_disk / "log").entries() if entry["kind"] == "outcome"]
    assert len(outcomes) == trace.times + 1


def test_an_outcome_is_recorded_although_the_disk_became_full_while_the_tool_ran(small_disk: Path) -> None:
    kernel = KernelSpace(policy(ALL), recorder=small_disk / "log")

    @kernel.tool("t.fill")
    def fill_it() -> str:
        fill(small_disk)
        return "full"

    def agent() -> str:
        results = []

        def until_it_fails() -> None:
            while True:
                results.append(fill_it())

        with pytest.raises(RecorderError, match="did not happen"):
            until_it_fails()
        assert results
        return "over"

    assert inside(kernel, agent) == "over"
    (small_disk / "ballast").unlink()
    with pytest.raises(RecorderError):
        inside(kernel, lambda: None)
    kernel.close()
    report = FlightRecorder(small_disk / "log").verify()
    assert (report.ok, report.unfinished) == (True, ())


def test_a_result_whose_payload_finds_no_room_is_withheld_and_the_log_says_so(small_disk: Path) -> None:
    kernel = KernelSpace(policy(ALL), recorder=small_disk / "log", record="full")

    @kernel.tool("t.big")
    def big() -> str:
        fill(small_disk)
        return "x" * 100_000

    def agent() -> str:
        with pytest.raises(RecorderError):
            big()
        return "over"

    assert inside(kernel, agent) == "over"
    (small_disk / "ballast").unlink()
    kernel.close()
    recorder = FlightRecorder(small_disk / "log")
    assert recorder.verify().ok
    assert [entry["status"] for entry in recorder.entries() if entry["kind"] == "outcome"] == ["withheld", "returned"]


def test_a_disk_with_room_again_is_gone_on_with_by_a_new_kernel(small_disk: Path, trace: Trace) -> None:
    kernel = KernelSpace(policy(ALL), recorder=small_disk / "log")
    ballast = fill(small_disk)

    def declare_tools() -> None:
        for number in range(10_000):
            kernel.tool(f"t.t{number}")(trace.leave)

    with pytest.raises(RecorderError):
        declare_tools()
    ballast.unlink()
    kernel.close()
    with KernelSpace(policy(ALL), recorder=small_disk / "log") as again:
        assert inside(again, again.tool("t.touch")(trace.leave)) == "done"
    assert FlightRecorder(small_disk / "log").verify().ok
