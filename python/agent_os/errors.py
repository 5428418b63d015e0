"""Every error that Agent OS raises, as one tree.

Each class carries a stable snake_case ``code``; programs compare codes, people read messages.
The binding maps Rust errors onto these classes in one place and defines none of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from agent_os._core import Decision

__all__ = [
    "AgentKilled",
    "AgentOSError",
    "IsolationUnavailable",
    "NotSupported",
    "NothingEnforced",
    "PolicyDenied",
    "PolicyError",
    "Problem",
    "RecorderError",
    "RequestInvalid",
    "StoreError",
    "UnsupportedEntryPoint",
]


class AgentOSError(Exception):
    """The root of the tree; ``code`` is stable over versions."""

    code: str = "agent_os_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class PolicyDenied(AgentOSError, PermissionError):
    """The action was decided against and did not happen; ``decision`` says by which rules.

    >>> from agent_os.errors import PolicyDenied
    >>> issubclass(PolicyDenied, PermissionError)
    True
    """

    code = "policy_denied"

    def __init__(self, message: str, *, decision: Decision, code: str | None = None) -> None:
        super().__init__(message, code=code or decision.reason)
        self.decision = decision


class AgentKilled(BaseException):
    """A signal has ended the process. Like ``CancelledError`` it is not an ``Exception``, so that code that handles
    errors does not take it for one.

    ``signal`` is the signal's number. Whoever awaits the process gets it, and code of the process that calls the kernel
    after it was killed.
    """

    code = "agent_killed"

    def __init__(self, message: str, *, pid: int, agent_id: str, signal: int) -> None:
        super().__init__(message)
        self.pid = pid
        self.agent_id = agent_id
        self.signal = signal

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {"pid": self.pid, "agent_id": self.agent_id, "signal": self.signal}
        return (_killed, (str(self), fields))


def _killed(message: str, fields: dict[str, Any]) -> AgentKilled:
    return AgentKilled(message, **fields)


class Problem(NamedTuple):
    """One thing that is wrong in a policy, with its place (lines and columns count from 1)."""

    code: str
    message: str
    hint: str
    file: str | None
    line: int | None
    column: int | None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: {self.message}" if place else self.message
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class PolicyError(AgentOSError):
    """A policy could not be loaded. Nothing of it is in force.

    ``problems`` holds every mistake that was found; ``file line column hint`` are the first one's.
    """

    code = "policy_error"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__("\n".join(str(problem) for problem in self.problems), code=first.code)
        self.file = first.file
        self.line = first.line
        self.column = first.column
        self.hint = first.hint

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.problems,))


class RequestInvalid(AgentOSError, ValueError):
    """The arguments cannot be frozen, so the action was neither judged nor run."""

    code = "request_invalid"


class RecorderError(AgentOSError, OSError):
    """The flight recorder cannot record, so no effect passes."""

    code = "record_failed"


class NothingEnforced(UserWarning):
    """The policy in force allows everything: all its rules are in shadow. Decisions are recorded and stop nothing."""


class StoreError(AgentOSError, OSError):
    """The state store cannot be opened, or is not wholly understood."""

    code = "store_failed"


class IsolationUnavailable(AgentOSError, RuntimeError):
    """A ring or an isolation tier was asked for that is not there."""

    code = "isolation_unavailable"


class UnsupportedEntryPoint(AgentOSError, TypeError):
    """This way of calling cannot be governed, so it is refused rather than let through."""

    code = "unsupported_entry_point"


class NotSupported(AgentOSError, NotImplementedError):
    """Something that a later version will have and this one has not."""

    code = "not_supported"
