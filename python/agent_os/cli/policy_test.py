"""`agentos policy test`: does a policy decide as its tests say, and which rules does nothing show?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, Unusable
from agent_os.cli.output import coloured, plural, print_json, say, shown
from agent_os.policy import Policy

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.policy.testing import CaseReport


def run(arguments: Namespace) -> Exit:
    """Runs the files of tests and the examples; one that fails is a finding."""
    report = Policy.load(arguments.policy).test(*arguments.tests)
    if not report.results:
        raise Unusable(
            f"`{arguments.policy}` has no examples, and no file of tests was named, so nothing was tested\n"
            "  hint: name a file that starts with `agent_os_tests: 1` and lists requests under `tests`"
        )
    if arguments.json:
        print_json(report.to_dict())
    else:
        _tell(report)
    return Exit.OK if report else Exit.FINDING


def _tell(report: CaseReport) -> None:
    width = max(len(result.name) for result in report.results)
    for result in report.results:
        mark = coloured("allow", "pass") if result.passed else coloured("deny", "FAIL")
        by = ", ".join(result.rules) or "default"
        place = f"{result.file}:{result.line}:{result.column}"
        fault = f": {result.fault}" if result.fault else ""
        line = f"{result.name:<{width}}  {result.effect:<5}  by {by} ({result.reason}){fault}  ({place})"
        print(f"{mark}  {shown(line)}")
    passed = len(report.results) - report.failed
    print(f"{plural(len(report.results), 'test')}: {passed:,} passed, {report.failed:,} failed")
    print(f"{plural(report.rules, 'rule')}: {report.rules - len(report.undecided):,} decided by a test")
    for rule in report.undecided:
        say(f"note: nothing shows that `{rule}` decides; add a test that it decides")
