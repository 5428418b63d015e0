"""The requests that a log holds in full and that happened, and how many it does not hold so."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from agent_os.errors import AgentOSError
from agent_os.recorder.flight_recorder import FlightRecorder
from agent_os.recorder.run_state import Runs
from agent_os.recorder.values import is_redacted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class RecordedRequest(NamedTuple):
    """One action that happened: who did it, with what, and whether a person had confirmed it."""

    seq: int
    agent: str
    action: str
    args: Mapping[str, Any]
    confirmed: bool


class RecordedRequests(NamedTuple):
    """What a log holds: the requests, and how many are left out by reason."""

    requests: tuple[RecordedRequest, ...]
    left_out: Mapping[str, int]


def recorded_requests(
    log: FlightRecorder | str | os.PathLike[str], agents: Collection[str] | None = None
) -> RecordedRequests:
    """Every action of a log that happened with its arguments recorded in full, of these agents or of all.

    Raises ``RecorderError`` when the log cannot be read.
    """
    recorder = log if isinstance(log, FlightRecorder) else FlightRecorder(log)
    runs = Runs(recorder)
    found: list[RecordedRequest] = []
    left_out: Counter[str] = Counter()
    for entry in recorder.entries():
        runs.follow(entry)
        if entry["kind"] != "intent":
            continue
        run = runs.run(entry.get("pid"))
        if run is None:
            left_out["run_not_recorded"] += 1
        elif agents is not None and run.agent not in agents:
            continue
        elif "full" not in entry["args"]:
            left_out["arguments_not_recorded"] += 1
        else:
            try:
                args: dict[str, Any] = recorder.resolve(entry["args"]["full"])
            except AgentOSError as error:
                sealed = error.code == "subject_key_unknown"
                left_out["arguments_sealed" if sealed else "arguments_not_recorded"] += 1
                continue
            if is_redacted(args):
                left_out["arguments_redacted"] += 1
            else:
                confirmed = "approval" in entry
                found.append(RecordedRequest(entry["seq"], run.agent, entry["action"], args, confirmed))
    return RecordedRequests(tuple(found), dict(sorted(left_out.items())))
