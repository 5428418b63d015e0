"""Which files are the control plane's: the log and its keys, the state store, the policy, and what the operator adds.

Here they are only listed. That no governed action may name one is decided in the core, whatever the policy says.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.policy.files import is_preset_name
from agent_os.recorder.key_folder import index_folder, key_folder, state_folder

if TYPE_CHECKING:
    from agent_os.kernel.space import PolicySource
    from agent_os.policy import Policy

__all__ = ["ControlPlane", "named_files"]

#: What SQLite puts beside its file.
_BESIDE_STORE = ("", "-wal", "-shm", "-journal")


class ControlPlane:
    """The files of one kernel. Relative paths start from the working directory of the moment when it is made."""

    def __init__(
        self,
        source: PolicySource,
        directory: Path | None,
        store: Path | None,
        key: str | os.PathLike[str] | None,
        protect: Iterable[str | os.PathLike[str]],
    ) -> None:
        if isinstance(protect, (str, os.PathLike)):
            raise TypeError(f"`protect` takes a list of paths, not one; write [{os.fspath(protect)!r}]")
        self._cwd = Path.cwd()
        home = os.path.expanduser("~")  # noqa: PTH111 -- `Path.home` raises where there is none
        self._home = home if Path(home).is_absolute() else None
        paths = [os.fspath(path) for path in protect]
        paths += [str(Path(os.path.expanduser(path))) for path in paths if path.startswith("~")]  # noqa: PTH111
        paths += named_files(source)
        if directory is not None:
            paths.append(str(directory))
        if store is not None:
            paths += [f"{store}{ending}" for ending in _BESIDE_STORE]
        paths += [str(state_folder()), str(key_folder()), str(index_folder())]
        if key is not None:
            paths.append(os.fspath(key))
        self._paths = paths

    def around(self, *policies: Policy) -> _core.Protected:
        """What is protected while these policies are in force, or wait to be.

        Raises ``ValueError`` for a path that cannot be protected, because all that agents do would name it.
        """
        files = [file for policy in policies for file in policy.files]
        return _core.Protected([*self._paths, *files], home=self._home, cwd=self._cwd)


def named_files(source: PolicySource) -> list[str]:
    """The files that a source of policies names, also those that are read in compiled form."""
    from agent_os.policy import Policy

    items: Sequence[Any] = source if isinstance(source, (list, tuple)) else [source]
    named: list[str] = []
    for item in items:
        if isinstance(item, Policy):
            continue  # Its texts were read once and stay what they are.
        if not (isinstance(item, str) and is_preset_name(item)):
            named.append(str(Path.cwd() / os.fspath(item)))
    return named
