"""Promise: an index can make an answer slow and never wrong about an entry; it is no part of the evidence."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder
from agent_os.recorder.lookup import index_file
from agent_os.recorder.query import Query
from tests.unit.recorder.busy import a_busy_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    a_busy_log(tmp_path / "log", rounds=2)
    return tmp_path / "log"


def scanned(log: Path, question: dict[str, Any]) -> list[dict[str, Any]]:
    query = Query(**question)
    return [entry for _, entry in query.select(FlightRecorder(log).pairs(query.first))]


def kept(log: Path) -> Path:
    """The file of the index, after it was made."""
    recorder = FlightRecorder(log)
    recorder.reindex()
    file = index_file(log, recorder.log_id)
    assert file is not None
    return file


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def change(log: Path, within: bytes, old: bytes, new: bytes) -> None:
    """Changes one entry that holds this where it lies, with its checksum, as somebody would who knows the format."""
    assert len(old) == len(new)
    segment = max((log / "segments").iterdir())
    data, at = bytearray(segment.read_bytes()), 36
    while True:
        (length,) = struct.unpack_from("<I", data, at)
        assert length, "nothing to change"
        entry = bytes(data[at + 8 : at + 8 + length])
        if old in entry and within in entry:
            entry = entry.replace(old, new)
            struct.pack_into("<I", data, at + 4, crc32c(bytes(data[at : at + 4]) + entry))
            data[at + 8 : at + 8 + length] = entry
            segment.write_bytes(data)
            return
        at += 8 + length


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_entry_that_no_longer_matches_is_not_given_and_the_log_is_read_instead(
    log: Path, newest_first: bool
) -> None:
    question = {"agent_id": "bert", "effect": "deny", "newest_first": newest_first}
    recorder = FlightRecorder(log)
    before = list(recorder.query(**question))
    change(log, b'"kind":"denied"', b'"agent":"bert","args"', b'"agent":"bort","args"')
    # The change is in the segment that the log goes on with, and the index is made anew.
    after = list(recorder.query(**question))
    assert after == scanned(log, question)
    assert {entry["agent"] for entry in after} == {"bert"}
    changed = list(recorder.query(agent_id="bort"))
    assert changed == scanned(log, {"agent_id": "bort"})
    assert changed, "the index was made anew"
    assert len(after) == len(before) - 1
    assert not recorder.verify()


@pytest.mark.parametrize("opened", ["before", "after"])
def test_an_entry_that_was_edited_where_the_log_goes_on_makes_the_index_anew(log: Path, opened: str) -> None:
    """The name that is there now was in no entry when the index was made, so nothing that it names could show it."""
    kept(log)
    recorder = FlightRecorder(log)
    question: dict[str, Any] = {"agent_id": "zoea", "kind": "agent.registered"}
    if opened == "before":
        assert list(recorder.query(**question)) == []
    change(log, b"agent.registered", b'"agent":"cleo"', b'"agent":"zoea"')
    found = list(recorder.query(**question))
    assert found == scanned(log, question)
    assert len(found) == 1


def test_the_index_of_another_log_in_its_place_is_not_believed(log: Path, tmp_path: Path) -> None:
    a_busy_log(tmp_path / "other", rounds=1, runs=80)
    mine, theirs = kept(log), kept(tmp_path / "other")
    shutil.copyfile(theirs, mine)
    question = {"agent_id": "bert", "effect": "deny"}
    assert list(FlightRecorder(log).query(**question)) == scanned(log, question)


def test_an_index_from_which_entries_were_taken_is_not_believed(log: Path) -> None:
    question = {"agent_id": "bert", "effect": "deny"}
    for taken in ("DELETE FROM postings WHERE value = 'bert'", "DELETE FROM blocks", "UPDATE meta SET next = 0"):
        with sqlite3.connect(kept(log)) as database:
            database.execute(taken)
        database.close()
        assert list(FlightRecorder(log).query(**question)) == scanned(log, question), taken


def test_a_log_put_back_to_an_older_state_answers_with_what_it_holds(log: Path, tmp_path: Path) -> None:
    shutil.copytree(log, tmp_path / "older")
    a_busy_log(log, rounds=1)
    recorder = FlightRecorder(log)
    more = len(list(recorder.query(effect="deny")))
    shutil.rmtree(log)
    (tmp_path / "older").rename(log)
    for asked in (recorder, FlightRecorder(log)):
        assert list(asked.query(effect="deny")) == scanned(log, {"effect": "deny"})
    assert len(scanned(log, {"effect": "deny"})) < more


def test_nothing_in_the_log_s_directory_is_touched_by_asking(log: Path) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in [log, *log.rglob("*")])

    before = state()
    for path in [log, *log.rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        recorder = FlightRecorder(log)
        assert next(recorder.query(effect="deny"))
        assert recorder.statistics().entries == recorder.size
        assert recorder.reindex() == recorder.size
        assert recorder.trace(1).agent == "anna"
    finally:
        for path in [log, *log.rglob("*")]:
            path.chmod(0o700 if path.is_dir() else 0o600)
    assert state() == before
    assert recorder.verify().strays == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_asks_for_itself_and_leaves_the_parent_s_index_alone(log: Path) -> None:
    recorder = FlightRecorder(log)
    expected = [entry["seq"] for entry in recorder.query(effect="deny")]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if [entry["seq"] for entry in recorder.query(effect="deny")] == expected else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert [entry["seq"] for entry in recorder.query(effect="deny")] == expected
    assert [entry["seq"] for entry in FlightRecorder(log).query(effect="deny")] == expected
