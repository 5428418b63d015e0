"""Old entries of a log that kernels wrote are dropped: what is left is found and proved as before."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from agent_os import FlightRecorder, KernelSpace, Policy, PolicyDenied, RecorderError
from agent_os.cli.program import main
from agent_os.errors import NotSupported
from agent_os.recorder.replaying import replay
from agent_os.recorder.retention import age_of
from tests.unit.kernel.desk import RUN, inside, policy

RULES = (RUN, "{id: yes, effect: allow, action: 't.*'}")
OLD = "what the old run said "


class Grown:
    """A log of more than one segment, and what its auditor kept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.held: list[str] = []
        with KernelSpace(policy(*RULES), recorder=directory, record="full") as kernel:
            tool = kernel.tool("t.old")(lambda note: None)
            note = OLD + "x" * 12_000

            def agent() -> None:
                for number in range(5_600):
                    tool(note)
                    if number == 100:
                        self.held.append(kernel.flight_recorder.checkpoint())

            inside(kernel, agent, agent_id="old")
        with KernelSpace(policy(*RULES), recorder=directory, record="full") as kernel:
            new = kernel.tool("t.new")(lambda note: note)
            inside(kernel, lambda: new("kept"), agent_id="new")
            self.held.append(kernel.flight_recorder.checkpoint())
        self.recorder = FlightRecorder(directory)
        segments = sorted(path.name for path in (directory / "segments").iterdir())
        assert len(segments) == 2
        self.cut = int(segments[1].removesuffix(".seg"))


def size_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def test_what_is_old_goes_and_everything_else_is_found_and_proved_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grown = Grown(tmp_path / "log")
    log, directory = grown.recorder, grown.directory
    size, before, pinned = log.size, size_of(directory), log.verify().key
    late = [entry["seq"] for entry in log.query(action="t.old", start=grown.cut)]
    assert late
    raw, first = log.raw(grown.cut), log.raw(3)
    proof = log.prove(3)
    # Only asked.
    assert main(["log", "retain", str(directory), "--before", str(size), "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["entry"], planned["to"]) == (None, grown.cut)
    assert size_of(directory) > before // 2
    # Done.
    assert main(["log", "retain", str(directory), "--before", str(size), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert {**done, "entry": None} == planned
    assert size_of(directory) < before // 10
    assert log.retain(before=size) is None
    segments = b"".join(path.read_bytes() for path in sorted((directory / "segments").iterdir()))
    assert segments.count(OLD.encode()) == sum(1 for seq in late if log.raw(seq).count(OLD.encode()))
    report = log.verify(key=pinned, checkpoint=grown.held)
    assert (report.ok, report.level, report.dropped, report.held) == (True, "pinned key", done["dropped"], size - 1)
    # What is left.
    assert [entry["seq"] for entry in log.query(action="t.old")] == late
    assert [entry["seq"] for entry in log.query(kind="log.retained")] == [done["entry"]]
    assert [entry["seq"] for entry in log.query(action="t.new", kind="intent")] != []
    assert log.raw(grown.cut) == raw
    with pytest.raises(RecorderError, match=f"entry 3 was dropped, .* there is {grown.cut}") as dropped:
        log.raw(3)
    assert dropped.value.code == "entry_dropped"
    assert (log.prove(3).leaf, log.prove(3).holds_for(first, report.root)) == (proof.leaf, True)
    assert log.prove_consistency(101).old_size == 101
    assert log.statistics().entries == log.size
    entries = list(log.entries())
    assert [entry["kind"] for entry in entries[:2]] == ["log.created", json.loads(raw)["kind"]]
    out = io.BytesIO()
    assert log.export("jsonl", out) == len(entries)
    other = Policy.from_text("agent_os: 1\nname: other\nrules:\n  - {id: run, effect: allow, action: agent.run}\n")
    assert replay(log, other).entries == len(entries)
    for command in (["tail"], ["query", "--agent", "new"], ["stat"], ["verify"]):
        assert main(["log", command[0], str(directory), *command[1:]]) == 0
    assert f"dropped      {done['dropped']:,}" in capsys.readouterr().out
    with pytest.raises(NotSupported, match="was dropped"):
        log.export_tiles(tmp_path / "tiles")
    # And a kernel goes on with it; no agent drops anything.
    with KernelSpace(policy(*RULES), recorder=directory, record="full") as kernel:
        assert kernel.flight_recorder.retain(keep=timedelta(days=1)) is None

        def agent() -> None:
            with pytest.raises(PolicyDenied) as denied:
                kernel.flight_recorder.retain(before=10)
            assert denied.value.code == "control_plane"

        inside(kernel, agent, agent_id="prying")
    assert log.verify(key=pinned, checkpoint=grown.held).ok


def test_a_kernel_that_is_told_to_drops_what_is_old_when_it_opens_its_log(tmp_path: Path) -> None:
    grown = Grown(tmp_path / "log")
    for keep, dropped in ((timedelta(days=1), False), (timedelta(microseconds=1), True)):
        with KernelSpace(policy(*RULES), recorder=FlightRecorder(grown.directory, retain=keep)):
            pass
        report = grown.recorder.verify(checkpoint=grown.held)
        assert (report.ok, report.dropped > 5_000) == (True, dropped)
    for wrong in (timedelta(0), 90, "90d"):
        with pytest.raises(ValueError, match="a positive `timedelta`"):
            FlightRecorder(grown.directory, retain=wrong)  # type: ignore[arg-type]


def test_ages_are_read_strictly_and_the_command_line_asks_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ages = {
        "90d": timedelta(days=90),
        "12h": timedelta(hours=12),
        "5m": timedelta(minutes=5),
        "1s": timedelta(seconds=1),
    }
    assert {text: age_of(text) for text in ages} == ages
    with KernelSpace("strict", recorder=tmp_path / "log"):
        pass
    for wrong in ("90", "d", "0d", "-1d", "1.5d", "90 d", "90D", "1y", ""):
        assert main(["log", "retain", str(tmp_path / "log"), f"--keep={wrong}"]) == 2
        assert "is not an age" in capsys.readouterr().err
    for wrong_many in ([], ["--keep", "1d", "--before", "1"], ["--before", "-1"]):
        assert main(["log", "retain", str(tmp_path / "log"), *wrong_many]) == 2
