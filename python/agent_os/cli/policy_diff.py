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
    """Prints each difference with a request that shows it; one is a finding."""
    found = Policy.load(arguments.old).diff(Policy.load(arguments.new))
    if arguments.json:
        print_json(found.to_dict())
    else:
        _tell(found)
    return Exit.FINDING if found else Exit.OK


def _tell(found: PolicyDiff) -> None:
    for difference in found.differences:
        change = coloured(difference.change, f"{difference.change:<11}")
        print(f"{change}  {_side(difference.before)} -> {_side(difference.after)}")
        print(shown(f"             {_request(difference)}"))
    for change, meaning in CHANGES.items():
        if count := found.count(change):
            print(f"{count:,} {change}: {meaning}")
    if not found:
        print("no difference was found")
    say(f"note: {plural(found.tried, 'request')} tried, of the values that conditions speak of and some around them")
    if found.is_cut_short:
        say("note: a bound was hit before everything was tried, so there may be more; compare smaller changes")


def _side(side: Side) -> str:
    by = ", ".join(side.rules) or "default"
    demanded = "".join(
        f" {name}={value if isinstance(value, str) else ','.join(value)}" for name, value in side.obligations.items()
    )
    return f"{coloured(side.effect)} {shown(f'({by}){demanded}')}"


def _request(difference: Difference) -> str:
    # As the words of `agentos explain`, so that it can be asked.
    state = difference.state
    words = [difference.action, "--args", difference.args_json, "--agent", state["agent"]]
    words += [word for role in state["roles"] for word in ("--role", role)]
    words += [word for label in state["labels"] for word in ("--label", label)]
    words += [word for origin, text in state["texts"] for word in ("--text", f"{origin}={text}")]
    words += ["--depth", str(state["depth"])] if state["depth"] else []
    words += ["--parent", state["parent"]] if state["parent"] else []
    words += ["--time", state["time"].isoformat().replace("+00:00", "Z")]
    return shlex.join(words)
