"""Where entries come from: a log's directory, or the kernel that writes it. Both are read in the same way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from agent_os import _core
from agent_os.errors import RecorderError
from agent_os.recorder.key_folder import key_folder

if TYPE_CHECKING:
    from agent_os._core import Kernel

Entry = dict[str, Any]

#: An entry after its canonical bytes.
Pair = tuple[bytes, Entry]


class Source(Protocol):
    """What can be read of a log."""

    @property
    def log_id(self) -> str:
        """The log's id in hex."""

    def size(self) -> int:
        """How many entries there are now."""

    def raw(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Entries from a place on, as they stand in the log; asked again after the end, it goes on with what is new."""

    def present(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Entries from a place up to the present end: a log that grows faster than it is read has one, too."""

    def payload(self, sha256: str) -> bytes:
        """A payload of the side store."""

    def unseal(self, keys: list[str], text: bytes) -> bytes:
        """What was sealed under the keys of these ids."""


class DirectorySource:
    """A directory that is only read; it may be written to meanwhile."""

    def __init__(self, directory: Path) -> None:
        _check(directory)
        self._reader = _core.LogReader(directory)

    @property
    def reader(self) -> _core.LogReader:
        """What reads the directory."""
        return self._reader

    @property
    def log_id(self) -> str:
        return self._reader.log_id

    def size(self) -> int:
        return self._reader.size

    def raw(self, start: int) -> Iterator[tuple[int, bytes]]:
        return self._reader.entries(start)

    def present(self, start: int) -> Iterator[tuple[int, bytes]]:
        return self._reader.present(start)

    def payload(self, sha256: str) -> bytes:
        return self._reader.payload(sha256)

    def unseal(self, keys: list[str], text: bytes) -> bytes:
        return self._reader.unseal(key_folder(), keys, text)


class KernelSource:
    """The log of a kernel of this process, which may be in memory only."""

    def __init__(self, core: Kernel) -> None:
        self._core = core

    @property
    def log_id(self) -> str:
        return self._core.log_id

    def size(self) -> int:
        return self._core.log_size

    def root(self) -> str:
        """The root of the tree, as the writer keeps it."""
        return self._core.log_root

    def checkpoint(self) -> str:
        """A checkpoint over every entry so far."""
        return self._core.log_checkpoint()

    def raw(self, start: int) -> Iterator[tuple[int, bytes]]:
        return self._core.log_entries(start)

    def present(self, start: int) -> Iterator[tuple[int, bytes]]:
        return islice(self._core.log_entries(start), max(0, self.size() - start))

    def payload(self, sha256: str) -> bytes:
        return self._core.log_payload(sha256)

    def unseal(self, keys: list[str], text: bytes) -> bytes:
        return self._core.log_unseal(keys, text)

    def retain(self, before: int) -> dict[str, Any] | None:
        """Drops what old entries say."""
        return self._core.log_retain(before)

    def redact(self, subject: str | None, seq: int | None) -> int | None:
        """Makes something unreadable for good, and gives the entry that tells of it."""
        return self._core.log_redact(subject, seq)


def parse(raw: bytes) -> Entry:
    """The entry that these bytes are.

    Raises ``RecorderError`` for one that no kernel wrote, so that readers can rely on what each kind has.
    """
    if (fault := _core.entry_fault(raw)) is not None:
        raise RecorderError(f"{fault}; check the log with `agentos log verify`", code="log_damaged")
    entry: Entry = json.loads(raw)
    return entry


def _check(directory: Path) -> None:
    """Refuses what is clearly no log, in the words of the mistake that it probably is."""
    hint = "name the directory that the kernel was given as `recorder`"
    if not directory.exists():
        raise RecorderError(f"`{directory}` does not exist; {hint}", code="not_a_log")
    if not directory.is_dir():
        raise RecorderError(f"`{directory}` is a file and a log is a directory; {hint}", code="not_a_log")
    if not (directory / "segments").is_dir():
        raise RecorderError(f"`{directory}` is not a log: it has no folder `segments`; {hint}", code="not_a_log")
