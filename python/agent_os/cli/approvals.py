"""`agentos approvals`: the operator's side of the queue of what waits for a person."""

from __future__ import annotations

import getpass
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.cli.exits import Exit, Unusable, UsageError
from agent_os.cli.lines import time_of
from agent_os.cli.output import print_json, say, shown
from agent_os.kernel.queue import RELOAD, TOKEN, TOKEN_FILE

if TYPE_CHECKING:
    from argparse import Namespace

_WHY_NOT = {
    "unknown": "it is no longer in the queue",
    "answered": "it has been answered already, and the process that asks has not looked yet",
    "approved": "it was confirmed already; an approval is used once",
    "denied": "it was denied already",
    "expired": "it came too late: the request has expired and was denied",
    "gone": "the process that asked no longer waits, so an approval would do nothing; run the agent again",
}


def run(arguments: Namespace) -> Exit:
    """Does what the command's second word says."""
    if arguments.verb == "init":
        return _init(arguments)
    if not Path(arguments.store).is_file():
        raise Unusable(f"`{arguments.store}` does not exist\n  hint: name the file that the kernel has as `store`")
    queue = _core.Approvals(arguments.store)
    if arguments.verb == "list":
        return _list(queue, arguments)
    entry = _find(queue, arguments.code)
    if arguments.verb == "show":
        _show(_described(entry), arguments)
        return Exit.OK
    return _speak(queue, entry, arguments)


def _init(arguments: Namespace) -> Exit:
    token, key = _core.new_operator()
    if arguments.json:
        print_json({"token": token, "operator": key})
    else:
        print(f"token     {token}\noperator  {key}")
    say("the token is shown this once and kept nowhere: keep it where no agent can read it, and not in the environment")
    say('of the kernel; give the other one to the kernel: KernelSpace(..., approver="queue", operator="agentos-…")')
    return Exit.OK


def _list(queue: _core.Approvals, arguments: Namespace) -> Exit:
    rows = [_described(entry) for entry in queue.entries()]
    if not arguments.all:
        rows = [row for row in rows if row["standing"] in ("waiting", "gone")]
    if arguments.json:
        print_json(rows)
        return Exit.OK
    for row in rows:
        asked = row["shown"]
        who = "kernel" if asked["action"] == RELOAD else f"{asked['agent_id']}[{asked['pid']}]"
        what = f"{who}  {asked['action']}  {json.dumps(asked['args'], ensure_ascii=False)}"
        print(shown(f"{row['code']}  {row['standing']:<8}  {time_of(row['asked_at'])}  {what}"))
    if not rows:
        say("nothing waits")
    return Exit.OK


def _show(row: dict[str, Any], arguments: Namespace) -> None:
    if arguments.json:
        print_json(row)
        return
    asked = row["shown"]
    print(shown(f"{row['code']}  {row['standing']}"))
    if asked["action"] == RELOAD:
        print("  the files of the policy changed and may open something; approving puts exactly this bundle in force")
    else:
        print(shown(f"  agent `{asked['agent_id']}`, run {asked['pid']}, asks for `{asked['action']}`"))
    for name, value in asked["args"].items():
        print(shown(f"  {name} = {json.dumps(value, ensure_ascii=False)}"))
    for rule, message in asked["rules"]:
        print(shown(f"  rule `{rule}`: {message or 'a person must confirm this'}"))
    print(shown(f"  asked {time_of(row['asked_at'])}, too late from {time_of(row['expires'])}"))
    print(shown(f"  request {row['request']}, bundle {row['bundle']}, kernel {row['kernel']}"))
    print(shown(f"  to be answered with the token of {row['operator']}"))


def _speak(queue: _core.Approvals, entry: _core.ApprovalEntry, arguments: Namespace) -> Exit:
    approve = arguments.verb == "approve"
    try:
        refused = queue.speak(_token(), entry, approve)
    except ValueError as error:
        raise Unusable(f"{error}\n  hint: `agentos approvals init` makes one, and shows it once") from error
    if refused == "other_operator":
        raise Unusable(
            "nothing was done: the kernel that asks believes another operator than the one of this token\n"
            f"  hint: use the token that belongs to {entry.row()['operator'] or 'the key that it was given'}"
        )
    result = {"code": arguments.code, "approved": approve, "done": refused is None, "why_not": refused}
    if arguments.json:
        print_json(result)
    elif refused is None:
        print(shown(f"{arguments.code}: {'approved' if approve else 'denied'}"))
    if refused is not None:
        say(f"nothing was done: {_WHY_NOT[refused]}")
        return Exit.FINDING
    return Exit.OK


def _find(queue: _core.Approvals, code: str) -> _core.ApprovalEntry:
    # SECURITY: the code is a digest of everything that was shown. What was changed since then has another one.
    found = [entry for entry in queue.entries() if entry.row()["code"] == code]
    if len(found) != 1:
        raise Unusable(
            f"there is no request `{code}` with the content that had this code\n"
            "  hint: `agentos approvals list` shows what waits; give the whole code"
        )
    return found[0]


def _described(entry: _core.ApprovalEntry) -> dict[str, Any]:
    row = entry.row()
    try:
        asked = json.loads(row["shown"])
        args, rules = asked["args"], asked["rules"]
        whole = isinstance(args, dict) and all(isinstance(rule, list) and len(rule) == 2 for rule in rules)
        asked = {**asked, "agent_id": asked["agent_id"], "pid": asked["pid"], "action": str(asked["action"])}
    except (ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        # Not a kernel's writing. It is shown, and an approval of it confirms nothing.
        asked = {"action": "(unreadable)", "agent_id": None, "pid": None, "args": {"shown": row["shown"]}, "rules": []}
    return {**row, "shown": asked}


def _token() -> str:
    if token := os.environ.get(TOKEN):
        return token
    if path := os.environ.get(TOKEN_FILE):
        return Path(path).read_text(encoding="utf-8")
    if not sys.stdin.isatty():
        raise UsageError(
            f"the operator's token is needed\n  hint: run this at a terminal, or set {TOKEN_FILE} to a file that only "
            "you can read"
        )
    return getpass.getpass("operator's token: ")
