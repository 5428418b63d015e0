"""What `KernelSpace(…)` accepts, and that everything else is an error at start-up that says what to do."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import (
    AgentOSError,
    FlightRecorder,
    IsolationUnavailable,
    KernelSpace,
    NotSupported,
    Policy,
    PolicyError,
    RecorderError,
)
from tests.unit.kernel.desk import RUN, policy

RULES = "agent_os: 1\nname: x\nrules:\n"


@pytest.mark.parametrize("preset", ["strict", "standard", "permissive"])
def test_every_preset_makes_a_kernel_that_denies_an_unknown_tool_to_an_unknown_agent(preset: str) -> None:
    with KernelSpace(preset, durability="memory") as kernel:
        assert not kernel.check("kernel.reload", agent="nobody")


def test_a_path_a_policy_and_a_list_of_them_make_the_same_kernel(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(f"agent_os: 1\nname: desk\nrules:\n  - {RUN}\n")
    bundles = set()
    for source in (file, str(file), Policy.load(file), [file], [Policy.load(file)]):
        with KernelSpace(source, durability="memory") as kernel:
            bundles.add(kernel.bundle)
    assert len(bundles) == 1


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("strikt", "unknown_preset"),
        ("", "bad_source"),
        ([], "bad_source"),
        ((), "bad_source"),
        (None, "bad_source"),
        ({}, "bad_source"),
        (0, "bad_source"),
        ([None], "bad_source"),
        ([[]], "bad_source"),
        ("nowhere.yaml", "not_found"),
    ],
)
def test_no_policy_is_never_a_policy_that_allows(source: Any, code: str, own_folders: Path) -> None:
    with pytest.raises(PolicyError) as refused:
        KernelSpace(source)
    assert refused.value.code == code
    assert refused.value.hint
    assert not any(own_folders.rglob("*")), "a kernel that was not made leaves no log behind"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "empty_file", 1),
        ("# only words\n", "empty_file", 1),
        ("agent_os: 1\nname: x\nrules: []\n", "empty", 3),
        ("agent_os: 1\nname: x\nrulez:\n  - a\n", "unknown_key", 3),
        (RULES + "  - {id: a, effect: deny, action: '**', wen: {args.x: {eq: 1}}}\n", "unknown_key", 4),
        (RULES + "  - {id: a, effect: deny, action: '**', when: {args.x: {gtt: 1}}}\n", "unknown_operator", 4),
        (RULES + "  - {id: a, effect: deny, action: '**', when: {args.x: {gt: five}}}\n", "bad_operand", 4),
        ("agent_os: 1\nname: x\nrules: 5\n", "wrong_type", 3),
        (
            RULES + "  - {id: a, effect: deny, action: '**'}\n  - {id: a, effect: allow, action: '**'}\n",
            "duplicate_id",
            5,
        ),
    ],
)
def test_a_policy_that_is_not_wholly_understood_makes_no_kernel(
    text: str, code: str, line: int | None, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(PolicyError) as refused:
        KernelSpace(file, durability="memory")
    problems = {problem.code: problem for problem in refused.value.problems}
    assert code in problems
    assert problems[code].file == str(file)
    assert problems[code].hint
    if line is not None:
        assert problems[code].line == line


def test_one_bad_policy_in_a_list_spoils_the_list() -> None:
    with pytest.raises(PolicyError):
        KernelSpace(["strict", "strikt"], durability="memory")


@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"guard": True}, IsolationUnavailable, "isolation_unavailable"),
        ({"guard": "yes"}, IsolationUnavailable, "isolation_unavailable"),
        ({"store": "redis://"}, NotSupported, "not_supported"),
        ({"store": False}, TypeError, None),
        ({"store": ""}, ValueError, None),
        ({"durability": "comit"}, ValueError, None),
        ({"durability": "writen"}, ValueError, None),
        ({"record": "everything"}, ValueError, None),
        ({"record": "Full"}, ValueError, None),
        ({"approver": "terminl"}, ValueError, None),
        ({"approver": True}, ValueError, None),
        ({"approval_seconds": 0}, ValueError, None),
        ({"approval_seconds": -1}, ValueError, None),
        ({"approval_seconds": float("nan")}, ValueError, None),
        ({"durability": "memory", "recorder": "log"}, ValueError, None),
        ({"recorder": ""}, (ValueError, AgentOSError), None),
        ({"recorder": 5}, TypeError, None),
        ({"name": 5}, TypeError, None),
        ({"gaurd": True}, TypeError, None),
    ],
)
def test_an_option_that_is_not_there_is_refused_and_never_ignored(
    options: dict[str, Any],
    error: type[Exception],
    code: str | None,
    own_folders: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as refused:
        KernelSpace("strict", **options)
    if code is not None:
        assert refused.value.code == code
    assert not any(own_folders.rglob("*.seg"))
    assert not any(tmp_path.iterdir())


def test_options_are_given_by_name_so_that_none_takes_anothers_place() -> None:
    with pytest.raises(TypeError):
        KernelSpace("strict", "log")  # type: ignore[misc]


def a_file(folder: Path) -> Path:
    file = folder / "file"
    file.write_text("not a folder")
    return file


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "log"


def a_folder_with_something_else(folder: Path) -> Path:
    (folder / "other").mkdir()
    (folder / "other" / "diary.txt").write_text("mine")
    return folder / "other"


def nowhere_to_write(folder: Path) -> Path:
    return Path("/proc/nothing/log")


@pytest.mark.parametrize("place", [a_file, below_a_file, a_folder_with_something_else, nowhere_to_write])
def test_a_log_that_cannot_be_kept_makes_no_kernel(place: Callable[[Path], Path], tmp_path: Path) -> None:
    directory = place(tmp_path)
    with pytest.raises(RecorderError) as refused:
        KernelSpace("strict", recorder=directory)
    assert str(directory) in str(refused.value), "the message names the place"
    assert not (tmp_path / "other" / "segments").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no other user to be")
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_log_directory_without_rights_makes_no_kernel(mode: int, tmp_path: Path) -> None:
    directory = tmp_path / "log"
    KernelSpace("strict", recorder=directory).close()
    for folder in (directory, *filter(Path.is_dir, directory.rglob("*"))):
        folder.chmod(mode)
    assert as_nobody(lambda: KernelSpace("strict", recorder=directory)) == ("RecorderError", str(directory))
    for folder in (directory, *map(directory.__truediv__, ("segments", "payloads"))):
        folder.chmod(0o700)
    assert FlightRecorder(directory).verify().entries == 3, "the log that was there is as it was"


def as_nobody(work: Callable[[], object]) -> tuple[str, str]:
    """What `work` raises when the superuser's rights are gone: the error's class, and the first path that it names."""
    reader, writer = os.pipe()
    with warnings.catch_warnings(action="ignore") if sys.version_info >= (3, 11) else warnings.catch_warnings():
        child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
            said = "nothing\n"
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent is told
            place = str(error).split("`")[1].split("/lock")[0].split("/segments")[0]
            said = f"{type(error).__name__}\n{place}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        name, place = answer.read().split("\n")
    return name, place


def test_two_kernels_never_write_one_log(tmp_path: Path) -> None:
    with KernelSpace("strict", recorder=tmp_path / "log"), pytest.raises(RecorderError) as refused:
        KernelSpace("strict", recorder=tmp_path / "log")
    assert refused.value.code == "log_locked"
    assert FlightRecorder(tmp_path / "log").verify().ok


def test_a_log_may_be_gone_on_with_after_it_was_closed(tmp_path: Path) -> None:
    for _ in range(3):
        KernelSpace("strict", recorder=FlightRecorder(tmp_path / "log")).close()
    report = FlightRecorder(tmp_path / "log").verify()
    assert report.ok
    kinds = [entry["kind"] for entry in FlightRecorder(tmp_path / "log").entries()]
    assert kinds == ["log.created", "policy.loaded", "log.closed", *["log.opened", "policy.loaded", "log.closed"] * 2]


def test_without_a_recorder_the_log_is_a_fresh_folder_in_the_users_state(own_folders: Path) -> None:
    with KernelSpace("strict", name="desk") as one, KernelSpace("strict", name="../desk") as other:
        directories = [one.flight_recorder.directory, other.flight_recorder.directory]
    assert len(set(directories)) == 2
    for directory in directories:
        assert directory is not None
        assert directory.parent == own_folders / "agent-os" / "logs"
        assert FlightRecorder(directory).verify().ok


def test_memory_writes_nothing_and_says_so(own_folders: Path) -> None:
    with KernelSpace("strict", durability="memory") as kernel:
        assert kernel.flight_recorder.directory is None
        with pytest.raises(RecorderError, match="in memory"):
            kernel.flight_recorder.verify()
    assert not any(own_folders.rglob("*"))


def test_the_first_entries_name_the_kernel_and_the_whole_policy_in_force() -> None:
    rules = policy(RUN)
    with KernelSpace(rules, durability="memory", name="desk-1") as kernel:
        created, loaded = kernel.flight_recorder.entries()
    assert created["meta"]["name"] == "desk-1"
    assert (loaded["kind"], loaded["bundle"], loaded["reason"]) == ("policy.loaded", rules.digest, "start")
    assert [rule["id"] for rule in loaded["document"]["rules"]] == ["run"]
