"""Watching the files of a policy: what changed is read whole, and put in force only if it opens nothing.

The library ``watchfiles`` says that something changed; what changed is found by reading. So an editor that replaces a
file by renaming, a link that leads elsewhere, and an event that was missed come to the same. A file that is not
understood, or is gone, changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Literal

from agent_os.errors import AgentOSError, NotSupported, PolicyError
from agent_os.kernel.plane import named_files
from agent_os.policy import Policy

if TYPE_CHECKING:
    from agent_os.kernel.reloading import Reloader
    from agent_os.kernel.space import PolicySource

__all__ = ["ReloadReport", "Watcher"]

_log = logging.getLogger("agent_os")

#: Milliseconds in which events are gathered, and after which the files are looked at without an event.
_GATHER, _LOOK_AGAIN = 100, 1_000


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What became of a change of the watched files.

    ``applied``: the bundle is in force. ``pending``: it may open what ``opens`` lists, and waits until the operator's
    code calls ``kernel.reload`` or the operator approves it in the queue. ``rejected``: the files are not understood,
    or the operator has refused them; ``error`` says why, and nothing changed.
    """

    status: Literal["applied", "pending", "rejected"]
    bundle: str | None = None
    opens: tuple[str, ...] = ()
    error: str = ""


class Watcher:
    """A thread that looks at the files that a policy was read from, those that it extends included."""

    def __init__(
        self,
        source: PolicySource,
        loaded: Policy,
        reloader: Reloader,
        rejected: Callable[[str], None],
        report: Callable[[ReloadReport], object] | None,
    ) -> None:
        try:
            import watchfiles
        except ImportError as error:
            raise NotSupported("`watch=True` needs watchfiles; run `pip install 'agent-os[watch]'`") from error
        self._watch = watchfiles.watch
        self._source, self._reloader, self._rejected, self._report = source, reloader, rejected, report
        self._named = frozenset(named_files(source))
        self._files = self._named | set(loaded.files)
        if not self._named:
            raise ValueError("`watch=True` has no file to watch; give the path of a policy, or leave `watch` out")
        # Nothing was seen yet: what changed since the policy was loaded is found by the first look.
        self._seen: dict[str, tuple[int, ...]] = {}
        self._stop = Event()
        # A context of its own: reloading is not done in the name of whoever made the kernel.
        self._thread = Thread(target=Context().run, args=(self._run,), name="agent-os-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(timeout=10)
        self._reloader.close()

    def _run(self) -> None:
        self._turn()
        while not self._stop.is_set():
            folders = {str(folder) for file in self._files for folder in _folders(file) if folder.is_dir()}
            if not folders:
                self._stop.wait(_LOOK_AGAIN / 1_000)
                self._turn()
                continue
            try:
                self._wait(folders)
            except Exception as error:  # noqa: BLE001 -- a folder that went away must not end the watching
                _log.warning("watching the policy's files failed and is begun again: %s", error)
                self._stop.wait(_LOOK_AGAIN / 1_000)
            self._turn()

    def _wait(self, folders: set[str]) -> None:
        """Returns when something may have changed."""
        files = self._files
        for _ in self._watch(
            *sorted(folders),
            watch_filter=None,
            recursive=False,
            debounce=_GATHER,
            step=50,
            rust_timeout=_LOOK_AGAIN,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
        ):
            self._turn()
            if self._files != files:
                return

    def _turn(self) -> None:
        self._look()
        try:
            settled = self._reloader.settle()
        except PolicyError as error:
            self._refuse(str(error))
            return
        except AgentOSError as error:
            _log.error("a policy that waits for the operator could not be looked after: %s", error)
            return
        if settled is None:
            return
        how, loaded = settled
        if how == "approved":
            _log.warning("the operator has put the policy `%s` in force", loaded.name)
            if loaded.bundle.only_observes:
                _log.warning("the policy `%s` ENFORCES NOTHING", loaded.name)
            self._tell(ReloadReport("applied", loaded.digest))
        elif how != "expired":
            _log.warning("the policy `%s` was refused in the operator's queue: %s", loaded.name, how)
            self._tell(ReloadReport("rejected", loaded.digest, error=f"refused in the operator's queue: {how}"))

    def _look(self) -> None:
        signature = self._signature()
        if signature == self._seen or self._stop.is_set():
            return
        # Before reading: what changes while it is read is then looked at again.
        self._seen = signature
        try:
            loaded = Policy.load(self._source)
        except PolicyError as error:
            self._refuse(str(error))
            return
        self._files = self._named | set(loaded.files)
        # A file that was not watched yet may have changed since it was read: it is looked at once more.
        self._seen = {file: signature.get(file, ()) for file in self._files}
        try:
            opens = self._reloader.follow(loaded)
        except PolicyError as error:
            self._refuse(str(error))
            return
        except AgentOSError as error:
            _log.error("a policy could not be put in force: %s", error)
            return
        if opens is None:
            return
        status: Literal["applied", "pending"] = "pending" if opens else "applied"
        if opens:
            _log.warning("the policy `%s` waits for the operator: %s", loaded.name, "; ".join(opens))
        self._tell(ReloadReport(status, loaded.digest, opens))

    def _refuse(self, error: str) -> None:
        _log.warning("the policy's files changed and are not understood; the old policy stays in force: %s", error)
        try:
            self._rejected(error)
        except AgentOSError as fault:
            _log.error("a refused policy could not be recorded: %s", fault)
        self._tell(ReloadReport("rejected", error=error))

    def _tell(self, report: ReloadReport) -> None:
        if self._report is None:
            return
        try:
            self._report(report)
        except Exception:  # noqa: BLE001 -- watching goes on whatever the listener does
            _log.exception("`on_reload` failed")

    def _signature(self) -> dict[str, tuple[int, ...]]:
        return {file: _mark(file) for file in self._files}


def _folders(file: str) -> set[Path]:
    """Where an event about a file may come from: its folder, and that of what it leads to."""
    return {Path(file).parent, Path(file).resolve().parent}


def _mark(file: str) -> tuple[int, ...]:
    """What tells a file from what it was before."""
    try:
        found = Path(file).stat()
    except (OSError, ValueError):
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
