"""AgentDojo's banking suite under a policy: what is kept, what is stopped, and the proof.

    python examples/agentdojo/run.py [--json] [--check] [--log DIR] [--policy FILE] [--tasks user_task_0,user_task_3]

No model, no network, no keys: `scripted.py` says who acts, AgentDojo judges, `oracle.py` counts what should not have
been done. Exit codes: 0; 1 with `--check` if something that is promised does not hold; 2 if the demo could not run.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

try:
    from agentdojo.task_suite.load_suites import get_suite
except ImportError:
    print("error: agentdojo is not installed", file=sys.stderr)
    print("  hint: run `make demo`, or `pip install -r examples/agentdojo/requirements.txt`", file=sys.stderr)
    sys.exit(3)

import evidence
import oracle
import play
import report
from progress import Progress

from agent_os import AgentOSError, Policy

BENCHMARK = "v1.2.2"
GOVERNED = {"unattended": False, "approving": True}


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    logs = options.log or Path(tempfile.mkdtemp(prefix="agentos-demo-"))
    try:
        result = demonstrate(logs, policy=options.policy, tasks=options.tasks)
    except (OSError, ValueError, AgentOSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 3  # not done, as `agentos` says it
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack a character or two
    print(json.dumps(result, indent=2) if options.json else report.render(result))
    failures = faults(result)
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures and options.check else 0


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agentos demo", description="run AgentDojo's banking suite under a policy")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless everything that is promised holds")
    parser.add_argument("--log", type=Path, metavar="DIR", help="keep the logs here (default: a temporary folder)")
    parser.add_argument(
        "--policy",
        type=Path,
        default=play.POLICY,
        metavar="FILE",
        help="enforce this policy; the oracle goes on judging by examples/agentdojo/banking.yaml",
    )
    parser.add_argument("--tasks", type=lambda text: text.split(","), metavar="ID,…", help="only these user tasks")
    return parser.parse_args(argv)


def demonstrate(logs: Path, *, policy: Path, tasks: list[str] | None = None) -> dict[str, Any]:
    """Play every run three ways, look at the logs, and return everything that is worth saying."""
    Policy.load(policy)  # what is wrong with it is said before anything runs
    if taken := [name for name in GOVERNED if (logs / name).exists()]:
        raise ValueError(f"`{logs / taken[0]}` is there already; every run has logs of its own, so name a new folder")
    suite = get_suite(BENCHMARK, "banking")
    plan = play.scripts(suite, tasks)
    progress = Progress(3 * len(plan))
    progress.phase("no policy")
    rounds = [play.play_ungoverned(suite, plan, progress.tick)]
    for name, approving in GOVERNED.items():
        progress.phase(report.HEADINGS[name])
        log = logs / name
        rounds.append(play.play_governed(suite, plan, progress.tick, log=log, policy=policy, approving=approving))
    progress.close()
    governed = {round_.name: round_.log for round_ in rounds if round_.log is not None}
    findings = {name: oracle.judge(log, play.POLICY) for name, log in governed.items()}
    return {
        "benchmark": BENCHMARK,
        "agentdojo": importlib.metadata.version("agentdojo"),
        "user_tasks": sum(script.attack is None for script in plan),
        "attacks": sum(script.attack is not None for script in plan),
        "rounds": {round_.name: report.summary_of(round_, findings.get(round_.name)) for round_ in rounds},
        "cost": report.cost_of(rounds[1]),
        "speed": evidence.speed([round_.clock for round_ in rounds if round_.log is not None]),
        "logs": {name: evidence.examine(log) for name, log in governed.items()},
        "denied_call": evidence.denied_call(rounds[1], policy),
    }


def faults(result: dict[str, Any]) -> list[str]:
    """What must hold and does not."""
    found = []
    for name, log in result["logs"].items():
        counted = result["rounds"][name]["oracle"]
        if counted["forbidden_executed"]:
            found.append(f"{name}: {counted['forbidden_executed']} forbidden calls were executed")
        if counted["unrecorded_executed"]:
            found.append(f"{name}: {counted['unrecorded_executed']} calls were executed and are not in the log")
        if counted["disagreements"]:
            found.append(f"{name}: the reference sees {counted['disagreements']} decisions otherwise")
        if result["rounds"][name]["attacks"]["executed"]:
            found.append(f"{name}: {result['rounds'][name]['attacks']['executed']} attacks came off")
        if not log["verifies"]:
            found.append(f"{name}: the log does not verify")
        if not log["flipped"]["noticed"]:
            found.append(f"{name}: a changed bit was not noticed")
    return found


if __name__ == "__main__":
    sys.exit(main())
