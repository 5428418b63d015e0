"""Agent OS governs autonomous AI agents: an agent asks, the kernel decides by policy, records, and only then acts.

Names are loaded when they are first used, so that importing the package costs next to nothing.

>>> import agent_os
>>> kernel = agent_os.KernelSpace("strict", durability="memory")
>>> bool(kernel.check("payments.send", {"amount": 5}, agent="nobody"))
False
>>> kernel.close()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_os._core import Decision
    from agent_os.errors import (
        AgentKilled,
        AgentOSError,
        IsolationUnavailable,
        NothingEnforced,
        NotSupported,
        PolicyDenied,
        PolicyError,
        RecorderError,
        RequestInvalid,
        StoreError,
        UnsupportedEntryPoint,
    )
    from agent_os.kernel.approvals import ApprovalRequest
    from agent_os.kernel.space import KernelSpace
    from agent_os.policy import Policy
    from agent_os.processes.process import AgentProcess
    from agent_os.processes.signals import AgentSignal
    from agent_os.recorder import FlightRecorder

__version__ = "0.1.0"

_ROOMS = {
    "AgentKilled": "errors",
    "AgentOSError": "errors",
    "AgentProcess": "processes.process",
    "AgentSignal": "processes.signals",
    "ApprovalRequest": "kernel.approvals",
    "Decision": "_core",
    "FlightRecorder": "recorder",
    "IsolationUnavailable": "errors",
    "KernelSpace": "kernel.space",
    "NotSupported": "errors",
    "NothingEnforced": "errors",
    "Policy": "policy",
    "PolicyDenied": "errors",
    "PolicyError": "errors",
    "RecorderError": "errors",
    "StoreError": "errors",
    "RequestInvalid": "errors",
    "UnsupportedEntryPoint": "errors",
}

__all__ = [
    "AgentKilled",
    "AgentOSError",
    "AgentProcess",
    "AgentSignal",
    "ApprovalRequest",
    "Decision",
    "FlightRecorder",
    "IsolationUnavailable",
    "KernelSpace",
    "NotSupported",
    "NothingEnforced",
    "Policy",
    "PolicyDenied",
    "PolicyError",
    "RecorderError",
    "RequestInvalid",
    "StoreError",
    "UnsupportedEntryPoint",
    "__version__",
]


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module `agent_os` has no attribute `{name}`")
    value: object = getattr(import_module(f"agent_os.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
