"""A disk whose real system calls fail: effects stop, nothing that was acknowledged is lost, and a restart recovers.

The kernel runs in a process of its own. `strace` makes the calls of the log fail from one of them on, and the disk that
is full is a small file system in a namespace of the test's own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent_os import FlightRecorder, KernelSpace, Policy

RULES = """
agent_os: 1
name: disk
rules:
  - {id: run, effect: allow, action: [agent.run, note.add]}
"""

PROGRAM = f"""
import os, sys
from agent_os import KernelSpace, Policy
from agent_os.errors import AgentOSError

directory, effects, durability = sys.argv[1:4]
POLICY = Policy.from_text({RULES!r})


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())


def run(kernel, first, calls, padding):
    happened = os.open(effects, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    @kernel.tool("note.add")
    def add(number: int, text: str = "") -> int:
        os.write(happened, f"{{number}}\\n".encode())
        return number

    @kernel.register(agent_id=f"writer-{{first}}")
    def writer() -> None:
        for number in range(first, first + calls):
            try:
                say("released", add(number, "x" * padding))
            except AgentOSError as error:
                say("refused", number, error.code)

    try:
        kernel.execute_sync(writer)
        say("ended")
    except AgentOSError as error:
        say("refused", "run", error.code)
"""

FAILING = (
    PROGRAM
    + """
try:
    kernel = KernelSpace(POLICY, recorder=directory, durability=durability, record="full")
except AgentOSError as error:
    say("refused", "kernel", error.code)
    os._exit(0)
run(kernel, 0, 60, 0)
os._exit(0)
"""
)

FULL = (
    PROGRAM
    + """
import subprocess
from agent_os import FlightRecorder

disk = os.path.dirname(directory)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
say("mounted")
kernel = KernelSpace(POLICY, recorder=directory, durability=durability, record="full")
run(kernel, 0, 400, 12_000)
try:
    kernel.close()
except AgentOSError as error:
    say("refused", "close", error.code)
say("verified", FlightRecorder(directory).verify().ok)
subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
with KernelSpace(POLICY, recorder=directory, durability=durability, record="full") as kernel:
    run(kernel, 1_000, 1, 0)
recorder = FlightRecorder(directory)
say("verified", recorder.verify().ok)
for entry in recorder.query(action="note.add"):
    if entry["kind"] == "outcome":
        say("outcome", entry["intent"])
    elif entry["kind"] == "intent":
        say("intent", entry["seq"], recorder.resolve(entry["args"]["full"])["number"])
"""
)


def injects() -> bool:
    """Whether `strace` is here and may trace: where it may not, it makes no call fail."""
    tried = ["strace", "-qq", "-e", "trace=none", "-e", "inject=getppid:error=EIO", "true"]
    return shutil.which("strace") is not None and subprocess.run(tried, capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not injects(), reason="`strace` is not installed, or may not trace processes here")


def run_failing(tmp_path: Path, durability: str, call: str, error: str, first: int) -> list[list[str]]:
    """What the program said; the call fails from its `first` time on, in every thread."""
    program = tmp_path / "program.py"
    program.write_text(FAILING, encoding="utf-8")
    inject = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={call}"]
    done = subprocess.run(
        [
            *inject,
            "-e",
            f"inject={call}:error={error}:when={first}+",
            sys.executable,
            str(program),
            *map(str, (tmp_path / "log", tmp_path / "effects", durability)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    assert "(INJECTED)" in (tmp_path / "trace").read_text(encoding="utf-8"), "the call never failed"
    return [line.split() for line in done.stdout.splitlines()]


def check(tmp_path: Path, said: list[list[str]], durability: str) -> None:
    refused = [place for place, line in enumerate(said) if line[0] == "refused"]
    assert refused, "nothing was refused"
    # From the first refusal on, nothing passes.
    assert all(line[0] == "refused" for line in said[refused[0] :]), said[refused[0] :]
    effects_file = tmp_path / "effects"
    effects = [int(line) for line in effects_file.read_text().split()] if effects_file.exists() else []
    released = [int(line[1]) for line in said if line[0] == "released"]
    # At most the action whose outcome could not be recorded happened without its result being released.
    assert effects[: len(released)] == released
    assert len(effects) - len(released) <= 1
    # The disk is whole again: the log recovers and goes on.
    rules = Policy.from_text(RULES)
    with KernelSpace(rules, recorder=tmp_path / "log", durability=durability, record="full") as kernel:
        more = kernel.tool("note.add")(lambda number: number)

        @kernel.register
        def after() -> int:
            result: int = more(1_000)
            return result

        assert kernel.execute_sync(after) == 1_000
    recorder = FlightRecorder(tmp_path / "log")
    report = recorder.verify()
    assert report.ok, report.problems
    asked = recorder.query(kind="intent", action="note.add")
    intents = {entry["args"]["full"]["number"]: entry["seq"] for entry in asked}
    outcomes = {entry["intent"] for entry in recorder.query(kind="outcome", action="note.add")}
    assert [number for number in effects if number not in intents] == []
    assert [number for number in released if intents[number] not in outcomes] == []


# How often each is called while the log is made differs by a few, so each place is one among many.
EVERY_DAY = [("pwrite64", "EIO", 30), ("pwrite64", "ENOSPC", 41), ("fdatasync", "EIO", 7), ("fdatasync", "ENOSPC", 12)]


@needs_strace
@pytest.mark.parametrize("durability", ["written", "commit"])
@pytest.mark.parametrize(("call", "error", "first"), EVERY_DAY)
def test_a_call_that_fails_stops_effects_and_loses_nothing(
    call: str, error: str, first: int, durability: str, tmp_path: Path
) -> None:
    if (call, durability) == ("fdatasync", "written"):
        # In this mode another thread syncs, a few times a second.
        first = 1
    check(tmp_path, run_failing(tmp_path, durability, call, error, first), durability)


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("durability", ["written", "commit"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("first", range(1, 80, 3))
def test_whichever_write_fails_effects_stop_and_nothing_is_lost(
    error: str, first: int, durability: str, tmp_path: Path
) -> None:
    check(tmp_path, run_failing(tmp_path, durability, "pwrite64", error, first), durability)


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("first", range(1, 60, 3))
def test_whichever_sync_fails_effects_stop_and_nothing_is_lost(error: str, first: int, tmp_path: Path) -> None:
    check(tmp_path, run_failing(tmp_path, "commit", "fdatasync", error, first), "commit")


def mounts() -> bool:
    """Whether this user may mount something in a namespace of their own."""
    if shutil.which("unshare") is None:
        return False
    tried = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(tried, capture_output=True).returncode == 0


@pytest.mark.skipif(not mounts(), reason="`unshare` is not installed, or this user may not make namespaces")
@pytest.mark.parametrize("durability", ["written", "commit"])
def test_a_full_disk_stops_effects_and_loses_nothing_and_with_space_the_log_goes_on(
    durability: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(FULL, encoding="utf-8")
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount", sys.executable, str(program)),
            *map(str, (tmp_path / "disk" / "log", tmp_path / "effects", durability)),
        ],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    said = [line.split() for line in done.stdout.splitlines()]
    assert said[0] == ["mounted"]
    released = [int(line[1]) for line in said if line[0] == "released"]
    refused = [line for line in said if line[0] == "refused"]
    assert refused[0][2] == "disk_full", refused[0]
    first_refused = int(refused[0][1])
    assert released[:-1] == list(range(first_refused)), "what was refused and what was released are mixed"
    assert released[-1] == 1_000
    effects = [int(line) for line in (tmp_path / "effects").read_text().split()]
    assert effects == released, json.dumps(said[-5:])
    assert [line for line in said if line[0] == "verified"] == [["verified", "True"]] * 2
    intents = {int(line[2]): line[1] for line in said if line[0] == "intent"}
    outcomes = {line[1] for line in said if line[0] == "outcome"}
    assert [number for number in released if intents.get(number) not in outcomes] == []
