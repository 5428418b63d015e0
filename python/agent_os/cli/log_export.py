"""`agentos log export`: a log, or one run of it, in the form in which other programs or people read it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, Unusable, UsageError
from agent_os.cli.output import plural, print_json, say
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Writes to a file or to stdout, or the files of a C2SP tlog-tiles log into a new folder."""
    return _format(arguments) if arguments.tiles is None else _tiles(arguments)


def _format(arguments: Namespace) -> Exit:
    out = arguments.out
    if arguments.json:
        raise UsageError("`--json` says what `--tiles` wrote\n  hint: leave it out; `--format jsonl` is JSON")
    if out is None and arguments.format == "parquet" and sys.stdout.isatty():
        raise UsageError("Parquet is nothing to look at\n  hint: name a file with `--out`")
    recorder = FlightRecorder(arguments.log)
    try:
        count = recorder.export(
            arguments.format,
            sys.stdout.buffer if out is None else out,
            pid=arguments.pid,
            start=arguments.start,
            payloads=arguments.payloads,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    except ImportError as error:
        raise Unusable(str(error)) from error
    if out is not None:
        say(f"{plural(count, 'record')} written to `{out}`")
    return Exit.OK


def _tiles(arguments: Namespace) -> Exit:
    if arguments.pid is not None or arguments.start is not None or arguments.out is not None or arguments.payloads:
        raise UsageError("tiles are of the whole log\n  hint: leave `--pid`, `--start`, `--out` and `--payloads` out")
    count = FlightRecorder(arguments.log).export_tiles(arguments.tiles)
    if arguments.json:
        print_json({"folder": arguments.tiles, "entries": count})
    else:
        say(f"wrote {count:,} of the log's entries to `{arguments.tiles}`")
    return Exit.OK
