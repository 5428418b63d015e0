"""Asking the operator through the state store: a request waits in a queue until the token's holder speaks.

The queue is a notice board. What confirms is the operator's signature, checked in Rust against what the kernel itself
remembers of the request; whoever can write the store can at most have a request denied.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, Final

from agent_os import _core
from agent_os.errors import AgentOSError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agent_os.kernel.approvals import ApprovalRequest
    from agent_os.policy import Policy

__all__ = ["RELOAD", "TOKEN", "TOKEN_FILE", "OperatorQueue", "queue_of", "refuse_visible_token"]

#: Variables of the operator's shell that hold the token, or the path of a file with it.
TOKEN: Final = "AGENT_OS_OPERATOR_TOKEN"  # noqa: S105 -- the variable's name
TOKEN_FILE: Final = "AGENT_OS_OPERATOR_TOKEN_FILE"  # noqa: S105 -- the variable's name

_TOKEN_PREFIX: Final = "agentos-operator-token-"  # noqa: S105 -- how a token begins
_POLL: Final = 0.1

#: The name under which a bundle that may open something waits; no tool can have it.
RELOAD: Final = "kernel.reload"
#: How long it waits, in microseconds; after that it is asked for anew.
_RELOAD_EXPIRES: Final = 7 * 24 * 3600 * 1_000_000
#: How many things that it opens are shown, and how many requests.
_SHOWN: Final = 20


class OperatorQueue:
    """An approver that waits for the operator. Async callers wait without holding up their loop."""

    __qualname__ = "operator"

    def __init__(self, queue: _core.ApprovalQueue) -> None:
        self._queue = queue

    def __call__(self, request: ApprovalRequest) -> bool:
        """Waits in this thread."""
        waiting = self._ask(request)
        how = "gone"
        try:
            while (how := waiting.poll()) == "waiting":
                time.sleep(_POLL)
        finally:
            waiting.end("gone" if how == "waiting" else how)
        return how == "approved"

    async def wait(self, request: ApprovalRequest) -> bool:
        """Waits in the loop."""
        waiting = await asyncio.to_thread(self._ask, request)
        how = "gone"
        try:
            while (how := await asyncio.to_thread(waiting.poll)) == "waiting":  # noqa: ASYNC110
                await asyncio.sleep(_POLL)  # The other side is another process: no event of ours tells of it.
        finally:
            # Without a thread: a waiter that was cancelled does not wait for one.
            waiting.end("gone" if how == "waiting" else how)
        return how == "approved"

    def ask_reload(self, old: Policy, new: Policy, opens: tuple[str, ...]) -> _core.Waiting:
        """Shows the operator what ``new`` may open, with requests that show it; the signature is over its digest."""
        opened = [one.to_dict() for one in old.diff(new).differences if one.change == "opened"]
        shown: dict[str, Any] = {
            "action": RELOAD,
            "agent_id": None,
            "pid": None,
            "args": {
                "policy": new.name,
                "bundle": new.digest,
                "opens": list(opens[:_SHOWN]),
                "opened": opened[:_SHOWN],
            },
            "rules": [],
        }
        request = _core.digest({"action": RELOAD, "bundle": new.digest})
        expires = time.time_ns() // 1_000 + _RELOAD_EXPIRES
        return self._queue.ask(request, new.digest, _core.canonical(shown).decode(), expires)

    def _ask(self, request: ApprovalRequest) -> _core.Waiting:
        shown = {
            "action": request.action,
            "agent_id": request.agent_id,
            "pid": request.pid,
            "args": request.args,
            "rules": [list(rule) for rule in request.rules],
        }
        text = _core.canonical(shown).decode()
        return self._queue.ask(request.request, request.bundle, text, request.expires_micros)


def queue_of(store: Path | None, operator: str | None, log_id: str) -> OperatorQueue:
    """The approver ``"queue"`` of a kernel."""
    if store is None:
        raise ValueError('`approver="queue"` keeps requests in a store; give `store=` the path of a file')
    if operator is None:
        raise ValueError(
            '`approver="queue"` needs `operator=`, the public key of who may approve; run `agentos approvals init`'
        )
    return OperatorQueue(_core.ApprovalQueue(store, operator, log_id))


def refuse_visible_token(environment: Mapping[str, str] | None = None) -> None:
    """Refuses to govern where the operator's token can be read: agents inherit the environment."""
    environment = os.environ if environment is None else environment
    for name, value in environment.items():
        if name in (TOKEN, TOKEN_FILE) or _TOKEN_PREFIX in value:
            raise AgentOSError(
                f"the variable `{name}` shows the operator's token to every agent of this process; unset it here and "
                "approve from another shell",
                code="operator_token_visible",
            )
