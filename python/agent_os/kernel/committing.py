"""Waiting for stable storage without blocking an event loop, for kernels with ``durability="commit"``.

What is asked of the disk and what may pass before it has answered is decided in the core: a step that comes too early
waits there. This only does the waiting elsewhere, so that the loop goes on, and lets all who wait share a sync.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from agent_os._core import Call, Kernel


class Commits:
    """The waiting of one kernel."""

    def __init__(self, core: Kernel) -> None:
        self._core = core
        self._lock = Lock()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting] = WeakKeyDictionary()

    async def before(self, call: Call) -> None:
        """Returns when the call may pass without blocking. A waiter who is cancelled meanwhile has cancelled it."""
        try:
            await self._settled(call)
        except BaseException:
            call.abandon()
            raise

    async def returned(self, call: Call, result: Any) -> Any:
        """Records that the call returned, and gives the result when that is on stable storage."""
        call.hold(result)
        await self._settled(call)
        return call.release()

    async def raised(self, call: Call, error: BaseException, *, cancelled: bool) -> None:
        """Records that the call raised. A task that is being cancelled is not kept waiting: it gets no result."""
        call.raised(error, cancelled, wait=False)
        if not cancelled:
            await self._settled(call)

    async def _settled(self, call: Call) -> None:
        size = call.unsettled
        if size:
            loop = asyncio.get_running_loop()
            with self._lock:
                waiting = self._loops.setdefault(loop, _Waiting(self._core))
            await waiting.reach(loop, size)


class _Waiting:
    """Those who wait in one event loop. One thread waits for all of them."""

    def __init__(self, core: Kernel) -> None:
        self._core = core
        self._thread: ThreadPoolExecutor | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._busy = False

    async def reach(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        """Returns when so many entries are on stable storage, or never will be: the next step finds out which."""
        future = loop.create_future()
        self._waiting.append((size, future))
        if not self._busy:
            self._start(loop)
        await future

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="agent-os-commit")
        waiting, self._waiting = self._waiting, []
        work = loop.run_in_executor(self._thread, self._core.log_settle, max(size for size, _ in waiting))
        self._busy = True
        # A context of its own: what comes of the waiting is nobody's in particular.
        work.add_done_callback(functools.partial(self._done, loop, waiting), context=Context())

    def _done(
        self,
        loop: asyncio.AbstractEventLoop,
        waiting: list[tuple[int, asyncio.Future[None]]],
        work: asyncio.Future[None],
    ) -> None:
        self._busy = False
        if not work.cancelled():
            work.exception()
        for _, future in waiting:
            if not future.done():
                future.set_result(None)
        if self._waiting:
            self._start(loop)
