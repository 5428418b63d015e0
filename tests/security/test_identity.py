"""Lessons 19, 20, 23: the kernel knows who asks, and an agent reaches neither a handle nor the control plane."""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import pickle  # noqa: TID251 - that it refuses is the point
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent_os import AgentOSError, KernelSpace, PolicyDenied, _core
from agent_os.processes.context import PROCESS, current, entered
from tests.unit.kernel.desk import ALL, RUN, Trace, desk, inside, of_kind, policy


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return Trace(tmp_path)


def a_handle(kernel: KernelSpace) -> Any:
    """The handle of a run that has ended."""
    handles: list[Any] = []
    inside(kernel, lambda: handles.append(current()), agent_id="desk-7")
    return handles[0]


# -- 19: the caller's word --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["agent", "agent_id", "role", "roles", "pid", "process", "approved", "_agent", "labels", "run", "kernel"]
)
def test_19_an_argument_that_names_an_identity_changes_nothing(name: str, trace: Trace) -> None:
    rules = (
        "{id: boss, effect: allow, action: t.x, agent: {id: boss}}",
        "{id: r, effect: allow, action: t.x, agent: {role: boss}}",
    )
    with desk(*rules) as kernel:
        touch = kernel.tool("t.x")(lambda **more: trace.leave())
        for value in ("boss", ["boss"], True, 0, {"id": "boss"}):
            with pytest.raises(PolicyDenied) as denied:
                inside(kernel, lambda value=value: touch(**{name: value}), agent_id=None)
            assert denied.value.code == "denied_by_default"
        assert inside(kernel, touch, agent_id="boss") == "done"
        assert trace.times == 1


def test_19_execute_takes_no_identity_from_its_keywords(trace: Trace) -> None:
    with desk("{id: boss, effect: allow, action: t.x, agent: {id: boss}}") as kernel:
        kernel.register(lambda: None, agent_id="boss")
        kernel.tool("t.x")(lambda **more: trace.leave())
        with pytest.raises(PolicyDenied):
            inside(kernel, lambda: kernel.execute_sync("t.x", agent="boss", agent_id="boss", process=0))
        assert trace.times == 0


# -- 20: forged handles -----------------------------------------------------------------------------------------------

CLASSES = [_core.Process, _core.Call, _core.Tool, _core.Decision, _core.Bundle]


@pytest.mark.parametrize("kind", CLASSES)
def test_20_what_the_core_issues_cannot_be_made_subclassed_or_filled_in(kind: type) -> None:
    for make in (kind, lambda: kind.__new__(kind), lambda: object.__new__(kind)):
        with pytest.raises(TypeError):
            make()
    with pytest.raises(TypeError):
        type("Forged", (kind,), {})


def test_20_a_handle_cannot_be_copied_pickled_or_changed() -> None:
    with desk() as kernel:
        handle = a_handle(kernel)
        for take in (copy.copy, copy.deepcopy, pickle.dumps, lambda it: it.__reduce_ex__(4)):
            with pytest.raises(TypeError):
                take(handle)
        for name in ("pid", "agent_id", "depth", "labels", "is_operator", "alive", "anything"):
            with pytest.raises(AttributeError):
                setattr(handle, name, 0)
        assert not hasattr(handle, "__dict__")


class LooksLikeAHandle:
    pid, agent_id, parent, depth, labels, alive, is_operator = 0, "operator", None, 0, (), True, True

    @property
    def __class__(self) -> Any:
        return _core.Process


@pytest.mark.parametrize("forged", [LooksLikeAHandle(), 0, "operator", object(), {"pid": 0}, True])
def test_20_only_a_handle_of_the_core_is_an_identity(forged: Any, trace: Trace) -> None:
    with desk() as kernel:
        touch = kernel.tool("t.x")(trace.leave)
        agent = kernel.register(lambda: touch(), agent_id="desk")
        with entered(forged):
            assert not kernel.check("t.x", {})
            for call in (touch, lambda: kernel.execute_sync("t.x"), lambda: kernel.execute_sync(agent)):
                with pytest.raises((TypeError, PolicyDenied)):
                    call()
        assert trace.times == 0


def test_20_the_handle_of_a_run_that_ended_is_good_for_nothing(trace: Trace) -> None:
    with desk() as kernel:
        touch = kernel.tool("t.x")(trace.leave)
        agent = kernel.register(lambda: touch(), agent_id="desk")
        with entered(a_handle(kernel)):
            assert kernel.check("t.x", {}).reason == "process_ended"
            for call in (touch, lambda: kernel.execute_sync(agent)):
                with pytest.raises(PolicyDenied) as denied:
                    call()
                assert denied.value.code == "process_ended"
        assert trace.times == 0


def test_20_the_operators_handle_of_another_kernel_is_nobodys_here(trace: Trace) -> None:
    with desk() as ours, desk() as theirs:
        touch = ours.tool("t.x")(trace.leave)
        with entered(theirs.core.operator), pytest.raises(PolicyDenied) as denied:
            touch()
        assert denied.value.code == "no_process"
        assert trace.times == 0


# -- 20: the control plane --------------------------------------------------------------------------------------------

OPEN = policy(ALL)
HELD: dict[str, Any] = {}

CONTROL: dict[str, Callable[[KernelSpace], Any]] = {
    "operator": lambda kernel: kernel.operator(),
    "operator's process": lambda kernel: kernel.core.operator,
    "reload": lambda kernel: kernel.reload(OPEN),
    "core.reload": lambda kernel: kernel.core.reload(OPEN.bundle),
    "core.protect": lambda kernel: kernel.core.protect(_core.Protected([])),
    "rejected": lambda kernel: kernel.core.rejected("a forged entry"),
    "register": lambda kernel: kernel.register(lambda: None, agent_id="mole", roles=["admin"]),
    "govern": lambda kernel: kernel.govern(lambda: None, agent_id="mole"),
    "core.register": lambda kernel: kernel.core.register("mole", ["admin"]),
    "tool": lambda kernel: kernel.tool("t.mole")(lambda: None),
    "tool declared before": lambda kernel: HELD["declaration"](lambda: None),
    "core.tool": lambda kernel: kernel.core.tool("t.mole", lambda: None, [], [], "system", None, True),
    "close": lambda kernel: kernel.close(),
    "core.close": lambda kernel: kernel.core.close(),
    "with": lambda kernel: kernel.__exit__(None, None, None),
    "approver": lambda kernel: setattr(kernel, "approver", lambda request: True),
    "approval_seconds": lambda kernel: setattr(kernel, "approval_seconds", 1e9),
    "check": lambda kernel: setattr(kernel, "check", lambda *args, **options: True),
    "core": lambda kernel: setattr(kernel, "core", HELD["other"].core),
    "bundle": lambda kernel: setattr(kernel, "bundle", OPEN.digest),
    "flight_recorder": lambda kernel: setattr(kernel, "flight_recorder", None),
}


@pytest.mark.parametrize("what", CONTROL)
def test_20_an_agent_that_reaches_for_the_control_plane_is_refused(what: str) -> None:
    ask = "{id: ask, effect: ask, action: t.x}"
    with desk() as other, desk(ask, approver=lambda request: False) as kernel:
        HELD["other"] = other
        HELD["declaration"] = kernel.tool("t.before")
        approver, seconds, bundle = kernel.approver, kernel.approval_seconds, kernel.bundle

        def agent() -> str:
            with pytest.raises((AgentOSError, AttributeError)) as refused:
                CONTROL[what](kernel)
            return str(refused.value)

        message = inside(kernel, agent, agent_id="mole-1")
        assert message
        assert (kernel.approver, kernel.approval_seconds, kernel.bundle) == (approver, seconds, bundle)
        assert kernel.core.is_open
        assert of_kind(kernel, "policy.rejected", "tool.registered", "log.closed") == []
        assert [entry["agent"] for entry in of_kind(kernel, "agent.registered")] == ["mole-1"]


def test_20_an_attempt_on_the_control_plane_stands_in_the_log() -> None:
    with desk() as kernel:

        def agent() -> None:
            with pytest.raises(PolicyDenied) as refused:
                kernel.reload(OPEN)
            assert refused.value.code == "control_plane"

        inside(kernel, agent, agent_id="mole")
        (denied,) = of_kind(kernel, "denied")
        assert (denied["agent"], denied["decision"]["reason"]) == ("mole", "control_plane")
        assert denied["action"].startswith("kernel.")


@pytest.mark.parametrize("what", ["reload", "register", "tool", "operator", "close"])
def test_20_a_tool_that_an_agent_calls_is_still_inside_the_agent(what: str) -> None:
    """Otherwise a tool that runs what the model wrote would be the way round."""
    with desk() as kernel:
        helper = kernel.tool("t.helper")(lambda: CONTROL[what](kernel) and None)
        with pytest.raises(PolicyDenied) as refused:
            inside(kernel, helper)
        assert refused.value.code == "control_plane"
        assert kernel.core.is_open


def test_20_the_operator_may_do_all_that_while_agents_run() -> None:
    with desk() as kernel:
        done: list[Any] = []

        def agent() -> None:
            token = PROCESS.set(None)  # what the operator's own task or thread looks like
            try:
                done.append(kernel.operator())
                kernel.register(lambda: None, agent_id="late")
                kernel.tool("t.late")(lambda: None)
                kernel.reload(policy(RUN))
            finally:
                PROCESS.reset(token)

        inside(kernel, agent)
        assert len(done) == 1


# -- 20: the raw function ---------------------------------------------------------------------------------------------


STEPS = (
    *("__closure__", "__code__", "__defaults__", "__dict__", "__func__", "__kwdefaults__", "__self__", "__signature__"),
    *("__wrapped__", "cell_contents", "func", "parameters", "default", "gi_frame", "cr_frame"),
)


def reachable(start: Any) -> list[Any]:
    """Every object that attributes, closures and containers lead to from a governed function."""
    seen: dict[int, Any] = {}
    todo = [start]
    while todo:
        it = todo.pop()
        if id(it) in seen or isinstance(it, (str, bytes, int, float, type(None), type, type(pytest))):
            continue
        seen[id(it)] = it
        public = [name for name in dir(it) if not name.startswith("__")] if "agent_os" in type(it).__module__ else []
        for name in (*STEPS, *public):
            with contextlib.suppress(Exception):
                todo.append(getattr(it, name))
        if isinstance(it, (tuple, list, set, frozenset)):
            todo.extend(it)
        if isinstance(it, Mapping):
            todo.extend([*it.keys(), *it.values()])
    return list(seen.values())


@pytest.mark.parametrize("asynchronous", [False, True])
def test_20_no_attribute_of_a_governed_tool_leads_to_the_function_itself(asynchronous: bool) -> None:
    secret: Callable[..., Any]
    if asynchronous:

        async def secret(x: int = 5) -> int:
            """Does it."""
            return x
    else:

        def secret(x: int = 5) -> int:
            """Does it."""
            return x

    with desk() as kernel:
        governed = kernel.tool("t.secret")(secret)
        assert not hasattr(governed, "__wrapped__")
        found = reachable(governed)
        assert kernel in found, "the walk went somewhere"
        assert not any(it is secret or it is secret.__code__ for it in found)


def test_20_a_decorator_below_ours_does_not_lead_there_either() -> None:
    def raw() -> str:
        return "raw"

    @functools.wraps(raw)
    def below() -> str:
        return raw()

    with desk() as kernel:
        governed = kernel.tool("t.x")(below)
        assert not hasattr(governed, "__wrapped__")
        assert not any(it is raw or it is below for it in reachable(governed))


def test_20_the_signature_says_names_and_kinds_but_its_defaults_are_not_the_ones_that_run() -> None:
    with desk() as kernel:

        @kernel.tool("t.x")
        def tool(to: list[str] = ["ada"]) -> list[str]:  # noqa: B006
            return to

        inspect.signature(tool).parameters["to"].default.append("eve")
        got = inside(kernel, tool)
        recorded = of_kind(kernel, "intent")[-1]
        assert got == ["ada", "eve"] or got == ["ada"]
        assert recorded["decision"]["effect"] == "allow"


# -- 23: scopes -------------------------------------------------------------------------------------------------------


def test_23_a_scope_holds_also_when_the_caller_does_not_mention_it(trace: Trace) -> None:
    rules = ("{id: own, effect: allow, action: files.read, when: {args.path: {under: /data/desk-7}}}",)
    with desk(*rules) as kernel:
        read = kernel.tool("files.read")(lambda path=None, **more: trace.leave())
        inside(kernel, lambda: read("/data/desk-7/a"))
        for path in (
            None,
            "",
            "/data/desk-77/a",
            "/data/desk-7/../desk-8/a",
            "/data",
            "data/desk-7",
            "/data/desk-7\x00/",
        ):
            with pytest.raises(PolicyDenied):
                inside(kernel, lambda path=path: read(path))
        with pytest.raises(PolicyDenied):
            inside(kernel, read)
        with pytest.raises(PolicyDenied):
            inside(kernel, lambda: read(Path="/data/desk-7/a"))
        assert trace.times == 1


def test_23_a_grant_for_a_leaf_does_not_cover_its_siblings() -> None:
    with desk("{id: leaf, effect: allow, action: a.b.c.d.e.f.g.h}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        granted = "a.b.c.d.e.f.g.h"
        assert kernel.check(granted, {}, agent="desk")
        for action in (granted + "h", granted[:-1] + "i", granted + ".i", granted[:-2], "a.b.c.d.e.f.G.h"):
            assert not kernel.check(action, {}, agent="desk")
