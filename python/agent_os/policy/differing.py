"""What another policy decides otherwise, with a request for each difference.

The compiled core looks for them; what it tries is bounded, and the values are those that conditions speak of and some
around them. So a difference is one, and none found is not a proof that there is none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
class LimitUse:
    """What is used of a rule's limit when the request comes, in plain decimal notation.

    ``sum`` is the path that is summed, ``None`` where calls are counted; ``per_seconds`` is ``None`` for the life of a
    run; ``amount`` is what the request adds, ``None`` where that cannot be told.
    """

    rule: str
    sum: str | None
    max: str
    per_seconds: int | None
    by: str
    used: str
    amount: str | None

    def __str__(self) -> str:
        per = "in one run" if self.per_seconds is None else f"within {_duration(self.per_seconds)}"
        if self.sum is None:
            return f"call {int(self.used) + 1:,} {per} by {self.by}, of {int(self.max):,} (`{self.rule}`)"
        adds = "an amount that cannot be told" if self.amount is None else self.amount
        return f"{adds} of {self.sum} {per} by {self.by}, after {self.used} of {self.max} (`{self.rule}`)"


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the policies says: effect, reason, deciding rules, attached ``require`` rules, what they demand.

    ``limits`` is what this policy counts as used, of limits that the difference is about.
    """

    effect: Literal["allow", "ask", "deny"]
    reason: str
    rules: tuple[str, ...]
    requires: tuple[str, ...]
    obligations: Mapping[str, Any]
    limits: tuple[LimitUse, ...] = ()

    @property
    def usage(self) -> list[tuple[str, str]]:
        """``limits`` as ``Policy.decide`` takes them."""
        return [(limit.rule, limit.used) for limit in self.limits]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        lists = {"rules": list(self.rules), "requires": list(self.requires)}
        limits = [asdict(limit) for limit in self.limits]
        said = {"effect": self.effect, "reason": self.reason, **lists, "obligations": dict(self.obligations)}
        return {**said, "limits": limits}


@dataclass(frozen=True, slots=True)
class Difference:
    """A request that the two policies decide differently; ``state`` is its rest, as ``Policy.decide`` takes it.

    What is used of limits stands at each side: the two may count differently.
    """

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
class Undecided:
    """What differs and was not compared: no request was found to which it makes a difference, or none can tell."""

    #: The rule that it is about, if it is about one.
    rule: str | None
    what: str


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """Every difference that was found; true if there is one.

    ``tried`` counts the requests that both decided; ``is_cut_short`` says that a bound was hit before all were tried;
    ``undecided`` is what differs in the policies and was not compared.
    """

    old: str
    new: str
    differences: tuple[Difference, ...]
    tried: int
    is_cut_short: bool
    undecided: tuple[Undecided, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.differences)

    @property
    def is_whole(self) -> bool:
        """True if everything that differs was compared, and no bound was hit."""
        return not self.undecided and not self.is_cut_short

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
            "undecided": [asdict(one) for one in self.undecided],
            "is_proof": False,
        }


def diff(old: Policy, new: Policy) -> PolicyDiff:
    """``Policy.diff``."""
    rows, tried, is_cut_short, undecided = old.bundle.diff(new.bundle)
    left = tuple(Undecided(rule, what) for rule, what in undecided)
    return PolicyDiff(old.digest, new.digest, tuple(map(_difference, rows)), tried, is_cut_short, left)


def _difference(row: Mapping[str, Any]) -> Difference:
    state = {name: row[name] for name in ("agent", "roles", "labels", "calls", "depth", "parent", "texts")}
    state["time"] = _EPOCH + timedelta(microseconds=row["now_micros"])
    sides = (_side(row["before"]), _side(row["after"]))
    args: bytes = row["args"]
    return Difference(row["change"], row["action"], _core.thaw(args), state, *sides, args_json=args.decode())


def _side(row: Mapping[str, Any]) -> Side:
    names: Sequence[str] = ("redact", "labels", "record", "subject")
    obligations = {name: row[name] for name in names if row[name]}
    limits = tuple(LimitUse(**limit) for limit in row["limits"])
    return Side(row["effect"], row["reason"], tuple(row["rules"]), tuple(row["requires"]), obligations, limits)


def _duration(seconds: int) -> str:
    """As policies write it, in the largest unit that fits."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
