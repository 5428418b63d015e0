"""``KernelSpace``: the kernel as a program uses it."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from agent_os import _core
from agent_os.errors import IsolationUnavailable, NotSupported, RequestInvalid, UnsupportedEntryPoint
from agent_os.kernel import agents, reloading, tools
from agent_os.kernel.approvals import Approver
from agent_os.kernel.context import current
from agent_os.kernel.operator import Operator
from agent_os.kernel.settings import (
    approver_of,
    called,
    check_action,
    directory_of,
    names_of,
    warn_if_nothing_is_enforced,
)

if TYPE_CHECKING:
    from agent_os.policy import Policy
    from agent_os.recorder import FlightRecorder

    PolicySource = str | os.PathLike[str] | Policy | Sequence["str | os.PathLike[str] | Policy"]

__all__ = ["KernelSpace"]

F = TypeVar("F", bound=Callable[..., Any])

_log = logging.getLogger("agent_os")

if hasattr(os, "register_at_fork"):
    # A forked child holds copies of the parent's kernels; none of them may act or record there.
    os.register_at_fork(after_in_child=_core.mark_forked)


class KernelSpace:
    """Governs agents: decides what they ask for by policy, records it, and only then lets it happen.

    ``policy`` is a preset's name, a path, a ``Policy``, or a non-empty list of those. ``recorder`` is the directory of
    the log, or a ``FlightRecorder`` of one; by default a fresh directory under the user's state folder. ``durability``
    is ``written`` or ``memory``, ``record`` is ``none``, ``fields`` or ``full``. ``approver`` answers what must be
    confirmed within ``approval_seconds``: a callable, ``"terminal"``, or nobody.

    Raises ``PolicyError`` for a policy that is not wholly understood, ``RecorderError`` for a log that cannot be
    written, ``NotSupported`` and ``IsolationUnavailable`` for what this version does not have.

    >>> from agent_os import KernelSpace
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
        store: object = None,
        guard: bool = False,
        record: str = "fields",
        name: str | None = None,
    ) -> None:
        from agent_os.policy import Policy
        from agent_os.recorder import FlightRecorder

        if guard:
            raise IsolationUnavailable(
                "`guard=True` asks for the runtime guard, which this version does not have; leave it out"
            )
        if store is not None:
            raise NotSupported("`store` is not supported by this version; leave it out")
        if not approval_seconds > 0:
            raise ValueError("`approval_seconds` must be a positive number of seconds")
        self._approver = approver_of(approver)
        self._approval_seconds = float(approval_seconds)
        loaded = Policy.load(policy)
        directory = directory_of(recorder, durability, name)
        from agent_os import __version__

        self.core = _core.Kernel(
            loaded.bundle,
            current=current,
            directory=directory,
            durability=durability,
            record=record,
            name=name or loaded.name,
            version=__version__,
        )
        self._recorder = FlightRecorder._bound(self.core, directory)  # noqa: SLF001 -- the kernel is the one who may bind
        self._tools: dict[str, Callable[..., Any]] = {}
        self._declared: dict[str, tuple[_core.Tool, frozenset[str]]] = {}
        self._agents: dict[Callable[..., Any], tuple[str, Callable[..., Any]]] = {}
        self.check = self.core.check
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
            self._declare(function, function, agent_id, roles, isolation)
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
                self, function, lambda wrapper: self._declare(function, wrapper, agent_id, roles, isolation)
            )

        return declare if function is None else declare(function)

    def tool(
        self,
        action: str,
        *,
        labels: Iterable[str] = (),
        origin: str = "untrusted",
        injected: Iterable[str] = (),
    ) -> Callable[[F], F]:
        """Makes a function the tool for ``action``; the returned function is governed.

        ``labels`` and ``origin`` (``untrusted``, ``trusted`` or ``system``) say what its output is. The parameters in
        ``injected`` are supplied by your code, passed by reference and not judged; every other argument is frozen.
        """
        check_action(action, self._tools)

        def declare(function: F) -> F:
            check_action(action, self._tools)
            tools.refuse_generators(function, "tool")
            signature = tools.read_signature(function)
            rows = tools.parameters(signature, names_of(injected, "injected"), action)
            tool = self.core.tool(action, function, rows, list(names_of(labels, "labels")), origin, signature)
            wrapper = tools.governed(self, tool, function, signature)
            self._tools[action] = wrapper
            self._declared[action] = (tool, frozenset(row[0] for row in rows if row[4]))
            return wrapper  # type: ignore[return-value]

        return declare

    async def execute(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Runs an agent (by its function), or inside an agent an action (by its name), and returns what it returns.

        Raises ``PolicyDenied`` if it must not happen, ``RequestInvalid`` if it cannot be judged, and whatever the
        agent or tool raises.
        """
        if isinstance(target, str):
            function = self._tool(target, kwargs)
            if inspect.iscoroutinefunction(function):
                return await function(*args, **kwargs)
            return await tools.run_in_thread(self, self._declared[target][0], args, kwargs)
        agent_id, function = self._agent(target)
        return await agents.run_async(self, agent_id, function, args, kwargs)

    def execute_sync(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """As ``execute``, outside an event loop."""
        if isinstance(target, str):
            return agents.wait(self._tool(target, kwargs), target, args, kwargs)
        agent_id, function = self._agent(target)
        return agents.run_sync(self, agent_id, function, args, kwargs)

    def operator(self) -> Operator:
        """The operator's own handle, for calling tools outside agents; refused inside one."""
        self.core.control("kernel.operator")
        return Operator(self)

    def reload(self, policy: PolicySource) -> None:
        """Puts another policy in force, or raises ``PolicyError`` and changes nothing if it is not all understood."""
        reloading.reload(self.core, policy)

    @property
    def flight_recorder(self) -> FlightRecorder:
        """The log of this kernel."""
        return self._recorder

    @property
    def approver(self) -> Approver | None:
        """Who confirms what must be confirmed."""
        return self._approver

    @property
    def approval_seconds(self) -> float:
        """How long an approver may take."""
        return self._approval_seconds

    @property
    def bundle(self) -> str:
        """Digest of the bundle in force."""
        return self.core.bundle.digest

    def close(self) -> None:
        """Ends the kernel: nothing passes any more, and the log is closed. Closing twice is fine."""
        self.core.close()

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
        await asyncio.to_thread(self.close)

    def _declare(
        self,
        function: Callable[..., Any],
        handle: Callable[..., Any],
        agent_id: str | None,
        roles: Iterable[str],
        isolation: str,
    ) -> str:
        if not callable(function) or getattr(type(function), "__hash__", None) is None:
            raise TypeError(f"`{function!r}` is not a function; register a function or a hashable callable object")
        tools.refuse_generators(function, "agent")
        if isolation != "task":
            raise IsolationUnavailable(f"isolation `{isolation}` is not there in this version; use `task`")
        if handle in self._agents:
            raise ValueError(f"`{called(handle)}` is registered already; register another function")
        name = agent_id if agent_id is not None else getattr(function, "__name__", "")
        self.core.register(name, list(names_of(roles, "roles")))
        self._agents[handle] = (name, function)
        return name

    def _tool(self, action: str, keywords: dict[str, Any]) -> Callable[..., Any]:
        tool = self._tools.get(action)
        if tool is None:
            self.core.unknown(action)
            known = ", ".join(f"`{each}`" for each in sorted(self._tools)) or "none"
            raise RequestInvalid(f"no tool `{action}` is registered; there are {known}", code="action_unknown")
        # SECURITY: whoever calls by name may be passing on what a model wrote.
        if supplied := self._declared[action][1].intersection(keywords):
            raise RequestInvalid(f"`{min(supplied)}` of `{action}` is your code's to give; call the governed function")
        return tool

    def _agent(self, target: Any) -> tuple[str, Callable[..., Any]]:
        try:
            return self._agents[target]
        except (KeyError, TypeError):
            raise UnsupportedEntryPoint(
                f"`{called(target)}` is not an agent of this kernel; register it with "
                "`@kernel.register`, or give an action's name"
            ) from None
