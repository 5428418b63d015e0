"""OCSF 1.5.0 events of the class API Activity (6003), with the profile ``security_control``, one on each line.

Each action is one event: allowed or denied, with what came of it. What OCSF has no attribute for is in ``unmapped``.
Arguments and results are not exported.

Source: the Open Cybersecurity Schema Framework, https://schema.ocsf.io/1.5.0/classes/api_activity.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.recorder.actions import Action
    from agent_os.recorder.export.selection import Selection

VERSION: Final = "1.5.0"
_CATEGORY: Final = 6
_CLASS: Final = 6003
_OTHER: Final = 99


def write(selection: Selection, out: BinaryIO) -> int:
    """Writes the events, and says how many there were."""
    log_id, meta = selection.recorder.log_id, selection.meta()
    count = 0
    for action in selection.actions():
        event = event_of(action, log_id, meta)
        out.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        count += 1
    return count


def event_of(action: Action, log_id: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    """One action as an event."""
    entry, decision = action.entry, action.entry["decision"]
    denied = decision["effect"] == "deny"
    status_id, status, code = _status(action)
    verb = "denied" if denied else "allowed"
    return {
        "activity_id": _OTHER,
        "activity_name": "Invoke",
        "category_uid": _CATEGORY,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "API Activity",
        "type_uid": _CLASS * 100 + _OTHER,
        "type_name": "API Activity: Other",
        # Informational, or Low for what a policy stopped.
        "severity_id": 2 if denied else 1,
        "severity": "Low" if denied else "Informational",
        "time": _millis(entry["time"]),
        "start_time": _millis(entry["time"]),
        "end_time": _millis(action.ended),
        "count": action.count,
        "duration": (action.ended - entry["time"]) // 1_000,
        "action_id": 2 if denied else 1,
        "action": "Denied" if denied else "Allowed",
        "disposition_id": 2 if denied else 1,
        "disposition": "Blocked" if denied else "Allowed",
        "status_id": status_id,
        "status": status,
        "status_code": code,
        "message": f"{action.agent}: {entry['action']} {verb} ({decision['reason']})",
        "actor": {"app_name": action.agent, "app_uid": action.agent, "session": _session(action, log_id)},
        "api": {"operation": entry["action"], "service": {"name": str(meta.get("name", "agent-os"))}},
        "src_endpoint": {"name": action.agent, "uid": log_id},
        "policy": {
            "name": str(meta.get("name", "agent-os")),
            "is_applied": True,
            "desc": ", ".join(decision["rules"]),
            **({"uid": entry["bundle"]} if "bundle" in entry else {}),
        },
        "metadata": {
            "version": VERSION,
            "profiles": ["security_control"],
            "product": {"name": "Agent OS", "vendor_name": "Agent OS", "version": str(meta.get("version", ""))},
            "log_name": log_id,
            "uid": f"{log_id}:{action.seq}",
            "sequence": action.seq,
            "correlation_uid": f"{log_id}:{action.top}",
        },
        "unmapped": {
            "agent_os": {
                "effect": decision["effect"],
                "reason": decision["reason"],
                "rules": decision["rules"],
                "pid": entry.get("pid"),
                "parent": entry.get("parent"),
                "labels": entry.get("run", {}).get("labels", []),
                "approved_by": entry.get("approval", {}).get("by"),
                "outcome_seq": None if action.outcome is None else action.outcome["seq"],
            }
        },
    }


def _status(action: Action) -> tuple[int, str, str]:
    """OCSF's status, and ours as its code. What has no outcome may have happened."""
    if action.entry["decision"]["effect"] == "deny":
        return 2, "Failure", "denied"
    if action.outcome is None:
        return 0, "Unknown", "unfinished"
    ended: str = action.outcome["status"]
    return (1, "Success", ended) if ended == "returned" else (2, "Failure", ended)


def _session(action: Action, log_id: str) -> dict[str, Any]:
    run = action.seq if action.run is None else action.run.intent
    return {"uid": f"{log_id}:{run}"}


def _millis(micros: int) -> int:
    return micros // 1_000
