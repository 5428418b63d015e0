"""What another policy decides otherwise, with a request for each difference.

The compiled core looks for them; what it tries is bounded, and the values are those that conditions speak of and some
around them. So a difference is one, and none found is not a proof that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, Literal

from agent_os import _core

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_os.policy.policy import Policy

Change = Literal["opened", "closed", "obligations"]

#: What each change means, the one that matters most first.
CHANGES: Final[Mapping[Change, str]] = {
    "opened": "the new policy is weaker here: deny became ask or allow, or ask became allow",
    "closed": "the new policy is stronger here: allow became ask or deny, or ask became deny",
    "obligations": "the effect is the same, and what must be redacted, labelled or recorded is not",
}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the policies says: effect, reason, deciding rules, attached ``require`` rules, what they demand."""

    effect: Literal["allow", "ask", "deny"]
    reason: str
    rules: tuple[str, ...]
    requires: tuple[str, ...]
    obligations: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        lists = {"rules": list(self.rules), "requires": list(self.requires)}
        return {"effect": self.effect, "reason": self.reason, **lists, "obligations": dict(self.obligations)}


@dataclass(frozen=True, slots=True)
class Difference:
    """A request that the two policies decide differently; ``state`` is its rest, as ``Policy.decide`` takes it."""

    change: Change
    action: str
    args: Mapping[str, Any]
    state: Mapping[str, Any]
    before: Side
    after: Side
    #: The arguments as canonical JSON, as ``agentos explain --args`` takes them.
    args_json: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        import json

        state = {**self.state, "time": self.state["time"].isoformat()}
        return {
            "change": self.change,
            "request": {"action": self.action, "args": json.loads(self.args_json), **state},
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """Every difference that was found; true if there is one.

    ``tried`` counts the requests that both decided; ``is_cut_short`` says that a bound was hit before all were tried.
    """

    old: str
    new: str
    differences: tuple[Difference, ...]
    tried: int
    is_cut_short: bool

    def __bool__(self) -> bool:
        return bool(self.differences)

    def count(self, change: Change) -> int:
        """How many differences there are of one kind."""
        return sum(difference.change == change for difference in self.differences)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "old": self.old,
            "new": self.new,
            "changes": {change: self.count(change) for change in CHANGES},
            "differences": [difference.to_dict() for difference in self.differences],
            "tried": self.tried,
            "is_cut_short": self.is_cut_short,
            "is_proof": False,
        }


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """``Policy.diff``."""
    rows, tried, is_cut_short = old.bundle.diff(new.bundle)
    return PolicyDiff(old.digest, new.digest, tuple(map(_difference, rows)), tried, is_cut_short)


def _difference(row: Mapping[str, Any]) -> Difference:
    state = {name: row[name] for name in ("agent", "roles", "labels", "depth", "parent", "texts")}
    state["time"] = _EPOCH + timedelta(microseconds=row["now_micros"])
    sides = (_side(row["before"]), _side(row["after"]))
    args: bytes = row["args"]
    return Difference(row["change"], row["action"], _core.thaw(args), state, *sides, args_json=args.decode())


def _side(row: Mapping[str, Any]) -> Side:
    names: Sequence[str] = ("redact", "labels", "record")
    obligations = {name: row[name] for name in names if row[name]}
    return Side(row["effect"], row["reason"], tuple(row["rules"]), tuple(row["requires"]), obligations)
