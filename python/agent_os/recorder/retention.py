"""What dropping old entries came to, and how far back something is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.recorder.flight_recorder import FlightRecorder

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


@dataclass(frozen=True, slots=True)
class Retention:
    """What was dropped: of the entries before ``to`` hashes are left, and the log's own entries.

    ``entry`` is the number of the entry that tells of it, or ``None`` if nothing was done; ``dropped`` counts the
    entries, without those that were dropped earlier, and ``bytes`` what their segments have less.
    """

    entry: int | None
    to: int
    dropped: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in Retention.__slots__}


def retention_of(row: Mapping[str, Any] | None) -> Retention | None:
    """What the core gives, typed."""
    return None if row is None else Retention(**row)


def age_of(text: str) -> timedelta:
    """The age that a text like ``90d`` or ``12h`` says."""
    found = re.fullmatch(r"([1-9][0-9]{0,6})([dhms])", text)
    if found is None:
        raise ValueError(f"`{text}` is not an age; write a whole number with `d`, `h`, `m` or `s`, like `90d`")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def first_within(recorder: FlightRecorder, keep: timedelta) -> int:
    """The number of the first entry that is no older than this; of all of them, what comes next."""
    if keep <= timedelta(0):
        raise ValueError("`keep` must be longer than nothing")
    since = datetime.now(timezone.utc) - keep
    for entry in recorder.query(since=since, limit=1):
        number: int = entry["seq"]
        return number
    return recorder.size
