"""``KernelSpace``: the kernel as a program uses it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from agent_os import _core
from agent_os.kernel import agents, tools
from agent_os.kernel.approvals import Approver
from agent_os.kernel.operator import Operator
from agent_os.kernel.plane import ControlPlane
from agent_os.kernel.queue import queue_of, refuse_visible_token
from agent_os.kernel.registry import Registry
from agent_os.kernel.reloading import Reloader
from agent_os.kernel.running import Running
from agent_os.kernel.settings import (
    approver_of,
    check_action,
    commits_of,
    directory_of,
    drop_old_entries,
    names_of,
    refuse_guard,
    store_of,
    warn_if_nothing_is_enforced,
)
from agent_os.processes.context import current
from agent_os.processes.signalling import Signals
from agent_os.processes.signals import AgentSignal

if TYPE_CHECKING:
    from agent_os.kernel.watching import ReloadReport, Watcher
    from agent_os.policy import Policy
    from agent_os.recorder import FlightRecorder

    PolicySource = str | os.PathLike[str] | Policy | Sequence["str | os.PathLike[str] | Policy"]

__all__ = ["KernelSpace"]

F = TypeVar("F", bound=Callable[..., Any])

_log = logging.getLogger("agent_os")

if hasattr(os, "register_at_fork"):
    # A forked child holds copies of the parent's kernels; none of them may act or record there.
    os.register_at_fork(after_in_child=_core.mark_forked)


class KernelSpace(Running):
    """Governs agents: decides what they ask for by policy, records it, and only then lets it happen.

    ``policy`` is a preset's name, a path, a ``Policy``, or a non-empty list of those. ``recorder`` is the directory
    of the log, or a ``FlightRecorder`` of one; by default a fresh directory under the user's state folder.
    ``durability`` is ``written``, ``commit`` or ``memory``, ``record`` is ``none``, ``fields`` or ``full``.
    ``store`` is the file that keeps what is used of limits and what waits for the operator, and may be shared by
    several kernels; without one it is gone with the kernel. ``approver`` answers what must be confirmed within
    ``approval_seconds``: a callable, ``"terminal"``, ``"queue"`` (whoever holds the token of the public key
    ``operator``, through the store), or nobody. ``watch`` follows the policy's files: a change that is proven to
    open nothing comes into force, and ``on_reload`` is told what became of each. ``protect`` lists files and
    folders that no agent may name, beside those of log, store and policy.

    Raises ``PolicyError`` for a policy that is not wholly understood, ``RecorderError`` for a log that cannot be
    written, ``NotSupported`` and ``IsolationUnavailable`` for what this version does not have.

    >>> with KernelSpace("strict", durability="memory") as kernel:
    ...     @kernel.register
    ...     async def greeter(name: str) -> str:
    ...         return f"hello {name}"
    ...     kernel.execute_sync(greeter, "world")
    'hello world'
    """

    check: Callable[..., _core.Decision]
    """``check(action, args=None, *, agent=None) -> Decision``: decides without effect and without record.

    ``agent`` names a registered agent, as at the start of a run; without it the run that the caller is in asks. The
    decision is true only for an allow. Arguments are read lazily, so what cannot be frozen is not found here.
    """

    def __init__(
        self,
        policy: PolicySource,
        *,
        recorder: str | os.PathLike[str] | FlightRecorder | None = None,
        durability: str = "written",
        approver: Approver | str | None = None,
        approval_seconds: float = 300.0,
        store: str | os.PathLike[str] | None = None,
        guard: bool = False,
        record: str = "fields",
        name: str | None = None,
        operator: str | None = None,
        watch: bool = False,
        on_reload: Callable[[ReloadReport], object] | None = None,
        protect: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        from agent_os.policy import Policy
        from agent_os.recorder import FlightRecorder
        from agent_os.recorder.key_folder import key_folder

        refuse_guard(asked=bool(guard))
        if approver == "queue":
            refuse_visible_token()
        elif operator is not None:
            raise ValueError('`operator` is whom `approver="queue"` asks; leave it out with another approver')
        if not approval_seconds > 0:
            raise ValueError("`approval_seconds` must be a positive number of seconds")
        self._approver = None if approver == "queue" else approver_of(approver)
        self._approval_seconds = float(approval_seconds)
        loaded = Policy.load(policy)
        directory = directory_of(recorder, durability, name)
        key = getattr(recorder, "key_file", None)
        plane = ControlPlane(policy, directory, store_of(store), key, protect)
        from agent_os import __version__

        self.core = _core.Kernel(
            loaded.bundle,
            current=current,
            protected=plane.around(loaded),
            directory=directory,
            durability=durability,
            keys=key_folder(),
            key=key,
            store=store_of(store),
            record=record,
            name=name or loaded.name,
            version=__version__,
        )
        self._recorder = FlightRecorder._bound(self.core, directory)  # noqa: SLF001 -- the kernel is the one who may bind
        self._registry = Registry(self.core)
        self.commits = commits_of(self.core, durability)
        self.signals = Signals(self.core)
        self.check = self.core.check
        self._watcher: Watcher | None = None
        try:
            drop_old_entries(recorder, self._recorder)
            if approver == "queue":
                self._approver = queue_of(store_of(store), operator, self.core.log_id)
            self._reloader = Reloader(self.core, plane, loaded, self._approver)
            if watch:
                from agent_os.kernel.watching import Watcher

                self._watcher = Watcher(policy, loaded, self._reloader, self.core.rejected, on_reload)
        except BaseException:
            self.core.close()
            raise
        self._sealed = True
        warn_if_nothing_is_enforced(loaded)
        if directory is not None:
            _log.info("the log is in %s", directory)

    def __setattr__(self, name: str, value: object) -> None:
        # SECURITY: an agent that reaches the kernel must not put another `check` or approver into it.
        if "_sealed" in self.__dict__:
            raise AttributeError(f"`{name}` of a kernel cannot be set; it is configured when it is made")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"`{name}` of a kernel cannot be deleted")

    def register(
        self,
        function: F | None = None,
        *,
        agent_id: str | None = None,
        roles: Iterable[str] = (),
        isolation: str = "task",
    ) -> Any:
        """Makes a function known as an agent; ``execute`` runs it. The function itself is returned unchanged."""

        def declare(function: F) -> F:
            self._registry.declare(function, function, agent_id, roles, isolation)
            return function

        return declare if function is None else declare(function)

    def govern(
        self,
        function: F | None = None,
        *,
        agent_id: str | None = None,
        roles: Iterable[str] = (),
        isolation: str = "task",
    ) -> Any:
        """As ``register``, and calling the returned function runs the agent under the kernel."""

        def declare(function: F) -> Callable[..., Any]:
            return agents.governed(
                self, function, lambda wrapper: self._registry.declare(function, wrapper, agent_id, roles, isolation)
            )

        return declare if function is None else declare(function)

    def tool(
        self,
        action: str,
        *,
        labels: Iterable[str] = (),
        origin: str = "untrusted",
        injected: Iterable[str] = (),
        schema: Mapping[str, Any] | bool | None = None,
    ) -> Callable[[F], F]:
        """Makes a function the tool for ``action``; the returned function is governed.

        ``labels`` and ``origin`` (``untrusted``, ``trusted`` or ``system``) say what its output is. The parameters in
        ``injected`` are supplied by your code, passed by reference and not judged; every other argument is frozen.
        ``schema`` is the JSON Schema of those, instead of the signature's. A rule does not fit it: ``PolicyError``.
        """
        check_action(action, self._registry.tools)

        def declare(function: F) -> F:
            check_action(action, self._registry.tools)
            tools.refuse_generators(function, "tool")
            signature = tools.read_signature(function)
            rows = tools.parameters(signature, names_of(injected, "injected"), action)
            tool = tools.add(self.core, action, function, rows, labels, origin, signature, schema)
            self._registry.tools[action] = wrapper = tools.governed(self, tool, function, signature)
            self._registry.declared[action] = (tool, frozenset(row[0] for row in rows if row[4]))
            return wrapper  # type: ignore[return-value]

        return declare

    def operator(self) -> Operator:
        """The operator's own handle, for calling tools outside agents; refused inside one."""
        self.core.control("kernel.operator")
        return Operator(self)

    def reload(self, policy: PolicySource) -> None:
        """Puts another policy in force, or raises ``PolicyError`` and changes nothing if it is not all understood."""
        self._reloader.reload(policy)

    @property
    def pending_policy(self) -> tuple[str, tuple[str, ...]] | None:
        """The digest of the bundle in the watched files that waits for ``reload``, and what it may open."""
        return self._reloader.pending

    @property
    def flight_recorder(self) -> FlightRecorder:
        """The log of this kernel."""
        return self._recorder

    @property
    def bundle(self) -> str:
        """Digest of the bundle in force."""
        return self.core.bundle.digest

    async def shutdown(self, grace: float = 5.0) -> None:
        """Asks every process for a clean end with SIGTERM, kills after ``grace`` seconds those that have not ended, and
        closes the kernel."""
        living = [process for process in self.processes() if process.status is None]
        for process in living:
            self.core.raise_signal(process._handle, AgentSignal.SIGTERM, "the kernel shuts down")  # noqa: SLF001
            self.core.raise_signal(process._handle, AgentSignal.SIGCONT, "the kernel shuts down")  # noqa: SLF001
        if living:
            await asyncio.wait([asyncio.ensure_future(each.wait()) for each in living], timeout=grace)
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Ends the kernel: what runs is killed, nothing passes any more, and the log is closed. Closing twice is fine.

        ``await kernel.shutdown()`` lets processes end cleanly first.
        """
        self._kill_all("the kernel is closed")
        self.core.close()
        if self._watcher is not None:
            self._watcher.close()

    def __enter__(self) -> KernelSpace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> KernelSpace:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shutdown()
