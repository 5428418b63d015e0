"""From the bytes of a policy file to its text: bounded, UTF-8, and showing what it says.

Refuses byte order marks, control characters, and the invisible characters that make a text read
differently on a screen than to a program (CVE-2021-42574).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent_os.policy.places import Spot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.policy.problems import Report

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_INVISIBLE = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069]")
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def decode(data: bytes, file: str, limits: Mapping[str, int], report: Report) -> str | None:
    """The text of a file; ``None`` after reporting why there is none."""
    if len(data) > limits["policy_file_bytes"]:
        report.add_at(
            file,
            None,
            "too_large",
            f"the file is larger than {limits['policy_file_bytes']} bytes",
            "split it into several files and list them under `extends`",
        )
        return None
    if data.startswith(_BYTE_ORDER_MARKS):
        hint = "save the file as UTF-8 without a byte order mark"
        report.add_at(file, Spot(1, 1), "encoding", "the file starts with a byte order mark", hint)
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        report.add_at(file, spot_after(before), "encoding", message, "save the file as UTF-8")
        return None
    return text if _printable(text, file, report) else None


def _printable(text: str, file: str, report: Report) -> bool:
    if not (match := _CONTROL.search(text) or _INVISIBLE.search(text)):
        return True
    character = match[0]
    if _CONTROL.match(character):
        message, kind = f"the file holds the control character U+{ord(character):04X}", "control"
    else:
        message, kind = f"the file holds the invisible character U+{ord(character):04X}", "invisible"
    hint = f'remove it, or write it as an escape in a double-quoted text: "\\u{ord(character):04x}"'
    report.add_at(file, spot_after(text[: match.start()]), f"{kind}_character", message, hint)
    return False


def spot_after(text: str) -> Spot:
    """The place that follows a text."""
    lines = _LINE_BREAK.split(text)
    return Spot(len(lines), len(lines[-1]) + 1)
