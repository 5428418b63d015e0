"""What was judged is what runs: the tool gets a copy of its own, made once."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from typing import Any

import pytest

from agent_os import ApprovalRequest, RequestInvalid, UnsupportedEntryPoint, _core
from tests.unit.kernel.desk import about, desk, inside, of_kind


class Colour(enum.Enum):
    RED = "red"


VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -(2**63),
    2**64,
    10**999,
    1.5,
    -0.0,
    5e-324,
    "",
    "text \u2603 \U0001f600 \x00",
    b"\x00\xff",
    [],
    [[1], [2, [3]]],
    (1, (2,)),
    {},
    {"a": {"b": [1, {"c": None}]}},
    {"$int": "5"},
    {"$map": {"$int": "5"}},
    {"": ""},
    {1, 2},
    frozenset({"a", b"a"}),
    {frozenset({1}), frozenset({2})},
    Colour.RED,
    decimal.Decimal("1.10"),
    decimal.Decimal("-1E+3"),
    dt.date(2026, 1, 31),
    dt.datetime(2026, 1, 31, 12, 30),  # noqa: DTZ001 - a naive one is a case of its own
    dt.datetime(2026, 1, 31, 12, 30, 1, 5, dt.timezone.utc),
    dt.datetime(2026, 1, 31, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
    uuid.UUID(int=5),
    pathlib.PurePosixPath("/a/b"),
    pathlib.PureWindowsPath("C:\\a"),
]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_a_tool_gets_equal_values_of_the_same_types(number: int) -> None:
    value = VALUES[number]
    with desk() as kernel:
        tool = kernel.tool("t.x")(lambda x: x)
        got = inside(kernel, lambda: tool(value))
        assert (type(got), got, repr(got)) == (type(value), value, repr(value))


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_the_copy_has_the_canonical_form_of_the_original(number: int) -> None:
    value = VALUES[number]
    assert _core.canonical(_core.freeze(value)) == _core.canonical(value)


async def test_a_caller_that_changes_its_list_while_the_tool_waits_changes_nothing() -> None:
    with desk() as kernel:
        began, go_on = asyncio.Event(), asyncio.Event()

        @kernel.tool("t.x")
        async def tool(items: list[str], options: dict[str, list[int]]) -> Any:
            began.set()
            await go_on.wait()
            return items, options

        items, options = ["pen"], {"counts": [1]}

        @kernel.register
        async def agent() -> Any:
            call = asyncio.create_task(tool(items, options))
            await began.wait()
            items.append("yacht")
            options["counts"].append(1_000_000)
            options["more"] = [2]
            go_on.set()
            return await call

        assert await kernel.execute(agent) == (["pen"], {"counts": [1]})


def test_a_tool_that_changes_its_argument_changes_nothing_for_the_caller() -> None:
    with desk() as kernel:

        @kernel.tool("t.x")
        def tool(items: list[Any], more: dict[str, Any], nested: tuple[list[int]]) -> None:
            items.append(1)
            items[0].append(1)
            more["x"].clear()
            nested[0].append(1)

        items, more, nested = [["pen"]], {"x": {"y": 1}}, ([0],)
        inside(kernel, lambda: tool(items, more, nested))
        assert (items, more, nested) == ([["pen"]], {"x": {"y": 1}}, ([0],))


def test_one_object_given_twice_is_two_copies() -> None:
    with desk() as kernel:

        @kernel.tool("t.x")
        def tool(one: list[int], other: list[int]) -> list[int]:
            one.append(1)
            return other

        shared: list[int] = []
        assert inside(kernel, lambda: tool(shared, shared)) == []


def test_a_member_of_an_enumeration_that_can_change_is_refused() -> None:
    """It is passed as itself, so a list in it could be changed between judging and running."""

    class Items(enum.Enum):
        OFFICE = ["pen"]  # noqa: RUF012 - that it can change is the point

    def approver(request: ApprovalRequest) -> bool:
        Items.OFFICE.value.append("yacht")
        return True

    with desk("{id: ask, effect: ask, action: t.buy}", approver=approver) as kernel:
        ran: list[Any] = []
        buy = kernel.tool("t.buy")(lambda items: ran.append(items.value))
        with pytest.raises(RequestInvalid):
            inside(kernel, lambda: buy(Items.OFFICE))
        assert ran == []


# -- results that would act later -------------------------------------------------------------------------------------


def make_lazy(kind: str, effects: list[str]) -> Any:
    async def coroutine() -> None:
        effects.append("acted")

    def generator() -> Any:
        effects.append("acted")
        yield 1

    async def async_generator() -> Any:
        effects.append("acted")
        yield 1

    class Awaitable:
        def __await__(self) -> Any:
            effects.append("acted")
            return iter(())

    return {
        "coroutine": coroutine,
        "generator": generator,
        "generator expression": lambda: (effects.append("acted") for _ in range(1)),
        "async generator": async_generator,
        "awaitable": Awaitable,
    }[kind]()


LAZY = ["coroutine", "generator", "generator expression", "async generator", "awaitable"]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("kind", LAZY)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_result_that_would_act_after_the_call_was_recorded_is_refused(kind: str, asynchronous: bool) -> None:
    """The kernel would have said `returned`, and the effect would come afterwards, governed by nobody."""
    effects: list[str] = []
    with desk() as kernel:
        if asynchronous:

            @kernel.tool("t.x")
            async def tool() -> Any:
                return make_lazy(kind, effects)

            async def agent() -> None:
                with pytest.raises(UnsupportedEntryPoint):
                    await tool()
        else:

            @kernel.tool("t.x")
            def tool() -> Any:
                return make_lazy(kind, effects)

            def agent() -> None:
                with pytest.raises(UnsupportedEntryPoint):
                    tool()

        inside(kernel, agent)
        assert effects == []
        assert about(kernel, "t.x") == [("intent", "allowed_by_rule"), ("outcome", "withheld")]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("kind", LAZY)
def test_an_agent_that_returns_work_for_later_is_refused_as_well(kind: str) -> None:
    effects: list[str] = []
    with desk() as kernel:
        with pytest.raises(UnsupportedEntryPoint):
            inside(kernel, lambda: make_lazy(kind, effects))
        assert effects == []
        assert of_kind(kernel, "outcome")[0]["status"] == "withheld"


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_an_object_with_an_async_call_is_no_way_around_it() -> None:
    class Tool:
        def __init__(self) -> None:
            self.acted = False

        async def __call__(self, x: int) -> int:
            self.acted = True
            return x

    with desk() as kernel:
        tool = Tool()
        try:
            governed = kernel.tool("t.x")(tool)
        except UnsupportedEntryPoint:
            return
        with pytest.raises(UnsupportedEntryPoint):
            inside(kernel, lambda: governed(1))
        assert not tool.acted
