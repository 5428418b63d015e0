"""A run that asks for what it may not have, over and over, fills neither the disk nor the log."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from agent_os import KernelSpace, Policy
from agent_os.errors import PolicyDenied
from agent_os.recorder import FlightRecorder, replay

RULES = """
agent_os: 1
name: flood
default: deny
rules:
  - {id: run, effect: allow, action: [agent.run, notes.read]}
  - {id: no-sending, effect: deny, action: payments.send}
"""


def flooded(directory: Path, amounts: list[int]) -> FlightRecorder:
    with KernelSpace(Policy.from_text(RULES), recorder=directory, record="full") as kernel:
        sent: list[int] = []

        @kernel.tool("payments.send")
        def send(amount: int) -> None:
            sent.append(amount)

        @kernel.register
        def hijacked() -> None:
            for amount in amounts:
                with pytest.raises(PolicyDenied) as denied:
                    send(amount)
                assert denied.value.decision.rules == ("no-sending",)

        kernel.execute_sync(hijacked)
        assert not sent
    return FlightRecorder(directory)


def test_the_same_again_is_counted_with_the_entry_of_the_first(tmp_path: Path) -> None:
    log = flooded(tmp_path / "log", [5] * 20_000)
    denied = list(log.query(kind="denied"))
    repeated = list(log.query(kind="denied.repeatedly"))
    assert len(denied) + sum(entry["count"] for entry in repeated) == 20_000
    # Eight for each second that it took.
    assert 8 <= len(denied) < 8 * 60
    assert sum(path.stat().st_size for path in (tmp_path / "log" / "segments").iterdir()) < 400_000
    first = {entry["seq"]: entry for entry in denied}
    for entry in repeated:
        before = first[entry["first"]]
        assert (entry["action"], entry["agent"], entry["pid"]) == (before["action"], before["agent"], before["pid"])
        assert (entry["rules"], entry["reason"]) == (before["decision"]["rules"], before["decision"]["reason"])
        assert before["time"] - 1_000_000 < entry["since"] <= entry["until"] < entry["since"] + 1_000_000
    assert log.verify().ok
    assert list(log.query(rule="no-sending", kind="denied.repeatedly")) == repeated
    assert list(log.query(agent_id="hijacked", kind="denied.repeatedly")) == repeated
    # Asked in another way, they count as well.
    assert list(log.query(effect="deny")) == sorted(denied + repeated, key=lambda entry: entry["seq"])
    assert (log.statistics().denials, log.statistics().counts["effect"]["deny"]) == (20_000, len(denied + repeated))
    page = io.BytesIO()
    log.export("html", page, pid=1)
    assert '<b class="deny">20,000</b>denied' in page.getvalue().decode()


def test_different_ones_are_recorded_up_to_a_bound_and_the_others_counted(tmp_path: Path) -> None:
    log = flooded(tmp_path / "log", list(range(20_000)))
    denied = list(log.query(kind="denied"))
    repeated = list(log.query(kind="denied.repeatedly"))
    assert 100 <= len(denied) < 100 * 60
    assert len(denied) + sum(entry["count"] for entry in repeated) == 20_000
    assert all("first" not in entry for entry in repeated)
    report = replay(log, Policy.from_text(RULES))
    assert report.not_replayable["only_counted"] == 20_000 - len(denied)
    assert report.same == 1 + len(denied)


def test_another_policy_another_run_or_another_action_is_recorded_at_once(tmp_path: Path) -> None:
    with KernelSpace(Policy.from_text(RULES), recorder=tmp_path / "log") as kernel:

        @kernel.tool("payments.send")
        def send(amount: int) -> None:
            raise AssertionError("this ran")

        @kernel.tool("payments.cancel")
        def cancel(amount: int) -> None:
            raise AssertionError("this ran")

        @kernel.tool("notes.read")
        def read() -> str:
            return "a note"

        @kernel.register
        def hijacked() -> None:
            for tool in (send, cancel) * 10:
                with pytest.raises(PolicyDenied):
                    tool(5)
            read()

        kernel.execute_sync(hijacked)
        kernel.execute_sync(hijacked)
        kernel.reload(Policy.from_text(RULES.replace("no-sending", "never")))
        kernel.execute_sync(hijacked)
    log = FlightRecorder(tmp_path / "log")
    assert len(list(log.query(kind="denied"))) == 8 * 6
    assert [entry["count"] for entry in log.query(kind="denied.repeatedly")] == [2] * 6
