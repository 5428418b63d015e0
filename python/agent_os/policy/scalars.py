"""What an unquoted YAML scalar means in a policy.

Few types and no guessing: a spelling that YAML 1.1 and 1.2 read differently, or that a person reads
otherwise than a parser, is refused with a hint instead of becoming something unintended. Numbers are
exact: what has a point or an exponent is a ``Decimal``. ``yes``, ``no``, ``on`` and ``off`` are text.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar = None | bool | int | Decimal | date | datetime | str

_WORDS: Final[dict[str, Scalar]] = {"": None, "~": None, "null": None, "true": True, "false": False}

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE](?P<exponent>[-+]?[0-9]+))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"(?P<stem>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,6}))?(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?"
)


#: What anything but a text starts with.
_SUSPECT: Final = frozenset("0123456789+-.tTfFnN")


class Trap(NamedTuple):
    """A spelling that is refused, with what is wrong with it and what to write instead."""

    spelling: re.Pattern[str]
    fault: str
    hint: str


_TRAPS: Final = (
    Trap(
        re.compile(r"(?i:true|false|null)"),
        "is read as text by some parsers and as a constant by others",
        "write it in lower case, or quote it to make it text",
    ),
    Trap(
        re.compile(r"[-+]?0[0-9_]+(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"),
        "starts with a zero, which some parsers read as octal",
        "quote it to make it text, or drop the leading zero",
    ),
    Trap(
        re.compile(r"[-+]?0[xXoObB][0-9a-fA-F_]+"),
        "is a number in another base",
        "write it in decimal, or quote it to make it text",
    ),
    Trap(
        re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?"),
        "has underscores, which some parsers drop from numbers",
        "write the digits alone, or quote it to make it text",
    ),
    Trap(
        re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"),
        "is read as a base-60 number by some parsers",
        "quote it to make it text",
    ),
    Trap(
        re.compile(r"[-+]?\.(?i:inf|nan)"),
        "is not a finite number",
        "write a number with digits, or quote it to make it text",
    ),
    Trap(
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"),
        "is not a date or a time of the accepted form",
        "write 2026-01-31 or 2026-01-31T10:00:00Z, or quote it to make it text",
    ),
)


class Refused(ValueError):
    """An unquoted scalar that is not understood in one way only."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def resolve(text: str, limits: Mapping[str, int]) -> Scalar:
    """The value of an unquoted scalar.

    Raises ``Refused`` for a spelling that is ambiguous or over a limit (``digits``, ``exponent``).

    >>> resolve("0.10", {"digits": 1000, "exponent": 10000}), resolve("yes", {})
    (Decimal('0.10'), 'yes')
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _SUSPECT:
        return text
    if match := _DECIMAL.fullmatch(text):
        return _number(text, match["exponent"], limits)
    if _DATE.fullmatch(text):
        return _moment(text, text, date)
    if match := _DATETIME.fullmatch(text):
        fraction = f".{match['fraction']:0<6}" if match["fraction"] else ""
        zone = "+00:00" if match["zone"] == "Z" else match["zone"] or ""
        return _moment(text, f"{match['stem']}{fraction}{zone}", datetime)
    for trap in _TRAPS:
        if trap.spelling.fullmatch(text):
            raise Refused(f"`{text}` {trap.fault}", trap.hint)
    return text


def _number(text: str, exponent: str | None, limits: Mapping[str, int]) -> int | Decimal:
    if sum(map(str.isdigit, text)) > limits["digits"]:
        raise Refused(
            f"a number of more than {limits['digits']} digits", "write a shorter number, or quote it to make it text"
        )
    if exponent is not None and abs(int(exponent)) > limits["exponent"]:
        raise Refused(
            f"`{text}` has an exponent beyond {limits['exponent']}",
            "write a number with a smaller exponent, or quote it to make it text",
        )
    return int(text) if _INTEGER.fullmatch(text) else Decimal(text)


def _moment(text: str, iso: str, kind: type[date | datetime]) -> date | datetime:
    try:
        return kind.fromisoformat(iso)
    except ValueError:
        raise Refused(
            f"`{text}` is not a day and time that exists", "correct the date, or quote it to make it text"
        ) from None
