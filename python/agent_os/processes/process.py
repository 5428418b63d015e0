"""``AgentProcess``: one run of an agent, as the operator's code and its parent see it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from agent_os.processes import handlers
from agent_os.processes.signals import AgentSignal

if TYPE_CHECKING:
    from agent_os._core import Kernel, Process

__all__ = ["AgentProcess", "WaitStatus"]


class WaitStatus(NamedTuple):
    """How a process ended: ``kind`` is ``returned``, ``raised`` or ``killed``, the last with the signal that did it."""

    kind: str
    signal: AgentSignal | None = None


class AgentProcess:
    """One run of an agent. ``kernel.spawn`` and ``kernel.processes()`` give them; nobody makes one.

    >>> import asyncio
    >>> from agent_os import AgentSignal, KernelSpace, Policy
    >>> rules = '''
    ... agent_os: 1
    ... name: example
    ... rules:
    ...   - {id: agents-start, effect: allow, action: agent.spawn}
    ... '''
    >>> async def main() -> None:
    ...     with KernelSpace(Policy.from_text(rules), durability="memory") as kernel:
    ...         @kernel.register
    ...         async def sleeper() -> None:
    ...             await asyncio.sleep(60)
    ...         process = kernel.spawn(sleeper)
    ...         process.signal(AgentSignal.SIGSTOP)
    ...         print(process.state)
    ...         process.signal(AgentSignal.SIGKILL)
    ...         print(await process.wait())
    >>> asyncio.run(main())
    stopped
    WaitStatus(kind='killed', signal=<AgentSignal.SIGKILL: 9>)
    """

    def __init__(self, core: Kernel, handle: Process) -> None:
        self._core = core
        self._handle = handle
        self._ended: Future[WaitStatus] = Future()
        self._outcome: Future[Any] | None = None
        # It lives as long as this does, and so does the watching; what is called must not keep this alive.
        self._watch = handle.watch(partial(_look, handle, self._ended))
        _look(handle, self._ended)

    @property
    def pid(self) -> int:
        """Number of the process, counted from 1 by kernel."""
        return self._handle.pid

    @property
    def agent_id(self) -> str:
        """Whose run it is."""
        return self._handle.agent_id

    @property
    def parent(self) -> int:
        """Number of the process that it belongs to: the one that started it, or 0 when that has ended."""
        return self._handle.ppid

    @property
    def group(self) -> int:
        """Number of the process whose group it is in."""
        return self._handle.group

    @property
    def state(self) -> str:
        """``created``, ``running``, ``stopped``, ``terminated`` or ``reaped``."""
        return self._handle.state

    @property
    def status(self) -> WaitStatus | None:
        """How it ended; ``None`` until then."""
        return self._ended.result() if self._ended.done() else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Marks on the data that it has seen."""
        return self._handle.labels

    @property
    def calls(self) -> int:
        """Actions that it and the processes below it have had allowed."""
        return self._handle.calls

    @property
    def children(self) -> list[AgentProcess]:
        """The processes that it has started and that were not reaped."""
        below = [each for each in self._core.processes() if each.parent == self.pid]
        return [AgentProcess(self._core, each) for each in below]

    def signal(self, signal: AgentSignal | int) -> None:
        """Sends it a signal, in the name of the process that the caller is in, or of the operator.

        The gate closes before this returns: after SIGSTOP or SIGKILL nothing of the process passes. A process may
        signal those that it has started; for others it needs an allow for ``signal.send``, else ``PolicyDenied`` is
        raised. Raises ``ProcessLookupError`` for a process that was reaped.
        """
        if self._handle.state == "reaped":
            raise ProcessLookupError(f"process {self.pid} has ended and was waited for")
        self._core.signal(self._handle, AgentSignal(signal))

    def kill(self) -> None:
        """Ends it at once: no further step, not even of its ``finally`` blocks. SIGTERM is for a clean end."""
        self.signal(AgentSignal.SIGKILL)

    def stop(self) -> None:
        """Stops it until ``cont``."""
        self.signal(AgentSignal.SIGSTOP)

    def cont(self) -> None:
        """Lets it go on."""
        self.signal(AgentSignal.SIGCONT)

    async def terminate(self, grace: float = 5.0) -> WaitStatus:
        """Asks for a clean end with SIGTERM, and kills it if it has not ended after ``grace`` seconds."""
        self.signal(AgentSignal.SIGTERM)
        try:
            return await asyncio.wait_for(self.wait(), grace)
        except (asyncio.TimeoutError, TimeoutError):
            self.kill()
            return await self.wait()

    def on(
        self, signal: AgentSignal | int, handler: handlers.Handler | None, mask: Iterable[AgentSignal | int] = ()
    ) -> None:
        """Has ``handler(signal)``, which may be async, called instead of what the signal does by itself; ``None`` takes
        it back. It runs in the process, between two steps of its code, while the signal and those of ``mask`` are
        blocked. Raises ``ValueError`` for SIGKILL and SIGSTOP, and ``PolicyDenied`` for whoever is neither the process
        itself nor the operator."""
        self._refuse_ended()
        handlers.arrange(self._core, self._handle, AgentSignal(signal), handler, [AgentSignal(one) for one in mask])

    def ignore(self, signal: AgentSignal | int) -> None:
        """Lets a signal do nothing, until ``on`` says otherwise."""
        self._refuse_ended()
        handlers.ignore(self._core, self._handle, AgentSignal(signal))

    def block(self, *signals: AgentSignal | int) -> tuple[AgentSignal, ...]:
        """Keeps these signals pending until ``unblock``, and gives those that were blocked before."""
        return self._mask("block", signals)

    def unblock(self, *signals: AgentSignal | int) -> tuple[AgentSignal, ...]:
        """Lets these signals through again, and gives those that were blocked before."""
        return self._mask("unblock", signals)

    def _mask(self, how: str, signals: tuple[AgentSignal | int, ...]) -> tuple[AgentSignal, ...]:
        self._refuse_ended()
        before = self._core.mask(self._handle, how, [int(one) for one in signals])
        return tuple(AgentSignal(one) for one in before)

    def _refuse_ended(self) -> None:
        if self._handle.status is not None:
            raise ProcessLookupError(f"process {self.pid} has ended")

    async def wait(self) -> WaitStatus:
        """Waits for its end and says how it ended; it is then reaped. May be awaited more than once."""
        status = await asyncio.shield(asyncio.wrap_future(self._ended))
        self._reap()
        return status

    def join(self, timeout: float | None = None) -> WaitStatus:
        """As ``wait``, for code outside event loops. Raises ``TimeoutError`` after ``timeout`` seconds."""
        try:
            status = self._ended.result(timeout)
        except FutureTimeout:
            raise TimeoutError(f"process {self.pid} has not ended within {timeout} s") from None
        self._reap()
        return status

    async def result(self) -> Any:
        """What the agent returned; raises what it raised, or ``AgentKilled``."""
        if self._outcome is None:
            raise RuntimeError(f"process {self.pid} was not spawned here; its result belongs to whoever awaits it")
        status = await self.wait()
        if status.signal is not None:
            raise self._handle.killed(status.signal)
        return await asyncio.shield(asyncio.wrap_future(self._outcome))

    def _reap(self) -> None:
        handlers.forget(self._handle)
        self._handle.reap()

    def __repr__(self) -> str:
        return f"<AgentProcess {self.pid} of {self.agent_id}, {self.state}>"


def _look(handle: Process, ended: Future[WaitStatus]) -> None:
    status = handle.status
    if status is None:
        return
    kind, number = status
    with suppress(InvalidStateError):
        ended.set_result(WaitStatus(kind, None if number is None else AgentSignal(number)))
