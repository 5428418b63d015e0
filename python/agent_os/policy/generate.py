"""Writes what ships beside the code and is made from it: ``python -m agent_os.policy.generate``.

The JSON Schema, the preset `observe`, and the compiled form of the presets. Tests compare them with what this would
write.
"""

from __future__ import annotations

import re

from agent_os import _core
from agent_os.policy import schema
from agent_os.policy.compiled import COMPILED, compile_presets
from agent_os.policy.files import PRESETS, read_limits, read_preset
from agent_os.policy.load import build

_OBSERVE = """\
# NOTHING IS ENFORCED. Everything is allowed, decided and recorded; what `permissive` would have denied stands in each
# decision under `shadow`. Made from permissive.yaml by `python -m agent_os.policy.generate`: edit that file.
"""


def preset(name: str) -> _core.Bundle:
    """A preset from its YAML, whatever compiled form there is."""
    return build([read_preset(name, None, read_limits())]).bundle


def observe() -> str:
    """The preset `observe`: what `permissive` forbids, in shadow."""
    text = (PRESETS / "permissive.yaml").read_text(encoding="utf-8")
    rules = text[text.index("rules:\n") :].replace("permissive/", "observe/")
    shadowed = re.sub(r"^(  - id: .*\n)", r"\1    mode: shadow\n", rules, flags=re.MULTILINE)
    return f"{_OBSERVE}agent_os: 1\nname: observe\ndefault: allow\n{shadowed}"


def main() -> None:
    """Writes the files into the package that this runs from."""
    schema.FILE.write_text(schema.render(), encoding="utf-8")
    (PRESETS / "observe.yaml").write_text(observe(), encoding="utf-8")
    COMPILED.mkdir(exist_ok=True)
    for old in COMPILED.glob("*.bundle"):
        old.unlink()
    for name, data in compile_presets(preset).items():
        (COMPILED / name).write_bytes(data)


if __name__ == "__main__":
    main()
