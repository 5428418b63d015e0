"""`agentos log stat`: what is in a log, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.lines import time_of
from agent_os.cli.output import print_json, say, shown
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.recorder import LogStatistics


def run(arguments: Namespace) -> Exit:
    """Prints sizes, the time that the log covers, and counts by kind, effect, status, agent, action, rule and label."""
    if arguments.most < 1:
        raise UsageError(f"`--most {arguments.most}` asks for nothing\n  hint: give a number of at least 1")
    found = FlightRecorder(arguments.log).statistics(arguments.most)
    if arguments.json:
        print_json(found.to_dict())
    else:
        _tell(found)
    if found.unfinished:
        say("note: unfinished intents have no outcome in the log; these actions may have happened")
    return Exit.OK


def _tell(found: LogStatistics) -> None:
    rows = {
        "log": found.log_id,
        "entries": f"{found.entries:,}",
        "from": "" if found.since is None else time_of(found.since),
        "to": "" if found.until is None else time_of(found.until),
        "segments": f"{found.segments:,}  {found.segment_bytes:,} bytes",
        "payloads": f"{found.payloads:,}  {found.payload_bytes:,} bytes",
        "denials": f"{found.denials:,}",
        "unfinished": f"{found.unfinished:,}",
    }
    for name, value in rows.items():
        print(shown(f"{name:<12} {value}").rstrip())
    for field, counts in found.counts.items():
        for value, count in counts.items():
            print(shown(f"{field:<12} {count:>9,}  {value}"))
        if more := found.values[field] - len(counts):
            print(shown(f"{field:<12} {'':>9}  and {more:,} more"))
