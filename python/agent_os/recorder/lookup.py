"""Looking entries up in the log's index, which is kept outside of the log: the directory of a log is evidence.

The index only names entries. What is given to the caller was read from the log's segments and held against the
question once more; an index that named an entry wrongly is not asked any further.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_os import _core
from agent_os.errors import RecorderError
from agent_os.recorder.key_folder import index_folder
from agent_os.recorder.links import OPERATOR, Link
from agent_os.recorder.query import micros_of
from agent_os.recorder.source import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_os.recorder.query import Query
    from agent_os.recorder.source import Entry, Pair

#: Entries that are read at once; each has at most 65,000 bytes.
_PAGE: Final = 128
#: An index that was not written to for this long is removed when another one is made: its log may be gone.
_KEPT_SECONDS: Final = 90 * 24 * 3_600
#: A log of fewer bytes is read so fast that its index is not kept.
_KEPT_FROM: Final = 4 << 20


class Distrusted(Exception):
    """The index named an entry that does not match."""


class Lookup:
    """The index of one log's directory. It is opened when it is first asked."""

    def __init__(self, directory: Path, log_id: str, *, follow: bool = False) -> None:
        # A program may change its working directory later.
        self._directory = directory.absolute()
        self._log_id = log_id
        self._follow = follow
        self._index: _core.LogIndex | None = None
        self._entries = 0
        self._is_kept = False
        self._owner = os.getpid()

    def find(self, query: Query) -> Iterator[Pair]:
        """The entries that match, up to the present end of the log. Raises ``RecorderError`` if the index or the log
        cannot be read, and ``Distrusted`` if the index is wrong; what came until then is right.
        """
        index = self.ready()
        start, left = query.start, query.limit
        # The index goes on with the log while it is asked, perhaps faster than this.
        before = self._entries if query.before is None else min(query.before, self._entries)
        since = None if query.since is None else micros_of(query.since)
        until = None if query.until is None else micros_of(query.until)
        while True:
            rows, rest = index.find(
                query.terms,
                start=start,
                before=before,
                since=_within(since),
                until=_within(until),
                newest_first=query.newest_first,
                most=_PAGE if left is None else min(left, _PAGE),
            )
            for seq, raw, about in rows:
                yield self._held_against(query, index, seq, raw, about)
            if left is not None:
                left -= len(rows)
            if rest is None or left == 0:
                return
            if query.newest_first:
                before = rest
            else:
                start = rest

    def ready(self) -> _core.LogIndex:
        """The index, with everything in it that is in the log now."""
        if self._index is None or self._owner != os.getpid() or not (self._is_kept or self._is_small()):
            self._owner = os.getpid()
            self._is_kept = not self._is_small()
            file = index_file(self._directory, self._log_id) if self._is_kept else None
            self._index = _core.LogIndex(self._directory, file)
            if self._follow:
                self._index.follow()
        try:
            self._entries = self._index.catch_up()
        except RecorderError:
            # It is opened anew when it is asked again.
            self._index = None
            raise
        return self._index

    def rebuild(self) -> int:
        """Makes the index anew, and says how many entries are in it."""
        self.ready().clear()
        self.ready()
        return self._entries

    def _is_small(self) -> bool:
        try:
            with os.scandir(self._directory / "segments") as segments:
                return sum(segment.stat().st_size for segment in segments) < _KEPT_FROM
        except OSError:
            # Whoever reads the log says what is wrong with it.
            return True

    @staticmethod
    def _held_against(query: Query, index: _core.LogIndex, seq: int, raw: bytes | None, about: bytes | None) -> Pair:
        try:
            if raw is not None:
                entry = parse(raw)
                link = _link(entry, None if about is None else parse(about))
                if entry["seq"] == seq and link is not None and query.matches(entry, link):
                    return raw, entry
        except (ValueError, TypeError, KeyError, AttributeError):
            # What is there is no entry at all.
            pass
        index.clear()
        raise Distrusted


def _link(entry: Entry, about: Entry | None) -> Link | None:
    """What an entry is about, as the entries themselves say; ``None`` if the other one does not say it."""
    ended = entry["kind"] == "outcome"
    action = None if ended else entry.get("action")
    if about is None:
        own = None if ended else entry.get("agent")
        return Link(own or (OPERATOR if entry.get("pid") == 0 else None), action)
    if about["kind"] == "intent" and ended and entry["intent"] == about["seq"]:
        return Link(about.get("agent"), about.get("action"))
    if about["kind"] == "process.started" and about["pid"] == entry["pid"]:
        return Link(about["agent"], action)
    return None


def index_file(directory: Path, log_id: str) -> Path | None:
    """Where the index of the log in this directory is kept: in the user's cache folder, by the log's id and place.

    ``None`` if there is no folder that nobody else can write: the index is then a temporary one.
    """
    import hashlib

    try:
        folder = index_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = os.path.realpath(directory)
        if sys.platform != "win32":
            found = folder.stat()
            if found.st_uid != os.geteuid() or found.st_mode & 0o022:
                return None
    except (OSError, RuntimeError):
        return None
    name = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
    file = folder / f"{log_id}-{name}.sqlite"
    if not file.exists():
        _sweep(folder)
    return file


def _sweep(folder: Path) -> None:
    oldest = time.time() - _KEPT_SECONDS
    for path in folder.glob("*.sqlite*"):
        # Another process may be removing the same.
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _within(micros: int | None) -> int | None:
    return None if micros is None else max(-(2**63), min(2**63 - 1, micros))
