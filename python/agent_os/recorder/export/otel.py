"""OpenTelemetry spans as OTLP/JSON, one ``TracesData`` on each line, as the collector's file receiver reads them.

A run of an agent is a span `invoke_agent`, any other action a span `execute_tool`, with the attributes of the semantic
conventions for generative AI where they fit and `agent_os.*` for the rest. A span's id is made from the log's id and
the number of its entry, a trace's from the log's id and the run at the top, so that exporting twice gives the same.
Arguments and results are not exported.

Sources: the OTLP specification (JSON Protobuf encoding; file exporter), semantic conventions 1.41 (`gen_ai`).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from agent_os.recorder.values import said

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.recorder.actions import Action
    from agent_os.recorder.export.selection import Selection

_SCHEMA: Final = "https://opentelemetry.io/schemas/1.41.0"
#: Spans on one line.
_BATCH: Final = 500
_INTERNAL: Final = 1
_OK: Final = 1
_ERROR: Final = 2


def write(selection: Selection, out: BinaryIO) -> int:
    """Writes the spans, and says how many there were."""
    log_id, meta = selection.recorder.log_id, selection.meta()
    count = 0
    spans: list[dict[str, Any]] = []
    for action in selection.actions():
        spans.append(span_of(action, log_id))
        count += 1
        if len(spans) == _BATCH:
            out.write(_line(spans, log_id, meta))
            spans.clear()
    if spans:
        out.write(_line(spans, log_id, meta))
    return count


def trace_id(log_id: str, top: int) -> str:
    """The id of the trace of everything below one run: 32 hexadecimal digits."""
    return hashlib.sha256(f"agent-os trace {log_id} {top}".encode()).hexdigest()[:32]


def span_id(log_id: str, seq: int) -> str:
    """The id of the span of one action: 16 hexadecimal digits."""
    return hashlib.sha256(f"agent-os span {log_id} {seq}".encode()).hexdigest()[:16]


def span_of(action: Action, log_id: str) -> dict[str, Any]:
    """One action as a span in the JSON of OTLP."""
    entry, decision = action.entry, action.entry["decision"]
    name, attributes = _named(action)
    attributes |= {
        "agent_os.seq": entry["seq"],
        "agent_os.decision.effect": decision["effect"],
        "agent_os.decision.reason": decision["reason"],
        "agent_os.decision.rules": decision["rules"],
        "agent_os.bundle": entry.get("bundle"),
        "agent_os.count": action.count if action.count != 1 else None,
        "agent_os.pid": entry.get("pid"),
        "agent_os.parent_pid": entry.get("parent"),
        "agent_os.labels": entry.get("run", {}).get("labels") or None,
        "agent_os.approved_by": entry.get("approval", {}).get("by"),
    }
    status: dict[str, Any] = {}
    if action.outcome is not None:
        outcome = action.outcome
        attributes |= {"agent_os.outcome.seq": outcome["seq"], "agent_os.outcome.status": outcome["status"]}
        if outcome["status"] == "returned":
            status = {"code": _OK}
        else:
            error = outcome.get("error", {})
            attributes["error.type"] = error.get("type", outcome["status"])
            status = {"code": _ERROR, "message": said(error.get("message", outcome["status"]))}
    elif decision["effect"] == "deny":
        attributes["error.type"] = decision["reason"]
        status = {"code": _ERROR, "message": f"denied: {decision['reason']}"}
    else:
        attributes["agent_os.unfinished"] = True
    span: dict[str, Any] = {
        "traceId": trace_id(log_id, action.top),
        "spanId": span_id(log_id, action.seq),
        "name": name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanos(entry["time"]),
        "endTimeUnixNano": _nanos(action.ended),
        "attributes": _attributes(attributes),
        "events": [
            {
                "timeUnixNano": _nanos(asked["time"]),
                "name": f"agent_os.{asked['kind']}",
                "attributes": _attributes(
                    {"agent_os.seq": asked["seq"], "agent_os.rules": asked["rules"], "agent_os.by": asked.get("by")}
                ),
            }
            for asked in action.approvals
        ],
        "status": status,
    }
    if action.run is not None:
        span["parentSpanId"] = span_id(log_id, action.run.intent)
    return span


def _named(action: Action) -> tuple[str, dict[str, Any]]:
    what = action.entry["action"]
    if action.started is not None:
        agent = action.started["agent"]
        return f"invoke_agent {agent}", {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.id": agent,
            "gen_ai.agent.name": agent,
            "agent_os.run": action.started["pid"],
            "agent_os.asked_by": action.agent,
        }
    return f"execute_tool {what}", {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": what,
        "gen_ai.agent.id": action.agent,
        "gen_ai.agent.name": action.agent,
    }


def _line(spans: list[dict[str, Any]], log_id: str, meta: Mapping[str, Any]) -> bytes:
    resource = {"service.name": meta.get("name", "agent-os"), "agent_os.log.id": log_id}
    scope = {"name": "agent_os", "version": str(meta.get("version", ""))}
    data = {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": scope, "spans": spans, "schemaUrl": _SCHEMA}],
                "schemaUrl": _SCHEMA,
            }
        ]
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        # 64-bit numbers are strings in the JSON of Protobuf.
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": str(value)}


def _nanos(micros: int) -> str:
    return str(max(0, micros) * 1_000)
