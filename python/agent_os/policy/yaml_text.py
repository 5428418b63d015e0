"""Values and keys as they are written in a policy file, so that reading them gives the same again."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from agent_os.policy.scalars import Refused, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN: Final = re.compile(r"[A-Za-z_/$@.][A-Za-z0-9_/$@.+-]*")
_LIMITS: Final[Mapping[str, int]] = {"digits": 1000, "exponent": 10000}


def written(value: Any) -> str:
    """A value on one line.

    >>> written(["EUR", "on 1", Decimal("0.10"), True, None])
    '[EUR, "on 1", 0.10, true, null]'
    """
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (int, float, Decimal, date)):
        return repr(value) if isinstance(value, float) else str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)}: {written(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(written, value)) + "]"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not text.startswith(("-", "@")):
        try:
            if isinstance(resolve(text, _LIMITS), str):
                return text
        except Refused:
            pass
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character == "\n":
        return "\\n"
    # What shows nothing, or reorders what is shown, is spelt out.
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
