"""`agentos log tail`: the last entries of a log, and new ones as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.log_lines import Printer
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Prints entries, as lines for people or as lines of JSON."""
    if arguments.count < 1:
        raise UsageError(f"`-n {arguments.count}` asks for no entries\n  hint: give a number of at least 1")
    recorder = FlightRecorder(arguments.log)
    printer = Printer(recorder, as_json=arguments.json)
    last = recorder.tail_pairs(arguments.count)
    for pair in last:
        printer.print(pair)
    if arguments.follow:
        for pair in recorder.follow_pairs(last[-1][1]["seq"] + 1 if last else 0):
            printer.print(pair)
    return Exit.OK
