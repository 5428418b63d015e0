"""The kernel among processes and threads of the system: forks, crashes, and many at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, PolicyDenied
from agent_os.processes.context import current
from tests.unit.kernel.desk import ALL, RUN, Trace, inside, of_kind, policy

# -- threads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["written", "memory"])
def test_many_threads_leave_one_dense_log_with_an_outcome_for_every_intent(durability: str, tmp_path: Path) -> None:
    threads, calls = 64, 25
    rules = policy(RUN, "{id: even, effect: allow, action: t.add, when: {args.x: {in: [0, 2, 4, 6, 8]}}}")
    recorder = tmp_path / "log" if durability == "written" else None
    kernel = KernelSpace(rules, durability=durability, recorder=recorder)
    add = kernel.tool("t.add")(lambda x, name: (x, name))
    barrier = threading.Barrier(threads)
    failures: list[BaseException] = []

    def agent(name: str) -> int:
        denied = 0
        for number in range(calls):
            try:
                assert add(number % 10, name) == (number % 10, name)
                assert number % 2 == 0
            except PolicyDenied:
                assert number % 2 == 1
                denied += 1
            process = current()
            assert process is not None
            assert process.agent_id == name
        return denied

    def work(name: str) -> None:
        def run() -> int:
            return agent(name)

        try:
            kernel.register(run, agent_id=name)
            barrier.wait()
            assert kernel.execute_sync(run) == calls // 2
        except BaseException as error:  # noqa: BLE001 - told below, in the test's own thread
            failures.append(error)

    workers = [threading.Thread(target=work, args=(f"desk-{number}",)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    entries = list(kernel.flight_recorder.entries())
    assert [entry["seq"] for entry in entries] == list(range(len(entries)))
    kinds = Counter(entry["kind"] for entry in entries)
    allowed = threads * (calls - calls // 2)
    assert kinds["intent"] == kinds["outcome"] == allowed + threads
    assert kinds["denied"] == threads * (calls // 2)
    intents = {entry["seq"]: entry for entry in entries if entry["kind"] == "intent"}
    for outcome in (entry for entry in entries if entry["kind"] == "outcome"):
        assert intents.pop(outcome["intent"])["pid"] == outcome["pid"]
    assert intents == {}
    by_pid = {entry["pid"]: entry["agent"] for entry in entries if entry["kind"] == "process.started"}
    assert sorted(by_pid) == list(range(1, threads + 1))
    assert all(by_pid[entry["pid"]] == entry["agent"] for entry in entries if entry["kind"] == "denied")
    kernel.close()
    if durability == "written":
        report = FlightRecorder(tmp_path / "log").verify()
        assert (report.ok, report.unfinished, report.entries) == (True, (), len(entries) + 1)


def test_a_reload_under_load_is_a_clean_cut_for_every_call(tmp_path: Path) -> None:
    """Each entry names the bundle that decided it, and decided as that bundle does."""
    yes, no = policy(ALL), policy(RUN)
    kernel = KernelSpace(yes, durability="memory")
    touch = kernel.tool("t.touch")(lambda: None)
    stop = threading.Event()

    def agent() -> None:
        while not stop.is_set():
            with contextlib.suppress(PolicyDenied):
                touch()

    agents = [lambda: agent() for _ in range(8)]
    for number, each in enumerate(agents):
        kernel.register(each, agent_id=f"desk-{number}")
    workers = [threading.Thread(target=kernel.execute_sync, args=(each,)) for each in agents]
    for worker in workers:
        worker.start()
    for _ in range(50):
        kernel.reload(no)
        kernel.reload(yes)
    stop.set()
    for worker in workers:
        worker.join()
    for entry in of_kind(kernel, "intent", "denied"):
        if entry["action"] == "t.touch":
            assert entry["bundle"] == (yes if entry["kind"] == "intent" else no).digest
    kernel.close()


async def test_many_agents_in_one_loop_leave_a_log_that_verifies(tmp_path: Path) -> None:
    async with KernelSpace(policy(ALL), recorder=tmp_path / "log", record="full") as kernel:

        @kernel.tool("t.add")
        async def add(x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

        @kernel.register
        async def agent(task: str) -> list[int]:
            return list(await asyncio.gather(*(add(number) for number in range(20))))

        results = await asyncio.gather(*(kernel.execute(agent, f"task {number}") for number in range(20)))
        assert results == [list(range(1, 21))] * 20
    report = FlightRecorder(tmp_path / "log").verify()
    assert (report.ok, report.unfinished) == (True, ())


# -- forks ------------------------------------------------------------------------------------------------------------

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def in_a_child(work: Any) -> str:
    """What `work` says in a forked child: its result, or the code of what it raises."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = f"did it: {work()}"
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent is told
            said = str(getattr(error, "code", repr(error)))
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        return answer.read()


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("durability", ["written", "memory"])
def test_a_forked_copy_of_a_kernel_does_and_records_nothing(durability: str, tmp_path: Path) -> None:
    trace = Trace(tmp_path)
    kernel = KernelSpace(
        policy(ALL), durability=durability, recorder=tmp_path / "log" if durability == "written" else None
    )
    touch = kernel.tool("t.touch")(trace.leave)
    outside = kernel.register(lambda: touch(), agent_id="outside")

    def agent() -> list[str]:
        return [in_a_child(touch), str(touch())]

    assert in_a_child(lambda: kernel.execute_sync(outside)) == "log_forked"
    assert in_a_child(lambda: kernel.operator().execute_sync("t.touch")) == "log_forked"
    assert in_a_child(lambda: kernel.reload("strict")) == "log_forked"
    assert inside(kernel, agent) == ["log_forked", "done"]
    assert trace.times == 1
    kernel.close()
    if durability == "written":
        report = FlightRecorder(tmp_path / "log").verify()
        assert (report.ok, report.unfinished, report.closed) == (True, (), True)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_may_have_a_kernel_of_its_own(tmp_path: Path) -> None:
    with KernelSpace(policy(ALL), recorder=tmp_path / "parent"):

        def own() -> str:
            with KernelSpace(policy(ALL), recorder=tmp_path / "child") as kernel:
                return str(inside(kernel, kernel.tool("t.touch")(lambda: "touched")))

        assert in_a_child(own) == "did it: touched"
    for name in ("parent", "child"):
        assert FlightRecorder(tmp_path / name).verify().ok


# -- crashes ----------------------------------------------------------------------------------------------------------


def test_a_crash_in_the_middle_of_an_action_leaves_its_intent_open_and_loses_nothing(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, sys
        from agent_os import KernelSpace, Policy

        rules = "agent_os: 1\\nname: x\\nrules:\\n  - {id: all, effect: allow, action: '**'}\\n"
        kernel = KernelSpace(Policy.from_text(rules), recorder=sys.argv[1])

        @kernel.tool("t.touch")
        def touch(number: int) -> None:
            if number == 7:
                os._exit(9)

        @kernel.register
        def agent() -> None:
            for number in range(10):
                touch(number)

        kernel.execute_sync(agent)
        """
    )
    directory = tmp_path / "log"
    died = subprocess.run([sys.executable, "-c", script, str(directory)], check=False, capture_output=True, text=True)
    assert died.returncode == 9, died.stderr
    recorder = FlightRecorder(directory)
    report = recorder.verify()
    assert report.ok, report.problems
    intents = {entry["seq"]: entry for entry in recorder.entries() if entry["kind"] == "intent"}
    assert [intents[seq]["action"] for seq in report.unfinished] == ["agent.run", "t.touch"]
    assert len(intents) == 9
    with KernelSpace(policy(ALL), recorder=directory) as kernel:
        assert kernel.flight_recorder.directory == directory
    after = FlightRecorder(directory).verify()
    assert (after.ok, len(after.unfinished)) == (True, 2)
    assert "log.recovered" in [entry["kind"] for entry in FlightRecorder(directory).entries()]


def test_a_kernel_that_is_only_dropped_leaves_a_log_that_verifies(tmp_path: Path) -> None:
    kernel = KernelSpace(policy(ALL), recorder=tmp_path / "log")
    inside(kernel, kernel.tool("t.touch")(lambda: "touched"))
    del kernel
    assert FlightRecorder(tmp_path / "log").verify().ok
