"""Writes what ships beside the code and is made from it: ``python -m agent_os.policy.generate``.

The JSON Schema, and the compiled form of the presets. A test compares both with what this would write.
"""

from __future__ import annotations

from agent_os import _core
from agent_os.policy import schema
from agent_os.policy.compiled import COMPILED, compile_presets
from agent_os.policy.files import read_limits, read_preset
from agent_os.policy.load import build


def preset(name: str) -> _core.Bundle:
    """A preset from its YAML, whatever compiled form there is."""
    return build([read_preset(name, None, read_limits())]).bundle


def main() -> None:
    """Writes the files into the package that this runs from."""
    schema.FILE.write_text(schema.render(), encoding="utf-8")
    COMPILED.mkdir(exist_ok=True)
    for old in COMPILED.glob("*.bundle"):
        old.unlink()
    for name, data in compile_presets(preset).items():
        (COMPILED / name).write_bytes(data)


if __name__ == "__main__":
    main()
