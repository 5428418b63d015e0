"""Asking the log: which entries match, and questions that no entry could ever match are refused."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from agent_os.recorder.kinds import KINDS, STATUSES
from agent_os.recorder.links import Links

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent_os.recorder.links import Link
    from agent_os.recorder.source import Entry, Pair

_EFFECTS = ("allow", "deny")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TEXTS: Final = ("agent_id", "action", "effect", "kind", "rule", "label", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for; ``None`` asks nothing of that field."""

    agent_id: str | None = None
    action: str | None = None
    effect: str | None = None
    kind: str | None = None
    rule: str | None = None
    label: str | None = None
    status: str | None = None
    pid: int | None = None
    parent: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    start: int = 0
    before: int | None = None
    limit: int | None = None
    newest_first: bool = False

    def __post_init__(self) -> None:
        for name in _TEXTS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise TypeError(f"`{name}` is a string, not `{type(value).__name__}`; ask for one at a time")
        for name, least in (("pid", 0), ("parent", 0), ("start", 0), ("before", 0), ("limit", 1)):
            _number(name, getattr(self, name), least=least)
        for name in ("since", "until"):
            _moment(name, getattr(self, name))
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"no entry has the kind `{self.kind}`; the kinds are {_listed(KINDS)}")
        if self.status is not None and self.status not in STATUSES:
            raise ValueError(f"no action ends as `{self.status}`; an outcome's status is {_listed(STATUSES)}")
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

    @property
    def terms(self) -> list[tuple[str, str]]:
        """What the index is asked for, as its fields and their values."""
        fields = {
            "agent": self.agent_id,
            "action": self.action,
            "effect": self.effect,
            "kind": self.kind,
            "rule": self.rule,
            "label": self.label,
            "status": self.status,
            "pid": self.pid,
            "parent": self.parent,
        }
        return [(name, str(value)) for name, value in fields.items() if value is not None]

    @property
    def is_selective(self) -> bool:
        """False if every entry from one place on is asked for, so that there is nothing to be looked up."""
        return bool(self.terms) or self.newest_first or self.since is not None or self.until is not None

    def after(self, last: int | None, found: int) -> Query | None:
        """What is left to be asked when this many were found, the last of which was this one; ``None`` if nothing."""
        left = None if self.limit is None else self.limit - found
        if left == 0:
            return None
        if last is None:
            return self
        if self.newest_first:
            return replace(self, before=last, limit=left)
        return replace(self, start=last + 1, limit=left)

    def select(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Those that match, in the order that was asked for. ``pairs`` begin at ``first``."""
        matching = self._matching(pairs)
        if self.newest_first:
            # Whatever comes later comes first, so all of it is read before anything is known.
            yield from reversed(deque(matching, maxlen=self.limit))
            return
        left = self.limit
        for pair in matching:
            yield pair
            if left is not None:
                left -= 1
                if left == 0:
                    return

    def matches(self, entry: Entry, link: Link) -> bool:
        """Whether everything that is asked for holds for this entry, which is about this."""
        seq, time = entry["seq"], entry["time"]
        return (
            seq >= self.start
            and (self.before is None or seq < self.before)
            and (self.kind is None or entry["kind"] == self.kind)
            and (self.pid is None or entry.get("pid") == self.pid)
            and (self.parent is None or entry.get("parent") == self.parent)
            and (self.agent_id is None or link.agent == self.agent_id)
            and (self.action is None or link.action == self.action)
            and (self.status is None or entry.get("status") == self.status)
            and (self.effect is None or effect_of(entry) == self.effect)
            and (self.rule is None or self.rule in rules_of(entry))
            and (self.label is None or self.label in labels_of(entry))
            and (self.since is None or time >= micros_of(self.since))
            and (self.until is None or time < micros_of(self.until))
        )

    def _matching(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        links = Links()
        for raw, entry in pairs:
            if self.before is not None and entry["seq"] >= self.before:
                return
            if self.matches(entry, links.follow(entry)):
                yield raw, entry


def effect_of(entry: Entry) -> str | None:
    """What was decided; what counts further denials has no decision of its own."""
    if entry["kind"] == "denied.repeatedly":
        return "deny"
    effect: str | None = entry.get("decision", {}).get("effect")
    return effect


def rules_of(entry: Entry) -> list[str]:
    """Every rule that had a part in an entry: those that decided, those that demanded something, those that asked."""
    decision: dict[str, Any] = entry.get("decision", {})
    own: list[str] = entry.get("rules", [])
    return [*decision.get("rules", []), *decision.get("obligations", {}).get("rules", []), *own]


def labels_of(entry: Entry) -> list[str]:
    """Every label in an entry: those of the run, of a result or a tool, and those that a rule demanded."""
    demanded: list[str] = entry.get("decision", {}).get("obligations", {}).get("label", [])
    return [*entry.get("labels", []), *entry.get("run", {}).get("labels", []), *demanded]


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _number(name: str, value: object, *, least: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"`{name}` is a whole number, not `{type(value).__name__}`; give one of at least {least}")
    if value < least:
        raise ValueError(f"`{name}` is {value}; give a number of at least {least}")
    if value >= 2**63:
        raise ValueError(f"`{name}` is {value}, and no log has as many entries; give a smaller number")


def _moment(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, datetime):
        raise TypeError(f"`{name}` is a `datetime`, not `{type(value).__name__}`")
    if value.tzinfo is None:
        raise ValueError(f"`{name}` has no offset from UTC; give it a `tzinfo`, like `timezone.utc`")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
