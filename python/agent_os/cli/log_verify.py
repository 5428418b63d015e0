"""`agentos log verify`: is a log whole?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, Unusable
from agent_os.cli.output import fail, plural, print_json, say, shown
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.recorder import VerifyReport

_PARTS = ("segments", "checkpoint", "salt", "payloads")
_LISTED = 10


def run(arguments: Namespace) -> Exit:
    """Prints what was found; the exit code says whether the log is whole."""
    directory = Path(arguments.log)
    # What is left of a log is verified, and fails; where there is nothing of one, the name is wrong.
    if not any((directory / part).exists() for part in _PARTS):
        what = "is not a log" if directory.is_dir() else "is not a directory"
        raise Unusable(f"`{directory}` {what}\n  hint: name the directory that the kernel was given as `recorder`")
    held = [_read(name) for name in arguments.checkpoint]
    first = None if arguments.ratchet_key is None else _read(arguments.ratchet_key).decode(errors="replace")
    report = FlightRecorder(arguments.log).verify(key=arguments.key, checkpoint=held, ratchet_key=first)
    if arguments.json:
        print_json(report.to_dict())
    else:
        _tell(report, pinned=arguments.key is not None)
    if report:
        return Exit.OK
    count = plural(len(report.problems), "problem")
    fail(f"the log does not verify: {count}; keep the directory as it is, and compare it with a copy kept elsewhere")
    return Exit.FINDING


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _tell(report: VerifyReport, *, pinned: bool) -> None:
    rows = {
        "level": report.level,
        "log": report.log_id,
        "entries": f"{report.entries:,}",
        "root": report.root,
        "payloads": f"{report.payloads:,}",
        "closed": "yes" if report.closed else "no",
        "checkpoint": f"{report.checkpoint:,}",
        "after it": f"{report.after_checkpoint:,}",
        "key": report.key,
        "pinned": ("yes" if report.level == "pinned key" else "no") if pinned else "no key was given",
        "rotated": _listed(report.rotations),
        "held": "no checkpoint was given" if report.held is None else f"{report.held:,}",
        "seals": f"{report.seals:,}",
        "gaps": _listed(report.gaps),
        "sealed": "no first key was given" if report.sealed is None else f"{report.sealed:,}",
        "unfinished": _listed(report.unfinished),
        "clock steps": _listed(report.backward_steps),
    }
    for name, value in rows.items():
        print(shown(f"{name:<12} {value}"))
    for problem in report.problems:
        print(shown(f"problem      {problem}"))
    if report.unfinished:
        say("note: unfinished intents have no outcome in the log; these actions may have happened")
    for stray in report.strays[:_LISTED]:
        say(f"note: `{stray}` is no part of the log")
    if more := report.strays[_LISTED:]:
        say(f"note: nor are {plural(len(more), 'other file')}")


def _listed(seqs: tuple[int, ...]) -> str:
    shown_seqs = " ".join(f"#{seq}" for seq in seqs[:_LISTED])
    return f"{len(seqs)}  {shown_seqs}{' ...' if len(seqs) > _LISTED else ''}".rstrip()
