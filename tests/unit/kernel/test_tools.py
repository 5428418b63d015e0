"""Governed tools: declaring them, binding what they are given, and what the log says of a call."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import KernelSpace, PolicyDenied, RequestInvalid, UnsupportedEntryPoint
from agent_os.processes.context import current
from tests.unit.kernel.desk import Trace, about, desk, inside, of_kind

# -- declaring --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [
        "",
        ".",
        "a..b",
        "a.",
        "send ",
        " send",
        "a b",
        "a\n",
        "a\x00",
        "*",
        "pay.*",
        "\uff53end",
        "se\u200dnd",
        "s\u00e9nd",
        "x" * 65,
        ".".join(["ab"] * 86),
    ],
)
def test_a_name_outside_the_grammar_is_refused_and_never_repaired(action: str) -> None:
    with desk() as kernel:
        with pytest.raises(ValueError, match="is not an action"):
            kernel.tool(action)(lambda: None)
        assert of_kind(kernel, "tool.registered") == []


@pytest.mark.parametrize(
    "first", ["agent", "signal", "vfs", "ipc", "fs", "net", "proc", "code", "env", "kernel", "approval"]
)
def test_a_tool_cannot_claim_an_action_of_the_kernels_own(first: str) -> None:
    with desk() as kernel:
        for action in (first, f"{first}.run"):
            with pytest.raises(ValueError, match="belongs to the kernel"):
                kernel.tool(action)(lambda: None)
        kernel.tool(f"{first}s.run")(lambda: None)


def test_nobody_takes_the_place_of_a_tool_that_is_there() -> None:
    with desk() as kernel:
        kernel.tool("t.x")(lambda: "first")
        with pytest.raises(ValueError, match="there already"):
            kernel.tool("t.x")(lambda: "second")
        assert inside(kernel, lambda: kernel.execute_sync("t.x")) == "first"


def test_one_declaration_makes_one_tool_even_when_it_is_used_twice() -> None:
    with desk() as kernel:
        declare = kernel.tool("t.x")
        declare(lambda: "first")
        with pytest.raises(ValueError, match="there already"):
            declare(lambda: "second")
        assert inside(kernel, lambda: kernel.execute_sync("t.x")) == "first"


@pytest.mark.parametrize(
    "options",
    [
        {"injected": ["nope"]},
        {"injected": "x"},
        {"labels": ["a b"]},
        {"labels": "secret"},
        {"labels": [str(number) for number in range(9)]},
        {"labels": [5]},
        {"origin": "user"},
        {"origin": "Untrusted"},
        {"origin": ""},
    ],
)
def test_a_declaration_that_is_not_understood_declares_nothing(options: dict[str, Any]) -> None:
    with desk() as kernel:
        with pytest.raises((TypeError, ValueError)):
            kernel.tool("t.x", **options)(lambda x: None)
        assert of_kind(kernel, "tool.registered") == []
        with pytest.raises(RequestInvalid):
            inside(kernel, lambda: kernel.execute_sync("t.x", x=1))


def test_what_has_no_readable_parameters_is_refused() -> None:
    with desk() as kernel:
        for function in (max, 5, None):
            with pytest.raises(UnsupportedEntryPoint):
                kernel.tool("t.x")(function)  # type: ignore[type-var]


def test_generators_are_no_tools() -> None:
    def lazy() -> Any:
        yield 1

    async def lazy_async() -> Any:
        yield 1

    with desk() as kernel:
        for function in (lazy, lazy_async, functools.partial(lazy)):
            with pytest.raises(UnsupportedEntryPoint, match="generator"):
                kernel.tool("t.x")(function)


def test_a_governed_tool_looks_like_the_function_it_stands_for() -> None:
    with desk() as kernel:

        @kernel.tool("t.add")
        async def add(first: int, second: int = 2) -> int:
            """Adds."""
            return first + second

        assert (add.__name__, add.__doc__, inspect.iscoroutinefunction(add)) == ("add", "Adds.", True)
        assert str(inspect.signature(add)) == "(first: 'int', second: 'int' = 2) -> 'int'"


# -- binding ----------------------------------------------------------------------------------------------------------


def recorded(kernel: KernelSpace, call: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What a call of a tool gave, and the arguments that were judged."""
    result = inside(kernel, call)
    return result, of_kind(kernel, "intent")[-1]["args"]["full"]


CALLS: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
    (lambda a, b: (a, b), (1, 2), {}, {"a": 1, "b": 2}),
    (lambda a, b: (a, b), (1,), {"b": 2}, {"a": 1, "b": 2}),
    (lambda a, b: (a, b), (), {"b": 2, "a": 1}, {"a": 1, "b": 2}),
    (lambda a, b=2: (a, b), (1,), {}, {"a": 1, "b": 2}),
    (lambda a, b=None: (a, b), (1,), {}, {"a": 1}),
    (lambda a, b=None: (a, b), (1, None), {}, {"a": 1, "b": None}),
    (lambda a, b=0: (a, b), (1,), {}, {"a": 1, "b": 0}),
    (lambda a=None, b=None: (a, b), (), {"b": 2}, {"b": 2}),
    (lambda a, /, b: (a, b), (1,), {"b": 2}, {"a": 1, "b": 2}),
    (lambda *rest: rest, (1, 2), {}, {"rest": [1, 2]}),
    (lambda *rest: rest, (), {}, {"rest": []}),
    (lambda a, *rest, c: (a, rest, c), (1, 2, 3), {"c": 4}, {"a": 1, "rest": [2, 3], "c": 4}),
    (lambda **more: more, (), {"x": 1, "y": 2}, {"x": 1, "y": 2}),
    (lambda a, **more: (a, more), (1,), {"x": 2}, {"a": 1, "x": 2}),
    (lambda *, c=5: c, (), {}, {"c": 5}),
    (lambda: "none", (), {}, {}),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_arguments_are_bound_judged_and_passed_as_a_call_of_the_function_would(number: int) -> None:
    function, args, kwargs, judged = CALLS[number]
    with desk(record="full") as kernel:
        tool = kernel.tool("t.x")(function)
        assert recorded(kernel, lambda: tool(*args, **kwargs)) == (function(*args, **kwargs), judged)
        assert about(kernel, "t.x") == [("intent", "allowed_by_rule"), ("outcome", "returned")]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1, 2, 3), {}),
        ((1,), {"a": 1}),
        ((1,), {"c": 1}),
        ((), {"b": 2}),
        ((1, 2), {"b": 2}),
        ((1,), {"": 1}),
    ],
)
def test_a_call_that_python_would_refuse_is_a_type_error_and_runs_nothing(args: Any, kwargs: Any) -> None:
    with desk() as kernel:
        ran = []

        @kernel.tool("t.x")
        def tool(a: int, b: int = 2) -> None:
            ran.append((a, b))

        with pytest.raises(TypeError, match=r"t\.x"):
            inside(kernel, lambda: tool(*args, **kwargs))
        assert ran == []
        assert about(kernel, "t.x") == [("denied", "request_invalid")]


@pytest.mark.parametrize("name", ["a", "rest", "more"])
def test_a_keyword_that_a_rule_could_not_tell_from_a_parameter_is_refused(name: str) -> None:
    """`lambda a, /, **more` can be called with a keyword `a` besides: a rule on `args.a` could not see both."""
    with desk() as kernel:
        ran = []

        @kernel.tool("t.x")
        def tool(a: int, /, *rest: int, **more: int) -> None:
            ran.append(a)

        with pytest.raises(RequestInvalid, match=f"`{name}`"):
            inside(kernel, lambda: tool(1, **{name: 2}))
        assert ran == []
        assert about(kernel, "t.x") == [("denied", "request_invalid")]


def test_a_default_is_judged_because_it_runs() -> None:
    with desk("{id: small, effect: allow, action: t.pay, when: {args.amount: {le: 10}}}") as kernel:
        ran = []

        @kernel.tool("t.pay")
        def pay(amount: int = 1_000_000) -> None:
            ran.append(amount)

        with pytest.raises(PolicyDenied):
            inside(kernel, pay)
        inside(kernel, lambda: pay(5))
        assert ran == [5]


def test_a_default_is_frozen_so_that_no_call_changes_it_for_the_next() -> None:
    with desk() as kernel:

        @kernel.tool("t.x")
        def collect(item: str, into: list[str] = []) -> list[str]:  # noqa: B006
            into.append(item)
            return into

        assert inside(kernel, lambda: [collect("a"), collect("b")]) == [["a"], ["b"]]


def test_a_falsy_argument_is_not_taken_for_a_missing_one() -> None:
    rules = ("{id: x, effect: allow, action: t.x, when: {args.n: {present: true}}}",)
    with desk(*rules, record="full") as kernel:

        @kernel.tool("t.x")
        def tool(n: Any = 7) -> Any:
            return n

        for value in (0, 0.0, False, "", [], {}, None, ()):
            result, judged = recorded(kernel, lambda value=value: tool(value))
            assert (type(result), result) == (type(value), value)
            assert judged["n"] == (list(value) if isinstance(value, tuple) else value)


def test_methods_are_governed_with_the_instance_passed_by_reference() -> None:
    class Desk:
        def __init__(self) -> None:
            self.paid: list[int] = []

        def pay(self, amount: int) -> str:
            self.paid.append(amount)
            return f"paid {amount}"

    with desk(record="full") as kernel:
        ours = Desk()
        bound = kernel.tool("t.bound")(ours.pay)
        assert recorded(kernel, lambda: bound(5)) == ("paid 5", {"amount": 5})

        Desk.pay = kernel.tool("t.method", injected=["self"])(Desk.pay)  # type: ignore[method-assign]
        assert recorded(kernel, lambda: ours.pay(amount=6)) == ("paid 6", {"amount": 6})
        assert ours.paid == [5, 6]


def test_an_instance_that_was_not_declared_injected_cannot_be_judged() -> None:
    class Desk:
        def pay(self, amount: int) -> None:
            raise AssertionError("it ran")

    with desk() as kernel:
        Desk.pay = kernel.tool("t.pay")(Desk.pay)  # type: ignore[method-assign]
        with pytest.raises(RequestInvalid, match="injected="):
            inside(kernel, lambda: Desk().pay(5))
        assert about(kernel, "t.pay") == [("denied", "request_invalid")]


def test_injected_parameters_are_passed_by_reference_and_neither_judged_nor_recorded() -> None:
    class Session:
        pass

    with desk(record="full") as kernel:
        session, others = Session(), [Session()]

        @kernel.tool("t.x", injected=["session", "rest", "more"])
        def tool(x: int, session: Session, *rest: Any, **more: Any) -> list[Any]:
            return [x, session, *rest, more]

        result, judged = recorded(kernel, lambda: tool(1, session, others[0], key=others))
        assert result[1] is session
        assert result[2] is others[0]
        assert result[3]["key"] is others
        assert judged == {"x": 1}
        assert of_kind(kernel, "tool.registered")[0]["injected"] == ["session", "rest", "more"]


def test_functions_that_say_they_wrap_another_are_judged_by_their_own_parameters() -> None:
    def inner(amount: int) -> int:
        return amount

    @functools.wraps(inner)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return ("outer", args, kwargs)

    with desk(record="full") as kernel:
        tool = kernel.tool("t.x")(outer)
        assert recorded(kernel, lambda: tool(1, amount=2)) == (
            ("outer", (1,), {"amount": 2}),
            {"args": [1], "amount": 2},
        )


# -- calling ----------------------------------------------------------------------------------------------------------


async def test_async_tools_run_in_the_agents_own_task() -> None:
    with desk() as kernel:

        @kernel.tool("t.who")
        async def who() -> tuple[Any, Any]:
            await asyncio.sleep(0)
            return asyncio.current_task(), current()

        @kernel.register
        async def agent() -> bool:
            return (await who()) == (asyncio.current_task(), current())

        assert await kernel.execute(agent)


async def test_an_action_can_be_called_by_its_name_async_and_sync() -> None:
    with desk() as kernel:

        @kernel.tool("t.sync")
        def sync_tool(x: int) -> int:
            return x + 1

        @kernel.tool("t.async")
        async def async_tool(x: int) -> int:
            return x + 2

        @kernel.register
        async def agent() -> list[int]:
            return [
                await kernel.execute("t.sync", 1),
                await kernel.execute("t.sync", x=1),
                await kernel.execute("t.async", x=1),
                kernel.execute_sync("t.sync", x=1),
            ]

        assert await kernel.execute(agent) == [2, 2, 3, 2]


def test_an_unknown_action_is_an_error_that_names_the_known_ones() -> None:
    with desk() as kernel:
        kernel.tool("t.send")(lambda: None)
        for action in ("t.sendd", "T.send", "t.send ", "", "t"):
            with pytest.raises(RequestInvalid, match=r"`t\.send`") as refused:
                inside(kernel, lambda action=action: kernel.execute_sync(action))
            assert refused.value.code == "action_unknown"


def test_what_a_tool_raises_reaches_the_agent_unchanged_and_the_log_says_so() -> None:
    class Broken(Exception):
        pass

    error = Broken("no ink")
    with desk() as kernel:

        @kernel.tool("t.x")
        def tool() -> None:
            raise error

        def agent() -> bool:
            with pytest.raises(Broken) as raised:
                tool()
            return raised.value is error

        assert inside(kernel, agent)
        outcome = of_kind(kernel, "outcome")[0]
        assert (outcome["status"], outcome["error"]["message"]) == ("raised", "no ink")
        assert outcome["error"]["type"].endswith("Broken")


async def test_a_cancelled_tool_is_recorded_as_cancelled_and_its_own_finally_runs() -> None:
    with desk() as kernel:
        running, cleaned = asyncio.Event(), []

        @kernel.tool("t.wait")
        async def wait() -> None:
            try:
                running.set()
                await asyncio.Event().wait()
            finally:
                cleaned.append(1)

        @kernel.register
        async def agent() -> None:
            await wait()

        task = asyncio.create_task(kernel.execute(agent))
        await running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned == [1]
        assert [entry["status"] for entry in of_kind(kernel, "outcome")] == ["cancelled", "cancelled"]


def test_a_tool_that_calls_a_tool_is_governed_at_both(tmp_path: Path) -> None:
    trace = Trace(tmp_path)
    with desk("{id: outer, effect: allow, action: t.outer}") as kernel:
        inner = kernel.tool("t.inner")(trace.leave)
        outer = kernel.tool("t.outer")(lambda: inner())
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, outer)
        assert denied.value.decision.reason == "denied_by_default"
        assert trace.times == 0
        assert about(kernel, "t.outer") == [("intent", "allowed_by_rule"), ("outcome", "raised")]


def test_the_log_says_what_was_asked_decided_and_done(tmp_path: Path) -> None:
    rules = (
        "{id: pay, effect: allow, action: t.pay, when: {args.amount: {le: 10}}}",
        "{id: mark, effect: require, action: t.pay, label: [paid]}",
    )
    with desk(*rules) as kernel:

        @kernel.tool("t.pay", labels=["bank"], origin="trusted")
        def pay(amount: int, note: str) -> str:
            return "receipt"

        inside(kernel, lambda: pay(5, "rent for May"), agent_id="desk-7")
        intent, outcome = of_kind(kernel, "intent")[-1], of_kind(kernel, "outcome")[0]
        assert (intent["action"], intent["agent"], intent["pid"], intent["parent"]) == ("t.pay", "desk-7", 1, 0)
        assert intent["bundle"] == kernel.bundle
        assert intent["decision"] == {
            "effect": "allow",
            "reason": "allowed_by_rule",
            "rules": ["pay"],
            "obligations": {"label": ["paid"], "rules": ["mark"]},
        }
        assert intent["args"]["fields"] == {"args.amount": 5}
        assert len(bytes.fromhex(intent["args"]["digest"])) == 32
        assert intent["run"] == {"calls": 0, "depth": 0, "labels": []}
        assert (outcome["intent"], outcome["status"], outcome["origin"]) == (intent["seq"], "returned", "trusted")
        assert (outcome["labels"], outcome["micros"] >= 0) == (["bank"], True)
        assert "rent for May" not in str(list(kernel.flight_recorder.entries()))


def test_record_none_keeps_nothing_of_the_arguments_but_their_salted_digest() -> None:
    rules = ("{id: pay, effect: allow, action: t.pay, when: {args.amount: {le: 10}}}",)
    with desk(*rules, record="none") as kernel:
        pay = kernel.tool("t.pay")(lambda amount: "receipt")
        inside(kernel, lambda: pay(5))
        assert list(of_kind(kernel, "intent")[-1]["args"]) == ["digest"]


def test_equal_arguments_have_equal_digests_within_a_log_only() -> None:
    digests = []
    for _ in range(2):
        with desk() as kernel:
            pay = kernel.tool("t.pay")(lambda amount, note="": "receipt")
            inside(kernel, lambda pay=pay: [pay(5), pay(5), pay(6), pay(5, "")])
            digests.append(
                [entry["args"]["digest"] for entry in of_kind(kernel, "intent") if entry["action"] == "t.pay"]
            )
    first, second = digests
    assert first[0] == first[1] == first[3] != first[2]
    assert not set(first) & set(second), "without the salt nobody finds small amounts by trying"
