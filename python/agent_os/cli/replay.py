"""`agentos replay`: what would another policy have said?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit
from agent_os.cli.lines import time_of
from agent_os.cli.output import coloured, fail, plural, print_json, shown
from agent_os.policy import Policy
from agent_os.recorder.replay_report import CHANGES, NOT_REPLAYABLE
from agent_os.recorder.replaying import replay

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.recorder.replay_report import Difference, ReplayReport, Verdict


def run(arguments: Namespace) -> Exit:
    """Prints each difference, then the counts."""
    report = replay(arguments.log, Policy.load(arguments.policy))
    if arguments.json:
        print_json(report.to_dict())
    else:
        _tell(report)
    if not report.replayed:
        fail(
            "no decision of the log could be decided again, so this says nothing of the policy; record runs with "
            'record="full" and replay those'
        )
        return Exit.UNUSABLE
    return Exit.FINDING if report.differences else Exit.OK


def _tell(report: ReplayReport) -> None:
    for difference in report.differences:
        print(_line(difference))
    print(f"{plural(report.decisions, 'decision')} in the log, {report.replayed:,} decided again: {report.same:,} same")
    for change, meaning in CHANGES.items():
        if count := report.count(change):
            print(f"  {count:,} {change}: {meaning}")
    for reason, count in report.not_replayable.items():
        meaning = NOT_REPLAYABLE.get(reason, "refused by the kernel before the policy was asked")
        print(f"  {count:,} not decided again, {reason}: {meaning}")


def _line(difference: Difference) -> str:
    who = f"{difference.agent}[{difference.pid}]"
    what = f"#{difference.seq}  {time_of(difference.time)}  {who}  {difference.action}"
    change = coloured(difference.change, f"{difference.change:<11}")
    return f"{change}  {shown(what)}  {_verdict(difference.before)} -> {_verdict(difference.after)}"


def _verdict(verdict: Verdict) -> str:
    by = ", ".join(verdict.rules) or "default"
    demanded = "".join(f" {name}={value}" for name, value in sorted(verdict.obligations.items()))
    would = "" if verdict.shadow is None else f" (in shadow: {_verdict(verdict.shadow)})"
    return f"{coloured(verdict.effect)} {shown(f'{verdict.reason} ({by}){demanded}')}{would}"
