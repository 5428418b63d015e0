"""What can be asked of a log: its entries, those that match, one run, counts, and all of it in a form for others."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, cast

from agent_os.errors import RecorderError
from agent_os.recorder.lookup import Distrusted, Lookup
from agent_os.recorder.query import Query
from agent_os.recorder.redactions import Redactions
from agent_os.recorder.source import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO, Protocol

    from agent_os.recorder.flight_recorder import FlightRecorder
    from agent_os.recorder.source import Entry, Pair, Source
    from agent_os.recorder.statistics import LogStatistics
    from agent_os.recorder.trace import RunTrace

    class HasPid(Protocol):
        """What stands for a run."""

        @property
        def pid(self) -> int:
            """The number of the run."""


class Asking:
    """The part of ``FlightRecorder`` that asks."""

    _directory: Path | None
    _lookup: Lookup | None
    _redactions: Redactions | None = None

    @property
    def redactions(self) -> Redactions:
        """What was made unreadable for good."""
        if self._redactions is None:
            self._redactions = Redactions(lambda start: self.query(kind="log.redacted", start=start))
        return self._redactions

    def shown(self, entry: Entry) -> Entry:
        """The entry as it may be shown: with ``"[redacted]"`` in place of what was made unreadable for good."""
        return {key: self.redactions.shown(value) for key, value in entry.items()} if self.redactions else entry

    @property
    def size(self) -> int:
        """How many entries there are now."""
        return self._reading().size()

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The entries from a sequence number on, up to the present end."""
        return (entry for _, entry in self.pairs(start))

    def pairs(self, start: int = 0) -> Iterator[Pair]:
        """The same, each with its canonical bytes."""
        Query(start=start)
        return ((raw, parse(raw)) for _, raw in self._reading().present(start))

    def raw_entries(self, start: int = 0) -> Iterator[bytes]:
        """The same in their canonical form, byte for byte as they were hashed."""
        Query(start=start)
        return (data for _, data in self._reading().present(start))

    def query(
        self,
        *,
        agent_id: str | None = None,
        action: str | None = None,
        effect: str | None = None,
        kind: str | None = None,
        rule: str | None = None,
        label: str | None = None,
        status: str | None = None,
        pid: int | None = None,
        parent: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        start: int = 0,
        before: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Entry]:
        """The entries for which everything holds that is given, in their order, at most ``limit``.

        ``agent_id`` and ``action`` also find the outcomes of that agent's actions; ``effect`` (``allow`` or ``deny``)
        finds entries that hold a decision, ``deny`` also those that count further denials; ``rule`` those in which the
        rule decided, demanded something or asked; ``label`` those with the label, of the run, of a result, or demanded
        by a rule; ``status`` outcomes; ``pid`` the entries of a run, ``parent`` those of the runs that it started.
        ``since`` (inclusive) and ``until`` (exclusive) are aware datetimes. ``start`` (inclusive) and ``before``
        (exclusive) are numbers of entries: the next page starts after the last entry of this one, or, with
        ``newest_first``, ends before it. Values are compared exactly. What is written after the question is not found.
        Raises ``ValueError`` for what no entry could match.

        Entries are looked up in the log's index, and read from the log itself. The first question about a large log
        waits until the index is made.
        """
        query = Query(
            agent_id=agent_id,
            action=action,
            effect=effect,
            kind=kind,
            rule=rule,
            label=label,
            status=status,
            pid=pid,
            parent=parent,
            since=since,
            until=until,
            start=start,
            before=before,
            limit=limit,
            newest_first=newest_first,
        )
        return (entry for _, entry in self.query_pairs(query))

    def query_pairs(self, query: Query) -> Iterator[Pair]:
        """What a question finds, each entry with its canonical bytes."""
        self._reading()
        return self._select(query)

    def trace(self, process: int | HasPid, *, start: int | None = None) -> RunTrace:
        """One run as a tree: its actions with what was decided, asked and came of them, and the runs that it started.

        ``process`` is the number of the run, or anything that has it as ``pid``. Runs are numbered anew each time a
        kernel opens the log: this is the last one of the number, or with ``start`` the first one that began at that
        entry or after it. All of the run is held in memory. Raises ``RecorderError`` if there is no such run.
        """
        from agent_os.recorder.trace import trace

        pid = process if isinstance(process, int) else getattr(process, "pid", None)
        if not isinstance(pid, int) or isinstance(pid, bool):
            raise TypeError(f"a run is a whole number, or has one as `pid`; a `{type(process).__name__}` is neither")
        return trace(cast("FlightRecorder", self), pid, start)

    def export(
        self,
        format: str,  # noqa: A002 (it is what it is called everywhere)
        out: str | os.PathLike[str] | BinaryIO,
        *,
        pid: int | None = None,
        start: int | None = None,
        payloads: bool = False,
    ) -> int:
        """Writes the log, or with ``pid`` one run of it, in a form for others; says how many records that was.

        ``format`` is ``jsonl``, ``otel`` (OTLP/JSON), ``ocsf``, ``parquet`` or ``html`` (a page about one run).
        ``out`` is a file's name or a binary file; a file is replaced once the new one is whole. ``pid`` and
        ``start`` name a run as in ``trace``. ``payloads`` puts what entries refer to into ``jsonl``. Nothing leaves the
        machine, and of a log of any size little is held in memory; of ``html``, the run. Raises ``RecorderError`` when
        the log cannot be read or has no such run, ``ImportError`` when a format needs what is not installed.
        """
        from agent_os.recorder.export import export

        return export(cast("FlightRecorder", self), format, out, pid=pid, start=start, payloads=payloads)

    def statistics(self, most: int = 20) -> LogStatistics:
        """What is in the log, counted; of each field the ``most`` values that stand in most entries."""
        from agent_os.recorder import statistics

        Query(limit=most)
        source = self._reading()
        if self._lookup is not None and self._directory is not None:
            try:
                index = self._lookup.ready()
                repeated = sum(entry["count"] for entry in self.query(kind="denied.repeatedly"))
                return statistics.from_index(index, source.log_id, self._directory, most, repeated)
            except RecorderError:
                # What is wrong with the log itself comes up again while it is read.
                pass
        return statistics.from_entries(self.entries(), source.log_id, self._directory, most)

    def reindex(self) -> int:
        """Makes the index anew from the log, and says how many entries are in it. What queries find stays the same."""
        self._reading()
        if self._lookup is None:
            raise RecorderError('the log is in memory and has no index; use durability="written"', code="not_supported")
        return self._lookup.rebuild()

    def tail(self, n: int = 10) -> list[Entry]:
        """The last ``n`` entries."""
        return [entry for _, entry in self.tail_pairs(n)]

    def tail_pairs(self, n: int = 10) -> list[Pair]:
        """The same, each with its canonical bytes."""
        Query(limit=n)
        raw = deque(self._reading().present(max(0, self.size - n)), maxlen=n)
        return [(data, parse(data)) for _, data in raw]

    def _reading(self) -> Source:
        """Where entries come from; ``_lookup`` is set by then, if the log is on disk."""
        raise NotImplementedError

    def _select(self, query: Query) -> Iterator[Pair]:
        last, found = None, 0
        if self._lookup is not None and query.is_selective:
            try:
                for pair in self._lookup.find(query):
                    last, found = pair[1]["seq"], found + 1
                    yield pair
                return
            except (RecorderError, Distrusted):
                # The entries themselves are the truth, also of what is wrong with them.
                pass
        rest = query.after(last, found)
        if rest is not None:
            yield from rest.select(self.pairs(rest.first))
