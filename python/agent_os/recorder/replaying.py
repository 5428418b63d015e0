"""Deciding what a log holds again, under another policy.

Each recorded request is decided by itself, with the state of its run at that moment rebuilt from the log alone. What
would have happened later, had the other policy been in force, is not played out. A decision counts only if the policy
that was in force, asked again in the same way, decides as it is recorded: what cannot be rebuilt is counted with the
reason, never guessed.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from agent_os import _core
from agent_os.errors import AgentOSError, RecorderError
from agent_os.recorder.flight_recorder import FlightRecorder
from agent_os.recorder.replay_report import Difference, ReplayReport, Verdict
from agent_os.recorder.run_state import Runs, recorded_state
from agent_os.recorder.values import is_redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.policy import Policy
    from agent_os.recorder.source import Entry

#: Reasons that the policy gave. With one of the second group the policy said `ask`, and then the approver spoke.
_BY_POLICY: Final = frozenset(
    {
        "allowed_by_rule",
        "allowed_by_default",
        "only_observed",
        "denied_by_rule",
        "denied_by_default",
        "limit_exceeded",
        "condition_unknown",
    }
)
_BY_APPROVER: Final = frozenset(
    {"approval_missing", "approval_refused", "approval_expired", "approval_invalid", "approval_changed"}
)


class _NotReplayable(Exception):
    """Carries a key of ``NOT_REPLAYABLE``, or a reason code of the kernel."""


def replay(log: FlightRecorder | str | os.PathLike[str], policy: Policy) -> ReplayReport:
    """Decides every ``intent`` and ``denied`` of a log again, under ``policy``.

    Raises ``RecorderError`` when the log cannot be read. It does not verify the log; ``FlightRecorder.verify`` does.
    """
    recorder = log if isinstance(log, FlightRecorder) else FlightRecorder(log)
    bench = _Bench(recorder, policy.bundle)
    for entry in recorder.entries():
        bench.take(entry)
    return ReplayReport(
        log_id=recorder.log_id,
        policy=policy.digest,
        entries=bench.entries,
        decisions=bench.same + len(bench.differences) + bench.not_replayable.total(),
        same=bench.same,
        differences=tuple(bench.differences),
        not_replayable=dict(sorted(bench.not_replayable.items())),
    )


class _Bench:
    """One pass over a log."""

    def __init__(self, recorder: FlightRecorder, other: _core.Bundle) -> None:
        self._recorder = recorder
        self._other = other
        self._recorded: dict[str, _core.Bundle] = {}
        self._runs = Runs(recorder)
        self.entries = 0
        self.same = 0
        self.differences: list[Difference] = []
        self.not_replayable: Counter[str] = Counter()

    def take(self, entry: Entry) -> None:
        self.entries += 1
        self._runs.follow(entry)
        if entry["kind"] == "policy.loaded":
            self._load(entry)
        elif entry["kind"] in ("intent", "denied"):
            try:
                self._compare(entry)
            except _NotReplayable as reason:
                self.not_replayable[str(reason)] += 1
        elif entry["kind"] == "denied.repeatedly" and "first" not in entry:
            self.not_replayable["only_counted"] += entry["count"]

    def _load(self, entry: Entry) -> None:
        try:
            bundle = _core.Bundle.compile(self._recorder.resolve(entry["document"]))
        except (_core.CompileFailed, AgentOSError, ValueError):
            return
        if bundle.digest == entry["bundle"]:
            self._recorded[bundle.digest] = bundle

    def _compare(self, entry: Entry) -> None:
        reason = entry["decision"]["reason"]
        if reason not in _BY_POLICY and reason not in _BY_APPROVER:
            raise _NotReplayable(reason)
        run = self._runs.run(entry.get("pid"))
        if run is None:
            raise _NotReplayable("run_not_recorded")
        recorded = self._recorded.get(entry["bundle"])
        if recorded is None:
            raise _NotReplayable("policy_not_recorded")
        request = (entry["action"], self._arguments(entry))
        missing = run.why_text_is_unknown()
        if missing and (missing == "run_not_recorded" or _asks_for_text(recorded) or _asks_for_text(self._other)):
            raise _NotReplayable(missing)
        state = recorded_state(entry, run, self._runs.roles(run.agent))
        try:
            before = Verdict.of(_reproduced(recorded, entry, request, state))
            after = Verdict.of(self._other.decide(*request, **state))
        except LookupError:
            raise _NotReplayable("usage_not_recorded") from None
        change = before.change_to(after)
        if change is None:
            self.same += 1
            return
        place = (entry["seq"], entry["time"], entry["pid"], run.agent, entry["action"])
        self.differences.append(Difference(*place, change, before, after))

    def _arguments(self, entry: Entry) -> dict[str, Any]:
        if "full" not in entry["args"]:
            raise _NotReplayable("arguments_not_recorded")
        try:
            arguments: dict[str, Any] = self._recorder.resolve(entry["args"]["full"])
        except RecorderError as error:
            if error.code == "subject_key_unknown":
                raise _NotReplayable("arguments_sealed") from None
            raise
        if is_redacted(arguments):
            raise _NotReplayable("arguments_redacted")
        return arguments


def _reproduced(
    bundle: _core.Bundle, entry: Entry, request: tuple[str, dict[str, Any]], state: Mapping[str, Any]
) -> _core.Decision:
    """What the recorded policy said before any approver spoke, if that leads to the decision in the log."""
    said = bundle.decide(*request, **state)
    final = said
    if "approval" in entry and said.effect == "ask":
        final = bundle.decide(*request, **state, approved=said.rules)
    recorded = entry["decision"]
    if recorded["reason"] in _BY_APPROVER:
        agrees = said.effect == "ask" and list(said.rules) == recorded["rules"]
    else:
        agrees = Verdict.of(final) == _recorded_verdict(recorded)
        agrees = agrees and [list(unknown) for unknown in final.unknowns] == recorded.get("unknowns", [])
    if not agrees:
        raise _NotReplayable("not_reproduced")
    return said


def _recorded_verdict(decision: Mapping[str, Any]) -> Verdict:
    demanded = {name: value for name, value in decision.get("obligations", {}).items() if name != "rules"}
    # Nothing has to happen with what does not happen; there, they only say how the entry was written.
    obligations = {} if decision["effect"] == "deny" else demanded
    shadow = _recorded_verdict(decision["shadow"]) if "shadow" in decision else None
    return Verdict(decision["effect"], decision["reason"], tuple(decision["rules"]), obligations, shadow)


def _asks_for_text(bundle: _core.Bundle) -> bool:
    return b'"seen_in"' in bundle.document or b'"not_seen_in"' in bundle.document
