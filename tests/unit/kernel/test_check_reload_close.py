"""`check` has no effect; `reload` is whole or not at all; after `close` nothing passes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent_os import (
    AgentKilled,
    AgentOSError,
    AgentSignal,
    FlightRecorder,
    KernelSpace,
    PolicyDenied,
    PolicyError,
    RecorderError,
)
from tests.unit.kernel.desk import ALL, RUN, Trace, about, desk, inside, of_kind, policy

SMALL = "{id: small, effect: allow, action: t.pay, when: {args.amount: {le: 10}}}"
ASK = "{id: ask, effect: ask, action: t.pay, when: {args.amount: {gt: 10}}}"

# -- check ------------------------------------------------------------------------------------------------------------


def test_a_decision_is_true_only_for_an_allow() -> None:
    with desk(SMALL, ASK, "{id: no, effect: deny, action: t.pay, when: {args.amount: {gt: 100}}}") as kernel:
        kernel.register(lambda: None, agent_id="desk")
        effects = {}
        for amount in (5, 50, 500, None, "5", True, float("nan")):
            decision = kernel.check("t.pay", {"amount": amount}, agent="desk")
            effects[repr(amount)] = decision.effect
            assert bool(decision) is (decision.effect == "allow")
        assert effects == {
            "5": "allow",
            "50": "ask",
            "500": "deny",
            "None": "deny",
            "'5'": "deny",
            "True": "deny",
            "nan": "deny",
        }


def test_check_records_nothing_and_runs_nothing(tmp_path: Path) -> None:
    trace = Trace(tmp_path)
    with desk() as kernel:
        kernel.register(lambda: None, agent_id="desk")
        kernel.tool("t.x")(trace.leave)
        size = kernel.flight_recorder.size
        for _ in range(10):
            assert kernel.check("t.x", {}, agent="desk")
        assert (kernel.flight_recorder.size, trace.times) == (size, 0)


def test_check_decides_as_a_real_call_of_that_moment_would() -> None:
    rules = (SMALL, "{id: stay, effect: deny, action: t.pay, when: {run.labels: {contains: secret}}}")
    with desk(*rules, "{id: read, effect: allow, action: t.read}") as kernel:
        pay = kernel.tool("t.pay")(lambda amount: "paid")
        read = kernel.tool("t.read", labels=["secret"])(lambda: "s")

        def agent() -> list[bool]:
            before = bool(kernel.check("t.pay", {"amount": 5}))
            assert pay(5) == "paid"
            read()
            after = bool(kernel.check("t.pay", {"amount": 5}))
            with pytest.raises(PolicyDenied):
                pay(5)
            return [before, after]

        assert inside(kernel, agent, agent_id="desk") == [True, False]
        assert kernel.check("t.pay", {"amount": 5}, agent="desk"), "as at the start of a run"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("t.pay", {"amount": 5}), "no_process"),
        (("t.pay", {"amount": 5}, "nobody"), "agent_unknown"),
        (("t.pay", {"amount": 5}, ""), "agent_unknown"),
        (("t.pay", {"amount": 5}, "DESK"), "agent_unknown"),
        (("t.pay", {}, "desk"), "denied_by_default"),
        (("t.pay", None, "desk"), "denied_by_default"),
        (("T.pay", {"amount": 5}, "desk"), "denied_by_default"),
        (("t.pay ", {"amount": 5}, "desk"), "request_invalid"),
        (("", {"amount": 5}, "desk"), "request_invalid"),
    ],
)
def test_check_of_what_is_not_known_is_a_deny(arguments: tuple[Any, ...], reason: str) -> None:
    with desk(SMALL) as kernel:
        kernel.register(lambda: None, agent_id="desk")
        action, args, *agent = arguments
        decision = kernel.check(action, args, agent=agent[0]) if agent else kernel.check(action, args)
        assert (bool(decision), decision.reason) == (False, reason)


@pytest.mark.parametrize("wrong", [(5, {}), (None, {}), ("t.pay", []), ("t.pay", "x"), (b"t.pay", {})])
def test_check_of_what_is_no_request_is_a_type_error(wrong: tuple[Any, Any]) -> None:
    with desk() as kernel, pytest.raises(TypeError):
        kernel.check(*wrong, agent="desk")


def test_the_operator_is_no_agent_for_check() -> None:
    with desk() as kernel:
        assert kernel.check("t.x", {}, agent="operator").reason == "agent_unknown"


# -- reload -----------------------------------------------------------------------------------------------------------


def test_reload_takes_effect_at_once_for_runs_that_are_going_on() -> None:
    with desk() as kernel:
        touch = kernel.tool("t.x")(lambda: "touched")
        operator = kernel.operator()
        reloads: list[Any] = []

        async def scene() -> None:
            first, second = asyncio.Event(), asyncio.Event()

            @kernel.register
            async def agent() -> None:
                assert touch() == "touched"
                first.set()
                await second.wait()
                with pytest.raises(PolicyDenied):
                    touch()

            run = asyncio.create_task(kernel.execute(agent))
            await first.wait()
            reloads.append(kernel.reload(policy(RUN)))
            second.set()
            await run

        asyncio.run(scene())
        assert operator is not None
        loaded = of_kind(kernel, "policy.loaded")
        assert [entry["reason"] for entry in loaded] == ["start", "reload"]
        assert [entry["decision"]["reason"] for entry in of_kind(kernel, "denied")] == ["denied_by_default"]
        assert of_kind(kernel, "denied")[0]["bundle"] == loaded[1]["bundle"] == kernel.bundle


@pytest.mark.parametrize(
    "source",
    ["strikt", [], None, "nowhere.yaml", ["strict", "nowhere.yaml"], "empty.yaml", "unknown.yaml", "half.yaml"],
)
def test_a_reload_that_fails_leaves_the_old_rules_in_force_and_says_so(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.yaml").write_text("")
    Path("unknown.yaml").write_text("agent_os: 1\nname: x\nrules:\n  - {id: a, effect: allow, action: '**', wen: {}}\n")
    Path("half.yaml").write_text("agent_os: 1\nname: x\nrules:\n  - {id: a, effect: allow, action: '**'}\n  - {id")
    with desk(SMALL) as kernel:
        pay = kernel.tool("t.pay")(lambda amount: "paid")
        before = kernel.bundle
        with pytest.raises(PolicyError):
            kernel.reload(source)
        assert kernel.bundle == before
        assert inside(kernel, lambda: pay(5)) == "paid"
        with pytest.raises(PolicyDenied):
            inside(kernel, lambda: pay(50))
        assert len(of_kind(kernel, "policy.rejected")) == 1
        assert len(of_kind(kernel, "policy.loaded")) == 1


def test_agents_that_were_there_before_a_reload_are_there_after_it() -> None:
    rules = "{id: treasurer, effect: allow, action: t.pay, agent: {role: treasurer}}"
    with desk(rules) as kernel:
        pay = kernel.tool("t.pay")(lambda: "paid")

        @kernel.register(roles=["treasurer"])
        def agent() -> str:
            return str(pay())

        assert kernel.execute_sync(agent) == "paid"
        kernel.reload(policy(RUN, "{id: new, effect: allow, action: t.pay, agent: {role: treasurer, id: agent}}"))
        assert kernel.execute_sync(agent) == "paid"
        kernel.reload(policy(RUN, "{id: new, effect: allow, action: t.pay, agent: {role: clerk}}"))
        with pytest.raises(PolicyDenied):
            kernel.execute_sync(agent)


def test_a_reload_that_cannot_be_recorded_does_not_happen() -> None:
    with desk(SMALL) as kernel:
        before = kernel.bundle
        kernel.close()
        with pytest.raises(RecorderError):
            kernel.reload(policy(ALL))
        assert kernel.bundle == before


# -- operator ---------------------------------------------------------------------------------------------------------


def test_the_operator_calls_tools_by_its_own_handle_and_is_judged_and_recorded_as_such() -> None:
    with desk("{id: op, effect: allow, action: t.x, agent: {id: operator}}") as kernel:
        touch = kernel.tool("t.x")(lambda: "touched")
        kernel.tool("t.y")(lambda: "touched")
        assert kernel.operator().execute_sync("t.x") == "touched"
        with pytest.raises(PolicyDenied):
            kernel.operator().execute_sync("t.y")
        with pytest.raises(PolicyDenied):
            inside(kernel, touch)
        rows = [(entry["agent"], entry["pid"], entry["kind"]) for entry in of_kind(kernel, "intent", "denied")]
        assert rows[:2] == [("operator", 0, "intent"), ("operator", 0, "denied")]


async def test_the_operators_handle_works_in_a_loop_as_well() -> None:
    with desk() as kernel:

        @kernel.tool("t.x")
        async def touch() -> str:
            return "touched"

        assert await kernel.operator().execute("t.x") == "touched"
        with pytest.raises(PolicyDenied):
            await touch()


def test_what_the_operator_has_read_is_inherited_by_no_run() -> None:
    with desk(RUN.replace("run", "run-2", 1), "{id: op, effect: allow, action: t.x}") as kernel:
        kernel.tool("t.x", labels=["secret"])(lambda: "s")
        kernel.operator().execute_sync("t.x")
        touch = kernel.tool("t.z")(lambda: None)
        with pytest.raises(PolicyDenied):
            inside(kernel, touch)
        assert of_kind(kernel, "denied")[0]["run"]["labels"] == []


# -- close ------------------------------------------------------------------------------------------------------------


def test_after_close_nothing_passes_and_every_way_in_says_so(tmp_path: Path) -> None:
    trace = Trace(tmp_path)
    kernel = KernelSpace(policy(ALL), recorder=tmp_path / "log")
    touch = kernel.tool("t.x")(trace.leave)
    agent = kernel.register(lambda: touch(), agent_id="desk")
    operator = kernel.operator()
    kernel.close()
    kernel.close()
    for attempt in (
        touch,
        lambda: kernel.execute_sync(agent),
        lambda: operator.execute_sync("t.x"),
        lambda: kernel.reload("strict"),
        lambda: kernel.register(lambda: None, agent_id="other"),
        lambda: kernel.tool("t.y")(lambda: None),
    ):
        with pytest.raises(AgentOSError) as refused:
            attempt()
        assert refused.value.code in {"kernel_closed", "log_closed"}
    assert kernel.check("t.x", {}, agent="desk").reason == "kernel_closed"
    assert trace.times == 0
    report = FlightRecorder(tmp_path / "log").verify()
    assert (report.ok, report.closed, report.unfinished) == (True, True, ())


def test_the_log_can_be_read_after_close() -> None:
    kernel = desk()
    inside(kernel, lambda: None)
    kernel.close()
    assert [entry["kind"] for entry in kernel.flight_recorder.entries()][-1] == "log.closed"


def test_a_with_block_closes_also_when_its_body_raises(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), KernelSpace("strict", recorder=tmp_path / "log") as kernel:
        1 // 0  # noqa: B018
    assert not kernel.core.is_open
    assert FlightRecorder(tmp_path / "log").verify().closed


async def test_an_async_with_block_closes_as_well(tmp_path: Path) -> None:
    async with KernelSpace("strict", recorder=tmp_path / "log"):
        pass
    assert FlightRecorder(tmp_path / "log").verify().closed


def test_close_kills_what_runs_and_the_log_says_so(tmp_path: Path) -> None:
    """The effect has begun, so the intent stands; its result is dropped, whenever it comes."""
    kernel = KernelSpace(policy(ALL), recorder=tmp_path / "log")

    async def scene() -> None:
        began, go_on = asyncio.Event(), asyncio.Event()

        @kernel.tool("t.wait")
        async def wait() -> str:
            began.set()
            await go_on.wait()
            return "late"

        @kernel.register
        async def agent() -> str:
            return str(await wait())

        run = asyncio.create_task(kernel.execute(agent))
        await began.wait()
        kernel.close()
        go_on.set()
        with pytest.raises(AgentKilled) as killed:
            await run
        assert killed.value.signal == AgentSignal.SIGKILL

    asyncio.run(scene())
    report = FlightRecorder(tmp_path / "log").verify()
    assert (report.ok, len(report.unfinished)) == (True, 0)
    statuses = [entry["status"] for entry in FlightRecorder(tmp_path / "log").entries() if entry["kind"] == "outcome"]
    assert statuses == ["killed", "killed"]
    assert about(kernel, "t.wait") == [("intent", "allowed_by_rule"), ("outcome", "killed")]
