"""An entry of the log as one line for people."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from agent_os.cli.output import coloured, shown
from agent_os.recorder.values import said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.recorder.links import Link

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def time_of(micros: int) -> str:
    """Microseconds since the epoch as a time of day in UTC."""
    try:
        moment = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return f"{micros}us"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}Z"


def duration_of(micros: int) -> str:
    """A duration with a unit that suits it."""
    for unit, size in (("s", 1_000_000), ("ms", 1_000)):
        if micros >= size:
            return f"{micros / size:.3g} {unit}"
    return f"{micros} us"


def line_of(entry: Mapping[str, Any], link: Link) -> str:
    """Time, number, kind, whose run, which action, and what matters for this kind."""
    who = link.agent or ""
    if "pid" in entry:
        who += f"[{entry['pid']}]"
    head = f"{time_of(entry['time'])}  {entry['seq']:>5}  {entry['kind']:<18}"
    words = [shown(head), *(shown(word) for word in (who, link.action) if word)]
    return "  ".join([*words, *filter(None, _details(entry))]).rstrip()


def _details(entry: Mapping[str, Any]) -> list[str]:
    match entry["kind"]:
        case "intent" | "denied":
            decision = entry["decision"]
            approval = entry.get("approval", {}).get("by", "")
            rules = ", ".join(decision["rules"])
            return [
                coloured(decision["effect"]),
                shown(decision["reason"]),
                shown(rules),
                shown(f"approved by {approval}") if approval else "",
                _shadow(decision),
            ]
        case "denied.repeatedly":
            what = f"the same as entry {entry['first']}" if "first" in entry else "with different arguments"
            times = f"{entry['count']} times more, {what}"
            return [coloured("deny"), shown(entry["reason"]), shown(", ".join(entry["rules"])), times]
        case "outcome":
            error = entry.get("error", {})
            what = f"{error['type']}: {said(error['message'])}" if error else ""
            return [shown(entry["status"]), duration_of(entry["micros"]), shown(what)]
        case "process.started":
            return [f"started by run {entry['parent']}"]
        case "signal.sent":
            return [shown(entry["signal"]), f"from run {entry['sender']}", shown(entry.get("cause", ""))]
        case "policy.loaded":
            warning = coloured("deny", "ENFORCES NOTHING") if entry.get("only_observes") else ""
            return [shown(f"{entry['name']} ({entry['reason']})"), shown(entry["bundle"]), warning]
        case "policy.pending":
            return [shown(entry["name"]), shown(entry["bundle"]), shown("; ".join(entry["opens"]))]
        case "policy.rejected":
            return [shown(entry["error"].split("\n")[0])]
        case "agent.registered":
            return [shown(", ".join(entry["roles"]))]
        case "text" | "tool.registered":
            return [shown(entry["origin"]), shown(", ".join(entry.get("labels", [])))]
        case "log.retained":
            return [f"of the entries before {entry['to']}, hashes are left"]
        case "log.redacted" if "entry" in entry:
            return [f"the payloads of entry {entry['entry']} were removed"]
        case "log.redacted":
            return ["the key of a subject was destroyed"]
        case "log.recovered":
            return [f"{entry['dropped_bytes']} bytes of an unfinished entry were dropped"]
        case _:
            by = entry.get("by", "")
            return [shown(", ".join(entry.get("rules", []))), shown(f"by {by}") if by else ""]


def _shadow(decision: Mapping[str, Any]) -> str:
    """What the rules in shadow would have decided, if that is anything else."""
    if (shadow := decision.get("shadow")) is None:
        return ""
    return f"(in shadow: {coloured(shadow['effect'])} {shown(', '.join(shadow['rules']) or shadow['reason'])})"
