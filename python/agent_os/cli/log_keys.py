"""`agentos log keys`: which key signs a log, and a new one in its place."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from agent_os import __version__, _core
from agent_os.cli.exits import Exit, Unusable
from agent_os.cli.output import fail, print_json, say, shown
from agent_os.recorder import FlightRecorder
from agent_os.recorder.key_folder import key_folder

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Prints the key that an auditor pins, where its secret half is, and when it was changed."""
    log = FlightRecorder(arguments.log)
    folder = key_folder()
    if arguments.rotate:
        _core.rotate_log_key(arguments.log, folder, __version__)
        say("the old key is gone; give the new one to whoever pinned the old one")
    report = log.verify()
    if not report.key:
        raise Unusable(f"`{arguments.log}` names no key\n  hint: `agentos log verify` says what is wrong with it")
    file = folder / f"{report.log_id}.key"
    public = base64.b64decode(report.key.split("+", 2)[2])[1:]
    row = {
        "key": report.key,
        "fingerprint": hashlib.sha256(public).hexdigest(),
        "file": str(file) if file.exists() else None,
        "ratchet_key": str(first) if (first := folder / f"{report.log_id}.ratchet-first").exists() else None,
        "rotations": list(report.rotations),
    }
    if arguments.json:
        print_json(row)
    else:
        print(shown(f"key          {row['key']}"))
        print(f"fingerprint  {row['fingerprint']}")
        where = row["file"] or "not in the key folder of this user"
        print(shown(f"secret       {where}"))
        print(shown(f"ratchet      {row['ratchet_key'] or 'its first key was taken away'}"))
        print(f"rotated      {' '.join(f'#{seq}' for seq in report.rotations) or 'never'}")
    if not report:
        fail("the log does not verify, so this may not be its key; see `agentos log verify`")
        return Exit.FINDING
    return Exit.OK
