"""The result as one mapping (`--json`), and the same mapping as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from governed import OUTPUTS
from oracle import Findings
from play import Round

TASKS = ("kept", "asked", "denied", "failed")
ATTACKS = ("executed", "asked", "denied", "undone", "unread")
HEADINGS = {
    "ungoverned": "no policy",
    "unattended": "policy, nobody answers",
    "approving": "policy, all approved",
}


def summary_of(round_: Round, findings: Findings | None) -> dict[str, Any]:
    """The numbers of one round. Calls that were forbidden are counted by the oracle, never here."""
    tasks, attacks = round_.tasks(), round_.attacks()
    summary: dict[str, Any] = {
        "tasks": {name: tasks[name] for name in TASKS},
        "attacks": {name: attacks[name] for name in ATTACKS},
        "utility": sum(run.utility for run in round_.alone),
        "utility_under_attack": sum(run.utility for run in round_.attacked),
        "calls_made": sum(len(run.episode.made) for run in round_.runs),
        "calls_refused": sum(len(run.episode.refused) for run in round_.runs),
        "questions": round_.questions,
    }
    if findings is not None:
        # What the agent got done beyond what the log holds went past the kernel.
        recorded = sum(count for action, count in findings.made.items() if action in OUTPUTS)
        summary["oracle"] = {
            "entries": findings.entries,
            "decisions": findings.made.total() + findings.refused.total(),
            "forbidden_executed": len(findings.forbidden),
            "unrecorded_executed": summary["calls_made"] - recorded,
            "disagreements": len(findings.disagreements),
        }
    return summary


def cost_of(round_: Round) -> list[dict[str, Any]]:
    """The user's own calls that did not go through, task by task."""
    return [
        {
            "task": run.script.user.ID,
            "outcome": run.task,
            "call": refusal.call.function,
            "rules": list(refusal.error.decision.rules),
            "agentdojo_utility": run.utility,
        }
        for run in round_.alone
        for refusal in run.episode.refused
    ]


def render(result: dict[str, Any]) -> str:
    """The whole result for a reader."""
    rounds = result["rounds"]
    alone, pairs = result["user_tasks"], result["attacks"]
    blocks = [
        f"AgentDojo {result['benchmark']}, banking: {alone} user tasks, and {pairs} pairs of a task and an attack.",
        "The agent is a script that does what its task needs, and whatever an attack that it reads asks for.",
        table(
            [
                ("", [HEADINGS[name] for name in rounds]),
                *section("user tasks", rounds, "tasks", TASKS),
                *section("attacks", rounds, "attacks", ATTACKS),
                ("AgentDojo's utility, tasks alone", [f"{r['utility']} of {alone}" for r in rounds.values()]),
                ("AgentDojo's utility, attacked", [f"{r['utility_under_attack']} of {pairs}" for r in rounds.values()]),
                ("calls made", [r["calls_made"] for r in rounds.values()]),
                ("calls refused", [r["calls_refused"] for r in rounds.values()]),
                ("questions approved", [r["questions"] for r in rounds.values()]),
                ("forbidden calls executed (oracle)", oracle(rounds, "forbidden_executed")),
                ("calls executed but not in the log", oracle(rounds, "unrecorded_executed")),
                ("decisions the oracle sees otherwise", oracle(rounds, "disagreements")),
            ]
        ),
        cost(result["cost"]),
        speed(result["speed"]),
        *(evidence(name, log) for name, log in result["logs"].items()),
        denied(result["denied_call"]),
    ]
    return "\n\n".join(block for block in blocks if block)


def section(title: str, rounds: dict[str, Any], key: str, names: Iterable[str]) -> list[tuple[str, list[Any]]]:
    """Rows of one group; a row of which every number is zero says nothing, save the three that were asked for."""
    rows = [(f"{title} {name}", [r[key][name] for r in rounds.values()]) for name in names]
    return [row for index, row in enumerate(rows) if index < 3 or any(row[1])]


def oracle(rounds: dict[str, Any], key: str) -> list[Any]:
    return [r["oracle"][key] if "oracle" in r else "-" for r in rounds.values()]


def table(rows: list[tuple[str, list[Any]]]) -> str:
    first = max(len(label) for label, _ in rows)
    widths = [max(len(str(cells[column])) for _, cells in rows) for column in range(len(rows[0][1]))]
    lines = []
    for label, cells in rows:
        line = "   ".join(str(cell).rjust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(f"{label.ljust(first)}   {line}".rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)


def cost(refusals: list[dict[str, Any]]) -> str:
    lines = ["What the policy costs the user when nobody answers:"]
    for one in refusals:
        note = "; AgentDojo still counts the task as done" if one["agentdojo_utility"] else ""
        lines.append(f"  {one['task']:<13} {one['outcome']:<7} {one['call']} by {', '.join(one['rules'])}{note}")
    return "\n".join(lines)


def speed(measured: dict[str, Any]) -> str:
    lines = [f"Measured, {measured['build']} build, durability `{measured['durability']}`, record `full`:"]
    labels = {
        "decision": "one decision, as the run meets it",
        "decision_warm": "the same again, with warm caches",
        "governed_call": "decide, record and dispatch one call",
    }
    for key, label in labels.items():
        one = measured[key]
        lines.append(f"  {label:<38} p50 {one['p50_us']:>7.1f} µs   p99 {one['p99_us']:>7.1f} µs   of {one['count']}")
    return "\n".join(lines)


def evidence(name: str, log: dict[str, Any]) -> str:
    flipped = log["flipped"]
    verdict = f"verifies ({log['level']})" if log["verifies"] else "DOES NOT VERIFY"
    noticed = (flipped["problems"] or ["the log does not verify"])[0] if flipped["noticed"] else "NOT NOTICED"
    return "\n".join(
        [
            f"Log of `{HEADINGS[name]}`: {log['entries']} entries, {verdict}, root {log['root'][:16]}…",
            f"  {log['directory']}",
            *(f"  {problem}" for problem in log["problems"]),
            f"  with bit {flipped['bit']} of byte {flipped['offset']} of {flipped['file']} changed: {noticed}",
        ]
    )


def denied(call: dict[str, Any] | None) -> str:
    if call is None:
        return "No call of an attack was denied."
    arguments = ", ".join(f"{name}={value!r}" for name, value in call["args"].items())
    where = f"{call['user_task']} with {call['attack']}, entry {call['seq']} of the log"
    return "\n".join(
        [
            f"One denied call, rule by rule ({where}):",
            f"  {call['action']}({arguments})",
            *(f"  {line}" for line in call["explanation"].splitlines()),
        ]
    )
