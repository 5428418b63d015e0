"""Asking the log: which entries match, and questions that no entry could ever match are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_os.recorder.kinds import KINDS
from agent_os.recorder.links import Links

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent_os.recorder.links import Link
    from agent_os.recorder.source import Entry

_EFFECTS = ("allow", "deny")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; ``None`` asks nothing of that field."""

    agent_id: str | None = None
    action: str | None = None
    effect: str | None = None
    kind: str | None = None
    rule: str | None = None
    pid: int | None = None
    start: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("agent_id", "action", "effect", "kind", "rule"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise TypeError(f"`{name}` is a string, not `{type(value).__name__}`; ask for one at a time")
        _number("pid", self.pid, least=0)
        _number("start", self.start, least=0)
        _number("limit", self.limit, least=1)
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"no entry has the kind `{self.kind}`; the kinds are {_listed(KINDS)}")
        if self.effect == "ask":
            raise ValueError(
                "no entry has the effect `ask`, because an action that was asked about ended as allow or deny; "
                'use kind="approval.requested"'
            )
        if self.effect is not None and self.effect not in _EFFECTS:
            raise ValueError(f"`{self.effect}` is not an effect; the effects are {_listed(_EFFECTS)}")

    @property
    def first(self) -> int:
        """Where reading starts: what an entry is about may be said by an earlier one."""
        return self.start if self.agent_id is None and self.action is None else 0

    def select(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries that match, in their order. ``entries`` begin at ``first``."""
        links, left = Links(), self.limit
        for entry in entries:
            link = links.follow(entry)
            if entry["seq"] < self.start or not self._matches(entry, link):
                continue
            yield entry
            if left is not None:
                left -= 1
                if left == 0:
                    return

    def _matches(self, entry: Entry, link: Link) -> bool:
        return (
            (self.kind is None or entry["kind"] == self.kind)
            and (self.pid is None or entry.get("pid") == self.pid)
            and (self.agent_id is None or link.agent == self.agent_id)
            and (self.action is None or link.action == self.action)
            and (self.effect is None or entry.get("decision", {}).get("effect") == self.effect)
            and (self.rule is None or self.rule in rules_of(entry))
        )


def rules_of(entry: Entry) -> list[str]:
    """Every rule that had a part in an entry: those that decided, those that demanded something, those that asked."""
    decision: dict[str, Any] = entry.get("decision", {})
    own: list[str] = entry.get("rules", [])
    return [*decision.get("rules", []), *decision.get("obligations", {}).get("rules", []), *own]


def _number(name: str, value: object, *, least: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"`{name}` is a whole number, not `{type(value).__name__}`; give one of at least {least}")
    if value < least:
        raise ValueError(f"`{name}` is {value}; give a number of at least {least}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
