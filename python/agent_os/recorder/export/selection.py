"""What is exported: the whole log, or one run with those below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_os.recorder.actions import Joining, RunPlace
from agent_os.recorder.run_entries import above, beginning, entries_from, pairs_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_os.recorder.actions import Action
    from agent_os.recorder.flight_recorder import FlightRecorder
    from agent_os.recorder.source import Entry, Pair


@dataclass(frozen=True, slots=True)
class Selection:
    """The entries and actions that were asked for."""

    recorder: FlightRecorder
    pid: int | None = None
    start: int | None = None
    payloads: bool = False

    def entries(self) -> Iterator[Entry]:
        """The entries in their order."""
        if self.pid is None:
            return map(self.recorder.shown, self.recorder.entries())
        return entries_from(self.recorder, beginning(self.recorder, self.pid, self.start))

    def pairs(self) -> Iterator[Pair]:
        """The entries in their order, each with its canonical bytes."""
        if self.pid is None:
            return self.recorder.pairs()
        return pairs_from(self.recorder, beginning(self.recorder, self.pid, self.start))

    def actions(self) -> Iterator[Action]:
        """The actions in the order in which they ended."""
        joining = Joining()
        if self.pid is None:
            return joining.follow(self.entries())
        started = beginning(self.recorder, self.pid, self.start)
        line = above(self.recorder, started)
        if line:
            # A run is in the tree of the same top whether all of the log is exported or this run alone.
            joining.runs[started["parent"]] = RunPlace(line[0]["intent"], line[-1]["intent"])
        return joining.follow(entries_from(self.recorder, started))

    def meta(self) -> Entry:
        """What the first entry says of the kernel that made the log."""
        first: Entry = next(self.recorder.entries())
        meta: Entry = first.get("meta", {})
        return meta
