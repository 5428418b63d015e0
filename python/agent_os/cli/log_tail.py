"""`agentos log tail`: the last entries of a log, and new ones as they come."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.lines import line_of
from agent_os.recorder import FlightRecorder
from agent_os.recorder.links import Links

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.recorder.links import Link
    from agent_os.recorder.source import Entry


def run(arguments: Namespace) -> Exit:
    """Prints entries, as lines for people or as lines of JSON."""
    if arguments.count < 1:
        raise UsageError(f"`-n {arguments.count}` asks for no entries\n  hint: give a number of at least 1")
    recorder = FlightRecorder(arguments.log)
    printer = _Printer(recorder, as_json=arguments.json)
    last = recorder.tail(arguments.count)
    for entry in last:
        printer.print(entry)
    if arguments.follow:
        for entry in recorder.follow(last[-1]["seq"] + 1 if last else 0):
            printer.print(entry)
    return Exit.OK


class _Printer:
    def __init__(self, recorder: FlightRecorder, *, as_json: bool) -> None:
        self._recorder = recorder
        self._links = Links()
        self._as_json = as_json

    def print(self, entry: Entry) -> None:
        if self._as_json:
            print(json.dumps(entry, ensure_ascii=False, separators=(",", ":")))
        else:
            print(line_of(entry, self._link(entry)))
        sys.stdout.flush()

    def _link(self, entry: Entry) -> Link:
        link = self._links.follow(entry)
        if entry["kind"] == "outcome" and link.action is None:
            # Its intent stands before the entries that are shown.
            link = Links().follow(next(self._recorder.entries(entry["intent"])))
        return link
