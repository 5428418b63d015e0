"""Canonical bytes, digests and frozen copies of Python values.

The encoder here is a second one: RFC 8785 through the standard library, with our tags, and nothing of the product.
"""

from __future__ import annotations

import base64
import copy
import enum
import hashlib
import json
import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_os import _core
from agent_os.errors import RequestInvalid
from tests.property import reference, strategies


def encoded(value: Any) -> str:
    """The canonical form, from its definition."""
    if isinstance(value, enum.Enum):
        owner = f"{type(value).__module__}.{type(value).__qualname__}"
        return '{"$enum":' + encoded({"class": owner, "name": value.name, "value": value.value}) + "}"
    if isinstance(value, dict):
        by_units = sorted(value, key=lambda key: key.encode("utf-16-be"))
        members = ",".join(f"{encoded(key)}:{encoded(value[key])}" for key in by_units)
        looks_tagged = len(value) == 1 and by_units[0].startswith("$")
        return '{"$map":{' + members + "}}" if looks_tagged else "{" + members + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(encoded, value)) + "]"
    if isinstance(value, (set, frozenset)):
        return '{"$set":[' + ",".join(sorted({encoded(item) for item in value}, key=str.encode)) + "]}"
    tags: list[tuple[type, str, Any]] = [
        (Decimal, "$decimal", str),
        (bytes, "$bytes", lambda data: base64.b64encode(data).decode()),
        (datetime, "$datetime", datetime.isoformat),
        (date, "$date", date.isoformat),
        (UUID, "$uuid", str),
        (PurePath, "$path", str),
    ]
    for accepted, tag, spell in tags:
        if isinstance(value, accepted):
            return json.dumps({tag: spell(value)}, ensure_ascii=False, separators=(",", ":"))
    if type(value) is int and abs(value) > 2**53:
        return json.dumps({"$int": str(value)}, separators=(",", ":"))
    if isinstance(value, float):
        return es6(value)
    return json.dumps(value, ensure_ascii=False)


def es6(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20), from the shortest digits that Python knows too."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    _, digits, exponent = Decimal(repr(abs(value))).normalize().as_tuple()
    text, point = "".join(map(str, digits)), len(digits) + int(exponent)
    if 0 < point <= 21:
        plain = text.ljust(point, "0")
        return sign + plain[:point] + ("." + plain[point:] if plain[point:] else "")
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + text
    mantissa = text[0] + ("." + text[1:] if text[1:] else "")
    return f"{sign}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


@settings(max_examples=500)
@given(strategies.values)
def test_canonical_bytes_are_those_of_a_second_encoder(value: Any) -> None:
    assert _core.canonical(value).decode() == encoded(value)


@settings(max_examples=500)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_spelt_as_ecmascript_spells_them(value: float) -> None:
    assert _core.canonical(value).decode() == es6(value)


@given(st.text(), st.text())
def test_strings_and_keys_are_escaped_as_rfc_8785_says(key: str, value: str) -> None:
    assert _core.canonical({key: value, "": None}).decode() == encoded({key: value, "": None})


@given(strategies.values)
def test_the_digest_is_the_sha_256_of_the_canonical_bytes(value: Any) -> None:
    assert _core.digest(value) == hashlib.sha256(encoded(value).encode()).hexdigest()


@settings(max_examples=300)
@given(strategies.values, strategies.values)
def test_equal_bytes_mean_equal_values(left: Any, right: Any) -> None:
    if _core.canonical(left) == _core.canonical(right):
        assert meaning(left) == meaning(right)


LOOK_ALIKES = [
    [1, True, "1", b"1", Decimal(1), [1], (1, None), {"1": 1}, {1}],
    [0, False, "", None, b"", [], {}, set(), Decimal("0.0"), Decimal("-0")],
    [{"$int": "5"}, {"$map": {"$int": "5"}}, {"$int": 5}, 5, 2**53 + 5, {"$map": {"$map": {"$int": "5"}}}],
    [date(2026, 1, 31), "2026-01-31", {"$date": "2026-01-31"}, datetime(2026, 1, 31)],  # noqa: DTZ001
    [strategies.Colour.RED, "red", {"$enum": "red"}, {"class": "Colour", "name": "RED", "value": "red"}],
    ["é", "e\u0301", "E\u0301"],
    [{"a": 1, "b": 2}, {"a": 2, "b": 1}, [["a", 1], ["b", 2]], {"a": {"b": 2}}],
    [2**53, 2**53 + 1, 2**53 + 2, -(2**53) - 1],
]


@pytest.mark.parametrize("values", LOOK_ALIKES, ids=lambda values: repr(values[0]))
def test_values_that_look_alike_have_different_digests(values: list[Any]) -> None:
    assert len({_core.digest(value) for value in values}) == len(values)


def test_one_number_and_one_list_have_one_digest_however_they_are_held() -> None:
    assert _core.digest(1.0) == _core.digest(1)
    assert _core.digest((1, [2])) == _core.digest([1, (2,)])
    assert _core.digest({1, "a"}) == _core.digest(frozenset(["a", 1]))


@settings(max_examples=300)
@given(strategies.values)
def test_the_frozen_copy_is_equal_of_the_same_types_and_shares_nothing_mutable(value: Any) -> None:
    frozen = _core.freeze(value)
    assert same(frozen, value)
    assert _core.canonical(frozen) == _core.canonical(value)
    assert not mutable_parts(frozen) & mutable_parts(value)


@given(st.dictionaries(strategies.keys, strategies.values, min_size=1, max_size=3))
def test_what_happens_to_the_original_does_not_happen_to_the_copy(value: dict[str, Any]) -> None:
    before = copy.deepcopy(value)
    frozen = _core.freeze(value)
    spoil(value)
    assert same(frozen, before)


@given(strategies.values)
def test_the_canonical_form_is_read_back_to_the_same_bytes(value: Any) -> None:
    form = _core.canonical(value)
    if "Enum" not in repr(value) and b'"$enum"' not in form:
        assert _core.canonical(_core.thaw(form)) == form


@given(strategies.values)
def test_the_reference_reads_the_tagged_form_as_the_value_itself(value: Any) -> None:
    read = reference.untag(json.loads(_core.canonical(value), parse_float=Decimal))
    assert meaning(read) == meaning(value)


class Text(str):
    """A string that says one thing and compares as another."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Mapping(dict[str, Any]):
    def __iter__(self) -> Any:
        return iter(())


class Number(int):
    def __lt__(self, other: Any) -> bool:
        return True


REFUSED = [
    math.nan,
    math.inf,
    "\ud800",
    {"\ud800": 1},
    {1: 2},
    {None: 2},
    object(),
    len,
    bytearray(b"x"),
    memoryview(b"x"),
    1j,
    range(3),
    iter([1]),
    Decimal("NaN"),
    Decimal("Infinity"),
    10**1_001,
    "x" * (2**20 + 1),
    [0] * 10_001,
]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:24])
def test_anything_else_is_refused_at_any_depth(value: Any) -> None:
    for wrapped in (value, [value], {"a": [value]}, (value,)):
        with pytest.raises(RequestInvalid):
            _core.freeze(wrapped)
        with pytest.raises(RequestInvalid):
            _core.canonical(wrapped)


@pytest.mark.parametrize(("value", "plain"), [(Text("drop"), "drop"), (Mapping(a=1), {"a": 1}), (Number(5), 5)])
def test_subclasses_are_refused_or_become_what_they_hold(value: Any, plain: Any) -> None:
    try:
        frozen = _core.freeze(value)
    except RequestInvalid:
        return
    assert type(frozen) is type(plain)
    assert _core.canonical(frozen) == _core.canonical(plain) == _core.canonical(value)


def test_depth_is_bounded_and_a_cycle_is_refused() -> None:
    limits = {name.lower(): value for name, value, _ in _core.limits()}
    value: Any = 1
    for _ in range(limits["depth"] + 1):  # one argument may have so many levels, and the map of arguments is one more
        value = [value]
    _core.freeze(value)
    cycle: list[Any] = []
    cycle.append(cycle)
    for refused in ([value], cycle, {"a": cycle}):
        with pytest.raises(RequestInvalid):
            _core.freeze(refused)


def meaning(value: Any) -> Any:
    """A value so that two are equal exactly if they mean the same: numbers by value, sequences as lists."""
    kind, held = reference.read(value) if not isinstance(value, (set, frozenset)) else ("set", value)
    if kind == "list" and not isinstance(value, reference.Sorted):
        return ["list", *map(meaning, held)]
    if kind in ("set", "list"):
        return ["set", *sorted((meaning(item) for item in held), key=repr)]
    if kind == "map":
        return {key: meaning(item) for key, item in held.items()}
    return [kind, held.isoformat() if isinstance(held, datetime) else held]


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def mutable_parts(value: Any) -> set[int]:
    here = {id(value)} if isinstance(value, (list, dict, set)) else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return here.union(*map(mutable_parts, inner))


def spoil(value: Any) -> None:
    if isinstance(value, (list, tuple)):
        for item in value:
            spoil(item)
    if isinstance(value, list):
        value.append("spoilt")
    if isinstance(value, dict):
        for item in value.values():
            spoil(item)
        value["spoilt"] = True
    if isinstance(value, set):
        value.add("spoilt")
