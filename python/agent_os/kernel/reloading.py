"""Putting another policy in force: it is understood as a whole first, or nothing changes."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from agent_os._core import CompileFailed
from agent_os.errors import AgentOSError, PolicyError
from agent_os.kernel.queue import OperatorQueue
from agent_os.kernel.settings import warn_if_nothing_is_enforced
from agent_os.policy.tool_types import misfits

if TYPE_CHECKING:
    from agent_os import _core
    from agent_os.kernel.plane import ControlPlane
    from agent_os.kernel.space import PolicySource
    from agent_os.policy import Policy

__all__ = ["Reloader"]


class Reloader:
    """Puts policies in force, one at a time. What may open something waits here until the operator takes it."""

    def __init__(self, core: _core.Kernel, plane: ControlPlane, loaded: Policy, approver: object) -> None:
        self._core = core
        self._plane = plane
        self._loaded = loaded
        self._queue = approver if isinstance(approver, OperatorQueue) else None
        self._waiting: tuple[_core.Waiting, Policy, tuple[str, ...], _core.Protected] | None = None
        self._lock = Lock()
        self._pending: tuple[str, tuple[str, ...]] | None = None

    @property
    def pending(self) -> tuple[str, tuple[str, ...]] | None:
        """The digest of the bundle that waits, and what it may open."""
        return self._pending

    def reload(self, source: PolicySource) -> None:
        """As ``KernelSpace.reload``: the operator's word, whatever it opens."""
        from agent_os.policy import Policy

        self._core.control("kernel.reload")
        try:
            loaded = Policy.load(source)
            with self._lock:
                self._apply(loaded, "reload")
        except PolicyError as error:
            self._core.rejected(str(error))
            raise
        warn_if_nothing_is_enforced(loaded, stacklevel=4)

    def follow(self, loaded: Policy) -> tuple[str, ...] | None:
        """Puts a policy in force that was found in the watched files, if it is proven to open nothing.

        Returns what it may open if it waits for the operator instead, and ``None`` if it says what holds already.
        Raises ``PolicyError`` if it does not fit the registered tools.
        """
        with self._lock:
            now = self._core.bundle
            if loaded.digest == now.digest:
                self._pending = None
                self._forget("gone")
                return None
            if rows := self._core.misfits(loaded.bundle):
                raise misfits(loaded.bundle, rows)
            opens = tuple(now.may_open(loaded.bundle))
            if not opens:
                self._apply(loaded, "watch")
            elif self._pending is None or self._pending[0] != loaded.digest:
                self._core.pending(loaded.bundle, list(opens))
                # Files that it newly extends are watched, so they are the operator's already.
                self._core.protect(self._plane.around(self._loaded, loaded))
                self._pending = (loaded.digest, opens)
                self._ask(loaded, opens)
            return opens

    def settle(self) -> tuple[str, Policy] | None:
        """Puts in force what waits, if the operator's token has signed for it: how that ended, ``None`` before.

        Raises ``PolicyError`` if it does not fit a tool that was registered since; then it does not wait any more.
        """
        with self._lock:
            if self._waiting is None:
                return None
            waiting, loaded, opens, protected = self._waiting
            try:
                how = self._core.reload_approved(loaded.bundle, waiting, protected)
            except CompileFailed as failed:
                self._forget("gone")
                raise misfits(loaded.bundle, failed.problems) from None
            if how == "waiting":
                return None
            self._forget(how)
            if how == "approved":
                self._loaded, self._pending = loaded, None
            elif how == "expired":
                self._ask(loaded, opens)
            return how, loaded

    def close(self) -> None:
        """Nothing waits any more."""
        with self._lock:
            self._forget("gone")

    def _ask(self, loaded: Policy, opens: tuple[str, ...]) -> None:
        self._forget("gone")
        if self._queue is not None:
            waiting = self._queue.ask_reload(self._loaded, loaded, opens)
            self._waiting = (waiting, loaded, opens, self._plane.around(loaded))

    def _forget(self, how: str) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting[0], None
            with suppress(AgentOSError):  # A notice: what it says of the past decides nothing.
                waiting.end(how)

    def _apply(self, loaded: Policy, reason: str) -> None:
        try:
            self._core.reload(loaded.bundle, reason, self._plane.around(loaded))
        except CompileFailed as failed:
            raise misfits(loaded.bundle, failed.problems) from None
        self._loaded, self._pending = loaded, None
        self._forget("gone")
