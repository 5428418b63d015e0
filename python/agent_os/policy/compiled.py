"""Policies in compiled form: bundle files, and the presets as they ship.

The package holds a compiled form of each preset, so that a kernel starts without reading YAML. It is used
only while the YAML is the very text that it was made from: the YAML stays the one source.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from agent_os import _core
from agent_os.policy.files import MAGIC, PRESETS, FileText, preset_names
from agent_os.policy.problems import Report

if TYPE_CHECKING:
    from collections.abc import Callable

COMPILED: Final = PRESETS / "compiled"


def is_compiled(data: bytes) -> bool:
    """True for the bytes of a compiled bundle file."""
    return data.startswith(MAGIC)


def bundle_of(text: FileText, report: Report) -> _core.Bundle:
    """The bundle in a compiled file. Raises ``PolicyError`` if any bit of it is not as it was written."""
    try:
        return _core.Bundle.load(text.data)
    except ValueError as error:
        hint = "compile the policy again with this version"
        report.add_at(text.shown, None, "bad_bundle_file", str(error), hint)
        report.check()
        raise


def preset_bundle(name: str) -> _core.Bundle | None:
    """A preset from its compiled form; ``None`` if it has none that is of its YAML."""
    if name not in preset_names():
        return None
    file = COMPILED / f"{name}.{presets_digest()[:16]}.bundle"
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    return bundle_of(FileText(f"preset:{name}", str(file), None, data), Report())


@cache
def presets_digest() -> str:
    """SHA-256 of the texts of all presets, which extend one another."""
    digest = sha256()
    for name in preset_names():
        digest.update(f"{name}\n".encode() + sha256((PRESETS / f"{name}.yaml").read_bytes()).digest())
    return digest.hexdigest()


def compile_presets(load: Callable[[str], _core.Bundle]) -> dict[str, bytes]:
    """The compiled files of all presets by name, as they belong into ``COMPILED``."""
    return {f"{name}.{presets_digest()[:16]}.bundle": load(name).dump() for name in preset_names()}
