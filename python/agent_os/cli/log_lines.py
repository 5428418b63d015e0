"""Printing entries of a log, as lines for people or as lines of JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from agent_os.cli.lines import line_of
from agent_os.recorder.links import Links

if TYPE_CHECKING:
    from agent_os.recorder import FlightRecorder
    from agent_os.recorder.links import Link
    from agent_os.recorder.source import Entry, Pair


class Printer:
    """Prints entries. Those that follow each other in the log need no look-up of what they are about."""

    def __init__(self, recorder: FlightRecorder, *, as_json: bool) -> None:
        self._recorder = recorder
        self._links = Links()
        self._as_json = as_json

    def print(self, pair: Pair) -> None:
        """One line. As JSON it is the entry's own bytes: parsed and spelt anew, a number may read otherwise."""
        raw, entry = pair
        shown = self._recorder.shown(entry)
        if shown != entry:
            raw, entry = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode(), shown
        if self._as_json:
            print(raw.decode())
        else:
            print(line_of(entry, self._link(entry)))
        sys.stdout.flush()

    def _link(self, entry: Entry) -> Link:
        link = self._links.follow(entry)
        if entry["kind"] == "outcome" and link.action is None:
            # Its intent stands before the entries that are shown, or was not asked for.
            intent = next(self._recorder.entries(entry["intent"]))
            if intent["seq"] == entry["intent"]:
                link = Links().follow(intent)
        return link
