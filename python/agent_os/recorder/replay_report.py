"""What deciding a log again under another policy came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os._core import Decision, Shadow

Change = Literal["opened", "closed", "obligations", "reason", "shadow"]

#: What each change means, the ones that matter most first.
CHANGES: Final[Mapping[Change, str]] = {
    "opened": "the other policy is weaker here: deny became ask or allow, or ask became allow",
    "closed": "the other policy is stronger here: allow became ask or deny, or ask became deny",
    "obligations": "the effect is the same, and what must be redacted, labelled or recorded is not",
    "reason": "the effect is the same, by other rules or for another reason",
    "shadow": "the decision is the same, and what rules in shadow would have decided is not",
}

#: Why a decision is not decided again. A reason code of the kernel stands for itself: the policy was never asked.
NOT_REPLAYABLE: Final[Mapping[str, str]] = {
    "arguments_not_recorded": 'the arguments were not recorded in full; run the kernel with record="full"',
    "arguments_redacted": "an argument was blotted out before it was recorded or redacted since, or reads so",
    "arguments_sealed": "the arguments are sealed, and the key of whom they are about is not in the key folder",
    "text_not_recorded": "a rule asks where a value was seen, and what the run had seen is not in the log in full",
    "text_sealed": "a rule asks where a value was seen, and what the run had seen is sealed or redacted",
    "text_lost": "a rule asks where a value was seen, and the run had met text that could not be read or was too much",
    "usage_not_recorded": "what was used of a limit is not in the log: the policy of that time did not ask",
    "only_counted": "the run was denied so many different things at once that some were only counted",
    "run_not_recorded": "the log does not say how the run that asked began",
    "policy_not_recorded": "the policy that was in force cannot be rebuilt from the log",
    "not_reproduced": "what the log holds of the request and the run does not lead to the decision in the log",
}

_STRENGTH = {"deny": 0, "ask": 1, "allow": 2}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy says: the effect, the code of its reason, the deciding rules, what must happen with it."""

    effect: str
    reason: str
    rules: tuple[str, ...]
    obligations: Mapping[str, Any]
    shadow: Verdict | None = None

    @classmethod
    def of(cls, decision: Decision | Shadow) -> Verdict:
        """The verdict in a decision, with what rules in shadow would have decided."""
        shadow = getattr(decision, "shadow", None)
        obligations = {
            name: list(value) if isinstance(value, tuple) else value for name, value in decision.obligations.items()
        }
        would = None if shadow is None else cls.of(shadow)
        return cls(decision.effect, decision.reason, tuple(decision.rules), obligations, would)

    def change_to(self, other: Verdict) -> Change | None:
        """How another verdict differs from this one."""
        if self.effect != other.effect:
            return "opened" if _STRENGTH[other.effect] > _STRENGTH[self.effect] else "closed"
        if self.obligations != other.obligations:
            return "obligations"
        if (self.reason, self.rules) != (other.reason, other.rules):
            return "reason"
        return None if self.shadow == other.shadow else "shadow"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "effect": self.effect,
            "reason": self.reason,
            "rules": list(self.rules),
            "obligations": dict(self.obligations),
            "shadow": None if self.shadow is None else self.shadow.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """A recorded request that the other policy decides otherwise; ``seq`` is its entry in the log."""

    seq: int
    time: int
    pid: int
    agent: str
    action: str
    change: Change
    before: Verdict
    after: Verdict

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in Difference.__slots__}
        return {**plain, "before": self.before.to_dict(), "after": self.after.to_dict()}


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """Every decision of a log beside what the other policy says.

    ``decisions`` counts all of them: ``same``, ``differences``, and those ``not_replayable`` by reason.
    """

    log_id: str
    policy: str
    entries: int
    decisions: int
    same: int
    differences: tuple[Difference, ...]
    not_replayable: Mapping[str, int]

    @property
    def replayed(self) -> int:
        """How many decisions were decided again. If there are none, the report says nothing of the policy."""
        return self.same + len(self.differences)

    def count(self, change: Change) -> int:
        """How many differences there are of one kind."""
        return sum(difference.change == change for difference in self.differences)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "log_id": self.log_id,
            "policy": self.policy,
            "entries": self.entries,
            "decisions": self.decisions,
            "replayed": self.replayed,
            "same": self.same,
            "changes": {change: self.count(change) for change in CHANGES},
            "differences": [difference.to_dict() for difference in self.differences],
            "not_replayable": dict(self.not_replayable),
        }
