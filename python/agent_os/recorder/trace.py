"""One run as a tree: what was asked for, decided and confirmed, what happened, and the runs that it started."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent_os.errors import RecorderError
from agent_os.recorder.run_entries import run_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_os.recorder.flight_recorder import FlightRecorder
    from agent_os.recorder.source import Entry

#: More than any kernel allows. What is deeper was not written by one.
_DEPTH = 256


@dataclass(frozen=True, slots=True)
class ApprovalTrace:
    """Somebody was asked. ``granted`` is ``None`` if nobody answered; times are microseconds since 1970-01-01 UTC."""

    seq: int
    time: int
    rules: tuple[str, ...]
    expires: int | None
    granted: bool | None
    by: str | None
    answered: int | None


@dataclass(frozen=True, slots=True)
class ActionTrace:
    """One action that a run asked for.

    ``entry`` is its `intent` or `denied` as it stands in the log, ``outcome`` how it ended, if that is there: an action
    that was allowed and has none may have happened. ``run`` is the run that it started.
    """

    entry: Entry
    outcome: Entry | None
    approvals: tuple[ApprovalTrace, ...]
    run: RunTrace | None

    @property
    def seq(self) -> int:
        """The number of its intent or denial."""
        seq: int = self.entry["seq"]
        return seq

    @property
    def action(self) -> str:
        """What was asked for."""
        action: str = self.entry["action"]
        return action

    @property
    def effect(self) -> str:
        """What was decided: `allow` or `deny`."""
        effect: str = self.entry["decision"]["effect"]
        return effect

    @property
    def reason(self) -> str:
        """The code of the reason."""
        reason: str = self.entry["decision"]["reason"]
        return reason

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that decided."""
        return tuple(self.entry["decision"]["rules"])

    @property
    def status(self) -> str:
        """How it ended: the status of its outcome, `denied`, or `unfinished`."""
        if self.outcome is not None:
            status: str = self.outcome["status"]
            return status
        return "denied" if self.effect == "deny" else "unfinished"


@dataclass(frozen=True, slots=True)
class RunTrace:
    """One run. ``events`` is everything else that the log says of it, such as text that came in and signals."""

    pid: int
    agent: str
    parent: int
    started: Entry
    intent: Entry | None
    outcome: Entry | None
    actions: tuple[ActionTrace, ...]
    events: tuple[Entry, ...]

    @property
    def status(self) -> str:
        """How it ended: the status of its outcome, or `unfinished`."""
        if self.outcome is None:
            return "unfinished"
        status: str = self.outcome["status"]
        return status

    def walk(self) -> Iterator[tuple[int, RunTrace]]:
        """This run and those below it, each with how far below it is, in the order in which they began."""
        left = [(0, self)]
        while left:
            depth, run = left.pop()
            yield depth, run
            below = [action.run for action in run.actions if action.run is not None]
            left.extend((depth + 1, each) for each in reversed(below))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "pid": self.pid,
            "agent": self.agent,
            "parent": self.parent,
            "status": self.status,
            "started": self.started,
            "intent": self.intent,
            "outcome": self.outcome,
            "actions": [
                {
                    "entry": action.entry,
                    "outcome": action.outcome,
                    "status": action.status,
                    "approvals": [
                        {name: getattr(approval, name) for name in ApprovalTrace.__slots__}
                        for approval in action.approvals
                    ],
                    "run": None if action.run is None else action.run.to_dict(),
                }
                for action in self.actions
            ],
            "events": list(self.events),
        }


def trace(recorder: FlightRecorder, pid: int, start: int | None = None) -> RunTrace:
    """The tree of a run; see ``FlightRecorder.trace``."""
    try:
        return _trace(recorder, pid, start)
    except (KeyError, AttributeError) as error:
        raise RecorderError(
            "an entry of the run is not as a kernel writes it; check the log with `agentos log verify`",
            code="log_damaged",
        ) from error


def _trace(recorder: FlightRecorder, pid: int, start: int | None) -> RunTrace:
    runs: dict[int, _Run] = {}
    first: Entry | None = None
    for entry in run_entries(recorder, pid, start):
        if first is None:
            first = entry
        elif entry["kind"] == "process.started":
            _begin(runs, entry, first)
        elif entry["kind"] == "outcome" and entry["intent"] == first["seq"]:
            runs[pid].outcome = entry
        else:
            runs[entry["pid"]].take(entry)
    for run in runs.values():
        for action in run.actions.values():
            if action.child is not None:
                runs[action.child].outcome = action.outcome
    frozen: dict[int, RunTrace] = {}
    # A run begins after the one that started it, so from the last one on those below are there.
    for run in reversed(runs.values()):
        frozen[run.started["pid"]] = run.freeze(frozen)
    return frozen[pid]


def _begin(runs: dict[int, _Run], started: Entry, first: Entry) -> None:
    parent = runs.get(started["parent"])
    if parent is None:
        runs[started["pid"]] = _Run(started, first if first["kind"] == "intent" else None, 0)
        return
    if parent.depth >= _DEPTH or started["pid"] in runs:
        raise RecorderError(
            f"entry {started['seq']} starts a run as no kernel does; check the log with `agentos log verify`",
            code="log_damaged",
        )
    action = parent.actions.get(started["intent"])
    runs[started["pid"]] = _Run(started, None if action is None else action.entry, parent.depth + 1)
    if action is not None:
        action.child = started["pid"]


@dataclass(slots=True)
class _Action:
    entry: Entry
    approvals: tuple[ApprovalTrace, ...]
    outcome: Entry | None = None
    child: int | None = None


@dataclass(slots=True)
class _Run:
    started: Entry
    intent: Entry | None
    depth: int
    outcome: Entry | None = None
    actions: dict[int, _Action] = field(default_factory=dict)
    asked: dict[str, list[_Asked]] = field(default_factory=dict)
    events: list[Entry] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        match entry["kind"]:
            case "intent" | "denied":
                self.actions[entry["seq"]] = _Action(entry, self._approvals(entry))
            case "outcome" if (action := self.actions.get(entry["intent"])) is not None:
                action.outcome = entry
            case "approval.requested":
                self.asked.setdefault(entry["action"], []).append(_Asked(entry))
            case "approval.granted" | "approval.refused" if self.asked.get(entry["action"]):
                for asked in self.asked[entry["action"]]:
                    if asked.answer is None and asked.entry["request"] == entry["request"]:
                        asked.answer = entry
                        break
            case _:
                self.events.append(entry)

    def _approvals(self, entry: Entry) -> tuple[ApprovalTrace, ...]:
        """What was asked about this action before it was decided, each question under one action only."""
        waiting = self.asked.get(entry["action"], [])
        if not waiting:
            return ()
        request = entry.get("approval", {}).get("request", waiting[0].entry["request"])
        own = [asked for asked in waiting if asked.entry["request"] == request]
        if entry["decision"]["effect"] == "deny" and not entry["decision"]["reason"].startswith("approval_"):
            # It was decided without a question, while another action of this name waits.
            own = [asked for asked in own if asked.answer is not None]
        self.asked[entry["action"]] = [asked for asked in waiting if asked not in own]
        return tuple(asked.freeze() for asked in own)

    def freeze(self, below: dict[int, RunTrace]) -> RunTrace:
        actions = tuple(
            ActionTrace(each.entry, each.outcome, each.approvals, None if each.child is None else below[each.child])
            for each in self.actions.values()
        )
        return RunTrace(
            pid=self.started["pid"],
            agent=self.started["agent"],
            parent=self.started["parent"],
            started=self.started,
            intent=self.intent,
            outcome=self.outcome,
            actions=actions,
            events=tuple(self.events),
        )


@dataclass(slots=True, eq=False)
class _Asked:
    entry: Entry
    answer: Entry | None = None

    def freeze(self) -> ApprovalTrace:
        answer = self.answer
        return ApprovalTrace(
            seq=self.entry["seq"],
            time=self.entry["time"],
            rules=tuple(self.entry["rules"]),
            expires=self.entry.get("expires"),
            granted=None if answer is None else answer["kind"] == "approval.granted",
            by=None if answer is None else answer.get("by"),
            answered=None if answer is None else answer["time"],
        )
