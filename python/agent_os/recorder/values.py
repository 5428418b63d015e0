"""From the log's spelling of values to Python objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.errors import RecorderError

if TYPE_CHECKING:
    from agent_os.recorder.source import Source

PAYLOAD = "$payload"


def is_reference(value: object) -> bool:
    """True for what stands where a value was too large for its entry."""
    return isinstance(value, dict) and len(value) == 1 and PAYLOAD in value


def payload(source: Source, reference: object) -> bytes:
    """The bytes behind a reference, or behind the SHA-256 in it, checked against it."""
    if isinstance(reference, str):
        return source.payload(reference)
    if not isinstance(reference, dict) or not is_reference(reference):
        raise TypeError('not a reference to a payload; give `{"$payload": …}` as it stands in an entry, or its sha256')
    named = reference[PAYLOAD]
    data = source.payload(named["sha256"])
    if len(data) != named["size"]:
        raise RecorderError(
            f"payload `{named['sha256']}` has {len(data)} bytes and its entry says {named['size']}; "
            "verify the log with `agentos log verify`",
            code="log_damaged",
        )
    return data


def resolve(source: Source, value: Any) -> Any:
    """The value with payloads fetched and tags turned into Python objects."""
    if is_reference(value):
        return _core.thaw(payload(source, value))
    if isinstance(value, list):
        return [resolve(source, item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith("$"):
            return _core.thaw(json.dumps(value).encode())
        return {key: resolve(source, item) for key, item in value.items()}
    return value


def is_redacted(value: object) -> bool:
    """True if something in it was blotted out, or reads so."""
    if isinstance(value, dict):
        return any(map(is_redacted, value.values()))
    if isinstance(value, (list, tuple, set)):
        return any(map(is_redacted, value))
    return value == "[redacted]"
