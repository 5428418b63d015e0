"""Promise: whoever reads a log that grows meanwhile comes to the end that it had when it was asked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_os import FlightRecorder, KernelSpace
from agent_os.recorder import RunTrace
from tests.unit.kernel.desk import RUN, inside, policy

#: More than the index gives at once.
BEFORE = 300
#: A reader that goes on for so long has no end.
ENDLESS = 3_000


class Growing:
    """A log that gets one more entry each time that something is read of it."""

    def __init__(self, kernel: KernelSpace) -> None:
        self.kernel, self.tools = kernel, 0
        for _ in range(BEFORE):
            self.grow()

    def grow(self) -> None:
        self.tools += 1
        assert self.tools < ENDLESS, "the reader has no end"
        self.kernel.tool(f"t.n{self.tools}")(lambda: None)

    def count(self, read: Iterator[object]) -> int:
        found = 0
        for _ in read:
            self.grow()
            found += 1
        return found


@pytest.fixture(params=["its own", "the directory's"])
def recorder(request: pytest.FixtureRequest, growing: Growing) -> FlightRecorder:
    own = growing.kernel.flight_recorder
    return own if request.param == "its own" else FlightRecorder(str(own.directory))


@pytest.fixture
def growing(tmp_path: Path) -> Iterator[Growing]:
    with KernelSpace(policy(RUN, "{id: yes, effect: allow, action: t.x}"), recorder=tmp_path / "log") as kernel:
        yield Growing(kernel)


@pytest.mark.parametrize(
    "read",
    [
        lambda log: log.entries(),
        lambda log: log.raw_entries(5),
        lambda log: log.query(kind="tool.registered"),
        lambda log: log.query(action="t.n1"),
        lambda log: log.follow(until=lambda: True),
    ],
    ids=["entries", "raw_entries", "query", "query that matches little", "follow"],
)
def test_a_reader_ends_where_the_log_ended(
    read: Callable[[FlightRecorder], Iterator[object]], growing: Growing, recorder: FlightRecorder
) -> None:
    assert growing.count(read(recorder)) <= growing.kernel.flight_recorder.size
    assert growing.tools <= 2 * BEFORE + 10


def test_a_log_in_memory_ends_as_well() -> None:
    with KernelSpace("strict", durability="memory") as kernel:
        growing = Growing(kernel)
        size = kernel.flight_recorder.size
        assert growing.count(kernel.flight_recorder.entries()) == size


def test_an_export_ends(growing: Growing, recorder: FlightRecorder) -> None:
    class Out(io.BytesIO):
        def write(self, data: object) -> int:
            growing.grow()
            return super().write(data)  # type: ignore[arg-type]

    size = recorder.size
    out = Out()
    assert recorder.export("jsonl", out) == size == out.getvalue().count(b"\n")


def test_a_trace_of_a_run_that_goes_on_ends(
    growing: Growing, recorder: FlightRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = growing.kernel.tool("t.x")(lambda: None)
    raw_entries = recorder.raw_entries

    def while_it_acts(start: int = 0) -> Iterator[bytes]:
        for raw in raw_entries(start):
            read()
            steps.append(raw)
            assert len(steps) < ENDLESS, "the reader has no end"
            yield raw

    def agent() -> None:
        read()
        monkeypatch.setattr(recorder, "raw_entries", while_it_acts)
        seen.append(recorder.trace(1))

    steps: list[bytes] = []
    seen: list[RunTrace] = []
    inside(growing.kernel, agent, agent_id="desk")
    assert (seen[0].status, len(seen[0].actions)) == ("unfinished", 1)


def test_a_tail_is_of_one_moment(growing: Growing, recorder: FlightRecorder) -> None:
    assert [entry["seq"] for entry in recorder.tail(3)] == list(range(recorder.size - 3, recorder.size))
    assert len(recorder.tail(growing.tools * 2)) == recorder.size
