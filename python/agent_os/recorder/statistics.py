"""What is in a log, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent_os.recorder.links import Links
from agent_os.recorder.query import effect_of, labels_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from agent_os import _core
    from agent_os.recorder.source import Entry

#: What is counted, as the index calls it.
FIELDS: Final = ("kind", "effect", "status", "agent", "action", "rule", "label")


@dataclass(frozen=True, slots=True)
class LogStatistics:
    """What is in a log, counted.

    ``counts`` has for each of ``kind effect status agent action rule label`` the values that stand in most entries and
    how many entries those are; ``values`` has how many values there are in all. ``denials`` is how often something was
    denied, also what one entry counts together. ``since`` and ``until`` are the least and the greatest time, in
    microseconds since 1970-01-01 UTC. ``unfinished`` is the number of intents without an outcome. Sizes are in bytes;
    of a log in memory there are none.
    """

    log_id: str
    entries: int
    since: int | None
    until: int | None
    denials: int
    unfinished: int
    segments: int
    segment_bytes: int
    payloads: int
    payload_bytes: int
    counts: Mapping[str, Mapping[str, int]]
    values: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in LogStatistics.__slots__}
        plain["counts"] = {field: dict(counts) for field, counts in self.counts.items()}
        plain["values"] = dict(self.values)
        return plain


def from_index(index: _core.LogIndex, log_id: str, directory: Path, most: int, repeated: int) -> LogStatistics:
    """Counts that the index has; ``repeated`` denials are counted in their entries."""
    entries = index.catch_up()
    counts: dict[str, dict[str, int]] = {}
    values: dict[str, int] = {}
    for field in FIELDS:
        found, values[field] = index.counts(field, most)
        counts[field] = dict(found)
    kinds = dict(index.counts("kind", 2**31)[0])
    return _statistics(log_id, directory, entries, index.span(), repeated, kinds, counts, values)


def from_entries(entries: Iterable[Entry], log_id: str, directory: Path | None, most: int) -> LogStatistics:
    """Counts that are made by reading every entry."""
    links, seen, repeated = Links(), 0, 0
    counters: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}
    span: tuple[int, int] | None = None
    for entry in entries:
        # Entries that were dropped count as well: they have their numbers.
        seen = entry["seq"] + 1
        if entry["kind"] == "denied.repeatedly":
            repeated += entry["count"]
        link, time = links.follow(entry), entry["time"]
        span = (time, time) if span is None else (min(span[0], time), max(span[1], time))
        found = {
            "kind": [entry["kind"]],
            "effect": [effect_of(entry)],
            "status": [entry.get("status")],
            "agent": [link.agent],
            "action": [link.action],
            "rule": rules_of(entry),
            "label": labels_of(entry),
        }
        for field, values in found.items():
            counters[field].update({value for value in values if value is not None})
    counts = {
        field: dict(sorted(counter.items(), key=lambda item: (-item[1], item[0].encode()))[:most])
        for field, counter in counters.items()
    }
    totals = {field: len(counter) for field, counter in counters.items()}
    return _statistics(log_id, directory, seen, span, repeated, counters["kind"], counts, totals)


def _statistics(
    log_id: str,
    directory: Path | None,
    entries: int,
    span: tuple[int, int] | None,
    repeated: int,
    kinds: Mapping[str, int],
    counts: Mapping[str, Mapping[str, int]],
    values: Mapping[str, int],
) -> LogStatistics:
    segments, segment_bytes = _sizes(directory, "segments", ".seg")
    payloads, payload_bytes = _sizes(directory, "payloads", "")
    return LogStatistics(
        log_id=log_id,
        entries=entries,
        since=None if span is None else span[0],
        until=None if span is None else span[1],
        denials=kinds.get("denied", 0) + repeated,
        # Where entries were dropped, outcomes may be left whose intents are not.
        unfinished=max(0, kinds.get("intent", 0) - kinds.get("outcome", 0)),
        segments=segments,
        segment_bytes=segment_bytes,
        payloads=payloads,
        payload_bytes=payload_bytes,
        counts=counts,
        values=values,
    )


def _sizes(directory: Path | None, folder: str, ending: str) -> tuple[int, int]:
    if directory is None or not (directory / folder).is_dir():
        return (0, 0)
    files = [path for path in (directory / folder).iterdir() if path.name.endswith(ending) and path.suffix != ".new"]
    return (len(files), sum(path.stat().st_size for path in files))
