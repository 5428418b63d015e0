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
        self._cwd = working_directory()
        home = os.path.expanduser("~")  # noqa: PTH111 -- `Path.home` raises where there is none
        self._home = home if Path(home).is_absolute() else None
        paths = _listed(protect)
        paths += [str(Path(os.path.expanduser(path))) for path in paths if path.startswith("~")]  # noqa: PTH111
        paths += named_files(source)
        if directory is not None:
            paths.append(str(directory))
        if store is not None:
            paths += [f"{store}{ending}" for ending in _BESIDE_STORE]
        paths += [str(state_folder()), str(key_folder()), str(index_folder())]
        if key is not None:
            paths.append(os.fspath(key))
        self._paths = [*paths, *_as_the_shell_spells(paths, self._cwd)]

    def around(self, *policies: Policy) -> _core.Protected:
        """What is protected while these policies are in force, or wait to be.

        Raises ``ValueError`` for a path that cannot be protected, because all that agents do would name it.
        """
        files = [file for policy in policies for file in policy.files]
        files += _as_the_shell_spells(files, self._cwd)
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
            named.append(str(working_directory() / os.fspath(item)))
    return named


def working_directory() -> Path:
    """The working directory. Raises ``FileNotFoundError`` with what to do if it is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        what = "the working directory no longer exists; change to one that does before the kernel is made"
        raise FileNotFoundError(error.errno, what) from error


def _listed(protect: Iterable[str | os.PathLike[str]]) -> list[str]:
    """What the operator protects. A mistake here would leave something open, so nothing is passed over."""
    if isinstance(protect, (str, os.PathLike)):
        raise TypeError(f"`protect` takes a list of paths, not one; write [{os.fspath(protect)!r}]")
    paths: list[str] = []
    for path in protect:
        if isinstance(path, bytes):
            raise TypeError(f"`protect` takes paths as text; write {os.fsdecode(path)!r} instead of {path!r}")
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"`protect` takes paths, and `{path!r}` is of type {type(path).__name__}; write it as text")
        text = os.fspath(path)
        if not text:
            raise ValueError("`protect` has an empty path; leave it out, or name the file")
        if any(sign in text for sign in "*?[") and not os.path.lexists(os.path.expanduser(text)):  # noqa: PTH111
            raise ValueError(
                f"`{text}` of `protect` looks like a pattern, and no file has this name; patterns are not expanded: "
                "name the folder that holds the files, or list them with `glob.glob`"
            )
        paths.append(text)
    return paths


def _as_the_shell_spells(paths: Iterable[str | os.PathLike[str]], cwd: Path) -> list[str]:
    """What lies below the working directory, by the links that led a shell there."""
    spelt = Path(os.environ.get("PWD", ""))
    try:
        if not spelt.is_absolute() or spelt == cwd or not spelt.samefile(cwd):
            return []
    except (OSError, ValueError):
        return []
    absolute = (cwd / path for path in paths)
    return [str(spelt / path.relative_to(cwd)) for path in absolute if path.is_relative_to(cwd)]
