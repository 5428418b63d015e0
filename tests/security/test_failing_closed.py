"""Lessons 1-10: whatever goes wrong, the answer is no, and nothing happens."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import AgentOSError, KernelSpace, Policy, PolicyDenied, PolicyError, RequestInvalid, _core
from tests.unit.kernel.desk import RUN, Trace, about, desk, inside, policy


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return Trace(tmp_path)


# -- 1: no policy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [None, "", [], (), {}, "none", "allow", "default", [None], [""], b"strict"])
def test_01_no_policy_makes_no_kernel(source: Any) -> None:
    with pytest.raises(PolicyError):
        KernelSpace(source, durability="memory")


def test_01_an_action_that_no_rule_speaks_of_is_denied(trace: Trace) -> None:
    with KernelSpace("strict", durability="memory") as kernel:
        touch = kernel.tool("t.touch")(trace.leave)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, touch)
        assert denied.value.code == "denied_by_default"
        assert trace.times == 0


# -- 2: exceptions ----------------------------------------------------------------------------------------------------


class Explosive:
    """Raises whenever anybody asks it anything."""

    def __getattribute__(self, name: str) -> Any:
        raise MemoryError(name)

    def __eq__(self, other: object) -> bool:
        raise MemoryError

    def __hash__(self) -> int:
        raise MemoryError

    def __repr__(self) -> str:
        raise MemoryError


PLACES: dict[str, Callable[[Any], Any]] = {
    "itself": lambda it: it,
    "in a list": lambda it: [it],
    "deep": lambda it: {"deep": [{"er": it}]},
    "in a tuple": lambda it: (it,),
}


@pytest.mark.parametrize("place", PLACES)
def test_02_an_argument_that_explodes_is_a_no(place: str, trace: Trace) -> None:
    value = PLACES[place](Explosive())
    with desk() as kernel:
        touch = kernel.tool("t.touch")(lambda x: trace.leave())
        with pytest.raises(RequestInvalid):
            inside(kernel, lambda: touch(value))
        assert trace.times == 0
        assert about(kernel, "t.touch") == [("denied", "request_invalid")]


def test_02_when_even_the_error_cannot_be_made_nothing_passes(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_os import errors

    def broken(self: Any, *args: Any, **kwargs: Any) -> None:
        raise MemoryError("no room for an error")

    with desk(RUN.replace("run", "run-2", 1)) as kernel:
        touch = kernel.tool("t.touch")(trace.leave)
        monkeypatch.setattr(errors.PolicyDenied, "__init__", broken)
        with pytest.raises(RuntimeError, match="is denied"):
            inside(kernel, touch)
        assert trace.times == 0


def test_02_a_clue_to_the_identity_that_breaks_is_a_no() -> None:
    with desk() as kernel:
        kernel.register(lambda: None, agent_id="desk")
        core = type(kernel.core)(
            policy(RUN).bundle,
            current=lambda: 1 // 0,
            protected=_core.Protected([]),
            keys=None,
            key=None,
            directory=None,
            durability="memory",
            store=None,
            record="fields",
            name="x",
            version="0",
        )
        with pytest.raises(ZeroDivisionError):
            core.check("t.x", {})
        lying = type(kernel.core)(
            policy(RUN).bundle,
            current=lambda: "desk",
            protected=_core.Protected([]),
            keys=None,
            key=None,
            directory=None,
            durability="memory",
            store=None,
            record="fields",
            name="x",
            version="0",
        )
        assert lying.check("agent.run", {"agent": "desk"}).reason == "no_process"


# -- 3: typos ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        "{id: a, effect: deny, action: t.x, when: {args.x: {gtt: 5}}}",
        "{id: a, effect: deny, action: t.x, when: {args.x: {equals: 5}}}",
        "{id: a, effect: deny, action: t.x, when: {args.x: '> 5'}}",
        "{id: a, effect: deny, action: t.x, when: 'args.x > 5'}",
        "{id: a, effect: deny, action: t.x, when: {args.x: 5}}",
        "{id: a, effect: deny, action: t.x, when: {arg.x: {eq: 5}}}",
        "{id: a, effect: deny, action: t.x, when: {(args.x): {eq: 5}}}",
        "{id: a, effect: deny, action: t.x, when: {args.x: {eq: 5, Eq: 5}}}",
        "{id: a, effect: Deny, action: t.x}",
        "{id: a, effect: block, action: t.x}",
        "{id: a, effect: deny, actions: t.x}",
        "{id: a, effect: deny, action: 't.x,t.y'}",
        "{id: a, effect: deny, action: 't x'}",
        "{id: a, effect: deny, action: t.x, agent: desk}",
        "{id: a, effect: deny, action: t.x, when: {}}",
        "{id: a, effect: deny, action: []}",
        "{id: a, effect: deny, action: t.x, when: {any: []}}",
        "{id: a, effect: deny, action: t.x, when: {args.x: {in: []}}}",
        "{id: a, effect: deny, action: t.x, when: {args.x: {in: $unknown}}}",
        "{id: a, effect: deny, action: t.x, limit: {calls: 5, per: 1h}}",
        "{id: a, effect: deny, action: t.x, when: {args.url: {host: '*.example.com'}}}",
        "{id: a, effect: deny, action: t.x, when: {args.cmd: {programs: [rm]}}}",
    ],
)
def test_03_a_rule_that_is_not_understood_is_an_error_and_never_a_rule_that_never_matches(rule: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policy(RUN, rule)
    assert refused.value.line == 6
    assert refused.value.hint


# -- 4, 5, 7, 10: what is unknown counts against the caller -----------------------------------------------------------

NOT_DEV = "{id: no, effect: deny, action: t.x, when: {args.env: {ne: dev}}}"
ANY = "{id: yes, effect: allow, action: t.x}"


@pytest.mark.parametrize("args", [{}, {"env": None}, {"env": ["dev"]}, {"env": {"dev": 1}}, {"env": 0}, {"env": True}])
def test_04_a_deny_is_not_dodged_by_leaving_out_or_bending_its_argument(args: dict[str, Any], trace: Trace) -> None:
    with desk(ANY, NOT_DEV) as kernel:
        touch = kernel.tool("t.x")(lambda **args: trace.leave())
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, lambda: touch(**args))
        assert denied.value.code in {"condition_unknown", "denied_by_rule"}
        assert inside(kernel, lambda: touch(env="dev")) == "done"
        assert trace.times == 1


@pytest.mark.parametrize("amount", [0, 0.0, -0.0, False, "", None])
def test_04_a_falsy_argument_is_judged_as_what_it_is(amount: Any) -> None:
    rules = (ANY, "{id: no, effect: deny, action: t.x, unless: {args.amount: {ge: 1}}}")
    with desk(*rules) as kernel:
        pay = kernel.tool("t.x")(lambda amount=100: "paid")
        with pytest.raises(PolicyDenied):
            inside(kernel, lambda: pay(amount))
        assert inside(kernel, pay) == "paid", "the default is not put in the place of what was given"


def test_05_an_empty_list_satisfies_nothing(trace: Trace) -> None:
    known = "{id: yes, effect: allow, action: t.x, when: {args.to: {each: {in: [ada, bob]}}}}"
    labelled = "{id: y, effect: allow, action: t.y, when: {run.labels: {each: {in: [public]}}}}"
    with desk(known, labelled) as kernel:
        send = kernel.tool("t.x")(lambda to: trace.leave())
        look = kernel.tool("t.y")(trace.leave)
        inside(kernel, lambda: send(["ada", "bob"]))
        for call in (lambda: send([]), look):
            with pytest.raises(PolicyDenied):
                inside(kernel, call)
        assert trace.times == 1


def test_07_a_deny_that_cannot_be_evaluated_denies_also_where_everything_is_allowed(trace: Trace) -> None:
    no_drops = "{id: no, effect: deny, action: '**', when: {args.sql: {matches: '(?i)drop.*'}}}"
    with KernelSpace(policy(RUN, no_drops, default="allow"), durability="memory") as kernel:
        query = kernel.tool("db.query")(lambda sql, n=1: trace.leave())
        for sql in (["DROP TABLE x"], {"sql": "DROP"}, 5, None, b"DROP TABLE x"):
            with pytest.raises(PolicyDenied) as denied:
                inside(kernel, lambda sql=sql: query(sql))
            assert denied.value.decision.rules == ("no",)
        assert trace.times == 0


@pytest.mark.parametrize(
    "value",
    [
        "x" * (1_048_576 + 1),
        ["x"] * 10_001,
        functools.reduce(lambda inner, _: [inner], range(40), []),
        functools.reduce(lambda inner, _: {"a": inner}, range(40), {}),
        10**1001,
        -(10**100_000),
        {"x" * (1_048_576 + 1): 1},
        b"x" * 1_048_577,
    ],
    ids=["string", "items", "lists", "maps", "digits", "huge int", "key", "bytes"],
)
def test_10_what_is_over_a_bound_is_a_no_for_check_and_for_a_call(value: Any, trace: Trace) -> None:
    with desk(ANY, "{id: no, effect: deny, action: t.x, when: {args.x: {eq: never}}}") as kernel:
        touch = kernel.tool("t.x")(lambda x: trace.leave())
        with pytest.raises(RequestInvalid):
            inside(kernel, lambda: touch(value))
        assert not kernel.check("t.x", {"x": value}, agent=kernel.register(lambda: None, agent_id="a") and "a")
        assert trace.times == 0


# -- 6: the verdict ---------------------------------------------------------------------------------------------------


def test_06_a_denial_is_falsy_and_a_governed_call_raises_it(trace: Trace) -> None:
    with desk(RUN.replace("run", "run-2", 1)) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        for decision in (kernel.check("t.x", {}, agent="desk"), kernel.check("t.x", {}), kernel.check("")):
            assert not decision
            assert decision.effect != "allow"
        touch = kernel.tool("t.touch")(trace.leave)
        with pytest.raises(PermissionError):
            inside(kernel, touch)
        assert trace.times == 0


def test_06_an_ask_is_falsy_too() -> None:
    with desk("{id: ask, effect: ask, action: t.x}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        assert not kernel.check("t.x", {}, agent="desk")


# -- 8: swallowed exceptions ------------------------------------------------------------------------------------------


def test_08_a_framework_that_swallows_the_denial_has_still_done_nothing(trace: Trace) -> None:
    with desk(RUN.replace("run", "run-2", 1)) as kernel:
        touch = kernel.tool("t.touch")(trace.leave)

        def agent() -> str:
            for _ in range(3):
                with contextlib.suppress(BaseException):
                    touch()
            return "went on"

        assert inside(kernel, agent) == "went on"
        assert trace.times == 0
        assert about(kernel, "t.touch") == [("denied", "denied_by_default")] * 3


def test_08_a_wrapper_has_no_way_on_after_a_denial() -> None:
    """The right to dispatch is made by judging; without it there is nothing to call."""
    with desk(RUN.replace("run", "run-2", 1)) as kernel:
        tool = kernel.core.tool("t.raw", lambda: "raw", [], [], "untrusted", None, True)
        with pytest.raises(PolicyDenied):
            tool.begin(None, (), None)
        with pytest.raises(PolicyDenied):
            tool.begin(kernel.core.operator, (), None)


def test_08_the_steps_of_a_call_cannot_be_taken_twice_or_out_of_order(trace: Trace) -> None:
    with desk("{id: ask, effect: ask, action: t.ask}", "{id: yes, effect: allow, action: t.yes}") as kernel:
        calls = {
            action: kernel.core.tool(action, trace.leave, [], [], "untrusted", None, True)
            for action in ("t.ask", "t.yes")
        }

        def agent() -> None:
            from agent_os.processes.context import current

            asking = calls["t.ask"].begin(current(), (), None)
            with pytest.raises(RuntimeError, match="out of order"):
                asking.invoke()
            asking.ask(1.0)
            with pytest.raises(RuntimeError, match="out of order"):
                asking.invoke()
            early = calls["t.ask"].begin(current(), (), None)
            with pytest.raises(PolicyDenied):
                early.answer(True, "me")  # nobody was asked

            once = calls["t.yes"].begin(current(), (), None)
            with pytest.raises(RuntimeError, match="out of order"):
                calls["t.yes"].begin(current(), (), None).returned("done")
            assert once.invoke() == "done"
            with pytest.raises(RuntimeError, match="out of order"):
                once.invoke()
            once.returned("done")
            with pytest.raises(RuntimeError, match="out of order"):
                once.returned("done")
            with pytest.raises(RuntimeError, match="out of order"):
                once.invoke()

        inside(kernel, agent)
        assert trace.times == 1
        assert about(kernel, "t.yes").count(("outcome", "returned")) == 1, "a step out of order loses no evidence"


# -- 9: lighter paths -------------------------------------------------------------------------------------------------

HELD: dict[str, Any] = {}
EVERY_WAY: dict[str, Callable[..., Any]] = {
    "the function": lambda kernel, tool: tool(x="no"),
    "by name, sync": lambda kernel, tool: kernel.execute_sync("t.x", x="no"),
    "by name, positional": lambda kernel, tool: kernel.execute_sync("t.x", "no"),
    "partial": lambda kernel, tool: functools.partial(tool, "no")(),
    "map": lambda kernel, tool: list(map(tool, ["no"])),
    "thread of the loop": lambda kernel, tool: asyncio.run(asyncio.to_thread(tool, "no")),
    "task": lambda kernel, tool: asyncio.run(kernel.execute("t.x", x="no")),
    "the operator's handle made outside": lambda kernel, tool: HELD["operator"].execute_sync("t.x", "no"),
}


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_09_there_is_no_lighter_path(way: str, asynchronous: bool, trace: Trace) -> None:
    rules = ("{id: yes, effect: allow, action: t.x, when: {args.x: {eq: 'yes'}}}",)
    with desk(*rules) as kernel:
        HELD["operator"] = kernel.operator()
        if asynchronous:

            @kernel.tool("t.x")
            async def tool(x: str) -> str:
                return trace.leave()

            def call() -> Any:
                made = EVERY_WAY[way](kernel, tool)
                made = made[0] if isinstance(made, list) else made
                return asyncio.run(finish(made)) if asyncio.iscoroutine(made) else made
        else:

            @kernel.tool("t.x")
            def tool(x: str) -> str:
                return trace.leave()

            def call() -> Any:
                return EVERY_WAY[way](kernel, tool)

        async def finish(made: Any) -> Any:
            return await made

        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, call)
        assert denied.value.code in {"denied_by_default", "control_plane"}
        assert trace.times == 0


def test_09_check_and_execute_agree_wherever_the_arguments_can_be_frozen() -> None:
    rules = (
        "{id: yes, effect: allow, action: t.x, when: {any: [{args.x: {in: [1, 2.5]}}, {args.x: {eq: a}}]}}",
        "{id: no, effect: deny, action: t.x, when: {args.x: {eq: 2.5}}}",
        "{id: map, effect: allow, action: t.x, when: {args.x.y: {gt: 1}}}",
        "{id: list, effect: allow, action: t.x, when: {args.x: {size: {gt: 2}}}}",
    )

    class Text(str):
        __slots__ = ()

    with desk(*rules) as kernel:
        touch = kernel.tool("t.x")(lambda x: "done")
        for value in (
            1,
            1.0,
            True,
            2.5,
            "a",
            Text("a"),
            "A",
            None,
            {"y": 2},
            {"y": 1},
            [1, 2, 3],
            (1, 2, 3),
            {1, 2, 3},
        ):

            def agent(value: Any = value) -> tuple[bool, bool]:
                try:
                    done = touch(value) == "done"
                except PolicyDenied:
                    done = False
                return bool(kernel.check("t.x", {"x": value})), done

            checked, done = inside(kernel, agent)
            assert checked == done, value


def test_every_error_says_its_stable_code() -> None:
    for error in AgentOSError.__subclasses__():
        assert error.code
        assert error.code == error.code.lower()


def test_a_policy_from_text_has_no_files_behind_it() -> None:
    with pytest.raises(PolicyError):
        Policy.from_text("agent_os: 1\nname: x\nextends: [../../../etc/passwd]\nrules:\n  - {id: a}\n")
