"""`agentos log export`: a log in the form in which other programs read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit
from agent_os.cli.output import print_json, say
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Writes the files of a C2SP tlog-tiles log into a new folder."""
    count = FlightRecorder(arguments.log).export_tiles(arguments.tiles)
    if arguments.json:
        print_json({"folder": arguments.tiles, "entries": count})
    else:
        say(f"wrote {count:,} of the log's entries to `{arguments.tiles}`")
    return Exit.OK
