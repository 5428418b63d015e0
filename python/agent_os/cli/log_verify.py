"""`agentos log verify`: is a log whole?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.cli.exits import Exit, Unusable, UsageError
from agent_os.cli.lines import time_of
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
    report = FlightRecorder(arguments.log).verify(
        key=arguments.key,
        checkpoint=held,
        ratchet_key=first,
        witness=_witnesses(arguments),
        quorum=arguments.quorum,
        **_authority(arguments),
    )
    if arguments.json:
        print_json(report.to_dict())
    else:
        _tell(report, pinned=bool(arguments.key), witnessed=bool(arguments.witness))
    if report:
        return Exit.OK
    count = plural(len(report.problems), "problem")
    fail(f"the log does not verify: {count}; keep the directory as it is, and compare it with a copy kept elsewhere")
    return Exit.FINDING


def _authority(arguments: Namespace) -> dict[str, Any]:
    """Whose time stamps are looked at, if any are."""
    if arguments.tsa_ca is None and arguments.tsa_policy is None:
        return {}
    from agent_os.cli.log_timestamp import authority_of

    if authority_of(arguments.tsa_ca, arguments.tsa_policy) is None:
        return {}
    return {"tsa_ca": _read(arguments.tsa_ca), "tsa_policy": arguments.tsa_policy}


def _witnesses(arguments: Namespace) -> list[str]:
    """The keys of the witnesses, which make no less than the quorum."""
    given: list[str] = arguments.witness
    try:
        [_core.witness_name(key) for key in given]
    except ValueError as error:
        raise UsageError(f"{error}\n  hint: give it as the witness spells it") from error
    if arguments.quorum is not None and not 0 < arguments.quorum <= len(given):
        count = plural(len(given), "witness", "witnesses")
        raise UsageError(f"`--quorum {arguments.quorum}` of {count} is none\n  hint: give as many `--witness` at least")
    return given


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _tell(report: VerifyReport, *, pinned: bool, witnessed: bool) -> None:
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
        "pinned": ("yes" if report.pinned else "no") if pinned else "no key was given",
        "rotated": _listed(report.rotations),
        "held": "no checkpoint was given" if report.held is None else f"{report.held:,}",
        "witnessed": ("no" if report.witnessed is None else f"{report.witnessed:,}")
        if witnessed
        else "no witness was given",
        "seals": f"{report.seals:,}",
        "gaps": _listed(report.gaps),
        "sealed": "no first key was given" if report.sealed is None else f"{report.sealed:,}",
        "dropped": f"{report.dropped:,}",
        "redacted": _listed(report.redactions),
        "unfinished": _listed(report.unfinished),
        "clock steps": _listed(report.backward_steps),
    }
    for name, value in rows.items():
        print(shown(f"{name:<12} {value}"))
    for each in report.cosignatures:
        print(shown(f"cosigned     {each.size:,}  {time_of(each.time * 1_000_000)}  {each.name}"))
    for stamp in report.stamps:
        print(shown(f"stamped      {stamp.size:,}  {stamp.time.isoformat()}  policy {stamp.policy}"))
    for problem in report.problems:
        print(shown(f"problem      {problem}"))
    if report.unfinished:
        say("note: unfinished intents have no outcome in the log; these actions may have happened")
    if report.dropped:
        say("note: of dropped entries only the hashes are left; what they said, and how actions in them ended, is gone")
    for stray in report.strays[:_LISTED]:
        say(f"note: `{stray}` is no part of the log")
    if more := report.strays[_LISTED:]:
        say(f"note: nor are {plural(len(more), 'other file')}")


def _listed(seqs: tuple[int, ...]) -> str:
    shown_seqs = " ".join(f"#{seq}" for seq in seqs[:_LISTED])
    return f"{len(seqs)}  {shown_seqs}{' ...' if len(seqs) > _LISTED else ''}".rstrip()
