"""``FlightRecorder``: a kernel's log, or the directory of any log, to be read."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os import __version__, _core
from agent_os.errors import RecorderError
from agent_os.recorder import values
from agent_os.recorder.asking import Asking
from agent_os.recorder.key_folder import key_folder
from agent_os.recorder.lookup import Lookup
from agent_os.recorder.proofs import consistency_of, inclusion_of
from agent_os.recorder.query import Query
from agent_os.recorder.retention import first_within, retention_of
from agent_os.recorder.source import DirectorySource, KernelSource, parse
from agent_os.recorder.verification import report_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent_os.recorder.proofs import ConsistencyProof, InclusionProof
    from agent_os.recorder.retention import Retention
    from agent_os.recorder.source import Entry, Pair, Source
    from agent_os.recorder.verification import VerifyReport


class FlightRecorder(Asking):
    """The log of a kernel, for reading. Only the kernel itself writes to it.

    ``FlightRecorder(directory)`` reads any log, also while it is written, or is given to ``KernelSpace(recorder=…)``
    to say where that kernel's log goes; ``kernel.flight_recorder`` is a running kernel's. A kernel signs with the key
    in the file ``key`` (one line, ``agentos-log-key-`` and 64 hexadecimal digits, for its owner only), or with one that
    it makes in the user's state folder. With ``retain`` it drops what is older when it opens the log
    (see ``retain()``). Entries are plain dicts as they stand in the log. Raises ``RecorderError`` when there is no log,
    or it cannot be read.

    >>> from agent_os import KernelSpace
    >>> with KernelSpace("strict", durability="memory") as kernel:
    ...     [entry["kind"] for entry in kernel.flight_recorder.entries()]
    ['log.created', 'policy.loaded']
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        key: str | os.PathLike[str] | None = None,
        retain: timedelta | None = None,
    ) -> None:
        if not isinstance(directory, (str, os.PathLike)) or not isinstance(path := os.fspath(directory), str):
            raise TypeError(f"`{type(directory).__name__}` is not a directory's name; give a `str` or a `Path`")
        if not path:
            raise ValueError("the directory's name is empty; name the directory of the log")
        self._directory: Path | None = Path(path)
        if retain is not None and (not isinstance(retain, timedelta) or retain <= timedelta(0)):
            raise ValueError("`retain` is the age up to which entries stay, a positive `timedelta`")
        self._key = None if key is None else Path(key)
        self._retain = retain
        self._source: Source | None = None
        self._lookup = None

    @classmethod
    def _bound(cls, core: _core.Kernel, directory: Path | None) -> FlightRecorder:
        """The recorder of a running kernel; ``directory`` is ``None`` for a log in memory."""
        recorder = cls.__new__(cls)
        recorder._directory = directory  # noqa: SLF001 (an instance of this class)
        recorder._key = recorder._retain = None  # noqa: SLF001
        recorder._source = KernelSource(core)  # noqa: SLF001
        recorder._lookup = None if directory is None else Lookup(directory, core.log_id, follow=True)  # noqa: SLF001
        return recorder

    @property
    def directory(self) -> Path | None:
        """Where the log is; ``None`` if it is in memory only."""
        return self._directory

    @property
    def key_file(self) -> Path | None:
        """The file of the key that was given, if one was."""
        return self._key

    @property
    def keeps(self) -> timedelta | None:
        """The age up to which a kernel that is given this keeps entries; ``None``: for ever."""
        return self._retain

    @property
    def log_id(self) -> str:
        """The log's id: 32 hexadecimal digits."""
        return self._reading().log_id

    @property
    def root(self) -> str:
        """The root of the RFC 6962 tree over the entries, in hex. For a directory it is computed from the entries."""
        source = self._reading()
        return source.root() if isinstance(source, KernelSource) else self.verify().root

    def follow(
        self, start: int = 0, *, until: Callable[[], bool] | None = None, interval: float = 0.1
    ) -> Iterator[Entry]:
        """The entries from a sequence number on, and each new one as it is written.

        Before each look for new ones ``until`` is asked whether that look is the last; without it, it goes on until the
        caller closes it. Looks are ``interval`` seconds apart.
        """
        return (entry for _, entry in self.follow_pairs(start, until=until, interval=interval))

    def follow_pairs(
        self, start: int = 0, *, until: Callable[[], bool] | None = None, interval: float = 0.1
    ) -> Iterator[Pair]:
        """The same, each with its canonical bytes."""
        Query(start=start)
        if not interval > 0:
            raise ValueError("`interval` must be a positive number of seconds")
        return self._follow(self._reading(), start, until, interval)

    def verify(
        self,
        *,
        key: str | Sequence[str] | None = None,
        checkpoint: str | bytes | Sequence[str | bytes] = (),
        ratchet_key: str | None = None,
        witness: str | Sequence[str] = (),
        quorum: int | None = None,
        tsa_ca: bytes | None = None,
        tsa_policy: str | None = None,
    ) -> VerifyReport:
        """Checks the directory from scratch, with code that shares nothing with what wrote it.

        ``key`` is the public key that was kept, as ``agentos log keys`` prints it, or several, each of which must hold;
        ``checkpoint`` is one that was kept, or several; ``ratchet_key`` the first key of the ratchet, as its file holds
        it. ``witness`` is the key of a witness, or of several, ``quorum`` how many of them must have cosigned the log
        (without it, all). ``tsa_ca`` is the certificates (PEM) of whoever stamped the log with a time, ``tsa_policy``
        the policy under which it must have: this needs ``agent-os[timestamps]``, and raises ``ImportError`` without it
        and ``ValueError`` for certificates that are none. What is wrong with the log is in the report and not raised. A
        log in memory has nothing to be verified.
        """
        given = [checkpoint] if isinstance(checkpoint, (str, bytes)) else checkpoint
        held = [note.encode() if isinstance(note, str) else note for note in given]
        named = [(f"held checkpoint {place + 1}", note) for place, note in enumerate(held)]
        keys = [key] if isinstance(key, str) else key or ()
        witnesses = [witness] if isinstance(witness, str) else witness
        directory = self._on_disk("verify")
        if tsa_ca is None:
            return report_of(_core.verify_log(directory, keys, named, ratchet_key, witnesses, quorum))
        from agent_os.recorder import timestamps

        # What is wrong with the certificates is said before a large log is read.
        authority = timestamps.Authority.of(tsa_ca, tsa_policy)
        report = report_of(_core.verify_log(directory, keys, named, ratchet_key, witnesses, quorum))
        doubted = {problem.file for problem in report.problems}
        return report.with_stamps(*timestamps.verify(directory, authority, doubted))

    def checkpoint(self) -> str:
        """A signed statement of the log's size and root (C2SP tlog-checkpoint), to be kept where agents cannot write.

        A running kernel puts everything so far on stable storage and signs anew; a directory has the one that was
        signed last.
        """
        source = self._reading()
        return source.checkpoint() if isinstance(source, KernelSource) else self._on_files("sign").checkpoint()

    def prove(self, seq: int, *, size: int | None = None) -> InclusionProof:
        """Proves that an entry is among the first ``size``, or among those that the checkpoint names.

        >>> from agent_os import KernelSpace
        >>> with KernelSpace("strict") as kernel:
        ...     signed = kernel.flight_recorder.checkpoint()
        ...     kernel.flight_recorder.prove(1).text.endswith(signed)
        True
        """
        Query(start=seq)
        return inclusion_of(self._on_files("prove").prove(seq, size))

    def prove_consistency(self, old_size: int, *, size: int | None = None) -> ConsistencyProof:
        """Proves that the first ``size`` entries, or those of the checkpoint, begin with the first ``old_size``."""
        Query(start=old_size)
        return consistency_of(self._on_files("prove").prove_consistency(old_size, size))

    def raw(self, seq: int) -> bytes:
        """The bytes of an entry, as they are hashed. Raises ``RecorderError`` if there is none of this number."""
        Query(start=seq)
        for number, data in self._reading().raw(seq):
            if number == seq:
                return data
            raise RecorderError(
                f"entry {seq} was dropped, and only its hash is left; the next one that is there is {number}",
                code="entry_dropped",
            )
        raise RecorderError(f"there is no entry {seq}; the log has {self.size}", code="out_of_range")

    def export_tiles(self, folder: str | os.PathLike[str]) -> int:
        """Writes the entries that the checkpoint names into a new folder, as a C2SP tlog-tiles log of static files.

        Gives their number.
        """
        return self._on_files("export").export_tiles(folder)

    def payload(self, reference: object) -> bytes:
        """The bytes that a ``{"$payload": …}`` of an entry, or the SHA-256 in it, stands for."""
        return values.payload(self._reading(), reference)

    def resolve(self, value: object) -> Any:
        """A value of an entry as Python objects: payloads are fetched, and ``{"$decimal": …}`` and the like restored.

        A member of an enumeration comes back as its value. What was sealed is opened, if the key is here; else
        ``RecorderError`` is raised. What was redacted comes back as ``"[redacted]"``.
        """
        return values.resolve(self._reading(), value, self.redactions)

    def spelt(self, value: object) -> bytes | None:
        """The JSON of a value of an entry, out of its payload and unsealed; ``None`` if it was redacted."""
        return values.spelt(self._reading(), value, self.redactions)

    def redact(self, *, subject: str | None = None, seq: int | None = None) -> int | None:
        """Makes what the log holds of a person, or in the payloads of one entry, unreadable for good.

        ``subject`` is the person, as the argument names them that the policy's ``subject`` says, or ``""`` for all
        that was sealed for nobody who could be named: their key is destroyed. ``seq`` is the number of an entry: the
        payloads that it refers to are removed. Hashes, proofs and signatures stay what they were. An entry tells of it
        first; its number is given, or ``None`` if there was nothing to be redacted.

        A directory is opened for that, with the key in the key folder; while a kernel writes it, ask that kernel's
        ``flight_recorder``.
        """
        if (subject is None) == (seq is None):
            raise ValueError("give either `subject` or `seq`")
        if subject is not None and not isinstance(subject, str):
            raise TypeError(f"`subject` is a string, not `{type(subject).__name__}`")
        Query(start=0 if seq is None else seq)
        source = self._reading()
        if isinstance(source, KernelSource):
            told = source.redact(subject, seq)
        else:
            told = _core.redact_log(self._on_disk("redact"), key_folder(), __version__, subject, seq)
        self._redactions = None
        return told

    def retain(
        self, *, keep: timedelta | None = None, before: int | None = None, dry_run: bool = False
    ) -> Retention | None:
        """Drops what old entries say, as far as whole segments hold no others, and leaves their hashes.

        ``keep`` is the age up to which entries stay, ``before`` the number of the first one that stays. The log's own
        entries (``log.…``) stay in any case. The tree, proofs and checkpoints stay what they were; an entry tells of it
        first. Payloads go with the last entry that refers to them. ``dry_run`` only says what would be dropped.
        ``None`` if there is nothing to drop. A directory is opened for it, as with ``redact``; for a dry run it is only
        read.
        """
        if (keep is None) == (before is None):
            raise ValueError("give either `keep` or `before`")
        first = before if before is not None else first_within(self, keep or timedelta(0))
        Query(before=first)
        source = self._reading()
        if isinstance(source, KernelSource) and not dry_run:
            return retention_of(source.retain(first))
        return retention_of(_core.retain_log(self._on_disk("retain"), key_folder(), __version__, first, dry_run))

    def _on_disk(self, verb: str) -> Path:
        if self._directory is None:
            raise RecorderError(
                f'the log is in memory and has nothing on disk to {verb}; use durability="written"',
                code="not_supported",
            )
        return self._directory

    def _on_files(self, verb: str) -> _core.LogReader:
        return DirectorySource(self._on_disk(verb)).reader

    def __repr__(self) -> str:
        return f"<FlightRecorder {self._directory or 'in memory'}>"

    def _reading(self) -> Source:
        if self._source is None:
            if self._directory is None:
                raise RecorderError("this recorder is not bound to a log; name its directory", code="not_a_log")
            self._source = DirectorySource(self._directory)
            self._lookup = Lookup(self._directory, self._source.log_id)
        return self._source

    @staticmethod
    def _follow(source: Source, start: int, until: Callable[[], bool] | None, interval: float) -> Iterator[Pair]:
        raw, due = source.raw(start), start
        while True:
            last = until is not None and until()
            for seq, data in source.present(due) if last else raw:
                due = seq + 1
                yield data, parse(data)
            if last:
                return
            time.sleep(interval)
