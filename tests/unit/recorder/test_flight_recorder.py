"""Promise: a reader sees the whole log as it was written, and a question that can match nothing is refused."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from agent_os import FlightRecorder, KernelSpace, RecorderError
from agent_os.recorder.kinds import KINDS
from tests.unit.recorder.desk import IBAN, a_day_at_the_desk, desk

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("recorded") / "log"
    with desk(directory) as at:
        a_day_at_the_desk(at)
    return directory


def test_a_running_kernel_and_its_directory_show_the_same_log(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        a_day_at_the_desk(at)
        own = at.kernel.flight_recorder
        other = FlightRecorder(tmp_path / "log")
        assert list(own.entries()) == list(other.entries())
        assert (own.size, own.root, own.log_id) == (other.size, other.root, other.log_id)
        assert own.directory == other.directory == tmp_path / "log"
        assert own.size == len(list(own.entries())) > 20


def test_a_log_in_memory_is_read_in_the_same_way_and_has_nothing_to_verify(tmp_path: Path) -> None:
    with desk(None) as at, desk(tmp_path / "log") as written:
        for each in (at, written):
            a_day_at_the_desk(each)
        recorder = at.kernel.flight_recorder
        kinds = [entry["kind"] for entry in recorder.entries()]
        assert kinds == [entry["kind"] for entry in written.kernel.flight_recorder.entries()]
        assert recorder.directory is None
        with pytest.raises(RecorderError, match="in memory") as raised:
            recorder.verify()
        assert raised.value.code == "not_supported"


def test_entries_can_be_read_from_any_place(log: Path) -> None:
    entries = list(FlightRecorder(log).entries())
    assert [entry["seq"] for entry in entries] == list(range(len(entries)))
    assert list(FlightRecorder(log).entries(5)) == entries[5:]
    assert list(FlightRecorder(log).entries(len(entries))) == []


def test_tail_gives_the_last_entries(log: Path) -> None:
    recorder = FlightRecorder(log)
    entries = list(recorder.entries())
    assert recorder.tail(3) == entries[-3:]
    assert recorder.tail(10_000) == entries


@pytest.mark.parametrize(
    ("question", "matches"),
    [
        ({"kind": "denied"}, lambda e: e["kind"] == "denied"),
        ({"effect": "deny"}, lambda e: e.get("decision", {}).get("effect") == "deny"),
        ({"effect": "allow"}, lambda e: e["kind"] == "intent"),
        ({"pid": 2}, lambda e: e.get("pid") == 2),
        ({"rule": "pay-known"}, lambda e: "pay-known" in e.get("decision", {}).get("rules", [])),
        ({"rule": "mark"}, lambda e: "mark" in e.get("decision", {}).get("obligations", {}).get("rules", [])),
        ({"kind": "intent", "start": 12}, lambda e: e["kind"] == "intent" and e["seq"] >= 12),
        ({"agent_id": "clerk", "kind": "outcome"}, lambda e: e["kind"] == "outcome" and e["pid"] == 2),
        ({"agent_id": "clerk", "effect": "deny"}, lambda e: e["kind"] == "denied" and e["pid"] == 2),
    ],
)
def test_a_query_finds_exactly_what_matches(log: Path, question: dict[str, object], matches: object) -> None:
    recorder = FlightRecorder(log)
    found = list(recorder.query(**question))  # type: ignore[arg-type]
    assert found == [entry for entry in recorder.entries() if matches(entry)]  # type: ignore[operator]
    assert found
    assert list(recorder.query(**question, limit=1)) == found[:1]  # type: ignore[arg-type]


def test_outcomes_are_found_by_the_action_that_ended_and_by_its_agent(log: Path) -> None:
    recorder = FlightRecorder(log)
    kinds = Counter(entry["kind"] for entry in recorder.query(action="payments.send"))
    assert kinds["outcome"] == kinds["intent"] > 0
    intents = {entry["seq"]: entry for entry in recorder.query(kind="intent")}
    outcomes = list(recorder.query(agent_id="clerk", action="mail.read", kind="outcome"))
    assert [intents[outcome["intent"]]["agent"] for outcome in outcomes] == ["clerk"]
    # What an outcome is about may stand before the place from which on entries are asked for.
    assert list(recorder.query(action="mail.read", start=outcomes[0]["seq"])) == outcomes


def test_runs_of_a_kernel_are_not_taken_for_those_of_the_one_before(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        at.run("hello", lambda at: at.clerk(lambda at: at.ask("mail.read", folder="a")))
    second_begins = FlightRecorder(tmp_path / "log").size
    with desk(tmp_path / "log") as at:
        for _ in range(2):
            at.run("hello", lambda at: at.ask("mail.read", folder="b"))
    recorder = FlightRecorder(tmp_path / "log")
    assert any(entry["kind"] == "process.started" for entry in recorder.query(agent_id="clerk"))
    later = list(recorder.query(agent_id="clerk", start=second_begins))
    assert [entry["kind"] for entry in later] == ["agent.registered"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"kind": "denyed"}, "`denyed`.*`denied`"),
        ({"effect": "forbid"}, "`forbid` is not an effect"),
        ({"effect": "ask"}, "approval.requested"),
        ({"limit": 0}, "`limit` is 0; give a number of at least 1"),
        ({"limit": -1}, "at least 1"),
        ({"start": -1}, "`start` is -1"),
        ({"pid": -1}, "`pid` is -1"),
        ({"limit": True}, "whole number"),
        ({"limit": 1.5}, "whole number"),
        ({"agent_id": ["desk"]}, "`agent_id` is a string"),
        ({"rule": 7}, "`rule` is a string"),
    ],
)
def test_a_question_that_nothing_could_match_is_refused_at_once(
    log: Path, question: dict[str, object], says: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        FlightRecorder(log).query(**question)  # type: ignore[arg-type]


def test_following_shows_what_is_written_meanwhile_and_stops_when_told(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        looks = 0

        def until() -> bool:
            nonlocal looks
            looks += 1
            if looks == 2:
                at.run("hello", lambda at: at.ask("mail.read", folder="inbox"))
            return looks == 3

        reader = FlightRecorder(tmp_path / "log")
        before = reader.size
        followed = list(reader.follow(before, until=until, interval=0.001))
        assert followed == list(reader.entries(before))
        assert {entry["kind"] for entry in followed} >= {"process.started", "intent", "outcome"}
        with pytest.raises(ValueError, match="interval"):
            reader.follow(interval=0)


def test_values_come_back_as_they_went_in(tmp_path: Path) -> None:
    amount, note = Decimal("7.10"), "n" * 20_000
    with desk(tmp_path / "log") as at:
        at.run(f"pay {IBAN}", lambda at: at.ask("payments.send", iban=IBAN, amount=amount, note=note))
    recorder = FlightRecorder(tmp_path / "log")
    (asked,) = (entry for entry in recorder.query(action="payments.send") if "args" in entry)
    reference = asked["args"]["full"]
    assert reference.keys() == {"$payload"}
    assert recorder.resolve(reference) == {"iban": IBAN, "amount": amount, "note": note}
    assert recorder.resolve(asked["args"])["full"]["amount"] == amount
    assert recorder.payload(reference) == recorder.payload(reference["$payload"]["sha256"])
    reference["$payload"]["size"] += 1
    with pytest.raises(RecorderError, match="agentos log verify"):
        recorder.payload(reference)
    with pytest.raises(RecorderError):
        recorder.payload("00" * 32)
    with pytest.raises(TypeError, match="not a reference"):
        recorder.payload({"sha256": "00"})


def test_a_map_that_looks_like_a_tag_is_not_taken_for_one(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        trick = {"$payload": {"sha256": "00", "size": 1}}
        at.run(f"pay {IBAN}", lambda at: at.ask("payments.send", iban=IBAN, amount=trick))
    recorder = FlightRecorder(tmp_path / "log")
    recorded = [entry for entry in recorder.query(action="payments.send") if "args" in entry]
    assert recorder.resolve(recorded[0]["args"]["full"])["amount"] == trick


def test_what_is_no_log_is_refused_in_the_words_of_the_mistake(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("x", encoding="utf-8")
    (tmp_path / "a-folder").mkdir()
    for name, says in (("missing", "does not exist"), ("a-file", "is a file"), ("a-folder", "is not a log")):
        with pytest.raises(RecorderError, match=says) as raised:
            FlightRecorder(tmp_path / name).entries()
        assert raised.value.code == "not_a_log"
        assert not FlightRecorder(tmp_path / name).verify().ok
    for nothing in ("", None, 7, b"log"):
        with pytest.raises((TypeError, ValueError), match="director"):
            FlightRecorder(nothing)  # type: ignore[arg-type]


def test_a_recorder_can_be_given_to_a_kernel_and_read_afterwards(tmp_path: Path) -> None:
    recorder = FlightRecorder(tmp_path / "log")
    with KernelSpace("strict", recorder=recorder):
        pass
    assert [entry["kind"] for entry in recorder.entries()] == ["log.created", "policy.loaded", "log.closed"]


def test_the_kinds_are_those_that_the_core_and_the_log_write() -> None:
    kernel = (ROOT / "rust/agent-os-core/src/audit/event.rs").read_text(encoding="utf-8")
    written = set(re.findall(r'pub const \w+: &str = "([a-z.]+)";', kernel))
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "rust/agent-os-log/src").glob("*.rs")]
    written |= {kind for text in sources for kind in re.findall(r'"(log\.[a-z_]+)"', text)}
    assert written == set(KINDS)


def test_a_log_that_is_named_from_here_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with desk(Path("log")) as at:
        at.run("hello", lambda at: at.ask("mail.read", folder="a"))
        reader = FlightRecorder("log")
        before = reader.size
        monkeypatch.chdir(tmp_path / "there")
        # Long enough for a payload, so that a file is made too.
        at.run("hello", lambda at: at.ask("mail.read", folder="b" * 20_000))
        for recorder in (at.kernel.flight_recorder, reader):
            assert recorder.size > before
            assert len(list(recorder.query(action="mail.read", kind="intent"))) == 2
        at.kernel.flight_recorder.checkpoint()
    assert list((tmp_path / "there").iterdir()) == []
    assert FlightRecorder(tmp_path / "here" / "log").verify()
