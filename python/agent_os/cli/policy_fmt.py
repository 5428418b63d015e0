"""`agentos policy fmt`: policy files in the one layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit
from agent_os.cli.output import print_json, shown

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Writes each file anew if its layout differs; with ``--check`` it only says so."""
    from agent_os.policy.formatting import format_text

    texts = {name: Path(name).read_bytes().decode("utf-8", "surrogateescape") for name in arguments.files}
    new = {name: format_text(text, name=name) for name, text in texts.items()}
    changed = [name for name in arguments.files if new[name] != texts[name]]
    if not arguments.check:
        for name in changed:
            _write(Path(name), new[name])
    if arguments.json:
        print_json({"changed": changed, "files": arguments.files, "written": not arguments.check})
    else:
        for name in changed:
            print(shown(f"{name}: {'would be written anew' if arguments.check else 'written anew'}"))
    return Exit.FINDING if arguments.check and changed else Exit.OK


def _write(path: Path, text: str) -> None:
    # The file is there as a whole or as it was; a link stays one.
    path = path.resolve()
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.chmod(path.stat().st_mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
