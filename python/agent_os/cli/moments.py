"""Moments as they are given on the command line."""

from __future__ import annotations

from datetime import datetime

from agent_os.cli.exits import UsageError


def moment_of(option: str, given: str | None) -> datetime | None:
    """The moment that an option names, with its offset from UTC."""
    if given is None:
        return None
    hint = "write it with its offset, like 2026-01-31T09:00:00Z"
    try:
        # Python 3.10 does not read `Z`.
        time = datetime.fromisoformat(given[:-1] + "+00:00" if given.endswith("Z") else given)
    except ValueError as error:
        raise UsageError(f"`{option} {given}` is not a time\n  hint: {hint}") from error
    if time.tzinfo is None:
        raise UsageError(f"`{option} {given}` has no offset from UTC\n  hint: {hint}")
    return time
