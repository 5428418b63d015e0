"""What unquoted scalars mean: exact numbers, strict dates, and no guessing."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from agent_os.policy.scalars import Refused, resolve

LIMITS = {"digits": 1_000, "exponent": 10_000}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("Yes", "Yes"),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("9007199254740993", 9007199254740993),
        ("0.1", Decimal("0.1")),
        ("-.5", Decimal("-0.5")),
        ("1e3", Decimal(1000)),
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-01-31T10:00:00Z", datetime(2026, 1, 31, 10, tzinfo=timezone.utc)),
        ("2026-01-31T10:00:00.5+02:00", datetime(2026, 1, 31, 10, 0, 0, 500_000, timezone(timedelta(hours=2)))),
        ("payments.send", "payments.send"),
        ("$currencies", "$currencies"),
        ("24h", "24h"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("=", "="),
    ],
)
def test_a_scalar_is_what_it_shows(text: str, value: object) -> None:
    found = resolve(text, LIMITS)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        *("010", "-010", "00", "007.5", "0o17", "0x1F", "0b1", "1_000", "1:30", "12:30:45", "190:20:30.15"),
        *("True", "FALSE", "Null", "NULL", ".nan", ".NaN", ".inf", "-.INF", "+.inf"),
        *("2026-1-31", "2026-02-30", "2026-01-31 10:00:00", "2026-01-31T25:00:00Z", "2026-01-31t10:00:00z"),
        *("1" * 1_001, "1e10001", "1e-10001"),
    ],
)
def test_a_scalar_that_parsers_read_differently_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(Refused) as refused:
        resolve(text, LIMITS)
    assert refused.value.message[:1] in "`abcdefghijklmnopqrstuvwxyz"
    assert "quote it" in refused.value.hint


def test_a_decimal_keeps_every_digit() -> None:
    text = "0." + "1234567890" * 50
    assert str(resolve(text, LIMITS)) == text
