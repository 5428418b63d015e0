"""``durability="commit"``: nothing happens and nothing is released before it is on stable storage."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agent_os import KernelSpace, Policy
from agent_os.errors import PolicyDenied
from agent_os.recorder import FlightRecorder

RULES = """
agent_os: 1
name: commit
default: deny
rules:
  - {id: run, effect: allow, action: [agent.run, note.add, note.fail, note.wait]}
"""


def kernel_in(directory: Path) -> KernelSpace:
    return KernelSpace(Policy.from_text(RULES), recorder=directory, durability="commit")


def stable(kernel: KernelSpace) -> int:
    """How many entries are known to be on stable storage."""
    return next(size for size in range(kernel.core.log_size, -1, -1) if kernel.core.log_is_settled(size))


def test_an_effect_finds_its_intent_and_an_agent_the_outcome_on_stable_storage(tmp_path: Path) -> None:
    with kernel_in(tmp_path / "log") as kernel:
        seen: list[tuple[int, int]] = []

        @kernel.tool("note.add")
        async def add(text: str) -> str:
            seen.append((stable(kernel), kernel.core.log_size))
            return text

        @kernel.tool("note.wait")
        def add_sync(text: str) -> str:
            seen.append((stable(kernel), kernel.core.log_size))
            return text

        @kernel.register
        async def writer() -> None:
            seen.append((stable(kernel), kernel.core.log_size - 1))  # `process.started` follows the intent
            await add("a")
            seen.append((stable(kernel), kernel.core.log_size))
            add_sync("b")
            seen.append((stable(kernel), kernel.core.log_size))

        asyncio.run(kernel.execute(writer))
        seen.append((stable(kernel), kernel.core.log_size))
        assert len(seen) == 6
        assert all(done >= size for done, size in seen), seen


def test_what_was_raised_and_what_was_denied(tmp_path: Path) -> None:
    with kernel_in(tmp_path / "log") as kernel:

        @kernel.tool("note.fail")
        async def fail() -> None:
            raise LookupError("no such note")

        @kernel.tool("note.forbidden")
        async def forbidden() -> None:
            raise AssertionError("this ran")

        @kernel.register
        async def writer() -> int:
            with pytest.raises(LookupError):
                await fail()
            assert stable(kernel) == kernel.core.log_size
            with pytest.raises(PolicyDenied):
                await forbidden()
            return 5

        assert asyncio.run(kernel.execute(writer)) == 5
    statuses = [entry["status"] for entry in FlightRecorder(tmp_path / "log").query(kind="outcome")]
    assert statuses == ["raised", "returned"]
    assert FlightRecorder(tmp_path / "log").verify().ok


def test_the_loop_goes_on_and_many_who_wait_share_few_syncs(tmp_path: Path) -> None:
    with kernel_in(tmp_path / "log") as kernel:
        settle, asked = kernel.core.log_settle, []

        @kernel.tool("note.add")
        async def add(number: int) -> int:
            return number

        @kernel.register
        async def writer() -> list[int]:
            return await asyncio.gather(*(add(number) for number in range(300)))

        kernel.commits._core = Spy(settle, asked)
        assert asyncio.run(kernel.execute(writer)) == list(range(300))
        # 300 intents and 300 outcomes; each wait serves whoever came before it.
        assert len(asked) < 60, len(asked)


class Spy:
    def __init__(self, settle: Any, asked: list[int]) -> None:
        self._settle, self._asked = settle, asked

    def log_settle(self, size: int) -> None:
        self._asked.append(size)
        assert threading.current_thread().name.startswith("agent-os-commit")
        self._settle(size)


def test_who_is_cancelled_while_waiting_has_done_nothing(tmp_path: Path) -> None:
    with kernel_in(tmp_path / "log") as kernel:
        ran: list[str] = []
        go_on = threading.Event()

        @kernel.tool("note.add")
        async def add(text: str) -> None:
            ran.append(text)

        @kernel.register
        async def writer() -> None:
            settle = kernel.core.log_settle
            kernel.commits._core = Slow(settle, go_on)
            kernel.commits._loops.clear()
            task = asyncio.ensure_future(add("a"))
            await asyncio.sleep(0.05)
            task.cancel()
            go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(kernel.execute(writer))
        assert ran == []
    outcomes = [entry["status"] for entry in FlightRecorder(tmp_path / "log").query(action="note.add", kind="outcome")]
    assert outcomes == ["cancelled"]


class Slow:
    def __init__(self, settle: Any, go_on: threading.Event) -> None:
        self._settle, self._go_on = settle, go_on

    def log_settle(self, size: int) -> None:
        self._go_on.wait(10)
        self._settle(size)


def test_several_loops_and_threads_share_a_kernel(tmp_path: Path) -> None:
    with kernel_in(tmp_path / "log") as kernel:

        @kernel.tool("note.add")
        async def add(number: int) -> int:
            return number

        @kernel.register
        async def writer(first: int) -> int:
            return sum(await asyncio.gather(*(add(first + more) for more in range(20))))

        sums: list[int] = []
        threads = [
            threading.Thread(target=lambda n=n: sums.append(asyncio.run(kernel.execute(writer, n * 20))))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(sums) == sum(range(160))
    assert FlightRecorder(tmp_path / "log").verify().ok


FAILING = """
import asyncio, os, sys, time
from agent_os import KernelSpace, Policy
from agent_os.errors import AgentOSError

mode, directory, effect, armed = sys.argv[1:]
kernel = KernelSpace(Policy.from_text({rules!r}), recorder=directory, durability="commit")

if mode == "async":
    @kernel.tool("note.add")
    async def add() -> str:
        os.open(effect, os.O_CREAT | os.O_WRONLY)
        return "the result"
else:
    @kernel.tool("note.add")
    def add() -> str:
        os.open(effect, os.O_CREAT | os.O_WRONLY)
        return "the result"

@kernel.register
async def writer():
    for _ in range(2):
        try:
            result = add()
            result = await result if mode == "async" else result
            print("released", result)
        except AgentOSError as error:
            print("refused", error.code)

time.sleep(0.1)  # what was written so far is synced in the background
open(armed, "w").close()
try:
    asyncio.run(kernel.execute(writer))
except AgentOSError as error:
    print("refused", error.code)
os._exit(0)
"""


REFUSING = """
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int calls;

/* From the WHICH-th call on that is made while the file ARMED is there, the disk refuses. */
int fdatasync(int fd) {
    if (access(getenv("ARMED"), F_OK) == 0 && __sync_add_and_fetch(&calls, 1) >= atoi(getenv("WHICH"))) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_fdatasync, fd);
}
"""


@pytest.fixture(scope="session")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that stands between a program and the system, and refuses to sync when it is told to."""
    folder = tmp_path_factory.mktemp("refusing")
    (folder / "refusing.c").write_text(REFUSING, encoding="utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "refusing.so", "refusing.c"], cwd=folder, check=True)
    return folder / "refusing.so"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the library is for Linux")
@pytest.mark.parametrize("mode", ["async", "sync"])
@pytest.mark.parametrize("which", [1, 2, 3])
def test_a_sync_that_the_system_refuses_lets_nothing_pass(
    tmp_path: Path, refusing: Path, mode: str, which: int
) -> None:
    program, effect, armed = tmp_path / "program.py", tmp_path / "effect", tmp_path / "armed"
    program.write_text(FAILING.replace("{rules!r}", repr(RULES)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), mode, str(tmp_path / "log"), str(effect), str(armed)],
        env={**os.environ, "LD_PRELOAD": str(refusing), "ARMED": str(armed), "WHICH": str(which)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.split("\n")[:-1]
    # The 1st sync is for the run, the 2nd for the tool's intent, the 3rd for its outcome.
    assert not any(line.startswith("released") for line in lines), lines
    assert lines[-1].startswith("refused"), lines
    assert effect.exists() == (which == 3)
    KernelSpace(Policy.from_text(RULES), recorder=tmp_path / "log", durability="commit").close()
    report = FlightRecorder(tmp_path / "log").verify()
    assert report.ok
    assert report.unfinished
