"""Promise: what the index finds is what reading every entry finds, whatever is asked of whatever log."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_os import FlightRecorder
from agent_os.recorder.kinds import KINDS, STATUSES
from agent_os.recorder.query import Query
from agent_os.recorder.statistics import from_entries
from tests.unit.recorder.busy import a_busy_log
from tests.unit.recorder.desk import IBAN, Desk, desk

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> FlightRecorder:
    """More than five blocks, in several segments' worth of runs."""
    directory = tmp_path_factory.mktemp("busy") / "log"
    a_busy_log(directory)
    recorder = FlightRecorder(directory)
    assert recorder.size > 5 * 4096
    return recorder


QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "agent_id": st.sampled_from(["anna", "bert", "cleo", "desk", "clerk", "operator", "nobody"]),
        "action": st.sampled_from(["mail.read", "mail.write", "payments.send", "agent.run", "none.such"]),
        "effect": st.sampled_from(["allow", "deny"]),
        "kind": st.sampled_from(sorted(KINDS)),
        "rule": st.sampled_from(["read", "write", "mark", "run", "never-what-mail-says", "none"]),
        "label": st.sampled_from(["marked", "mail", "paid", "none"]),
        "status": st.sampled_from(sorted(STATUSES)),
        "pid": st.integers(0, 90),
        "parent": st.integers(0, 90),
        "limit": st.integers(1, 300),
        "newest_first": st.booleans(),
    },
)


def scanned(recorder: FlightRecorder, question: dict[str, Any]) -> list[dict[str, Any]]:
    query = Query(**question)
    return [entry for _, entry in query.select(recorder.pairs(query.first))]


@settings(max_examples=40)
@given(question=QUESTIONS, data=st.data())
def test_the_index_finds_what_a_scan_finds(busy: FlightRecorder, question: dict[str, Any], data: st.DataObject) -> None:
    size = busy.size
    if data.draw(st.booleans(), label="within places"):
        question["start"] = data.draw(st.integers(0, size), label="start")
        question["before"] = data.draw(st.integers(0, size + 1), label="before")
    if data.draw(st.booleans(), label="within times"):
        moments = [data.draw(st.integers(0, size - 1), label="moment") for _ in range(2)]
        times = [EPOCH + timedelta(microseconds=next(busy.entries(seq))["time"]) for seq in sorted(moments)]
        question["since"], question["until"] = times
    assert list(busy.query(**question)) == scanned(busy, question)


@settings(max_examples=40)
@given(question=QUESTIONS, size=st.integers(1, 500))
def test_pages_put_together_are_the_whole(busy: FlightRecorder, question: dict[str, Any], size: int) -> None:
    question.pop("limit", None)
    whole = scanned(busy, question)
    found: list[dict[str, Any]] = []
    while len(found) < 1_500:
        page = list(busy.query(**question, limit=size))
        found += page
        if len(page) < size:
            assert found == whole
            return
        question.update({"before": page[-1]["seq"]} if question.get("newest_first") else {"start": page[-1]["seq"] + 1})
    assert found == whole[: len(found)]


STEPS = st.recursive(
    st.tuples(
        st.sampled_from(["mail.read", "payments.send"]),
        st.sampled_from(["a", "4711-b", IBAN]),
        st.integers(0, 900),
    ),
    lambda steps: st.tuples(st.just("clerk"), st.lists(steps, max_size=4), st.just(0)),
    max_leaves=12,
)


@settings(max_examples=25)
@given(kernels=st.lists(st.lists(st.lists(STEPS, max_size=5), max_size=3), min_size=1, max_size=3), question=QUESTIONS)
def test_it_does_so_on_any_log(
    tmp_path_factory: pytest.TempPathFactory, kernels: list[Any], question: dict[str, Any]
) -> None:
    def take(at: Desk, steps: list[Any]) -> None:
        for what, text, amount in steps:
            if what == "clerk":
                at.clerk(lambda at, steps=text: take(at, steps))
            elif what == "mail.read":
                at.ask(what, folder=text)
            else:
                at.ask(what, iban=text, amount=amount)

    directory = tmp_path_factory.mktemp("any") / "log"
    for runs in kernels:
        with desk(directory, record="none") as at:
            for steps in runs:
                at.run(f"pay {IBAN}", lambda at, steps=steps: take(at, steps))
    recorder = FlightRecorder(directory)
    assert list(recorder.query(**question)) == scanned(recorder, question)
    counted = from_entries(recorder.entries(), recorder.log_id, directory, 20)
    assert recorder.statistics() == counted
    shutil.rmtree(directory)


def test_counts_of_many_blocks_are_those_of_a_scan(busy: FlightRecorder) -> None:
    for most in (1, 3, 1_000):
        assert busy.statistics(most) == from_entries(busy.entries(), busy.log_id, busy.directory, most)


def test_the_busy_log_asks_what_it_is_for(busy: FlightRecorder) -> None:
    """Every question that is generated above finds something in some log, so that none is compared as empty alone."""
    for question in ({"label": "marked"}, {"status": "raised"}, {"parent": 2}, {"effect": "deny", "agent_id": "cleo"}):
        assert next(busy.query(**question), None) is not None, question


def test_the_directory_of_the_log_holds_nothing_of_it(busy: FlightRecorder) -> None:
    assert next(busy.query(effect="deny"))
    assert busy.directory is not None
    assert not list(Path(busy.directory).rglob("*sqlite*"))
    assert busy.verify().strays == ()
