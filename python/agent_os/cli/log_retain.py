"""`agentos log retain`: drops what old entries of a log say, and leaves their hashes, so that proofs go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.output import print_json, say
from agent_os.recorder import FlightRecorder
from agent_os.recorder.retention import age_of

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Drops whole segments only. Nobody else may have the log open."""
    if (arguments.keep is None) == (arguments.before is None):
        raise UsageError("say how much is to be kept\n  hint: `--keep 90d` or `--before N`")
    try:
        keep = None if arguments.keep is None else age_of(arguments.keep)
        found = FlightRecorder(arguments.log).retain(keep=keep, before=arguments.before, dry_run=arguments.dry_run)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if arguments.json:
        print_json(None if found is None else found.to_dict())
    elif found is not None:
        done = "would be dropped" if arguments.dry_run else f"were dropped; entry {found.entry} says so"
        print(f"{found.dropped:,} entries before {found.to:,}, {found.bytes:,} bytes, {done}")
    if found is None:
        say("note: no ended segment holds only entries that are older; nothing was dropped")
    return Exit.OK
