"""Promise: a trace is one run whole: nothing of it is missing, nothing of another run is in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, Policy, PolicyDenied, RecorderError
from agent_os.recorder import ActionTrace, RunTrace
from tests.unit.recorder.busy import a_busy_log
from tests.unit.recorder.desk import IBAN, RULES, a_day_at_the_desk, desk


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("recorded") / "log"
    for _ in range(2):
        with desk(directory) as at:
            a_day_at_the_desk(at)
            at.run("again", lambda at: at.ask("mail.read", folder="a"))
    return directory


def actions(run: RunTrace) -> list[tuple[str, str]]:
    return [(action.action, action.status) for action in run.actions]


def test_a_run_is_shown_with_its_actions_and_the_runs_below_it(log: Path) -> None:
    run = FlightRecorder(log).trace(1)
    assert (run.agent, run.pid, run.parent, run.status) == ("desk", 1, 0, "returned")
    assert run.intent is not None
    assert run.intent["action"] == "agent.run"
    assert actions(run) == [
        ("payments.send", "returned"),
        ("payments.send", "returned"),
        ("agent.run", "returned"),
        ("payments.send", "denied"),
        ("payments.send", "denied"),
        ("payments.send", "denied"),
        ("payments.send", "denied"),
    ]
    (child,) = [action.run for action in run.actions if action.run is not None]
    assert (child.agent, child.pid, child.parent, child.status) == ("clerk", 2, 1, "returned")
    assert actions(child) == [("mail.read", "returned"), ("payments.send", "returned"), ("payments.send", "denied")]
    assert [(depth, each.pid) for depth, each in run.walk()] == [(0, 1), (1, 2)]
    assert [event["kind"] for event in run.events] == ["text"]
    denied = child.actions[-1]
    assert (denied.effect, denied.reason, denied.rules) == ("deny", "denied_by_rule", ("never-what-mail-says",))
    assert denied.seq == denied.entry["seq"]


def test_the_number_means_the_last_run_that_had_it_or_the_first_from_a_place_on(log: Path) -> None:
    recorder = FlightRecorder(log)
    first, last = [entry["seq"] for entry in recorder.query(kind="process.started", pid=1)]
    assert recorder.trace(1).started["seq"] == last
    assert recorder.trace(1, start=0).started["seq"] == first
    assert recorder.trace(1, start=first).started["seq"] == first
    assert recorder.trace(1, start=first + 1).started["seq"] == last


def test_every_entry_of_a_run_is_in_its_trace_and_no_other(tmp_path: Path) -> None:
    a_busy_log(tmp_path / "log", rounds=2, runs=6, calls=10)
    recorder = FlightRecorder(tmp_path / "log")
    opened = max(entry["seq"] for entry in recorder.query(kind="log.opened"))
    tops = [entry for entry in recorder.query(kind="process.started", parent=0) if entry["seq"] > opened]
    seen: set[int] = set()
    for top in tops:
        for _, run in recorder.trace(top["pid"]).walk():
            own = {run.started["seq"], *(event["seq"] for event in run.events)}
            for action in run.actions:
                own |= {action.seq} | ({action.outcome["seq"]} if action.outcome else set())
            assert not own & seen
            seen |= own
    last = [entry for entry in recorder.entries(opened) if entry.get("pid") and entry["kind"] != "log.opened"]
    assert {entry["seq"] for entry in last} == seen


async def test_runs_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    with KernelSpace(Policy.from_text(RULES, name="desk.yaml"), recorder=tmp_path / "log") as kernel:

        @kernel.tool("mail.read")
        async def read(folder: str) -> str:
            await asyncio.sleep(0)
            return folder

        @kernel.register
        async def reader(folder: str) -> None:
            for _ in range(5):
                await read(folder)

        await asyncio.gather(*(kernel.execute(reader, str(number)) for number in range(4)))
        for pid in range(1, 5):
            run = kernel.flight_recorder.trace(pid)
            assert actions(run) == [("mail.read", "returned")] * 5
            assert {action.entry["pid"] for action in run.actions} == {pid}


def test_a_run_that_goes_on_is_unfinished_and_can_be_had_by_its_handle(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        found: list[RunTrace] = []

        def work(at: Any) -> None:
            at.ask("mail.read", folder="a")
            found.append(at.kernel.flight_recorder.trace(type("Handle", (), {"pid": 1})()))

        at.run("hello", work)
        assert found[0].status == "unfinished"
        assert found[0].outcome is None
        assert actions(found[0]) == [("mail.read", "returned")]


@pytest.mark.parametrize(("answer", "granted"), [(True, True), (False, False), (RuntimeError("gone"), None)])
def test_what_was_asked_is_shown_with_its_answer(tmp_path: Path, answer: Any, granted: bool | None) -> None:
    def approver(request: Any) -> bool:
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    with desk(tmp_path / "log", approver=approver) as at:
        at.run(f"pay {IBAN}", lambda at: at.ask("payments.send", iban=IBAN, amount=700))
        (action,) = at.kernel.flight_recorder.trace(1).actions
    (asked,) = action.approvals
    assert asked.rules == ("large",)
    assert action.status == ("returned" if granted else "denied")
    if granted is not None:
        assert asked.granted is granted
        assert asked.by
        assert asked.answered is not None
        assert asked.answered >= asked.time
    assert asked.expires is not None
    assert asked.expires > asked.time


def test_a_denial_without_a_question_does_not_take_that_of_another(log: Path, tmp_path: Path) -> None:
    def approver(request: Any) -> bool:
        return True

    with desk(tmp_path / "log", approver=approver) as at:

        def work(at: Any) -> None:
            at.ask("payments.send", iban="unknown", amount=3)
            at.ask("payments.send", iban=IBAN, amount=700)
            at.ask("payments.send", iban=IBAN, amount=7)

        at.run(f"pay {IBAN}", work)
        run = at.kernel.flight_recorder.trace(1)
    assert [len(action.approvals) for action in run.actions] == [0, 1, 0]


def test_what_is_no_run_is_refused_in_words(log: Path) -> None:
    recorder = FlightRecorder(log)
    for pid, says in ((99, "no run 99"), (0, "operator")):
        with pytest.raises(RecorderError, match=says) as raised:
            recorder.trace(pid)
        assert raised.value.code == "no_such_run"
    with pytest.raises(ValueError, match="-1"):
        recorder.trace(-1)
    for wrong in ("1", None, True):
        with pytest.raises(TypeError, match="whole number"):
            recorder.trace(wrong)  # type: ignore[arg-type]


def test_a_trace_is_plain_values_for_json(log: Path) -> None:
    run = FlightRecorder(log).trace(1)
    plain = json.loads(json.dumps(run.to_dict()))
    assert plain["actions"][2]["run"]["agent"] == "clerk"
    assert plain["actions"][0]["status"] == "returned"
    assert isinstance(run.actions[0], ActionTrace)


def test_a_denied_run_has_no_tree(tmp_path: Path) -> None:
    with desk(
        tmp_path / "log", rules="agent_os: 1\nname: none\nrules:\n  - {id: a, effect: allow, action: mail.read}\n"
    ) as at:
        with pytest.raises(PolicyDenied):
            at.run("hello", lambda at: None)
        with pytest.raises(RecorderError, match="no run 1"):
            at.kernel.flight_recorder.trace(1)


def test_what_is_denied_again_and_again_is_in_the_trace_of_the_run_also_when_it_is_counted_after_its_end(
    tmp_path: Path,
) -> None:
    with desk(tmp_path / "log") as at:
        at.run("again", lambda at: [at.ask("payments.send", iban="unknown", amount=3) for _ in range(50)])
        at.run("other", lambda at: at.ask("mail.read", folder="a"))
    with desk(tmp_path / "log") as at:
        at.run("again", lambda at: [at.ask("payments.send", iban="unknown", amount=3) for _ in range(50)])
    recorder = FlightRecorder(tmp_path / "log")
    for start in (0, None):
        run = recorder.trace(1, start=start)
        repeated = [event for event in run.events if event["kind"] == "denied.repeatedly"]
        assert len(run.actions) + sum(event["count"] for event in repeated) == 50
        assert {event["pid"] for event in repeated} == {1}
    assert [event for event in recorder.trace(2).events if event["kind"] == "denied.repeatedly"] == []
