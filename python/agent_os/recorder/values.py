"""From the log's spelling of values to Python objects."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

from agent_os import _core
from agent_os.errors import RecorderError

if TYPE_CHECKING:
    from agent_os.recorder.redactions import Redactions
    from agent_os.recorder.source import Source

PAYLOAD: Final = "$payload"
SEALED: Final = "$sealed"
#: What stands where something was blotted out before it was recorded, or was made unreadable since.
REDACTED: Final = "[redacted]"


def is_reference(value: object) -> bool:
    """True for what stands where a value was too large for its entry."""
    return isinstance(value, dict) and len(value) == 1 and PAYLOAD in value


def is_sealed(value: object) -> bool:
    """True for a value that can be read only with the keys of those whom it is about."""
    inside = value[SEALED] if isinstance(value, dict) and len(value) == 1 and SEALED in value else None
    return isinstance(inside, dict) and isinstance(inside.get("keys"), list) and "text" in inside


def sealed_keys(value: Any) -> list[str]:
    """The ids of the keys of a sealed value."""
    keys: list[str] = value[SEALED]["keys"]
    return keys


def payload_in(value: Any) -> str | None:
    """The SHA-256 of the payload that a reference, or the text of a sealed value, stands for."""
    inside = value[SEALED]["text"] if is_sealed(value) else value
    named = inside[PAYLOAD] if is_reference(inside) else None
    return named.get("sha256") if isinstance(named, dict) else None


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


def spelt(source: Source, value: Any, gone: Redactions) -> bytes | None:
    """The JSON of a value, out of its payload and unsealed; ``None`` if it was made unreadable for good.

    Raises ``RecorderError`` with the code ``subject_key_unknown`` when it is sealed and the key is not here.
    """
    if not is_sealed(value) and not is_reference(value):
        return json.dumps(value).encode()
    if gone.has(value):
        return None
    try:
        return _read(source, value)
    except RecorderError as error:
        # It may have been redacted a moment ago.
        if error.code in ("subject_key_unknown", "payload_unknown") and gone.has(value, at_once=True):
            return None
        raise


def _read(source: Source, value: Any) -> bytes:
    if is_reference(value):
        return payload(source, value)
    text = value[SEALED]["text"]
    try:
        sealed = payload(source, text) if is_reference(text) else base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise RecorderError(
            "a sealed value is not base64; verify the log with `agentos log verify`", code="seal_broken"
        ) from error
    return source.unseal(sealed_keys(value), sealed)


def resolve(source: Source, value: Any, gone: Redactions) -> Any:
    """The value with payloads fetched, seals opened and tags turned into Python objects."""
    if is_reference(value) or is_sealed(value):
        data = spelt(source, value, gone)
        return REDACTED if data is None else _core.thaw(data)
    if isinstance(value, list):
        return [resolve(source, item, gone) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith("$"):
            return _core.thaw(json.dumps(value).encode())
        return {key: resolve(source, item, gone) for key, item in value.items()}
    return value


def said(message: object) -> str:
    """A text of an entry for people; what is sealed is not opened for that."""
    return message if isinstance(message, str) else "[sealed]"


def is_redacted(value: object) -> bool:
    """True if something in it was blotted out, or reads so."""
    if isinstance(value, dict):
        return any(map(is_redacted, value.values()))
    if isinstance(value, (list, tuple, set)):
        return any(map(is_redacted, value))
    return value == REDACTED
