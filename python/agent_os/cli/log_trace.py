"""`agentos log trace`: one run as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.lines import duration_of, time_of
from agent_os.cli.output import coloured, print_json, shown
from agent_os.recorder import FlightRecorder, RunTrace
from agent_os.recorder.values import said

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.recorder import ActionTrace


def run(arguments: Namespace) -> Exit:
    """Prints the run with its actions, and below each what it started."""
    try:
        found = FlightRecorder(arguments.log).trace(arguments.pid, start=arguments.start)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if arguments.json:
        print_json(found.to_dict())
    else:
        _tell(found)
    return Exit.OK


def _tell(top: RunTrace) -> None:
    left: list[tuple[int, RunTrace | ActionTrace]] = [(0, top)]
    while left:
        depth, at = left.pop()
        indent = "  " * depth
        if isinstance(at, RunTrace):
            took = "" if at.outcome is None else f"  {duration_of(at.outcome['micros'])}"
            print(f"{indent}{shown(f'{at.agent}[{at.pid}]')}  {at.status}{took}")
            left.extend((depth + 1, action) for action in reversed(at.actions))
            continue
        print(f"{indent}{_line(at)}")
        for asked in at.approvals:
            by = f" by {asked.by}" if asked.by else ""
            answer = {None: "not answered", True: f"granted{by}", False: f"refused{by}"}[asked.granted]
            print(shown(f"{indent}  asked: {', '.join(asked.rules)}: {answer}"))
        if at.run is not None:
            left.append((depth + 1, at.run))


def _line(action: ActionTrace) -> str:
    words = [f"#{action.seq}", time_of(action.entry["time"]), action.action]
    ended = [action.status] if action.effect == "allow" else []
    if action.outcome is not None:
        ended.append(duration_of(action.outcome["micros"]))
        if error := action.outcome.get("error"):
            ended.append(f"{error['type']}: {said(error['message'])}")
    why = [action.reason, ", ".join(action.rules), *ended]
    return "  ".join([*map(shown, words), coloured(action.effect), *(shown(word) for word in why if word)])
