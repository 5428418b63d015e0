"""Lessons 28-32: what the log proves, and that no change of it goes unnoticed.

A log that stands alone is *self-consistent* at best: whoever can write the whole directory can write another log, with
another root. So the root is kept elsewhere, and each test says whether the files alone or the kept root show a change.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, PolicyDenied, RecorderError, _core
from agent_os.recorder.key_folder import key_folder
from tests.security.notes import checkpoint_of, root_of, seals_of, tile_of
from tests.unit.kernel.desk import RUN, inside, policy

RULES = (RUN, "{id: yes, effect: allow, action: t.x, when: {args.n: {le: 5}}}", "{id: ask, effect: ask, action: t.y}")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A closed log with every kind of entry that matters and one payload."""
    directory = tmp_path / "log"
    with KernelSpace(policy(*RULES), recorder=directory, record="full", approver=lambda request: True) as kernel:
        small = kernel.tool("t.x")(lambda n: "r" * n)
        large = kernel.tool("t.y")(lambda: "r" * 600)

        def agent() -> None:
            small(1)
            large()
            with pytest.raises(PolicyDenied):
                small(6)

        inside(kernel, agent, agent_id="desk")
    assert FlightRecorder(directory).verify().ok
    return directory


def ok(directory: Path) -> bool:
    return bool(_core.verify_log(directory)["ok"])


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and path.name != "lock")


# -- any bit ----------------------------------------------------------------------------------------------------------


def unnoticed_flips(directory: Path) -> list[tuple[str, int]]:
    """The bits of the log that can be flipped without the verifier's noticing: file and number of the bit."""
    unnoticed = []
    for path in files(directory):
        data = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            for bit in range(len(data) * 8):
                place, rank = divmod(bit, 8)
                file.seek(place)
                file.write(bytes([data[place] ^ (1 << rank)]))
                if ok(directory):
                    unnoticed.append((path.name, bit))
                file.seek(place)
                file.write(data[place : place + 1])
        assert path.read_bytes() == data
    return unnoticed


def test_28_every_single_flipped_bit_of_every_file_is_noticed(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    with KernelSpace(policy(RUN), recorder=directory, record="full") as kernel:
        inside(kernel, lambda: "r" * 520, agent_id="a")
    assert {path.parent.name for path in files(directory)} == {"log", "segments", "payloads", "000.p"}
    assert unnoticed_flips(directory) == []
    assert ok(directory)


@pytest.mark.slow
def test_28_every_single_flipped_bit_of_a_log_with_every_kind_of_entry_is_noticed(log: Path) -> None:
    assert unnoticed_flips(log) == []
    assert ok(log)


def test_28_a_flipped_bit_is_told_with_its_place(log: Path) -> None:
    (segment,) = (log / "segments").iterdir()
    data = bytearray(segment.read_bytes())
    place = data.index(b'"t.x"')
    data[place + 1] ^= 1
    segment.write_bytes(data)
    report = FlightRecorder(log).verify()
    assert not report.ok
    assert any(problem.file is not None and segment.name in problem.file for problem in report.problems)


# -- whole entries, rewritten by somebody who knows the format --------------------------------------------------------


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), bit by bit: an implementation of our own, slow and simple."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(entry: bytes) -> bytes:
    length = struct.pack("<I", len(entry))
    return length + struct.pack("<I", crc32c(length + entry)) + entry


HEADER = 8 + 16 + 8 + 4


def entries_of(segment: Path) -> list[bytes]:
    data, found = segment.read_bytes()[HEADER:], []
    while data[:4] not in (b"", b"\0\0\0\0"):
        (length,) = struct.unpack("<I", data[:4])
        found.append(data[8 : 8 + length])
        data = data[8 + length :]
    return found


def write(directory: Path, entries: list[bytes], *, signed: bool) -> None:
    """Forges a log, as one who has its secret key as well, or as one who has not."""
    (segment,) = (directory / "segments").iterdir()
    segment.write_bytes(segment.read_bytes()[:HEADER] + b"".join(map(frame, entries)))
    # Tiles follow from the entries, and seals are checked by who has the first key: everybody can forge them.
    (directory / "ratchet").write_bytes(seals_of(entries) if entries else b"")
    shutil.rmtree(directory / "tile")
    for name, content in tile_of(entries).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    if signed:
        (key,) = key_folder().glob("*.key")
        seed = bytes.fromhex(key.read_text().strip().removeprefix("agentos-log-key-"))
        log = json.loads(entries[0])["log"] if entries else "00" * 16
        (directory / "checkpoint").write_bytes(checkpoint_of(log, entries, seed))


def canonical(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def changed(entries: list[bytes], change: Callable[[dict[str, Any]], None], kind: str) -> list[bytes]:
    rows = [json.loads(entry) for entry in entries]
    row = next(row for row in rows if row["kind"] == kind)
    change(row)
    return [canonical(row) for row in rows]


EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "the decision": ("denied", lambda row: row["decision"].update(effect="allow")),
    "the rule": ("intent", lambda row: row["decision"].update(rules=["other"])),
    "the reason": ("denied", lambda row: row["decision"].update(reason="allowed_by_default")),
    "the arguments": ("denied", lambda row: row["args"]["full"].update(n=5)),
    "the digest": ("denied", lambda row: row["args"].update(digest="00" * 32)),
    "the agent": ("denied", lambda row: row.update(agent="mole")),
    "the action": ("denied", lambda row: row.update(action="t.z")),
    "the approver": ("approval.granted", lambda row: row.update(by="eve")),
    "the policy": ("policy.loaded", lambda row: row["document"].update(default="allow")),
    "the bundle": ("intent", lambda row: row.update(bundle="sha256:" + "00" * 32)),
    "the outcome": ("outcome", lambda row: row.update(status="raised")),
    "the time": ("denied", lambda row: row.update(time=row["time"] + 1)),
    "the roles": ("agent.registered", lambda row: row.update(roles=["admin"])),
}


def test_the_readers_of_this_test_agree_with_the_log(log: Path) -> None:
    """Else the forgeries below would be refused for another reason than the one that they test."""
    (segment,) = (log / "segments").iterdir()
    entries = entries_of(segment)
    assert root_of(entries).hex() == FlightRecorder(log).verify().root
    write(log, [canonical(json.loads(entry)) for entry in entries], signed=True)
    assert ok(log)


@pytest.mark.parametrize("what", EDITS)
def test_28_an_entry_that_was_edited_and_framed_anew_is_noticed_by_the_checkpoint(what: str, log: Path) -> None:
    kind, change = EDITS[what]
    (segment,) = (log / "segments").iterdir()
    write(log, changed(entries_of(segment), change, kind), signed=False)
    report = FlightRecorder(log).verify()
    assert not report.ok
    assert any(problem.file == "checkpoint" and "root" in problem.what for problem in report.problems)


@pytest.mark.parametrize("what", EDITS)
def test_28_30_when_the_checkpoint_was_forged_as_well_the_root_is_another_one(what: str, log: Path) -> None:
    """Nothing that matters is outside the hash: whoever kept the root sees it. The level says that the files cannot."""
    kept = FlightRecorder(log).verify()
    kind, change = EDITS[what]
    (segment,) = (log / "segments").iterdir()
    write(log, changed(entries_of(segment), change, kind), signed=True)
    report = FlightRecorder(log).verify()
    assert report.root != kept.root
    assert report.level == "self-consistent"


def cut_the_tail(directory: Path, entries: list[bytes]) -> None:
    write(directory, entries[:-3], signed=False)


def empty_it(directory: Path, entries: list[bytes]) -> None:
    write(directory, [], signed=False)


def remove_one(directory: Path, entries: list[bytes]) -> None:
    write(directory, entries[:4] + entries[5:], signed=True)


def swap_two(directory: Path, entries: list[bytes]) -> None:
    write(directory, [*entries[:4], entries[5], entries[4], *entries[6:]], signed=True)


def repeat_one(directory: Path, entries: list[bytes]) -> None:
    write(directory, [*entries[:5], entries[4], *entries[5:]], signed=True)


def rewrite_the_suffix(directory: Path, entries: list[bytes]) -> None:
    write(directory, entries[:-3] + [entry.replace(b"returned", b"raised") for entry in entries[-3:]], signed=False)


def graft_anothers_entry(directory: Path, entries: list[bytes]) -> None:
    row = json.loads(entries[-2])
    row["log"] = "00" * 16
    write(directory, [*entries[:-2], canonical(row), entries[-1]], signed=True)


def an_outcome_twice(directory: Path, entries: list[bytes]) -> None:
    rows = [json.loads(entry) for entry in entries]
    place = next(number for number, row in enumerate(rows) if row["kind"] == "outcome")
    rows.insert(place, dict(rows[place]))
    for number, row in enumerate(rows):
        row["seq"] = number
    write(directory, [canonical(row) for row in rows], signed=True)


def an_outcome_of_nothing(directory: Path, entries: list[bytes]) -> None:
    write(directory, changed(entries, lambda row: row.update(intent=1), "outcome"), signed=True)


def an_entry_in_another_spelling(directory: Path, entries: list[bytes]) -> None:
    row = json.loads(entries[2])
    write(directory, [*entries[:2], json.dumps(row).encode(), *entries[3:]], signed=True)


def a_field_twice(directory: Path, entries: list[bytes]) -> None:
    write(directory, [*entries[:2], entries[2].replace(b"{", b'{"agent":"x",', 1), *entries[3:]], signed=True)


def no_payload(directory: Path, entries: list[bytes]) -> None:
    next((directory / "payloads").iterdir()).unlink()


def anothers_payload(directory: Path, entries: list[bytes]) -> None:
    next((directory / "payloads").iterdir()).write_bytes(b"x")


def no_checkpoint(directory: Path, entries: list[bytes]) -> None:
    (directory / "checkpoint").unlink()


def no_salt(directory: Path, entries: list[bytes]) -> None:
    (directory / "salt").unlink()


def no_segments(directory: Path, entries: list[bytes]) -> None:
    shutil.rmtree(directory / "segments")


def nothing_at_all(directory: Path, entries: list[bytes]) -> None:
    shutil.rmtree(directory)
    directory.mkdir()


FORGERIES = [
    *(cut_the_tail, empty_it, remove_one, swap_two, repeat_one, rewrite_the_suffix, graft_anothers_entry),
    *(an_outcome_twice, an_outcome_of_nothing, an_entry_in_another_spelling, a_field_twice, no_payload),
    *(anothers_payload, no_checkpoint, no_salt, no_segments, nothing_at_all),
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_28_29_30_a_log_that_was_cut_reordered_grafted_or_emptied_does_not_verify(
    forge: Callable[[Path, list[bytes]], None], log: Path
) -> None:
    (segment,) = (log / "segments").iterdir()
    forge(log, entries_of(segment))
    report = FlightRecorder(log).verify()
    assert not report.ok
    assert report.problems


def test_28_a_whole_log_put_in_the_place_of_another_has_another_id_and_root(log: Path, tmp_path: Path) -> None:
    kept = FlightRecorder(log).verify()
    with KernelSpace(policy(RUN), recorder=tmp_path / "other"):
        pass
    other = FlightRecorder(tmp_path / "other").verify()
    assert other.ok
    assert (other.log_id, other.root) != (kept.log_id, kept.root)
    assert other.log_id != kept.log_id


@pytest.mark.skipif(os.name != "posix", reason="rights are spelt so on POSIX only")
def test_28_nobody_but_the_owner_reads_or_writes_a_log_whatever_the_umask(tmp_path: Path) -> None:
    """Without the salt small arguments cannot be guessed from their digests, and the log itself is private as well."""
    before = os.umask(0)
    try:
        with KernelSpace(policy(*RULES), recorder=tmp_path / "log", record="full") as kernel:
            inside(kernel, lambda: "r" * 600)
    finally:
        os.umask(before)
    rights = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "log", *(tmp_path / "log").rglob("*")]}
    assert {name for name, mode in rights.items() if mode & 0o077} == set()
    assert rights["salt"] == 0o600


# -- 29: one action, one intent, one outcome --------------------------------------------------------------------------


def test_29_the_outcome_is_an_entry_of_its_own_linked_to_its_intent(log: Path) -> None:
    entries = list(FlightRecorder(log).entries())
    intents = {entry["seq"] for entry in entries if entry["kind"] == "intent"}
    outcomes = [entry["intent"] for entry in entries if entry["kind"] == "outcome"]
    assert sorted(outcomes) == sorted(intents)
    assert all(intent < entry["seq"] for entry in entries if entry["kind"] == "outcome" for intent in [entry["intent"]])


def test_29_the_intent_is_in_the_log_before_the_tool_runs(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    with KernelSpace(policy(*RULES), recorder=directory) as kernel:
        seen: list[str] = []

        @kernel.tool("t.x")
        def look(n: int) -> None:
            # Another reader, on the files: what a crash at this very moment would leave.
            seen.extend(entry["kind"] for entry in FlightRecorder(directory).entries() if entry.get("action") == "t.x")

        inside(kernel, lambda: look(1))
        assert seen == ["tool.registered", "intent"]


# -- 32: a failure to write stays a failure ---------------------------------------------------------------------------


def test_32_after_a_failed_write_the_log_stays_stopped(tmp_path: Path) -> None:
    """The payload folder is gone, so a large value cannot be kept; that is said, and the effect does not happen."""
    directory = tmp_path / "log"
    kernel = KernelSpace(policy(*RULES), recorder=directory, record="full")
    ran: list[int] = []
    tool = kernel.tool("t.x")(lambda n, text="": ran.append(n))

    def agent() -> None:
        shutil.rmtree(directory / "payloads")
        (directory / "payloads").write_text("not a folder")
        with pytest.raises(RecorderError):
            tool(1, "x" * 100_000)
        (directory / "payloads").unlink()
        (directory / "payloads").mkdir()
        with pytest.raises(RecorderError):
            tool(1, "small")

    inside(kernel, agent)
    assert ran == []
    kernel.close()
    report = FlightRecorder(directory).verify()
    assert (report.ok, report.unfinished) == (True, ())
