"""The entries of one run and of the runs below it, from its beginning to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_os.errors import RecorderError
from agent_os.recorder.query import Query
from agent_os.recorder.source import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_os.recorder.flight_recorder import FlightRecorder
    from agent_os.recorder.source import Entry, Pair

#: A kernel that opens a log numbers its runs anew.
NEW_KERNEL: Final = ("log.opened", "log.recovered")


def beginning(recorder: FlightRecorder, pid: int, start: int | None = None) -> Entry:
    """The `process.started` of the last run of this number, or of the first one from an entry on.

    Raises ``RecorderError`` if there is none.
    """
    Query(pid=pid, start=0 if start is None else start)
    if pid == 0:
        raise RecorderError(
            "run 0 is the operator's own and has no beginning; ask for what it did with `query(pid=0)`",
            code="no_such_run",
        )
    found = recorder.query(pid=pid, kind="process.started", start=start or 0, newest_first=start is None, limit=1)
    for entry in found:
        return entry
    where = "" if start is None else f" from entry {start} on"
    raise RecorderError(
        f'the log has no run {pid}{where}; `query(kind="process.started")` finds those that it has',
        code="no_such_run",
    )


def run_entries(recorder: FlightRecorder, pid: int, start: int | None = None) -> Iterator[Entry]:
    """In their order: the intent of the run, what it and the runs below it did, and its outcome if it has one."""
    started = beginning(recorder, pid, start)
    return entries_from(recorder, started)


def entries_from(recorder: FlightRecorder, started: Entry) -> Iterator[Entry]:
    """The entries of the run that began with this `process.started`, and of those below it."""
    return (recorder.shown(entry) for _, entry in pairs_from(recorder, started))


def pairs_from(recorder: FlightRecorder, started: Entry) -> Iterator[Pair]:
    """The same, each with its canonical bytes."""
    intent, pids = started["intent"], {started["pid"]}
    for raw in recorder.raw_entries(intent):
        entry = parse(raw)
        kind, seq = entry["kind"], entry["seq"]
        if kind in NEW_KERNEL:
            return
        if seq == intent:
            yield raw, entry
        elif kind == "outcome" and entry["intent"] == intent:
            yield raw, entry
            yield from _afterwards(recorder, pids, seq)
            return
        elif seq < started["seq"]:
            # Another run may have had the number before, in the time of an earlier kernel.
            continue
        elif kind == "process.started":
            if entry["parent"] in pids or seq == started["seq"]:
                pids.add(entry["pid"])
                yield raw, entry
        elif entry.get("pid") in pids:
            yield raw, entry


def _afterwards(recorder: FlightRecorder, pids: set[int], end: int) -> Iterator[Pair]:
    """What is written of runs that have ended: how often the same was denied to them again."""
    new = [next(recorder.query(kind=kind, start=end, limit=1), None) for kind in NEW_KERNEL]
    before = min((entry["seq"] for entry in new if entry is not None), default=None)
    found = [
        entry["seq"]
        for pid in pids
        for entry in recorder.query(kind="denied.repeatedly", pid=pid, start=end, before=before)
    ]
    for seq in sorted(found):
        raw = recorder.raw(seq)
        yield raw, parse(raw)


def above(recorder: FlightRecorder, started: Entry) -> list[Entry]:
    """The `process.started` of the runs above a run, the nearest first."""
    found: list[Entry] = []
    while started["parent"] != 0:
        earlier = recorder.query(
            pid=started["parent"], kind="process.started", before=started["seq"], newest_first=True, limit=1
        )
        parent = next(earlier, None)
        if parent is None:
            break
        found.append(parent)
        started = parent
    return found
