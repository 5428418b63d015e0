"""What was made unreadable for good, as the log's own entries `log.redacted` tell it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from agent_os.recorder.values import REDACTED, is_reference, is_sealed, payload_in, sealed_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent_os.recorder.source import Entry

#: For how long what is known counts, in seconds: another process may redact meanwhile.
_FRESH: Final = 0.5


class Redactions:
    """The keys that were destroyed and the payloads that were removed."""

    def __init__(self, told_from: Callable[[int], Iterator[Entry]]) -> None:
        """``told_from`` gives the entries `log.redacted` from a number on."""
        self._told_from = told_from
        self._next = 0
        self._known_at: float | None = None
        self._keys: set[str] = set()
        self._payloads: set[str] = set()

    def __bool__(self) -> bool:
        self._refresh()
        return bool(self._keys or self._payloads)

    def has(self, value: object, *, at_once: bool = False) -> bool:
        """Whether this sealed value, or this reference to a payload, is among them, as far as is known lately."""
        self._refresh(at_once=at_once)
        if is_sealed(value):
            return not self._keys.isdisjoint(sealed_keys(value)) or payload_in(value) in self._payloads
        return is_reference(value) and payload_in(value) in self._payloads

    def shown(self, value: Any) -> Any:
        """The value with a mark in place of whatever can no longer be read."""
        if isinstance(value, list):
            return [self.shown(item) for item in value]
        if not isinstance(value, dict):
            return value
        if is_sealed(value) or is_reference(value):
            return REDACTED if self.has(value) else value
        if len(value) == 1 and next(iter(value)).startswith("$"):
            return value
        return {key: self.shown(item) for key, item in value.items()}

    def _refresh(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and self._known_at is not None and now - self._known_at < _FRESH:
            return
        self._known_at = now
        for entry in self._told_from(self._next):
            self._keys.update(entry.get("keys", ()))
            self._payloads.update(entry.get("payloads", ()))
            self._next = entry["seq"] + 1
