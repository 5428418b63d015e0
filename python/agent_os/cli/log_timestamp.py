"""`agentos log timestamp`: has a server stamp a log's newest checkpoint with its time (RFC 3161), and keeps that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent_os.cli.exits import Exit, Unusable, UsageError
from agent_os.cli.output import print_json, say, shown
from agent_os.cli.post import check_url, post
from agent_os.recorder import FlightRecorder, timestamps

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.recorder.timestamps import Authority

#: A stamp holds some certificates.
_MOST: Final = 1 << 18


def run(arguments: Namespace) -> Exit:
    """Asks the server once."""
    check_url(arguments.url)
    recorder = FlightRecorder(arguments.log)
    authority = authority_of(arguments.ca, arguments.policy)
    note = recorder.checkpoint().encode()
    try:
        request = timestamps.request_for(note)
    except ImportError as error:
        raise Unusable(str(error)) from error
    answer = post(arguments.url, request.as_bytes(), "application/timestamp-query", most=_MOST)
    if answer.status != 200:
        raise Unusable(f"`{arguments.url}` answered with {answer.status}\n  hint: check the address")
    stamp = timestamps.read(answer.body, note, authority=authority, nonce=request.nonce)
    directory = recorder.directory
    assert directory is not None  # noqa: S101 (a recorder that was given one)
    file = timestamps.keep(directory, note, answer.body)
    if arguments.json:
        time = stamp.time.isoformat()
        print_json({"size": stamp.size, "time": time, "policy": stamp.policy, "file": str(file)})
    else:
        print(shown(f"stamped      {stamp.size:,}  {stamp.time.isoformat()}  policy {stamp.policy}"))
    if authority is None:
        say("note: who signed it was not checked; give the server's root certificate with `--ca`")
    return Exit.OK


def authority_of(file: str | None, policy: str | None) -> Authority | None:
    """Whose certificates are in a file; ``None`` if none was given."""
    if file is None:
        if policy is not None:
            raise UsageError("a policy is one of an authority\n  hint: give its root certificate, too")
        return None
    try:
        return timestamps.Authority.of(Path(file).read_bytes(), policy)
    except ImportError as error:
        raise Unusable(str(error)) from error
    except ValueError as error:
        raise Unusable(
            f"`{file}`: {error}\n  hint: name a file of certificates in PEM, and a policy as dotted numbers"
        ) from error
