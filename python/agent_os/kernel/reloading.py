"""Putting another policy in force: it is understood as a whole first, or nothing changes."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from agent_os.errors import PolicyError
from agent_os.kernel.settings import warn_if_nothing_is_enforced

if TYPE_CHECKING:
    from agent_os import _core
    from agent_os.kernel.plane import ControlPlane
    from agent_os.kernel.space import PolicySource
    from agent_os.policy import Policy

__all__ = ["Reloader"]


class Reloader:
    """Puts policies in force, one at a time. What may open something waits here until the operator takes it."""

    def __init__(self, core: _core.Kernel, plane: ControlPlane, loaded: Policy) -> None:
        self._core = core
        self._plane = plane
        self._loaded = loaded
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
        except PolicyError as error:
            self._core.rejected(str(error))
            raise
        with self._lock:
            self._apply(loaded, "reload")
        warn_if_nothing_is_enforced(loaded, stacklevel=4)

    def follow(self, loaded: Policy) -> tuple[str, ...] | None:
        """Puts a policy in force that was found in the watched files, if it is proven to open nothing.

        Returns what it may open if it waits for the operator instead, and ``None`` if it says what holds already.
        """
        with self._lock:
            now = self._core.bundle
            if loaded.digest == now.digest:
                self._pending = None
                return None
            opens = tuple(now.may_open(loaded.bundle))
            if not opens:
                self._apply(loaded, "watch")
            elif self._pending is None or self._pending[0] != loaded.digest:
                self._core.pending(loaded.bundle, list(opens))
                # Files that it newly extends are watched, so they are the operator's already.
                self._core.protect(self._plane.around(self._loaded, loaded))
                self._pending = (loaded.digest, opens)
            return opens

    def _apply(self, loaded: Policy, reason: str) -> None:
        self._core.reload(loaded.bundle, reason, self._plane.around(loaded))
        self._loaded, self._pending = loaded, None
