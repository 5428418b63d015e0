"""Promise: a question finds exactly what matches, page by page, and says so when nothing could."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, RecorderError
from agent_os.recorder.lookup import index_file
from agent_os.recorder.query import Query
from tests.unit.recorder.busy import a_busy_log
from tests.unit.recorder.desk import a_day_at_the_desk, desk


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("recorded") / "log"
    with desk(directory) as at:
        a_day_at_the_desk(at)
        at.run("again", lambda at: at.ask("mail.read", folder="a"))
    return directory


@pytest.mark.parametrize(
    ("question", "matches"),
    [
        ({"status": "returned"}, lambda e: e.get("status") == "returned"),
        ({"label": "mail"}, lambda e: "mail" in e.get("labels", []) + e.get("run", {}).get("labels", [])),
        (
            {"label": "paid"},
            lambda e: (
                "paid" in e.get("run", {}).get("labels", [])
                or "paid" in e.get("decision", {}).get("obligations", {}).get("label", [])
            ),
        ),
        ({"parent": 1}, lambda e: e.get("parent") == 1),
        ({"parent": 0, "kind": "process.started"}, lambda e: e["kind"] == "process.started" and e["parent"] == 0),
        ({"before": 9}, lambda e: e["seq"] < 9),
        ({"before": 9, "start": 3}, lambda e: 3 <= e["seq"] < 9),
    ],
)
def test_each_filter_finds_exactly_what_matches(log: Path, question: dict[str, Any], matches: Any) -> None:
    recorder = FlightRecorder(log)
    expected = [entry for entry in recorder.entries() if matches(entry)]
    assert expected
    assert list(recorder.query(**question)) == expected
    assert list(recorder.query(**question, newest_first=True)) == expected[::-1]
    assert list(recorder.query(**question, newest_first=True, limit=1)) == expected[:-2:-1]


def test_times_are_from_including_and_until_excluding(log: Path) -> None:
    recorder = FlightRecorder(log)
    entries = list(recorder.entries())
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=entries[5]["time"])
    since, until = list(recorder.query(since=moment)), list(recorder.query(until=moment))
    assert entries[5] in since
    assert until + since == entries
    elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert list(recorder.query(since=elsewhere)) == since
    for far in (datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)):
        assert len(list(recorder.query(since=far))) + len(list(recorder.query(until=far))) == len(entries)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"status": "done"}, "`done`.*`returned`"),
        ({"before": -1}, "`before` is -1"),
        ({"parent": "1"}, "`parent` is a whole number"),
        ({"start": 2**63}, "give a smaller number"),
        ({"pid": 2**70}, "give a smaller number"),
        ({"label": ["paid"]}, "`label` is a string"),
        ({"since": "2026-01-01"}, "`since` is a `datetime`"),
        ({"until": datetime(2026, 1, 1)}, "`until` has no offset"),  # noqa: DTZ001 (that is the mistake)
    ],
)
def test_a_question_that_makes_no_sense_is_refused_at_once(log: Path, question: dict[str, Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        FlightRecorder(log).query(**question)


def test_a_log_in_memory_answers_in_the_same_way_and_has_no_index() -> None:
    with desk(None) as at:
        a_day_at_the_desk(at)
        recorder = at.kernel.flight_recorder
        denied = list(recorder.query(effect="deny"))
        assert denied
        assert list(recorder.query(effect="deny", newest_first=True, limit=2)) == denied[:-3:-1]
        assert recorder.statistics().counts["effect"]["deny"] == len(denied)
        with pytest.raises(RecorderError, match="in memory") as raised:
            recorder.reindex()
        assert raised.value.code == "not_supported"


def test_what_a_running_kernel_wrote_is_found_at_once(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        other = FlightRecorder(tmp_path / "log")
        for number in range(1, 6):
            at.run("read", lambda at: at.ask("mail.read", folder="a"))
            for recorder in (at.kernel.flight_recorder, other):
                assert len(list(recorder.query(agent_id="desk", action="mail.read", kind="intent"))) == number
                assert next(recorder.query(kind="outcome", newest_first=True))["seq"] == recorder.size - 1


# -- the index is only a way to find -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("busy") / "log"
    a_busy_log(directory, rounds=2)
    return directory


def scanned(log: Path, question: dict[str, Any]) -> list[dict[str, Any]]:
    query = Query(**question)
    return [entry for _, entry in query.select(FlightRecorder(log).pairs(query.first))]


def test_the_index_of_a_large_log_is_kept_outside_of_it_for_its_owner(busy: Path, own_folders: Path) -> None:
    recorder = FlightRecorder(busy)
    file = index_file(busy, recorder.log_id)
    assert file is not None
    assert file.is_relative_to(own_folders)
    assert not file.exists()
    next(recorder.query(effect="deny"))
    assert file.exists()
    if os.name != "nt":
        assert file.stat().st_mode & 0o077 == 0
        assert file.parent.stat().st_mode & 0o077 == 0
    del recorder
    before = file.stat().st_mtime_ns
    assert list(FlightRecorder(busy).query(effect="deny", limit=300)) == scanned(busy, {"effect": "deny", "limit": 300})
    assert file.stat().st_mtime_ns == before, "what was kept is not made again"
    assert FlightRecorder(busy).reindex() == FlightRecorder(busy).size


def test_an_index_that_nobody_used_for_long_is_removed_when_another_is_made(busy: Path, own_folders: Path) -> None:
    folder = own_folders / "agent-os" / "log-index"
    folder.mkdir(parents=True, mode=0o700)
    old, young = folder / "old.sqlite", folder / "young.sqlite"
    for path in (old, young, folder / "old.sqlite-wal"):
        path.write_bytes(b"x")
    for path in folder.glob("old*"):
        os.utime(path, (0, 0))
    next(FlightRecorder(busy).query(effect="deny"))
    assert not list(folder.glob("old*"))
    assert young.exists()


@pytest.mark.skipif(os.name == "nt", reason="there are no modes there")
def test_a_folder_that_others_can_write_is_not_used(busy: Path, own_folders: Path) -> None:
    shared = own_folders / "agent-os" / "log-index"
    shared.mkdir(parents=True)
    shared.chmod(0o777)
    recorder = FlightRecorder(busy)
    assert index_file(busy, recorder.log_id) is None
    question = {"agent_id": "bert", "effect": "deny", "limit": 50}
    assert list(recorder.query(**question)) == scanned(busy, question)
    assert list(shared.iterdir()) == []


def test_without_a_folder_for_it_the_answer_is_the_same(
    busy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a-file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a-file"))
    question = {"agent_id": "bert", "effect": "deny", "limit": 50}
    assert list(FlightRecorder(busy).query(**question)) == scanned(busy, question)
    assert FlightRecorder(busy).statistics().values["agent"] == 4


def test_a_log_whose_end_is_damaged_gives_what_there_is_and_then_the_error(tmp_path: Path) -> None:
    a_busy_log(tmp_path / "log", rounds=1, runs=4)
    (segment,) = (tmp_path / "log" / "segments").iterdir()
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    recorder = FlightRecorder(tmp_path / "log")
    with pytest.raises(RecorderError) as raised:
        list(recorder.query(effect="deny"))
    assert raised.value.code == "log_damaged"
    question = recorder.query(agent_id="anna")
    assert next(question)["agent"] == "anna", "what is whole is found"
    with pytest.raises(RecorderError):
        list(question)
    with pytest.raises(RecorderError):
        recorder.statistics()
