"""`agentos policy diff`: what did a change of policy open, and what did it close?"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit
from agent_os.cli.output import coloured, plural, print_json, say, shown
from agent_os.policy import Policy
from agent_os.policy.differing import CHANGES

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.policy.differing import Difference, PolicyDiff, Side


def run(arguments: Namespace) -> Exit:
    """Prints each difference with a request that shows it; one is a finding, and what was not compared is told."""
    found = Policy.load(arguments.old).diff(Policy.load(arguments.new))
    if arguments.json:
        print_json(found.to_dict())
    else:
        _tell(found)
    if found:
        return Exit.FINDING
    return Exit.OK if found.is_whole else Exit.UNDECIDED


def _tell(found: PolicyDiff) -> None:
    for difference in found.differences:
        change = coloured(difference.change, f"{difference.change:<11}")
        print(f"{change}  {_side(difference.before)} -> {_side(difference.after)}")
        for words in _requests(difference):
            print(shown(f"             {words}"))
    for change, meaning in CHANGES.items():
        if count := found.count(change):
            print(f"{count:,} {change}: {meaning}")
    for undecided in found.undecided:
        print(f"{coloured('ask', 'not compared')}  {shown(undecided.what)}")
    if not found:
        print("no difference was found" if found.is_whole else "no difference was found in what was compared")
    say(f"note: {plural(found.tried, 'request')} tried, of the values that conditions speak of and some around them")
    if found.is_cut_short:
        say("note: a bound was hit before everything was tried, so there may be more; compare smaller changes")


def _side(side: Side) -> str:
    by = ", ".join(side.rules) or "default"
    demanded = "".join(
        f" {name}={value if isinstance(value, str) else ','.join(value)}" for name, value in side.obligations.items()
    )
    return f"{coloured(side.effect)} {shown(f'({by}){demanded}')}"


def _requests(difference: Difference) -> list[str]:
    before, after = difference.before, difference.after
    if not before.limits and not after.limits:
        return [_request(difference, before)]
    told: list[str] = []
    for name, side in (("before", before), ("after", after)):
        told += [f"{name}: {limit}" for limit in side.limits]
    if before.usage == after.usage:
        return [*told, _request(difference, before)]
    return [*told, f"before: {_request(difference, before)}", f"after: {_request(difference, after)}"]


def _request(difference: Difference, side: Side) -> str:
    # As the words of `agentos explain`, so that it can be asked.
    state = difference.state
    words = [difference.action, "--args", difference.args_json, "--agent", state["agent"]]
    words += [word for role in state["roles"] for word in ("--role", role)]
    words += [word for label in state["labels"] for word in ("--label", label)]
    words += [word for origin, text in state["texts"] for word in ("--text", f"{origin}={text}")]
    words += [word for rule, used in side.usage if used != "0" for word in ("--used", f"{rule}={used}")]
    words += ["--calls", str(state["calls"])] if state["calls"] else []
    words += ["--depth", str(state["depth"])] if state["depth"] else []
    words += ["--parent", state["parent"]] if state["parent"] else []
    words += ["--time", state["time"].isoformat().replace("+00:00", "Z")]
    return shlex.join(words)
