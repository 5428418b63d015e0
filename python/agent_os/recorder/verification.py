"""What verifying a log found, as values that do not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


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
class VerifyReport:
    """What a log proves. True only if everything is as it must be.

    ``level`` is ``self-consistent`` (every entry is whole, in its place, and under the root that the checkpoint names),
    ``pinned key`` (the same, and signed by the key that was given, or by one that took its place with its consent) or
    ``none``. Somebody who can write the directory can write another log with another key; only a key or a checkpoint
    that was kept elsewhere shows that. ``held`` says up to how many entries the log is that of a checkpoint that was
    given, ``sealed`` how many were sealed in their time, as the first key of the ratchet shows. ``seals`` counts the
    seals, ``gaps`` lists those whose key was still there after a crash. ``key`` signs the log; ``rotations`` lists the
    entries with which a new key took the place of the one before. ``unfinished`` lists intents without an outcome:
    these actions may have happened. ``backward_steps`` lists entries whose clock is behind that of the entry before.
    """

    ok: bool
    level: str
    log_id: str
    entries: int
    root: str
    payloads: int
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

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in VerifyReport.__slots__}
        for name in ("rotations", "gaps", "unfinished", "backward_steps", "strays"):
            plain[name] = list(plain[name])
        plain["problems"] = [{"file": p.file, "offset": p.offset, "seq": p.seq, "what": p.what} for p in self.problems]
        return plain


def report_of(row: Mapping[str, Any]) -> VerifyReport:
    """The report that the core gives, typed."""
    return VerifyReport(
        ok=row["ok"],
        level=row["level"],
        log_id=row["log_id"],
        entries=row["entries"],
        root=row["root"],
        payloads=row["payloads"],
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
