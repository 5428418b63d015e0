"""``FlightRecorder``: a kernel's log, or the directory of any log, to be read."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.errors import RecorderError
from agent_os.recorder import values
from agent_os.recorder.query import Query
from agent_os.recorder.source import DirectorySource, KernelSource, parse
from agent_os.recorder.verification import report_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent_os.recorder.source import Entry, Source
    from agent_os.recorder.verification import VerifyReport


class FlightRecorder:
    """The log of a kernel, for reading. Only the kernel itself writes to it.

    ``FlightRecorder(directory)`` reads any log, also while it is written, or is given to ``KernelSpace(recorder=…)``
    to say where that kernel's log goes; ``kernel.flight_recorder`` is a running kernel's. Entries are plain dicts as
    they stand in the log. Raises ``RecorderError`` when there is no log, or it cannot be read.

    >>> from agent_os import KernelSpace
    >>> with KernelSpace("strict", durability="memory") as kernel:
    ...     [entry["kind"] for entry in kernel.flight_recorder.entries()]
    ['log.created', 'policy.loaded']
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        if not isinstance(directory, (str, os.PathLike)) or not isinstance(path := os.fspath(directory), str):
            raise TypeError(f"`{type(directory).__name__}` is not a directory's name; give a `str` or a `Path`")
        if not path:
            raise ValueError("the directory's name is empty; name the directory of the log")
        self._directory: Path | None = Path(path)
        self._source: Source | None = None

    @classmethod
    def _bound(cls, core: _core.Kernel, directory: Path | None) -> FlightRecorder:
        """The recorder of a running kernel; ``directory`` is ``None`` for a log in memory."""
        recorder = cls.__new__(cls)
        recorder._directory = directory  # noqa: SLF001 (an instance of this class)
        recorder._source = KernelSource(core)  # noqa: SLF001
        return recorder

    @property
    def directory(self) -> Path | None:
        """Where the log is; ``None`` if it is in memory only."""
        return self._directory

    @property
    def log_id(self) -> str:
        """The log's id: 32 hexadecimal digits."""
        return self._reading().log_id

    @property
    def size(self) -> int:
        """How many entries there are now."""
        return self._reading().size()

    @property
    def root(self) -> str:
        """The root of the RFC 6962 tree over the entries, in hex. For a directory it is computed from the entries."""
        source = self._reading()
        return source.root() if isinstance(source, KernelSource) else self.verify().root

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The entries from a sequence number on, up to the present end."""
        Query(start=start)
        return (parse(raw) for _, raw in self._reading().raw(start))

    def query(
        self,
        *,
        agent_id: str | None = None,
        action: str | None = None,
        effect: str | None = None,
        kind: str | None = None,
        rule: str | None = None,
        pid: int | None = None,
        start: int = 0,
        limit: int | None = None,
    ) -> Iterator[Entry]:
        """The entries for which everything holds that is given, in their order, at most ``limit``.

        ``agent_id`` and ``action`` also find the outcomes of that agent's actions; ``effect`` (``allow`` or ``deny``)
        finds entries that hold a decision; ``rule`` those in which the rule decided, demanded something or asked.
        Values are compared exactly. Raises ``ValueError`` for what no entry could match.
        """
        query = Query(agent_id, action, effect, kind, rule, pid, start, limit)
        return query.select(self.entries(query.first))

    def tail(self, n: int = 10) -> list[Entry]:
        """The last ``n`` entries."""
        Query(limit=n)
        raw = deque(self._reading().raw(max(0, self.size - n)), maxlen=n)
        return [parse(data) for _, data in raw]

    def follow(
        self, start: int = 0, *, until: Callable[[], bool] | None = None, interval: float = 0.1
    ) -> Iterator[Entry]:
        """The entries from a sequence number on, and each new one as it is written.

        Before each look for new ones ``until`` is asked whether that look is the last; without it, it goes on until the
        caller closes it. Looks are ``interval`` seconds apart.
        """
        Query(start=start)
        if not interval > 0:
            raise ValueError("`interval` must be a positive number of seconds")
        return self._follow(self._reading().raw(start), until, interval)

    def verify(self) -> VerifyReport:
        """Checks the directory from scratch, with code that shares nothing with what wrote it.

        What is wrong with the log is in the report and not raised. A log in memory has nothing to be verified.
        """
        if self._directory is None:
            raise RecorderError(
                'the log is in memory and has nothing on disk to verify; use durability="written"', code="not_supported"
            )
        return report_of(_core.verify_log(self._directory))

    def payload(self, reference: object) -> bytes:
        """The bytes that a ``{"$payload": …}`` of an entry, or the SHA-256 in it, stands for."""
        return values.payload(self._reading(), reference)

    def resolve(self, value: object) -> Any:
        """A value of an entry as Python objects: payloads are fetched, and ``{"$decimal": …}`` and the like restored.

        A member of an enumeration comes back as its value.
        """
        return values.resolve(self._reading(), value)

    def __repr__(self) -> str:
        return f"<FlightRecorder {self._directory or 'in memory'}>"

    def _reading(self) -> Source:
        if self._source is None:
            if self._directory is None:
                raise RecorderError("this recorder is not bound to a log; name its directory", code="not_a_log")
            self._source = DirectorySource(self._directory)
        return self._source

    @staticmethod
    def _follow(raw: Iterator[tuple[int, bytes]], until: Callable[[], bool] | None, interval: float) -> Iterator[Entry]:
        while True:
            last = until is not None and until()
            for _, data in raw:
                yield parse(data)
            if last:
                return
            time.sleep(interval)
