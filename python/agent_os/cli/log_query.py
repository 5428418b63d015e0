"""`agentos log query`: the entries of a log for which everything holds that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.log_lines import Printer
from agent_os.cli.moments import moment_of
from agent_os.cli.output import say
from agent_os.recorder import FlightRecorder
from agent_os.recorder.query import Query

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Prints each entry that matches."""
    recorder = FlightRecorder(arguments.log)
    try:
        query = Query(
            agent_id=arguments.agent,
            action=arguments.action,
            effect=arguments.effect,
            kind=arguments.kind,
            rule=arguments.rule,
            label=arguments.label,
            status=arguments.status,
            pid=arguments.pid,
            parent=arguments.parent,
            since=moment_of("--since", arguments.since),
            until=moment_of("--until", arguments.until),
            start=arguments.start,
            before=arguments.before,
            limit=arguments.limit,
            newest_first=arguments.newest,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    printer, last = Printer(recorder, as_json=arguments.json), None
    count = 0
    for pair in recorder.query_pairs(query):
        printer.print(pair)
        last, count = pair[1]["seq"], count + 1
    if last is not None and count == arguments.limit:
        more = f"--before {last}" if arguments.newest else f"--start {last + 1}"
        say(f"note: there may be more; go on with `{more}`")
    if not count:
        say("note: no entry matches")
    return Exit.OK
