"""`agentos log checkpoint`: the signed statement of a log's size and root, to be kept elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit
from agent_os.cli.output import print_json
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Prints the checkpoint as it stands in the log, byte for byte."""
    text = FlightRecorder(arguments.log).checkpoint()
    if arguments.json:
        origin, size, root = text.split("\n")[:3]
        print_json({"origin": origin, "size": int(size), "root": root, "checkpoint": text})
    else:
        print(text, end="")
    return Exit.OK
