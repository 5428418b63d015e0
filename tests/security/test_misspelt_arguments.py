"""A deny whose argument is misspelt, and which absence passes, protects nothing: no tool acts beside such a rule.

Promise: where a tool's arguments are known, no tool is there that a rule in force does not fit, whichever of the two
came first.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from agent_os import PolicyDenied, PolicyError, RequestInvalid
from tests.unit.kernel.desk import ALL, RUN, Trace, desk, inside, of_kind, policy

#: Absence passes it, so without the tool's types it would never apply.
CAP = "{{id: cap, effect: deny, action: pay, when: {{args.{name}?: {{gt: 500}}}}, message: too much}}"
RIGHT, WRONG = CAP.format(name="amount"), CAP.format(name="ammount")


def payment(trace: Trace) -> Callable[..., str]:
    def pay(amount: float, iban: str) -> str:
        return trace.leave()

    return pay


def test_a_tool_is_not_there_beside_a_rule_that_misspells_its_argument(tmp_path: Path) -> None:
    trace = Trace(tmp_path)
    with desk(ALL, WRONG) as kernel:
        with pytest.raises(PolicyError, match=r"did you mean `args\.amount`"):
            kernel.tool("pay")(payment(trace))
        with pytest.raises(RequestInvalid) as refused:
            inside(kernel, lambda: kernel.execute_sync("pay", amount=10_000, iban="x"))
        assert refused.value.code == "action_unknown"
        assert of_kind(kernel, "tool.registered") == []
    assert trace.times == 0


def test_a_rule_that_misspells_an_argument_does_not_come_into_force_beside_the_tool(tmp_path: Path) -> None:
    trace = Trace(tmp_path)
    with desk(ALL, RIGHT) as kernel:
        pay = kernel.tool("pay")(payment(trace))
        with pytest.raises(PolicyError, match=r"did you mean `args\.amount`"):
            kernel.reload(policy(RUN, ALL, WRONG))
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, lambda: pay(10_000, "x"))
        assert denied.value.decision.rules == ("cap",)
    assert trace.times == 0


@pytest.mark.parametrize("round_", range(20))
def test_of_a_tool_and_a_reload_at_the_same_time_one_is_refused(round_: int, tmp_path: Path) -> None:
    with desk(ALL, RIGHT) as kernel, ThreadPoolExecutor(2) as pool:
        wrong, start = policy(RUN, ALL, WRONG), Barrier(2)

        def attempt(act: Callable[[], Any]) -> bool:
            start.wait(timeout=20)
            try:
                act()
            except PolicyError:
                return False
            return True

        tool = pool.submit(attempt, lambda: kernel.tool("pay")(payment(Trace(tmp_path))))
        reload = pool.submit(attempt, lambda: kernel.reload(wrong))
        assert [tool.result(timeout=60), reload.result(timeout=60)].count(True) == 1


def test_an_agent_cannot_say_what_a_tools_arguments_are() -> None:
    with desk(ALL, WRONG) as kernel:

        def declare() -> None:
            kernel.tool("pay", schema={"properties": {"ammount": {}}})(lambda amount: amount)

        with pytest.raises(PolicyDenied):
            inside(kernel, declare)
        assert of_kind(kernel, "tool.registered") == []
