"""`ask`: who is asked, what confirms, to what a confirmation is bound, and that all else denies."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import ApprovalRequest, KernelSpace, PolicyDenied, RecorderError
from agent_os.kernel.approvals import terminal_approver
from agent_os.processes.context import current, entered
from tests.unit.kernel.desk import RUN, Trace, about, desk, inside, of_kind, policy

ASK = "{id: ask-pay, effect: ask, action: t.pay, message: a person must confirm payments}"


def paying(kernel: KernelSpace, trace: Trace) -> Callable[..., Any]:
    @kernel.tool("t.pay")
    def pay(amount: int = 5, card: str = "4111") -> str:
        return trace.leave()

    return pay


def paying_async(kernel: KernelSpace, trace: Trace) -> Callable[..., Any]:
    @kernel.tool("t.pay")
    async def pay(amount: int = 5, card: str = "4111") -> str:
        return trace.leave()

    return pay


def async_approver(approver: Callable[[ApprovalRequest], Any]) -> Callable[[ApprovalRequest], Any]:
    async def ask(request: ApprovalRequest) -> Any:
        await asyncio.sleep(0)
        return approver(request)

    return ask


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return Trace(tmp_path)


@pytest.fixture(params=["sync tool", "async tool"])
def make_tool(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return paying if request.param == "sync tool" else paying_async


@pytest.fixture(params=["sync approver", "async approver"])
def kind_of_approver(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return (lambda approver: approver) if request.param == "sync approver" else async_approver


# -- what confirms ----------------------------------------------------------------------------------------------------


def test_true_confirms_once_and_the_log_says_who_asked_who_confirmed_and_what(
    make_tool: Callable[..., Any], kind_of_approver: Callable[..., Any], trace: Trace
) -> None:
    shown: list[ApprovalRequest] = []

    def approver(request: ApprovalRequest) -> bool:
        shown.append(request)
        return True

    with desk(ASK, approver=kind_of_approver(approver)) as kernel:
        pay = make_tool(kernel, trace)
        assert inside(kernel, pay, agent_id="desk-7") == "done"
        assert trace.times == 1
        (request,) = shown
        assert (request.action, request.agent_id, request.pid) == ("t.pay", "desk-7", 1)
        assert request.args == {"amount": 5, "card": "4111"}
        assert request.rules == [("ask-pay", "a person must confirm payments")]
        assert request.bundle == kernel.bundle
        assert about(kernel, "t.pay") == [
            ("approval.requested", None),
            ("approval.granted", None),
            ("intent", "allowed_by_rule"),
            ("outcome", "returned"),
        ]
        requested, granted = of_kind(kernel, "approval.requested", "approval.granted")
        assert requested["request"] == granted["request"] == request.request
        assert requested["expires"] == request.expires_micros
        assert granted["by"].endswith(("approver", "ask"))
        approval = of_kind(kernel, "intent")[-1]["approval"]
        assert (approval["request"], approval["by"]) == (request.request, granted["by"])


@pytest.mark.parametrize("answer", [False, None, 1, "yes", "True", [True], {"approved": True}, object(), 0])
def test_only_the_object_true_confirms(
    answer: Any, make_tool: Callable[..., Any], kind_of_approver: Callable[..., Any], trace: Trace
) -> None:
    with desk(ASK, approver=kind_of_approver(lambda request: answer)) as kernel:
        pay = make_tool(kernel, trace)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, pay)
        assert denied.value.code == ("approval_refused" if answer is False else "approval_invalid")
        assert denied.value.decision.rules == ("ask-pay",)
        assert not denied.value.decision
        assert trace.times == 0
        assert [kind for kind, _ in about(kernel, "t.pay")] == ["approval.requested", "approval.refused", "denied"]


@pytest.mark.parametrize("failure", [LookupError, asyncio.TimeoutError, TimeoutError])
def test_an_approver_that_fails_denies_and_the_failure_is_told(
    failure: type[Exception], make_tool: Callable[..., Any], kind_of_approver: Callable[..., Any], trace: Trace
) -> None:
    def approver(request: ApprovalRequest) -> bool:
        raise failure("the pager is down")

    with desk(ASK, approver=kind_of_approver(approver)) as kernel:
        pay = make_tool(kernel, trace)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, pay)
        assert denied.value.code == "approval_invalid"
        assert isinstance(denied.value.__cause__, failure)
        assert trace.times == 0
        assert about(kernel, "t.pay")[-1] == ("denied", "approval_invalid")


def test_without_an_approver_every_ask_is_a_deny(make_tool: Callable[..., Any], trace: Trace) -> None:
    with desk(ASK) as kernel:
        pay = make_tool(kernel, trace)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, pay)
        assert (denied.value.code, denied.value.decision.rules) == ("approval_missing", ("ask-pay",))
        assert trace.times == 0
        assert about(kernel, "t.pay") == [("denied", "approval_missing")]


def test_a_late_yes_of_an_approver_that_blocks_is_a_no(trace: Trace) -> None:
    def approver(request: ApprovalRequest) -> bool:
        import time

        while time.time_ns() // 1000 <= request.expires_micros:
            pass
        return True

    with desk(ASK, approver=approver, approval_seconds=0.01) as kernel:
        pay = paying(kernel, trace)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, pay)
        assert denied.value.code == "approval_expired"
        assert trace.times == 0


def test_an_approver_that_never_answers_is_a_no_when_the_time_is_up(trace: Trace) -> None:
    async def approver(request: ApprovalRequest) -> bool:
        await asyncio.Event().wait()
        return True

    with desk(ASK, approver=approver, approval_seconds=0.01) as kernel:
        pay = paying_async(kernel, trace)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, pay)
        assert denied.value.code in {"approval_expired", "approval_refused"}
        assert trace.times == 0


async def test_a_cancelled_waiter_is_a_no(trace: Trace) -> None:
    asked = asyncio.Event()

    async def approver(request: ApprovalRequest) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    with desk(ASK, approver=approver) as kernel:
        pay = paying_async(kernel, trace)

        @kernel.register
        async def agent() -> str:
            return str(await pay())

        task = asyncio.create_task(kernel.execute(agent))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert trace.times == 0
        assert about(kernel, "t.pay")[-1] == ("denied", "approval_invalid")


def test_each_call_is_confirmed_anew(trace: Trace) -> None:
    answers = [True, True, False]
    with desk(ASK, approver=lambda request: answers.pop(0)) as kernel:
        pay = paying(kernel, trace)

        def agent() -> None:
            pay()
            pay()
            with pytest.raises(PolicyDenied):
                pay()

        inside(kernel, agent)
        assert (trace.times, answers) == (2, [])


def test_the_run_of_an_agent_can_be_asked_about_as_well() -> None:
    answers = [False, True]
    rules = "{id: ask-run, effect: ask, action: agent.run}"
    with KernelSpace(policy(rules), durability="memory", approver=lambda request: answers.pop(0)) as kernel:
        agent = kernel.register(lambda: "ran", agent_id="desk")
        with pytest.raises(PolicyDenied):
            kernel.execute_sync(agent)
        assert of_kind(kernel, "process.started") == []
        assert kernel.execute_sync(agent) == "ran"


# -- to what a confirmation is bound ----------------------------------------------------------------------------------


def test_the_digest_names_the_arguments_the_agent_and_the_run(trace: Trace) -> None:
    digests: list[str] = []

    def approver(request: ApprovalRequest) -> bool:
        digests.append(request.request)
        return False

    with desk(ASK, approver=approver) as kernel:
        pay = paying(kernel, trace)

        def refused(*args: Any) -> None:
            with pytest.raises(PolicyDenied):
                pay(*args)

        def twice() -> None:
            refused(5)
            refused(5)

        inside(kernel, twice)
        inside(kernel, lambda: refused(6))
        inside(kernel, lambda: refused("5"))
        inside(kernel, lambda: refused(5))
        assert digests[0] == digests[1], "the same request of the same run"
        assert len(set(digests)) == 4


def test_what_the_approver_does_to_its_copy_does_not_reach_the_tool() -> None:
    def approver(request: ApprovalRequest) -> bool:
        request.args["items"].append("yacht")
        request.args["amount"] = 0
        return True

    with desk("{id: ask, effect: ask, action: t.buy}", approver=approver) as kernel:
        buy = kernel.tool("t.buy")(lambda items, amount: (items, amount))
        assert inside(kernel, lambda: buy(["pen"], 5)) == (["pen"], 5)


def test_what_the_caller_does_while_a_person_thinks_does_not_reach_the_tool() -> None:
    items = ["pen"]

    def approver(request: ApprovalRequest) -> bool:
        items.append("yacht")
        return True

    with desk("{id: ask, effect: ask, action: t.buy}", approver=approver) as kernel:
        buy = kernel.tool("t.buy")(lambda items: items)
        assert inside(kernel, lambda: buy(items)) == ["pen"]


# -- decided again with the rules and the state of the moment ---------------------------------------------------------


def while_asked(act: Callable[[KernelSpace], None]) -> tuple[Callable[..., bool], list[KernelSpace], list[list[str]]]:
    """An approver that confirms, and does something the first time before."""
    kernels: list[KernelSpace] = []
    shown: list[list[str]] = []

    def approver(request: ApprovalRequest) -> bool:
        shown.append([rule for rule, _ in request.rules])
        if len(shown) == 1:
            act(kernels[0])
        return True

    return approver, kernels, shown


def confirmed_after(
    act: Callable[[KernelSpace], None], trace: Trace, *, asynchronous: bool
) -> tuple[KernelSpace, Any, list[list[str]]]:
    approver, kernels, shown = while_asked(act)
    kernel = desk(ASK, approver=async_approver(approver) if asynchronous else approver)
    kernels.append(kernel)
    pay = (paying_async if asynchronous else paying)(kernel, trace)
    try:
        result = inside(kernel, pay)
    except PolicyDenied as denied:
        result = denied
    return kernel, result, shown


def test_a_deny_that_was_added_while_a_person_thought_wins(trace: Trace) -> None:
    def add_a_deny(kernel: KernelSpace) -> None:
        kernel.reload(policy(RUN, ASK, "{id: frozen, effect: deny, action: t.pay}"))

    kernel, result, shown = confirmed_after(add_a_deny, trace, asynchronous=False)
    assert isinstance(result, PolicyDenied)
    assert (result.decision.reason, result.decision.rules) == ("denied_by_rule", ("frozen",))
    assert shown == [["ask-pay"]]
    assert trace.times == 0
    kernel.close()


def test_an_ask_that_was_added_while_a_person_thought_asks_again(trace: Trace) -> None:
    def add_an_ask(kernel: KernelSpace) -> None:
        kernel.reload(policy(RUN, ASK, "{id: second, effect: ask, action: t.pay}"))

    kernel, result, shown = confirmed_after(add_an_ask, trace, asynchronous=False)
    assert result == "done"
    assert shown == [["ask-pay"], ["ask-pay", "second"]], "another bundle, so all of its rules are shown"
    kernel.close()


def test_a_reload_by_an_async_approver_counts_as_well(trace: Trace) -> None:
    """The approver is the operator's, so it may reload; it does not act as the agent that asks."""

    def add_a_deny(kernel: KernelSpace) -> None:
        kernel.reload(policy(RUN, ASK, "{id: frozen, effect: deny, action: t.pay}"))

    kernel, result, _ = confirmed_after(add_a_deny, trace, asynchronous=True)
    assert isinstance(result, PolicyDenied)
    assert result.decision.rules == ("frozen",)
    kernel.close()


def test_a_kernel_closed_while_a_person_thought_lets_nothing_happen(trace: Trace) -> None:
    with pytest.raises(RecorderError, match="the log is closed"):
        confirmed_after(lambda kernel: kernel.close(), trace, asynchronous=False)
    assert trace.times == 0


def test_new_rules_at_every_confirmation_end_in_a_deny(trace: Trace) -> None:
    kernels: list[KernelSpace] = []
    rounds: list[int] = []

    def approver(request: ApprovalRequest) -> bool:
        rounds.append(1)
        kernels[0].reload(policy(RUN, f"{{id: ask-{len(rounds)}, effect: ask, action: t.pay}}"))
        return True

    with desk(ASK, approver=approver) as kernel:
        kernels.append(kernel)
        pay = paying(kernel, trace)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, pay)
        assert denied.value.code == "approval_changed"
        assert len(rounds) == 3
        assert trace.times == 0


async def test_a_run_that_ended_while_a_person_thought_gets_nothing(trace: Trace) -> None:
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    asked = asyncio.Event()

    async def approver(request: ApprovalRequest) -> bool:
        asked.set()
        return await answer

    with desk(ASK, approver=approver) as kernel:
        pay = paying_async(kernel, trace)
        waiting: list[asyncio.Task[Any]] = []

        @kernel.register
        async def agent() -> None:
            waiting.append(asyncio.create_task(pay()))
            await asked.wait()

        await kernel.execute(agent)
        answer.set_result(True)
        with pytest.raises(PolicyDenied) as denied:
            await waiting[0]
        assert denied.value.code == "process_ended"
        assert trace.times == 0


async def test_a_label_that_came_while_a_person_thought_counts(trace: Trace) -> None:
    asked, marked = asyncio.Event(), asyncio.Event()

    async def approver(request: ApprovalRequest) -> bool:
        asked.set()
        await marked.wait()
        return True

    secrets_stay = "{id: stay, effect: deny, action: t.pay, when: {run.labels: {contains: secret}}}"
    with desk(ASK, secrets_stay, "{id: read, effect: allow, action: t.read}", approver=approver) as kernel:
        pay = paying_async(kernel, trace)
        read = kernel.tool("t.read", labels=["secret"])(lambda: "s")

        @kernel.register
        async def agent() -> None:
            payment = asyncio.create_task(pay())
            await asked.wait()
            read()
            marked.set()
            await payment

        with pytest.raises(PolicyDenied) as denied:
            await kernel.execute(agent)
        assert denied.value.decision.rules == ("stay",)
        assert trace.times == 0


def test_rules_that_ask_one_after_the_other_are_each_confirmed_once(trace: Trace) -> None:
    """`second` asks only since a label came while `ask-pay` was confirmed; both were shown, so both are satisfied."""
    second = "{id: second, effect: ask, action: t.pay, when: {run.labels: {contains: secret}}}"
    shown: list[list[str]] = []
    runs: list[Any] = []

    def approver(request: ApprovalRequest) -> bool:
        shown.append([rule for rule, _ in request.rules])
        if len(shown) == 1:
            with entered(runs[0]):
                read()
        return True

    with desk(ASK, second, "{id: read, effect: allow, action: t.read}", approver=approver) as kernel:
        pay = paying(kernel, trace)
        read = kernel.tool("t.read", labels=["secret"])(lambda: "s")

        def agent() -> Any:
            runs.append(current())
            return pay()

        assert inside(kernel, agent) == "done"
        assert shown == [["ask-pay"], ["second"]]


# -- who the approver is ----------------------------------------------------------------------------------------------


def test_an_approver_never_acts_as_the_agent_that_asks(
    make_tool: Callable[..., Any], kind_of_approver: Callable[..., Any], trace: Trace
) -> None:
    identities: list[Any] = []

    def approver(request: ApprovalRequest) -> bool:
        identities.append(current())
        return True

    with desk(ASK, approver=kind_of_approver(approver)) as kernel:
        inside(kernel, make_tool(kernel, trace))
        assert identities == [None]


async def test_an_approver_that_blocks_does_not_block_the_loop(trace: Trace) -> None:
    go_on = threading.Event()

    def approver(request: ApprovalRequest) -> bool:
        return go_on.wait(60)

    with desk(ASK, approver=approver) as kernel:
        pay = paying_async(kernel, trace)

        @kernel.register
        async def agent() -> str:
            return str(await pay())

        task = asyncio.create_task(kernel.execute(agent))
        asyncio.get_running_loop().call_soon(go_on.set)
        assert await task == "done"


# -- at the terminal --------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "happens"), [("y\n", 1), (" YES \n", 1), ("n\n", 0), ("\n", 0), ("", 0), ("yy\n", 0)]
)
def test_at_the_terminal_only_yes_confirms(typed: str, happens: int, trace: Trace) -> None:
    screen = io.StringIO()
    with desk(ASK, approver=terminal_approver(Terminal(typed), screen)) as kernel:
        pay = paying(kernel, trace)
        try:
            inside(kernel, pay)
        except PolicyDenied:
            assert not happens
        assert trace.times == happens
        for part in ("t.pay", "amount", "ask-pay", "a person must confirm payments"):
            assert part in screen.getvalue()


def test_without_a_terminal_nobody_confirms(trace: Trace) -> None:
    with desk(ASK, approver=terminal_approver(io.StringIO("y\n"), io.StringIO())) as kernel:
        pay = paying(kernel, trace)
        with pytest.raises(PolicyDenied):
            inside(kernel, pay)
        assert trace.times == 0


def test_what_a_model_wrote_cannot_move_the_cursor_of_the_person_who_is_asked(trace: Trace) -> None:
    screen = io.StringIO()
    with desk(ASK, approver=terminal_approver(Terminal("n\n"), screen)) as kernel:
        pay = paying(kernel, trace)
        with pytest.raises(PolicyDenied):
            inside(kernel, lambda: pay(5, "\x1b[2J\r\x07\u202e\x9b1A\namount = 0"))
        shown = screen.getvalue()
        assert not [c for c in shown if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e")]
        assert "\namount = 0" not in shown
