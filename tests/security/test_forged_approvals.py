"""Lessons 18, 21: nothing that an agent says is an approval, and an approval is good for one request, once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from agent_os import ApprovalRequest, PolicyDenied
from tests.unit.kernel.desk import Trace, desk, inside, of_kind

ASK = "{id: ask, effect: ask, action: t.pay}"


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return Trace(tmp_path)


@pytest.mark.parametrize(
    "name", ["approved", "approval", "approver", "confirmed", "force", "_approved", "decision", "by"]
)
@pytest.mark.parametrize("value", [True, "true", "yes", 1, {"approved": True}, ["ask"]])
def test_18_no_argument_is_an_approval(name: str, value: Any, trace: Trace) -> None:
    with desk(ASK) as kernel:
        pay = kernel.tool("t.pay")(lambda **more: trace.leave())
        for call in (
            lambda: pay(**{name: value}),
            lambda: kernel.execute_sync("t.pay", **{name: value}),
            lambda: pay(params={name: value}),
        ):
            with pytest.raises(PolicyDenied) as denied:
                inside(kernel, call)
            assert denied.value.code == "approval_missing"
        assert trace.times == 0


def test_18_an_agent_named_like_the_approver_approves_nothing(trace: Trace) -> None:
    with desk(ASK, approver=lambda request: False) as kernel:
        pay = kernel.tool("t.pay")(trace.leave)
        with pytest.raises(PolicyDenied):
            inside(kernel, pay, agent_id="approver", roles=("approver", "admin"))
        assert trace.times == 0


def test_21_an_approval_of_one_request_is_none_of_another(trace: Trace) -> None:
    """The approver says yes to 5 only; each bent or repeated request is shown to it anew."""
    shown: list[dict[str, Any]] = []

    def approver(request: ApprovalRequest) -> bool:
        shown.append(request.args)
        return request.args == {"amount": 5, "to": "ada"} and type(request.args["amount"]) is int

    with desk(ASK, approver=approver) as kernel:
        pay = kernel.tool("t.pay")(lambda amount, to, note=None: trace.leave())

        def agent() -> None:
            assert pay(5, "ada") == "done"
            for args in ((6, "ada"), (5, "eve"), (5, "ada", ""), (5.5, "ada"), ("5", "ada"), (5, ["ada"]), (5, "ada ")):
                with pytest.raises(PolicyDenied) as denied:
                    pay(*args)
                assert denied.value.code == "approval_refused"

        inside(kernel, agent)
        assert trace.times == 1
        assert len(shown) == 8


async def test_21_two_equal_requests_at_once_need_two_approvals(trace: Trace) -> None:
    answers = iter([True, False])

    async def approver(request: ApprovalRequest) -> bool:
        await asyncio.sleep(0)
        return next(answers)

    with desk(ASK, approver=approver) as kernel:

        @kernel.tool("t.pay")
        async def pay(amount: int) -> str:
            return trace.leave()

        @kernel.register
        async def agent() -> list[Any]:
            return list(await asyncio.gather(pay(5), pay(5), return_exceptions=True))

        results = await kernel.execute(agent)
        assert sorted(type(result).__name__ for result in results) == ["PolicyDenied", "str"]
        assert trace.times == 1
        assert len(of_kind(kernel, "approval.granted")) == len(of_kind(kernel, "approval.refused")) == 1


def test_21_an_answer_cannot_be_given_twice(trace: Trace) -> None:
    with desk(ASK) as kernel:
        tool = kernel.core.tool("t.raw", trace.leave, [], [], "untrusted", None, True)
        kernel.reload([_ask_raw()])

        def agent() -> None:
            from agent_os.processes.context import current

            call = tool.begin(current(), (), None)
            call.ask(60.0)
            call.answer(True, "ada")
            for answer in (True, False, None):
                with pytest.raises(RuntimeError, match="out of order"):
                    call.answer(answer, "eve")

        inside(kernel, agent)
        assert trace.times == 0


def test_21_of_many_answers_given_at_once_one_counts(trace: Trace) -> None:
    with desk(ASK) as kernel:
        tool = kernel.core.tool("t.raw", trace.leave, [], [], "untrusted", None, True)
        kernel.reload([_ask_raw()])

        def agent() -> None:
            from agent_os.processes.context import current

            call = tool.begin(current(), (), None)
            call.ask(60.0)
            barrier = threading.Barrier(8)
            outcomes: list[str] = []

            def answer() -> None:
                barrier.wait()
                try:
                    call.answer(True, "ada")
                    call.invoke()
                    outcomes.append("ran")
                except RuntimeError:
                    outcomes.append("out of order")

            threads = [threading.Thread(target=answer) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(outcomes) == ["out of order"] * 7 + ["ran"]

        inside(kernel, agent)
        assert trace.times == 1
        assert len(of_kind(kernel, "approval.granted")) == 1


def _ask_raw() -> Any:
    from tests.unit.kernel.desk import RUN, policy

    return policy(RUN, "{id: ask-raw, effect: ask, action: t.raw}")


def test_21_an_approval_does_not_outlive_a_change_of_the_rules_that_asked(trace: Trace) -> None:
    from tests.unit.kernel.desk import RUN, policy

    kernels: list[Any] = []
    shown: list[str] = []

    def approver(request: ApprovalRequest) -> bool:
        shown.append(request.bundle)
        if len(shown) == 1:
            kernels[0].reload(policy(RUN, "{id: ask, effect: ask, action: t.pay, message: now it says something else}"))
            return True
        return False

    with desk(ASK, approver=approver) as kernel:
        kernels.append(kernel)
        pay = kernel.tool("t.pay")(trace.leave)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, pay)
        assert denied.value.code == "approval_refused"
        assert len(set(shown)) == 2
        assert trace.times == 0
