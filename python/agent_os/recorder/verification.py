"""What verifying a log found, as values that do not change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.recorder.timestamps import TimeStamp


@dataclass(frozen=True, slots=True)
class LogProblem:
    """One thing that is not as it must be: in which file of the log, at which byte, about which entry."""

    file: str
    offset: int | None
    seq: int | None
    what: str

    def __str__(self) -> str:
        place = self.file if self.offset is None else f"{self.file} at byte {self.offset}"
        about = "" if self.seq is None else f"entry {self.seq}: "
        return f"{place}: {about}{self.what}" if place else f"{about}{self.what}"


@dataclass(frozen=True, slots=True)
class Cosignature:
    """The largest checkpoint of a log that a witness has cosigned: so many entries, and when in seconds since 1970."""

    name: str
    size: int
    time: int


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a log proves. True only if everything is as it must be.

    ``level`` is ``self-consistent`` (every entry is whole, in its place, and under the root that the checkpoint names),
    ``pinned key`` (the same, and signed by the key that was given, or by one that took its place with its consent),
    ``witnessed to N`` (the same, and enough of the witnesses that were given have seen its first N entries), ``none``.
    Somebody who can write the directory can write another log with another key; only a key, a checkpoint or a witness
    that is elsewhere shows that. ``pinned`` says whether the keys that were given hold, ``witnessed`` is N, and
    ``cosignatures`` has the newest of each witness that was given, ``stamps`` the time stamps that hold. ``held`` says
    up to how many entries the log is that of a checkpoint that was given, ``sealed`` how many were sealed in time, as
    the first key of the ratchet shows. ``seals`` counts the seals, ``gaps`` lists those whose key was still there after
    a crash. ``key`` signs the log; ``rotations`` lists the entries with which a new key took the place of the one
    before. ``unfinished`` lists intents without an outcome: these actions may have happened. ``dropped`` counts the
    entries that retention dropped: of these only the hashes were checked, and nobody can tell what they said.
    ``redactions`` lists the entries that tell of what was made unreadable for good. ``backward_steps`` lists entries
    whose clock is behind that of the entry before.
    """

    ok: bool
    level: str
    pinned: bool
    witnessed: int | None
    cosignatures: tuple[Cosignature, ...]
    stamps: tuple[TimeStamp, ...]
    log_id: str
    entries: int
    root: str
    payloads: int
    redactions: tuple[int, ...]
    dropped: int
    closed: bool
    key: str
    rotations: tuple[int, ...]
    checkpoint: int
    after_checkpoint: int
    held: int | None
    seals: int
    gaps: tuple[int, ...]
    sealed: int | None
    unfinished: tuple[int, ...]
    backward_steps: tuple[int, ...]
    strays: tuple[str, ...]
    problems: tuple[LogProblem, ...]

    def with_stamps(self, stamps: tuple[TimeStamp, ...], problems: tuple[LogProblem, ...]) -> VerifyReport:
        """The same with the time stamps that hold, and what is wrong with others."""
        if not problems:
            return replace(self, stamps=stamps)
        return replace(self, stamps=stamps, problems=self.problems + problems, ok=False, level="none")

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in VerifyReport.__slots__}
        for name in ("redactions", "rotations", "gaps", "unfinished", "backward_steps", "strays"):
            plain[name] = list(plain[name])
        plain["cosignatures"] = [{"name": c.name, "size": c.size, "time": c.time} for c in self.cosignatures]
        plain["stamps"] = [{"size": s.size, "time": s.time.isoformat(), "policy": s.policy} for s in self.stamps]
        plain["problems"] = [{"file": p.file, "offset": p.offset, "seq": p.seq, "what": p.what} for p in self.problems]
        return plain


def report_of(row: Mapping[str, Any]) -> VerifyReport:
    """The report that the core gives, typed."""
    return VerifyReport(
        ok=row["ok"],
        level=row["level"],
        pinned=row["pinned"],
        witnessed=row["witnessed"],
        cosignatures=tuple(Cosignature(*each) for each in row["cosignatures"]),
        stamps=(),
        log_id=row["log_id"],
        entries=row["entries"],
        root=row["root"],
        payloads=row["payloads"],
        redactions=tuple(row["redactions"]),
        dropped=row["dropped"],
        closed=row["closed"],
        key=row["key"],
        rotations=tuple(row["rotations"]),
        checkpoint=row["checkpoint"],
        after_checkpoint=row["after_checkpoint"],
        held=row["held"],
        seals=row["seals"],
        gaps=tuple(row["gaps"]),
        sealed=row["sealed"],
        unfinished=tuple(row["unfinished"]),
        backward_steps=tuple(row["backward_steps"]),
        strays=tuple(row["strays"]),
        problems=tuple(LogProblem(p["file"], p["offset"], p["seq"], p["what"]) for p in row["problems"]),
    )
