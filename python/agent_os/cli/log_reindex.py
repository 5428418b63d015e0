"""`agentos log reindex`: makes the index of a log anew. The log itself is only read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit
from agent_os.cli.output import print_json
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Reads the whole log, and says how many entries are in the index."""
    recorder = FlightRecorder(arguments.log)
    began = time.perf_counter()
    entries = recorder.reindex()
    seconds = time.perf_counter() - began
    if arguments.json:
        print_json({"entries": entries, "seconds": round(seconds, 3)})
    else:
        print(f"{entries:,} entries in {seconds:.2f} s")
    return Exit.OK
