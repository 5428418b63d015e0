"""Why a request is decided as it is, rule by rule, with the place of each rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent_os import _core

#: The three truth values in the words of a person who asks whether a rule applies.
_APPLIES: Final[Mapping[str, Literal["yes", "no", "unknown"]]] = {"true": "yes", "false": "no", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """One rule: whether it applies (``unknown`` counts against the caller), because of what, and where it stands."""

    rule: str
    effect: Literal["allow", "ask", "deny", "require"]
    applies: Literal["yes", "no", "unknown"]
    because: str
    decides: bool
    path: str | None = None
    message: str | None = None
    file: str | None = None
    line: int | None = None
    mode: Literal["enforce", "shadow"] = "enforce"

    @property
    def place(self) -> str:
        """``file:line`` of the rule, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line) if part is not None)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with every rule of its bundle. ``str()`` renders it for people, rules that apply first."""

    action: str
    agent: str
    decision: _core.Decision
    #: The rules that are for the action; the others do not apply because of it.
    candidates: tuple[RuleExplanation, ...]
    _bundle: _core.Bundle = field(repr=False, compare=False)

    @property
    def rules(self) -> tuple[RuleExplanation, ...]:
        """Every rule of the bundle, in the order of their ids; made when it is asked for."""
        # Of a rule that is for other actions there is nothing to say that depends on more than the action.
        others = self._bundle.explain(self.action, {}, agent=self.agent)
        named = {rule.rule: rule for rule in self.candidates}
        return tuple(named.get(row["rule"]) or _rule(row, frozenset()) for row in others)

    def applicable(self) -> tuple[RuleExplanation, ...]:
        """The rules that apply, those by an unknown condition included."""
        return tuple(rule for rule in self.candidates if rule.applies == "yes" or rule.decides)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "action": self.action,
            "agent": self.agent,
            "effect": self.decision.effect,
            "reason": self.decision.reason,
            "deciding_rules": list(self.decision.rules),
            "bundle": self.decision.bundle,
            "shadow": shadow_dict(self.decision),
            "rules": [
                {name: getattr(rule, name) for name in RuleExplanation.__slots__} | {"place": rule.place}
                for rule in self.rules
            ],
        }

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        by = ", ".join(f"`{rule}`" for rule in self.decision.rules) or "the default"
        yield f"{self.decision.effect}: `{self.action}` by agent `{self.agent}`, by {by} ({self.decision.reason})"
        if self.decision.reason == "only_observed":
            yield "  nothing is enforced: every rule of this policy is in shadow and its default is allow"
        if shadow := self.decision.shadow:
            would = ", ".join(f"`{rule}`" for rule in shadow.rules) or "the default"
            yield f"  with the rules in shadow it would be {shadow.effect}, by {would} ({shadow.reason})"
        order = sorted(self.rules, key=lambda rule: (not rule.decides, rule.applies == "no", rule.rule))
        width = max((len(rule.rule) for rule in order), default=0)
        for rule in order:
            mark = {"yes": "+", "no": "-", "unknown": "?"}[rule.applies]
            place = f"  ({rule.place})" if rule.place else ""
            decides = ">" if rule.decides else " "
            shadow_mark = "in shadow: " if rule.mode == "shadow" else ""
            yield f"  {decides} {mark} {rule.rule:<{width}}  {rule.effect:<7}  {shadow_mark}{rule.because}{place}"
            if rule.decides and rule.message:
                yield f"        {rule.message}"


def shadow_dict(decision: _core.Decision) -> dict[str, Any] | None:
    """What would have been decided if nothing were in shadow, as plain values; ``None`` where that is the same."""
    if (shadow := decision.shadow) is None:
        return None
    return {"effect": shadow.effect, "reason": shadow.reason, "deciding_rules": list(shadow.rules)}


def explanation(
    bundle: _core.Bundle, action: str, agent: str, decision: _core.Decision, rows: Sequence[Mapping[str, Any]]
) -> Explanation:
    """Puts together what the core says about a request; ``rows`` are of the rules for its action."""
    deciding = frozenset(decision.rules)
    return Explanation(action, agent, decision, tuple(_rule(row, deciding) for row in rows), bundle)


def _rule(row: Mapping[str, Any], deciding: frozenset[str]) -> RuleExplanation:
    return RuleExplanation(
        rule=row["rule"],
        effect=row["effect"],
        applies=_APPLIES[row["applies"]],
        because=row["because"],
        decides=row["rule"] in deciding,
        path=row["path"],
        message=row["message"],
        file=row["file"],
        line=row["line"],
        mode=row["mode"],
    )
