"""Lessons 12, 16, 31: values that lie about what they are, or change while they are looked at."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import enum
import math
import sys
import threading
from collections import OrderedDict, UserDict, UserList, UserString, defaultdict, namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import PolicyDenied, RequestInvalid, _core
from tests.unit.kernel.desk import Trace, about, desk, inside, of_kind


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return Trace(tmp_path)


# -- values that lie --------------------------------------------------------------------------------------------------


class LyingStr(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("safe")

    def __str__(self) -> str:
        return "safe"

    __repr__ = __format__ = __str__  # type: ignore[assignment]

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Any:
        return iter("safe")

    def encode(self, *args: Any) -> bytes:  # type: ignore[override]
        return b"safe"

    def __getattribute__(self, name: str) -> Any:
        return "safe"

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return int


class LyingInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __index__(self) -> int:
        return 1

    __int__ = __trunc__ = bit_length = __index__  # type: ignore[assignment]

    def __lt__(self, other: object) -> bool:
        return True

    __le__ = __gt__ = __ge__ = __lt__  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "1"

    __str__ = __repr__


class LyingFloat(float):
    def __float__(self) -> float:
        return 1.0

    def __repr__(self) -> str:
        return "1.0"

    def is_integer(self) -> bool:
        return True


class LyingDict(dict):  # type: ignore[type-arg]
    def __getitem__(self, key: str) -> str:
        return "safe"

    def get(self, key: str, default: Any = None) -> Any:
        return "safe"

    def items(self) -> Any:
        return [("x", "safe")]

    def keys(self) -> Any:
        return ["x"]

    def __iter__(self) -> Any:
        return iter(["x"])

    def __len__(self) -> int:
        return 1

    def copy(self) -> Any:
        return {"x": "safe"}

    def __contains__(self, key: object) -> bool:
        return True


class LyingList(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter(["safe"])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        return "safe"

    def copy(self) -> Any:
        return ["safe"]


class LyingTuple(tuple):
    __slots__ = ()

    def __iter__(self) -> Any:
        return iter(["safe"])

    def __len__(self) -> int:
        return 1


class LyingBytes(bytes):
    def __len__(self) -> int:
        return 4

    def __bytes__(self) -> bytes:
        return b"safe"

    def hex(self, *args: Any) -> str:  # type: ignore[override]
        return "safe"


LIARS: list[tuple[Any, Any]] = [
    (LyingStr("evil"), "evil"),
    (LyingInt(666), 666),
    (LyingInt(10**30), 10**30),
    (LyingFloat(6.66), 6.66),
    (LyingDict(x="evil", y="more"), {"x": "evil", "y": "more"}),
    (LyingList(["evil", "more"]), ["evil", "more"]),
    (LyingTuple(["evil", "more"]), ("evil", "more")),
    (LyingBytes(b"evil"), b"evil"),
    (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (defaultdict(list, a=[1]), {"a": [1]}),
    (namedtuple("Point", "x y")(1, 2), (1, 2)),  # noqa: PYI024
]


@pytest.mark.parametrize("number", range(len(LIARS)))
@pytest.mark.parametrize("place", [lambda it: it, lambda it: [it], lambda it: {"a": {"b": it}}])
def test_12_a_subclass_is_read_by_its_storage_and_reaches_the_tool_as_the_plain_type(
    number: int, place: Callable[[Any], Any]
) -> None:
    liar, truth = LIARS[number]
    with desk(record="full") as kernel:
        got: list[Any] = []
        tool = kernel.tool("t.x")(lambda x: got.append(x))
        inside(kernel, lambda: tool(place(liar)))
        assert repr(got[0]) == repr(place(truth))
        assert of_kind(kernel, "intent")[-1]["args"]["full"]["x"] == _core_json(place(truth))


def _core_json(value: Any) -> Any:
    import json

    return json.loads(_core.canonical(value))


@pytest.mark.parametrize("number", range(len(LIARS)))
def test_12_a_rule_sees_the_storage_too_also_where_check_reads_lazily(number: int) -> None:
    liar, truth = LIARS[number]
    rules = (
        "{id: yes, effect: allow, action: t.x}",
        "{id: text, effect: deny, action: t.x, when: {args.x: {eq: evil}}}",
        "{id: number, effect: deny, action: t.x, when: {args.x: {gt: 2}}}",
        "{id: key, effect: deny, action: t.x, when: {args.x.x: {eq: evil}}}",
        "{id: item, effect: deny, action: t.x, when: {args.x.0: {eq: evil}}}",
    )
    with desk(*rules) as kernel:
        tool = kernel.tool("t.x")(lambda x: "done")
        kernel.register(lambda: None, agent_id="desk")
        lazily = kernel.check("t.x", {"x": liar}, agent="desk")
        plainly = kernel.check("t.x", {"x": truth}, agent="desk")
        assert (lazily.effect, lazily.rules, lazily.unknowns) == (plainly.effect, plainly.rules, plainly.unknowns)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, lambda: tool(liar))
        assert denied.value.decision.rules == plainly.rules


class SubclassOfDate(dt.datetime):
    def isoformat(self, *args: Any, **kwargs: Any) -> str:
        return "2026-01-01T00:00:00"


class OddZone(dt.tzinfo):
    def utcoffset(self, when: Any) -> dt.timedelta:
        return dt.timedelta(0)

    def tzname(self, when: Any) -> str:
        return "odd"

    def dst(self, when: Any) -> None:
        return None


class SaysItIsAStr:
    __class__ = str  # type: ignore[assignment]


class Metaclass(type):
    def __instancecheck__(cls, it: object) -> bool:
        return True

    @property
    def __mro__(cls) -> Any:  # type: ignore[override]
        return (cls, enum.Enum, object)


class SaysItIsAnEnum(metaclass=Metaclass):
    _name_, _value_ = "SAFE", "safe"


OPAQUE: dict[str, Any] = {
    "NaN": math.nan,
    "infinity": -math.inf,
    "decimal NaN": decimal.Decimal("NaN"),
    "decimal infinity": decimal.Decimal("-Infinity"),
    "a float that is NaN": LyingFloat("nan"),
    "function": print,
    "class": int,
    "object": object(),
    "bytearray": bytearray(b"x"),
    "memoryview": memoryview(b"x"),
    "range": range(3),
    "complex": 1j,
    "generator": (x for x in ()),
    "iterator": iter([1]),
    "UserDict": UserDict(a=1),
    "UserList": UserList([1]),
    "UserString": UserString("x"),
    "dict view": {"a": 1}.items(),
    "subclass of set": type("S", (set,), {})([1]),
    "subclass of Decimal": type("D", (decimal.Decimal,), {})("1"),
    "subclass of date": SubclassOfDate(2026, 1, 1),
    "zone of one's own": dt.datetime(2026, 1, 1, tzinfo=OddZone()),
    "time": dt.time(1, 2),
    "timedelta": dt.timedelta(1),
    "a lie about the class": SaysItIsAStr(),
    "a metaclass that lies": SaysItIsAnEnum(),
    "a key that is no str": {1: "x"},
    "a key that lies": {LyingStr("evil"): 1},
    "a key of None": {None: 1},
    "a key of bytes": {b"a": 1},
    "a lone surrogate": "\ud800",
    "a lone surrogate in a key": {"\udfff": 1},
    "Ellipsis": ...,
    "NotImplemented": NotImplemented,
    "module": sys,
    "exception": ValueError("x"),
}


@pytest.mark.parametrize("name", OPAQUE)
@pytest.mark.parametrize("deep", [False, True])
def test_12_what_cannot_be_read_exactly_is_refused_with_its_place(name: str, deep: bool, trace: Trace) -> None:
    value = {"list": [0, OPAQUE[name]]} if deep else OPAQUE[name]
    with desk() as kernel:
        tool = kernel.tool("t.x")(lambda x: trace.leave())
        with pytest.raises(RequestInvalid) as refused:
            inside(kernel, lambda: tool(value))
        assert ("x.list[1]" if deep else "x") in str(refused.value)
        assert trace.times == 0
        assert about(kernel, "t.x") == [("denied", "request_invalid")]


@pytest.mark.parametrize("name", OPAQUE)
def test_12_what_cannot_be_read_is_unknown_to_every_rule(name: str) -> None:
    rules = (
        "{id: yes, effect: allow, action: t.x, when: {args.x: {eq: safe}}}",
        "{id: no, effect: deny, action: t.y, when: {args.x: {eq: evil}}}",
        "{id: any, effect: allow, action: t.y}",
    )
    with desk(*rules) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert not kernel.check("t.x", {"x": OPAQUE[name]}, agent="desk")
        assert not kernel.check("t.y", {"x": OPAQUE[name]}, agent="desk")


def test_12_a_value_that_holds_itself_is_an_error_and_no_crash(trace: Trace) -> None:
    around: list[Any] = []
    around.append(around)
    about_itself: dict[str, Any] = {}
    about_itself["me"] = {"again": [about_itself]}
    with desk() as kernel:
        tool = kernel.tool("t.x")(lambda x: trace.leave())
        for value in (around, about_itself, (around,), [about_itself, around]):
            with pytest.raises(RequestInvalid, match="nested"):
                inside(kernel, lambda value=value: tool(value))
        assert trace.times == 0


def test_12_a_text_is_not_matched_by_what_its_values_look_like_together() -> None:
    rules = (
        "{id: yes, effect: allow, action: t.x}",
        "{id: no, effect: deny, action: t.x, when: {args.command: {matches: '(?s).*rm -rf.*'}}}",
    )
    with desk(*rules) as kernel:
        tool = kernel.tool("t.x")(lambda **args: "done")
        assert inside(kernel, lambda: tool(command="echo", note="never rm -rf")) == "done"
        for command in ("rm -rf /", ["rm -rf /"], ["rm", "-rf", "/"], {"argv": ["rm", "-rf"]}, b"rm -rf /", None):
            with pytest.raises(PolicyDenied):
                inside(kernel, lambda command=command: tool(command=command))


# -- 16: numbers ------------------------------------------------------------------------------------------------------

CAP = ("{id: small, effect: allow, action: t.pay, when: {args.amount: {gt: 0, le: 500}}}",)


@pytest.mark.parametrize(
    "amount",
    [
        math.nan,
        -math.nan,
        math.inf,
        -math.inf,
        decimal.Decimal("NaN"),
        decimal.Decimal("sNaN"),
        decimal.Decimal("Infinity"),
        True,
        False,
        "5",
        [5],
        {"amount": 5},
        None,
        -5,
        -0.0,
        0,
        500.00000000000006,
        decimal.Decimal("500.0000000000000000000000000001"),
        501,
        2**53 + 1,
        2**63,
        2**64,
        10**999,
        1e308,
        decimal.Decimal("1e9999"),
        LyingInt(501),
        LyingFloat(500.5),
        dt.timedelta(5),
    ],
)
def test_16_no_number_slips_past_a_cap(amount: Any, trace: Trace) -> None:
    with desk(*CAP) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        pay = kernel.tool("t.pay")(lambda amount: trace.leave())
        with pytest.raises((PolicyDenied, RequestInvalid)):
            inside(kernel, lambda: pay(amount))
        assert not kernel.check("t.pay", {"amount": amount}, agent="desk")
        assert trace.times == 0


@pytest.mark.parametrize("amount", [1, 500, 500.0, 0.1, 5e-324, decimal.Decimal("499.99"), decimal.Decimal("5E+2")])
def test_16_the_numbers_that_are_meant_pass(amount: Any) -> None:
    with desk(*CAP) as kernel:
        pay = kernel.tool("t.pay")(lambda amount: "paid")
        assert inside(kernel, lambda: pay(amount)) == "paid"


def test_16_big_integers_keep_every_digit() -> None:
    exact = 2**53 + 1
    with desk(f"{{id: exact, effect: allow, action: t.x, when: {{args.n: {{eq: {exact}}}}}}}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert kernel.check("t.x", {"n": exact}, agent="desk")
        for near in (exact - 1, exact + 1, float(exact)):
            assert not kernel.check("t.x", {"n": near}, agent="desk")


def test_16_an_int_beyond_the_digits_limit_of_the_interpreter_is_refused_in_good_time() -> None:
    huge = 10**200_000
    with desk() as kernel:
        tool = kernel.tool("t.x")(lambda x: "done")
        with pytest.raises(RequestInvalid, match="digits"):
            inside(kernel, lambda: tool(huge))


# -- 31: values that change while they are looked at ------------------------------------------------------------------


def test_31_what_another_thread_does_to_the_arguments_never_parts_record_and_run() -> None:
    """The digest in the log is that of the very values that the tool got."""
    import hashlib

    stop = threading.Event()
    shared: dict[str, Any] = {"items": [1, 2, 3], "map": {"a": 1}, "set": {1, 2}}

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            shared["items"].append(number)
            if len(shared["items"]) > 50:
                del shared["items"][:]
            shared["map"][f"k{number % 40}"] = number
            shared["map"].pop(f"k{(number + 20) % 40}", None)
            shared["set"].add(number % 30)
            shared["set"].discard((number + 15) % 30)
            shared[f"more{number % 5}"] = [number]

    with desk(record="full") as kernel:
        got: list[bytes] = []

        @kernel.tool("t.x")
        def tool(x: dict[str, Any]) -> None:
            got.append(_core.canonical({"x": x}))

        def agent() -> int:
            for _ in range(300):
                # A set that grows while it is read cannot be read; that is said, and nothing runs.
                with contextlib.suppress(RequestInvalid):
                    tool(shared)
            return len(of_kind(kernel, "denied"))

        worker = threading.Thread(target=churn)
        worker.start()
        try:
            refused = inside(kernel, agent)
        finally:
            stop.set()
            worker.join()
        intents = [entry for entry in of_kind(kernel, "intent") if entry["action"] == "t.x"]
        assert len(intents) == len(got) == 300 - refused
        assert got, "it did run"
        recorder = kernel.flight_recorder
        for intent, ran in zip(intents, got, strict=True):
            full = intent["args"]["full"]
            if "$payload" in full:
                assert full["$payload"]["sha256"] == hashlib.sha256(ran).hexdigest()
                assert recorder.payload(full) == ran
            else:
                assert full == _json(ran)


def _json(data: bytes) -> Any:
    import json

    return json.loads(data)


def test_31_a_result_that_the_tool_changes_afterwards_stands_in_the_log_as_it_was() -> None:
    with desk(record="full") as kernel:
        kept: list[str] = ["as returned"]
        tool = kernel.tool("t.x")(lambda: kept)

        def agent() -> None:
            tool()
            kept.append("changed later")

        inside(kernel, agent)
        assert of_kind(kernel, "outcome")[0]["full"] == ["as returned"]


# -- results and errors ------------------------------------------------------------------------------------------------


def test_a_huge_result_and_one_that_cannot_be_read_reach_the_agent_and_the_log_stays_whole(tmp_path: Path) -> None:
    from agent_os import FlightRecorder, KernelSpace
    from tests.unit.kernel.desk import ALL, policy

    around: list[Any] = []
    around.append(around)
    results = ["x" * 3_000_000, [0] * 20_000, object(), around, "\ud800", math.nan, 10**5000, {1: 2}, SaysItIsAStr()]
    with KernelSpace(policy(ALL), recorder=tmp_path / "log", record="full") as kernel:
        tool = kernel.tool("t.x")(lambda number: results[number])
        for number, result in enumerate(results):
            assert inside(kernel, lambda number=number: tool(number)) is result
    report = FlightRecorder(tmp_path / "log").verify()
    assert (report.ok, report.unfinished) == (True, ())


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


ERRORS: list[Callable[[], BaseException]] = [
    lambda: ValueError("a\x00\x1b[31m\r\n\u202e" + "x" * 100_000),
    lambda: ValueError("\ud800 and \udfff"),
    lambda: ValueError('"\\' * 10_000),
    lambda: ValueError("\u2603" * 10_000),
    lambda: Unprintable(),
    lambda: type("X" * 10_000, (Exception,), {"__module__": "m" * 10_000})("long names"),
    lambda: type("X", (Exception,), {"__module__": 5})("no module"),
    lambda: type("X", (Exception,), {"__module__": "\ud800"})("a module without UTF-8"),
    lambda: SystemExit(3),
    lambda: KeyboardInterrupt(),
    lambda: GeneratorExit(),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_whatever_a_tool_raises_is_raised_and_fits_into_the_log(number: int, tmp_path: Path) -> None:
    from agent_os import FlightRecorder, KernelSpace
    from tests.unit.kernel.desk import ALL, policy

    error = ERRORS[number]()
    with KernelSpace(policy(ALL), recorder=tmp_path / "log", record="full") as kernel:

        @kernel.tool("t.x")
        def tool() -> None:
            raise error

        def agent() -> None:
            with pytest.raises(type(error)) as raised:
                tool()
            assert raised.value is error

        inside(kernel, agent)
        outcome = of_kind(kernel, "outcome")[0]
        assert outcome["status"] in {"raised", "cancelled"}
        assert len(outcome["error"]["message"].encode()) <= 600
        assert inside(kernel, lambda: "goes on") == "goes on"
    report = FlightRecorder(tmp_path / "log").verify()
    assert (report.ok, report.unfinished) == (True, ())


def test_labels_that_fill_an_entry_stop_the_run_and_not_the_kernel(trace: Trace) -> None:
    with desk() as kernel:
        for number in range(80):
            labels = [f"{'x' * 110}-{number}-{each}" for each in range(8)]
            kernel.tool(f"t.t{number}", labels=labels)(trace.leave)

        def agent() -> None:
            for number in range(80):
                kernel.execute_sync(f"t.t{number}")

        from agent_os import RecorderError

        with pytest.raises(RecorderError, match="did not happen"):
            inside(kernel, agent)
        happened = [status for kind, status in about(kernel, "t.t0") if kind == "outcome"]
        assert happened == ["returned"]
        outcomes = [entry for entry in of_kind(kernel, "outcome") if entry.get("labels")]
        assert len(outcomes) == trace.times
        assert inside(kernel, lambda: kernel.execute_sync("t.t0")) == "done"


def test_an_entry_at_its_largest_is_kept_whole(tmp_path: Path) -> None:
    from agent_os import FlightRecorder, KernelSpace
    from tests.unit.kernel.desk import RUN, policy

    reads = ", ".join(f"args.k{number}: {{present: true}}" for number in range(120))
    rules = policy(RUN, f"{{id: many, effect: allow, action: t.x, when: {{{reads}}}}}")
    for size in (1, 100, 137, 1_000, 1_024, 1_025, 8_000):
        with KernelSpace(rules, recorder=tmp_path / str(size)) as kernel:
            tool = kernel.tool("t.x")(lambda **args: len(args))
            given = {f"k{number}": "x" * size for number in range(120)}
            assert inside(kernel, lambda tool=tool, given=given: tool(**given)) == 120
        recorder = FlightRecorder(tmp_path / str(size))
        assert recorder.verify().ok
        (intent,) = recorder.query(action="t.x", kind="intent")
        fields = {name: recorder.resolve(value) for name, value in intent["args"]["fields"].items()}
        assert fields == {f"args.{name}": value for name, value in given.items()}
