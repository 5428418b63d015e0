"""`agentos log redact`: what a log holds of a person, or large values of one entry, made unreadable for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.output import print_json, say
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Destroys a person's key, or removes the payloads of an entry. Nobody else may have the log open."""
    subject, seq = "" if arguments.unnamed else arguments.subject, arguments.seq
    if (subject is None) == (seq is None) or (arguments.unnamed and arguments.subject is not None):
        raise UsageError(
            "say what is to be redacted\n  hint: one of `--subject NAME`, `--unnamed` and `--seq N`; it is for good"
        )
    told = FlightRecorder(arguments.log).redact(subject=subject, seq=seq)
    if arguments.json:
        print_json({"entry": told})
    elif told is not None:
        print(f"redacted; entry {told} says so")
    if told is None:
        nothing = "nothing is sealed for that subject" if seq is None else f"entry {seq} refers to no payload"
        say(f"note: {nothing} that is still there")
        return Exit.FINDING
    return Exit.OK
