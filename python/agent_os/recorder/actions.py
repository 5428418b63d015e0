"""Actions with how they ended, put together from entries that stand apart in the log, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from agent_os.recorder.links import OPERATOR
from agent_os.recorder.run_entries import NEW_KERNEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agent_os.recorder.source import Entry

#: Questions that wait for their action; more are forgotten, for there are kernels that ended before they decided.
_ASKED: Final = 10_000


class RunPlace(NamedTuple):
    """Where a run stands: the intent that started it, and the one that started the run at the top."""

    intent: int
    top: int


@dataclass(frozen=True, slots=True)
class Action:
    """An `intent` or `denied`, with its outcome if there is one, and the questions and answers about it.

    What was denied again and again is one action, too, with its `count`.

    ``run`` is the place of the run that asked for it, ``None`` for the operator's own; ``started`` the
    `process.started` of the run that it began.
    """

    entry: Entry
    outcome: Entry | None
    approvals: tuple[Entry, ...]
    run: RunPlace | None
    started: Entry | None = None

    @property
    def agent(self) -> str:
        """Who asked."""
        agent: str = self.entry.get("agent") or OPERATOR
        return agent

    @property
    def seq(self) -> int:
        """The number of its intent or denial."""
        seq: int = self.entry["seq"]
        return seq

    @property
    def count(self) -> int:
        """How often it was asked for."""
        count: int = self.entry.get("count", 1)
        return count

    @property
    def top(self) -> int:
        """The intent at the top of the tree that it is in; its own number if it is there itself."""
        return self.seq if self.run is None else self.run.top

    @property
    def ended(self) -> int:
        """When it ended, never before it began; if it has no outcome, when it began."""
        began: int = self.entry["time"]
        return began if self.outcome is None else max(began, self.outcome["time"])


@dataclass(slots=True)
class Joining:
    """Follows a log and gives each action as soon as it is whole. It remembers what is open, nothing else."""

    runs: dict[int, RunPlace] = field(default_factory=dict)
    _open: dict[int, Action] = field(default_factory=dict)
    _children: dict[int, Entry] = field(default_factory=dict)
    _asked: dict[tuple[int | None, str], list[Entry]] = field(default_factory=dict)

    def follow(self, entries: Iterable[Entry]) -> Iterator[Action]:
        """Every action of these entries. Those without an outcome come when no outcome can follow any more."""
        for entry in entries:
            match entry["kind"]:
                case "intent":
                    self._open[entry["seq"]] = self._action(entry)
                case "denied":
                    yield self._action(entry)
                case "denied.repeatedly":
                    decision = {"effect": "deny", "reason": entry["reason"], "rules": entry["rules"]}
                    yield self._action({**entry, "decision": decision})
                case "outcome":
                    if (started := self._children.pop(entry["intent"], None)) is not None:
                        self.runs.pop(started["pid"], None)
                    if (action := self._open.pop(entry["intent"], None)) is not None:
                        yield replace(action, outcome=entry, started=started)
                case "process.started":
                    above = self.runs.get(entry["parent"])
                    intent = entry["intent"]
                    self.runs[entry["pid"]] = RunPlace(intent, intent if above is None else above.top)
                    self._children[intent] = entry
                case "approval.requested" | "approval.granted" | "approval.refused":
                    if len(self._asked) >= _ASKED:
                        self._asked.clear()
                    self._asked.setdefault((entry.get("pid"), entry["action"]), []).append(entry)
                case kind if kind in NEW_KERNEL:
                    yield from self._unfinished()
                case _:
                    pass
        yield from self._unfinished()

    def _action(self, entry: Entry) -> Action:
        pid = entry.get("pid")
        return Action(entry, None, self._approvals(entry), None if pid is None else self.runs.get(pid))

    def _approvals(self, entry: Entry) -> tuple[Entry, ...]:
        if entry["kind"] == "denied.repeatedly":
            return ()
        key = (entry.get("pid"), entry["action"])
        waiting = self._asked.get(key)
        if waiting is None:
            return ()
        request = entry.get("approval", {}).get("request")
        if request is None:
            if not entry["decision"]["reason"].startswith("approval_"):
                # It was decided without a question.
                return ()
            request = waiting[0]["request"]
        own = tuple(asked for asked in waiting if asked["request"] == request)
        left = [asked for asked in waiting if asked["request"] != request]
        if left:
            self._asked[key] = left
        else:
            del self._asked[key]
        return own

    def _unfinished(self) -> Iterator[Action]:
        for seq, action in self._open.items():
            yield replace(action, started=self._children.get(seq))
        for each in (self.runs, self._open, self._children, self._asked):
            each.clear()
