"""What a finished round proves: the log's verdict, the same with one bit changed, the times, one refusal explained."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from governed import Clock
from oracle import requests
from play import Round

from agent_os import Policy
from agent_os._core import build_profile, verify_log


def examine(log: Path) -> dict[str, Any]:
    """The verifier's report on a log, and on a copy in which one bit is another."""
    report = verify_log(log)
    return {
        "directory": str(log),
        "entries": report["entries"],
        "root": report["root"],
        "level": report["level"],
        "verifies": report["ok"],
        "unfinished": len(report["unfinished"]),
        "problems": [describe(problem) for problem in report["problems"]],
        "flipped": flip_one_bit(log, mark=b'"denied"'),
    }


def flip_one_bit(log: Path, *, mark: bytes, bit: int = 0) -> dict[str, Any]:
    """Change one bit in a copy: in the record of the first refusal, or in the header if there is none. Verify it."""
    with tempfile.TemporaryDirectory(prefix="agentos-flip-") as folder:
        copy = Path(folder) / "log"
        shutil.copytree(log, copy)
        segment = min((copy / "segments").glob("*.seg"))
        data = bytearray(segment.read_bytes())
        offset = max(data.find(mark), 0) + 1
        data[offset] ^= 1 << bit
        segment.write_bytes(data)
        report = verify_log(copy)
    return {
        "file": str(segment.relative_to(copy)),
        "offset": offset,
        "bit": bit,
        "noticed": not report["ok"],
        "problems": [describe(problem) for problem in report["problems"]],
    }


def describe(problem: dict[str, Any]) -> str:
    """One problem in a line: where, and what."""
    where = problem["file"] if problem["offset"] is None else f"{problem['file']} at byte {problem['offset']}"
    return f"{where}: {problem['what']}"


def speed(clocks: Sequence[Clock]) -> dict[str, Any]:
    """What was measured during the governed rounds."""
    return {
        "build": build_profile(),
        "durability": "written",
        "decision": percentiles([sample for clock in clocks for sample in clock.decided]),
        "decision_warm": percentiles([sample for clock in clocks for sample in clock.decided_again]),
        "governed_call": percentiles([sample for clock in clocks for sample in clock.added]),
    }


def percentiles(nanoseconds: list[int]) -> dict[str, Any]:
    """p50 and p99 in microseconds, by nearest rank."""
    ordered = sorted(nanoseconds) or [0]
    rank = {"p50_us": 0.50, "p99_us": 0.99}
    found = {name: ordered[min(int(q * len(ordered)), len(ordered) - 1)] / 1000 for name, q in rank.items()}
    return {**found, "count": len(nanoseconds)}


def denied_call(round_: Round, policy: Path) -> dict[str, Any] | None:
    """The first call of an attack that a rule denied, as the log has it, and why: every rule, with its place."""
    if round_.log is None:
        raise LookupError("a round without a policy denies nothing")
    for entry, request in requests(round_.log):
        if request is None or entry["decision"]["reason"] != "denied_by_rule":
            continue
        script = round_.runs[entry["pid"] - 1].script
        if script.attack is not None:
            action, args = request.pop("action"), request.pop("args")
            del request["now_micros"]
            explanation = str(Policy.load(policy).explain(action, args, **request))
            return {
                "user_task": script.user.ID,
                "attack": script.attack.ID,
                "action": action,
                "args": {name: float(value) if isinstance(value, Decimal) else value for name, value in args.items()},
                "seq": entry["seq"],
                "explanation": explanation.replace(f"{policy.parent}/", ""),
            }
    return None
