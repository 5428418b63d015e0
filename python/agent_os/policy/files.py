"""Finding and reading the files of a bundle: presets of the package, and files relative to one another."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from agent_os import _core
from agent_os.policy.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: Final = Path(__file__).parent / "presets"
#: Rules for one kind of work; named, extended and loaded as presets are.
PACKS: Final = Path(__file__).parent / "packs"
#: How a compiled bundle file starts.
MAGIC: Final = b"agent-os-bundle "
_BUNDLE_BYTES: Final = 256 * 1024 * 1024
_PRESET_NAME = re.compile(r"[A-Za-z0-9_-]+")

#: Bounds on what is read from one file, beside those that the core declares.
_READING: Final = (
    ("policy_depth", 64, "Levels of lists and mappings in one file of rules."),
    # Ten thousand rules of 50 values each; more rules than that are split, or compiled once and loaded as a bundle.
    ("policy_nodes", 500_000, "Values in one file of rules."),
)


class FileText(NamedTuple):
    """One file as it was read, so that what was judged and what is in force are the same bytes."""

    identity: str
    shown: str
    folder: Path | None
    data: bytes


class Unreadable(Exception):
    """Why a reference leads to no file: a code, a message and a hint."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint)
        self.code, self.message, self.hint = code, message, hint


def limits_table() -> list[tuple[str, int, str]]:
    """Every bound by name, with what it counts: those of the core, and those of reading a file."""
    return [*_core.limits(), *_READING]


def read_limits() -> Mapping[str, int]:
    """Every bound by name."""
    return {name: value for name, value, _ in limits_table()}


def preset_names() -> list[str]:
    """The names of the presets in the package."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def pack_names() -> list[str]:
    """The names of the packs in the package."""
    return sorted(path.stem for path in PACKS.glob("*.yaml"))


def is_preset_name(reference: str) -> bool:
    """True for a single word without a dot or a slash; everything else is a path."""
    return _PRESET_NAME.fullmatch(reference) is not None


def read_preset(name: str, folder: Path | None, limits: Mapping[str, int]) -> FileText:
    """The text of a preset or a pack; ``folder`` is where a file that may have been meant would be."""
    presets, packs = preset_names(), pack_names()
    known = [*presets, *packs]
    if name in known:
        place = PRESETS if name in presets else PACKS
        shown = f"agent_os/policy/{place.name}/{name}.yaml"
        return FileText(f"preset:{name}", shown, None, _read(place / f"{name}.yaml", limits))
    if os.path.lexists((folder or Path()) / name):
        hint = f"to load the file of this name, write `./{name}`"
    elif near := nearest(name, known):
        hint = f"did you mean `{near}`? the presets and packs are {_listed(known)}"
    else:
        hint = f"the presets and packs are {_listed(known)}; a file is named by a path, like `./{name}.yaml`"
    raise Unreadable("unknown_preset", f"there is no preset `{name}`", hint)


def read_file(path: Path, shown: str, limits: Mapping[str, int]) -> FileText:
    """The text of a file, under the name by which the reader knows it."""
    try:
        data = _read(path, limits)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise Unreadable("not_found", f"`{shown}` cannot be read: {reason}", "check the path and its rights") from None
    return FileText(identity_of(path), shown, path.parent, data)


def identity_of(path: Path) -> str:
    """One name for a file, whatever path leads to it. Raises ``ValueError`` for what cannot be a path."""
    return os.path.normcase(os.path.realpath(path))


def relative(reference: str, origin: FileText) -> tuple[Path, str]:
    """Where a file that another one extends lies: its path, and the name to show."""
    if origin.folder is None:
        hint = "pass `base=` with the folder that paths start from, or extend presets only"
        raise Unreadable("bad_source", f"`{reference}` is relative to a file, and this text is none", hint)
    if "\0" in reference:
        raise Unreadable("bad_source", f"`{reference!r}` is not a path", "write a path without a NUL character")
    if Path(reference).is_absolute() or reference.startswith(("~", "/", "\\")) or re.match(r"[A-Za-z]:", reference):
        hint = "write the path relative to the file that extends it, like `../shared.yaml`"
        raise Unreadable("bad_source", f"`{reference}` is an absolute path", hint)
    return origin.folder / reference, os.path.normpath(Path(origin.shown).parent / reference)


def _read(path: Path, limits: Mapping[str, int]) -> bytes:
    # Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            start = file.read(len(MAGIC))
            bound = _BUNDLE_BYTES if start == MAGIC else limits["policy_file_bytes"]
            return start + file.read(bound + 1 - len(start))
    finally:
        os.close(descriptor)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
