"""Reading what a kernel is configured with."""

from __future__ import annotations

import os
import secrets
import time
import warnings
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from agent_os import _core
from agent_os.errors import IsolationUnavailable, NothingEnforced, NotSupported
from agent_os.kernel.approvals import Approver, terminal_approver
from agent_os.recorder.key_folder import state_folder

if TYPE_CHECKING:
    from agent_os.kernel.committing import Commits
    from agent_os.policy import Policy
    from agent_os.recorder import FlightRecorder


def names_of(names: Iterable[str], what: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"`{what}` takes a list of names, not one string; write [{names!r}]")
    return tuple(names)


def approver_of(approver: Approver | str | None) -> Approver | None:
    if approver is None or callable(approver):
        return approver
    if approver == "terminal":
        return terminal_approver()
    raise ValueError(f'`{approver}` is not an approver; give a callable "terminal" or "queue"')


def warn_if_nothing_is_enforced(policy: Policy, stacklevel: int = 3) -> None:
    """Tells whoever put a policy in force that it stops nothing."""
    if policy.bundle.only_observes:
        message = (
            f"the policy `{policy.name}` ENFORCES NOTHING: every rule of it is in shadow and its default is allow, so "
            "everything that agents ask for happens and is only recorded"
        )
        warnings.warn(message, NothingEnforced, stacklevel=stacklevel)


def refuse_guard(*, asked: bool) -> None:
    """Whoever asks for the runtime guard must not believe that it is there."""
    if asked:
        raise IsolationUnavailable(
            "`guard=True` asks for the runtime guard, which this version does not have; leave it out"
        )


def commits_of(core: _core.Kernel, durability: str) -> Commits | None:
    """What waits for stable storage, where something has to."""
    if durability != "commit":
        return None
    from agent_os.kernel.committing import Commits

    return Commits(core)


def directory_of(
    recorder: str | os.PathLike[str] | FlightRecorder | None, durability: str, name: str | None
) -> Path | None:
    """Where the log goes; ``None`` for memory."""
    if durability == "memory":
        if recorder is not None:
            raise ValueError('`durability="memory"` writes no log, so `recorder` has no meaning; leave one of them out')
        return None
    if recorder is None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        label = f"{name}-" if name and _core.is_name(name) else ""
        return state_folder() / "logs" / f"{stamp}-{label}{secrets.token_hex(4)}"
    directory = recorder if isinstance(recorder, (str, os.PathLike)) else getattr(recorder, "directory", recorder)
    if directory is None or not str(directory):
        raise ValueError("`recorder` has no directory; give one, or leave it out for a fresh one")
    if not isinstance(directory, (str, os.PathLike)):
        raise TypeError(f"`recorder` is a `{type(recorder).__name__}`; give a directory or a `FlightRecorder`")
    return Path(directory)


def drop_old_entries(given: object, log: FlightRecorder) -> None:
    """Drops what is older than the recorder that was given keeps."""
    keeps = getattr(given, "keeps", None)
    if keeps is not None:
        log.retain(keep=keeps)


def store_of(store: str | os.PathLike[str] | None) -> Path | None:
    """The file of the state store; ``None`` for memory."""
    if store is None or store == "memory":
        return None
    if not isinstance(store, (str, os.PathLike)):
        raise TypeError(f'`store` is a `{type(store).__name__}`; give the path of a file, or "memory"')
    if "://" in str(store):
        raise NotSupported(
            f'the store `{store}` is not supported by this version; give the path of a file, or "memory"'
        )
    if not str(store):
        raise ValueError('`store` is empty; give the path of a file, or "memory"')
    return Path(store)


def check_action(action: str, taken: Collection[str]) -> None:
    """Refuses what is no action, what belongs to the kernel, and what is taken."""
    fault = _core.check_action(action)
    if fault is not None:
        raise ValueError(f"`{action}` is not an action: {fault}; use segments of A-Z a-z 0-9 _ - joined by dots")
    if _core.is_reserved(action):
        raise ValueError(f"`{action}` belongs to the kernel; choose another first segment")
    if action in taken:
        raise ValueError(f"a tool `{action}` is there already; choose another action")


def called(target: object) -> str:
    """How messages name a callable."""
    return str(getattr(target, "__qualname__", repr(target)))
