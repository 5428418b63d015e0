"""Promise: the report is true only for a whole log, and names the place of whatever is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from agent_os import FlightRecorder
from tests.unit.recorder.desk import a_day_at_the_desk, desk


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with desk(tmp_path / "log") as at:
        a_day_at_the_desk(at)
    return tmp_path / "log"


def test_a_whole_log_verifies_and_the_report_cannot_be_changed(log: Path) -> None:
    report = FlightRecorder(log).verify()
    assert report
    assert (report.ok, report.level, report.closed, report.problems) == (True, "self-consistent", True, ())
    assert report.entries == FlightRecorder(log).size
    assert json.loads(json.dumps(report.to_dict()))["root"] == report.root
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.ok = False  # type: ignore[misc]


def test_a_flipped_bit_is_found_and_its_place_is_named(log: Path) -> None:
    (segment,) = (log / "segments").glob("*.seg")
    data = bytearray(segment.read_bytes())
    data[data.index(b'"denied"') + 1] ^= 1
    segment.write_bytes(data)
    report = FlightRecorder(log).verify()
    assert not report
    assert report.level == "none"
    assert any(problem.file.endswith(segment.name) for problem in report.problems)
    assert all(str(problem) for problem in report.problems)


def test_an_intent_that_never_ended_is_listed(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        seen = []

        def work(at: object) -> None:
            seen.append(FlightRecorder(tmp_path / "log").verify())

        at.run("hello", work)
    (report,) = seen
    assert len(report.unfinished) == 1
    assert not report.closed
    assert FlightRecorder(tmp_path / "log").verify().unfinished == ()
