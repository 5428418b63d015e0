"""Every attack on a log that its auditor names, on a log that a kernel wrote, each noticed with the place named.

The attacker can write everything in the log's directory, frames entries anew with their checksums, and forges tiles.
Where an attack needs the secret key as well, the test says so; what shows it is a key or a checkpoint kept elsewhere.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, RecorderError
from agent_os.recorder import VerifyReport
from agent_os.recorder.key_folder import key_folder
from tests.security.notes import key_of
from tests.security.test_evidence import HEADER, RULES, canonical, frame, write
from tests.security.test_pinned_logs import OWN, Kept, words
from tests.unit.kernel.desk import policy

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path / "log")
    kept.run()
    return kept


def segment_of(kept: Kept) -> Path:
    (segment,) = (kept.directory / "segments").iterdir()
    return segment


def place_of(entries: list[bytes], number: int) -> int:
    """Where the frame of an entry begins in its segment."""
    return HEADER + sum(len(frame(entry)) for entry in entries[:number])


def assert_at(report: VerifyReport, kept: Kept, number: int, entries: list[bytes], what: str) -> None:
    """Fails unless a problem names this entry: by its file, its byte and its number."""
    where = (f"segments/{segment_of(kept).name}", place_of(entries, number), number)
    found = [problem.what for problem in report.problems if (problem.file, problem.offset, problem.seq) == where]
    assert any(what in text for text in found), words(report)


def rewritten(entries: list[bytes], number: int, change: Change) -> list[bytes]:
    row = json.loads(entries[number])
    change(row)
    return [*entries[:number], canonical(row), *entries[number + 1 :]]


def numbered(rows: list[bytes]) -> list[bytes]:
    """The entries, each with the number of the place where it stands now."""
    return [canonical({**json.loads(row), "seq": number}) for number, row in enumerate(rows)]


def number_of(entries: list[bytes], kind: str) -> int:
    return next(number for number, entry in enumerate(entries) if json.loads(entry)["kind"] == kind)


def test_edit_any_byte(kept: Kept) -> None:
    segment, entries = segment_of(kept), kept.entries()
    data, ends = segment.read_bytes(), [place_of(entries, number) for number in range(1, len(entries) + 1)]
    for place in range(HEADER, ends[-1], 61):
        changed = bytearray(data)
        changed[place] ^= 0x20
        segment.write_bytes(changed)
        number = next(number for number, end in enumerate(ends) if place < end)
        report = kept.alone()
        assert_at(report, kept, number, entries, "")
    segment.write_bytes(data)
    assert kept.alone().ok


def test_edit_an_entry_and_its_checksum_and_its_tile(kept: Kept) -> None:
    entries = kept.entries()
    number = number_of(entries, "intent")
    write(kept.directory, rewritten(entries, number, lambda row: row.update(action="t.z")), signed=False)
    (problem,) = kept.alone().problems
    assert (problem.file, problem.what[:15]) == ("checkpoint", "the root is not")
    # The signing key as well: what was kept shows it, and up to where.
    write(kept.directory, rewritten(entries, number, lambda row: row.update(action="t.z")), signed=True)
    assert kept.with_key().ok
    (problem,) = FlightRecorder(kept.directory).verify(checkpoint=kept.checkpoints[-1]).problems
    assert problem.file == "held checkpoint 1"
    assert f"the first {kept.checkpoints[-1].split(chr(10))[1]} entries are not those" in problem.what


def test_delete(kept: Kept) -> None:
    entries = kept.entries()
    write(kept.directory, [*entries[:4], *entries[5:]], signed=False)
    assert_at(kept.alone(), kept, 4, entries, "has another number")
    # With every entry numbered anew, the links and the root give it away.
    number = number_of(entries, "intent")
    left = numbered([*entries[:number], *entries[number + 1 :]])
    write(kept.directory, left, signed=True)
    outcome = number_of(left, "outcome")
    assert_at(kept.alone(), kept, outcome, left, "is the outcome of entry")


def test_insert(kept: Kept) -> None:
    entries = kept.entries()
    more = canonical({"kind": "text", "log": json.loads(entries[0])["log"], "seq": 5, "time": 1})
    write(kept.directory, [*entries[:5], more, *entries[5:]], signed=False)
    assert_at(kept.alone(), kept, 6, [*entries[:5], more, *entries[5:]], "has another number")


def test_reorder(kept: Kept) -> None:
    entries = kept.entries()
    moved = [*entries[:4], entries[5], entries[4], *entries[6:]]
    write(kept.directory, moved, signed=False)
    report = kept.alone()
    for number in (4, 5):
        assert_at(report, kept, number, moved, "has another number")


def test_duplicate(kept: Kept) -> None:
    entries = kept.entries()
    number = number_of(entries, "outcome")
    twice = [*entries[: number + 1], *entries[number:]]
    write(kept.directory, twice, signed=False)
    assert_at(kept.alone(), kept, number + 1, twice, "has another number")
    again = numbered(twice)
    write(kept.directory, again, signed=True)
    assert_at(kept.alone(), kept, number + 1, again, "is one more outcome of intent")


def test_truncate_the_tail_against_a_held_checkpoint(kept: Kept) -> None:
    entries = kept.entries()
    write(kept.directory, entries[:-4], signed=False)
    assert f"names {len(entries)} entries, and {len(entries) - 4} were read" in words(kept.alone())
    # By who has the key.
    write(kept.directory, entries[:-4], signed=True)
    assert kept.with_key().ok
    (problem,) = FlightRecorder(kept.directory).verify(checkpoint=kept.checkpoints[-1]).problems
    assert problem.file == "held checkpoint 1"
    assert f"and {len(entries) - 4} are there: the log was cut off" in problem.what


def test_roll_back_the_directory(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.directory, tmp_path / "old")
    kept.run()
    shutil.rmtree(kept.directory)
    (tmp_path / "old").rename(kept.directory)
    report = kept.with_checkpoints()
    newest = len(kept.checkpoints)
    assert [problem.file for problem in report.problems] == [f"held checkpoint {newest}"]
    assert "an older copy was put in its place" in words(report)
    with pytest.raises(RecorderError, match="seals are missing"):
        kept.run()


def test_fork(kept: Kept, tmp_path: Path) -> None:
    """Both branches are signed by the key, and each is whole by itself; two checkpoints disagree."""
    shutil.copytree(kept.directory, tmp_path / "other")
    shutil.copytree(key_folder(), tmp_path / "keys")
    kept.run()
    shutil.rmtree(key_folder())
    (tmp_path / "keys").rename(key_folder())
    with KernelSpace(policy(*RULES), recorder=tmp_path / "other") as kernel:
        theirs = kernel.flight_recorder.checkpoint()
    ours = kept.checkpoints[-1]
    assert kept.with_key().ok
    assert FlightRecorder(tmp_path / "other").verify(key=kept.key, checkpoint=theirs).ok
    for directory, note in ((kept.directory, theirs), (tmp_path / "other", ours)):
        (problem,) = FlightRecorder(directory).verify(checkpoint=note).problems
        assert problem.file == "held checkpoint 1"
        assert "forked" in problem.what or "was cut off" in problem.what


def test_splice_from_another_log(kept: Kept, tmp_path: Path) -> None:
    other = Kept(tmp_path / "other").entries()
    entries = kept.entries()
    number = number_of(entries, "intent")
    spliced = [*entries[:number], other[number], *entries[number + 1 :]]
    write(kept.directory, spliced, signed=False)
    assert_at(kept.alone(), kept, number, spliced, "belongs to another log")


def test_rekey(kept: Kept) -> None:
    rows = [json.loads(entry) for entry in kept.entries()]
    rows[0]["key"] = key_of(rows[0]["log"], OWN)
    kept.forge([canonical(row) for row in rows], OWN)
    assert kept.alone().ok
    (problem,) = kept.with_key().problems
    assert problem.file == "checkpoint"
    assert f"is signed by `{rows[0]['key']}`, and `{kept.key}` neither signed it nor consented" in problem.what


def test_forge_an_entry_together_with_its_leaf_tile(kept: Kept) -> None:
    entries = kept.entries()
    number = number_of(entries, "intent")
    write(kept.directory, rewritten(entries, number, lambda row: row["decision"].update(rules=["x"])), signed=False)
    report = kept.alone()
    assert [problem.file for problem in report.problems] == ["checkpoint"]
    with pytest.raises(RecorderError):
        FlightRecorder(kept.directory).prove(number)


def test_back_date(kept: Kept) -> None:
    entries = kept.entries()
    number = number_of(entries, "intent")
    earlier = rewritten(entries, number, lambda row: row.update(time=row["time"] - 86_400_000_000))
    write(kept.directory, earlier, signed=False)
    report = kept.alone()
    assert "the root is not the one" in words(report)
    # Whoever writes the log in the first place can say any time; a clock that goes back is told with its place.
    assert report.backward_steps == (number,)
    write(kept.directory, earlier, signed=True)
    assert kept.with_key().backward_steps == (number,)
    assert "are not those" in words(kept.with_checkpoints())


def test_leave_the_outcome_of_an_intent_out(kept: Kept) -> None:
    entries = kept.entries()
    number = number_of(entries, "outcome")
    intent = json.loads(entries[number])["intent"]
    left = [*entries[:number], *entries[number + 1 :]]
    write(kept.directory, left, signed=False)
    report = kept.alone()
    assert_at(report, kept, number, left, "has another number")
    assert intent in report.unfinished
    # With a key that signs it, it is an action that may have happened, and told as one.
    rows = [json.loads(entry) for entry in numbered(left)]
    for row in rows:
        if row["kind"] == "outcome" and row["intent"] > number:
            row["intent"] -= 1
        if row["kind"] == "process.started" and row["intent"] > number:
            row["intent"] -= 1
    write(kept.directory, [canonical(row) for row in rows], signed=True)
    report = kept.with_key()
    assert (report.ok, intent in report.unfinished) == (True, True)
    assert "are not those" in words(kept.with_checkpoints())


def test_hide_bytes_behind_the_last_entry(kept: Kept) -> None:
    segment, entries = segment_of(kept), kept.entries()
    end = place_of(entries, len(entries))
    segment.write_bytes(segment.read_bytes()[:end] + struct.pack("<I", 0) + b"hidden")
    (problem,) = kept.alone().problems
    assert (problem.file, problem.offset) == (f"segments/{segment.name}", end)
