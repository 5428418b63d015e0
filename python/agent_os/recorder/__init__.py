"""The flight recorder: reading, asking and verifying the log, and deciding what it holds again under another policy.

Entries are written by the compiled core on the road of each action; nothing here can write one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_os.recorder.flight_recorder import FlightRecorder
    from agent_os.recorder.proofs import ConsistencyProof, InclusionProof
    from agent_os.recorder.replay_report import Difference, ReplayReport, Verdict
    from agent_os.recorder.replaying import replay
    from agent_os.recorder.statistics import LogStatistics
    from agent_os.recorder.timestamps import TimeStamp
    from agent_os.recorder.trace import ActionTrace, ApprovalTrace, RunTrace
    from agent_os.recorder.verification import Cosignature, LogProblem, VerifyReport

_MODULES = {
    "ActionTrace": "trace",
    "ApprovalTrace": "trace",
    "ConsistencyProof": "proofs",
    "Cosignature": "verification",
    "Difference": "replay_report",
    "FlightRecorder": "flight_recorder",
    "InclusionProof": "proofs",
    "LogProblem": "verification",
    "LogStatistics": "statistics",
    "ReplayReport": "replay_report",
    "RunTrace": "trace",
    "TimeStamp": "timestamps",
    "Verdict": "replay_report",
    "VerifyReport": "verification",
    "replay": "replaying",
}

__all__ = [
    "ActionTrace",
    "ApprovalTrace",
    "ConsistencyProof",
    "Cosignature",
    "Difference",
    "FlightRecorder",
    "InclusionProof",
    "LogProblem",
    "LogStatistics",
    "ReplayReport",
    "RunTrace",
    "TimeStamp",
    "Verdict",
    "VerifyReport",
    "replay",
]


def __getattr__(name: str) -> object:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module `agent_os.recorder` has no attribute `{name}`")
    return getattr(import_module(f"agent_os.recorder.{module}"), name)
