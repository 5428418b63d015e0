"""Promise: an entry that no kernel wrote is named by verification, and readers say of it what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder
from agent_os.cli.exits import Exit
from agent_os.cli.program import main
from tests.security.test_evidence import canonical, entries_of, frame
from tests.unit.recorder.desk import a_day_at_the_desk, desk

DECISION = {"effect": "deny", "reason": "denied_by_rule", "rules": ["r"]}
DENIED = {
    "kind": "denied",
    "action": "a.b",
    "args": {},
    "bundle": "sha256:0",
    "decision": DECISION,
    "when": 5,
    "pid": 1,
}

#: What somebody appends, and what is said of it.
JUNK: dict[str, tuple[dict[str, Any], str]] = {
    "an intent with nothing": ({"kind": "intent"}, "`action` is missing"),
    "a decision that is a list": ({**DENIED, "decision": []}, "`decision` is not an object"),
    "a decision without rules": (
        {**DENIED, "decision": {"effect": "deny", "reason": "x"}},
        "`decision.rules` is missing",
    ),
    "rules that are numbers": (
        {**DENIED, "decision": {**DECISION, "rules": [1]}},
        "`decision.rules` is not a list of texts",
    ),
    "obligations that are a text": (
        {**DENIED, "decision": {**DECISION, "obligations": "x"}},
        "`decision.obligations` is not an object",
    ),
    "an agent that is a number": ({**DENIED, "agent": 7}, "`agent` is not a text"),
    "an approval that is a text": ({**DENIED, "approval": "yes"}, "`approval` is not an object"),
    "a run that is a list": ({**DENIED, "run": []}, "`run` is not an object"),
    "an outcome without a status": ({"kind": "outcome", "intent": 6, "micros": 1}, "`status` is missing"),
    "an error that is a text": (
        {"kind": "outcome", "intent": 6, "micros": 1, "status": "raised", "error": "x"},
        "`error` is not an object",
    ),
    "a count that is a text": (
        {**DENIED, "kind": "denied.repeatedly", "count": "9", "reason": "r", "rules": [], "since": 1, "until": 2},
        "`count` is not a whole number",
    ),
    "a run with no number": ({"kind": "process.started", "agent": "a", "intent": 6, "parent": 0}, "`pid` is missing"),
    "a text from nowhere": ({"kind": "text", "pid": 1}, "`origin` is missing"),
    "labels that are none": (
        {"kind": "tool.registered", "action": "a.b", "labels": 5, "origin": "user"},
        "`labels` is not a list of texts",
    ),
    "roles that are none": ({"kind": "agent.registered", "agent": "a", "roles": {}}, "`roles` is not a list of texts"),
    "a policy without a name": (
        {"kind": "policy.loaded", "bundle": "b", "document": {}, "reason": "r"},
        "`name` is missing",
    ),
    "a refusal without an error": ({"kind": "policy.rejected"}, "`error` is missing"),
    "a question without rules": ({"kind": "approval.requested", "action": "a.b", "request": "x"}, "`rules` is missing"),
    "a recovery of nothing": ({"kind": "log.recovered"}, "`at` is missing"),
}

READERS = [
    ["log", "tail", "LOG", "-n", "40"],
    ["log", "tail", "LOG", "-n", "40", "--json"],
    ["log", "query", "LOG"],
    ["log", "query", "LOG", "--agent", "desk"],
    ["log", "query", "LOG", "--effect", "deny"],
    ["log", "query", "LOG", "--newest", "--limit", "3"],
    ["log", "stat", "LOG"],
    ["log", "trace", "LOG", "1"],
    ["log", "reindex", "LOG"],
    ["log", "export", "LOG", "--format", "otel"],
    ["log", "export", "LOG", "--format", "ocsf"],
    ["log", "export", "LOG", "--format", "html", "--pid", "1"],
    ["replay", "LOG", "--policy", "strict"],
    ["policy", "learn", "LOG"],
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with desk(tmp_path / "log") as at:
        a_day_at_the_desk(at)
    return tmp_path / "log"


def append(log: Path, entry: bytes) -> None:
    """What somebody can do who may write the directory: entries after the checkpoint are under no root."""
    [segment] = (log / "segments").iterdir()
    segment.write_bytes(segment.read_bytes().rstrip(b"\0") + frame(entry))


def place_of(log: Path) -> dict[str, Any]:
    [segment] = (log / "segments").iterdir()
    entries = entries_of(segment)
    last = json.loads(entries[-1])
    return {"log": last["log"], "seq": len(entries), "time": last["time"] + 1}


@pytest.mark.parametrize("name", JUNK)
def test_verification_names_it_and_what_is_wrong_with_it(name: str, log: Path) -> None:
    junk, what = JUNK[name]
    place = place_of(log)
    append(log, canonical({**place, "kind": "log.opened", "meta": {}}))
    assert FlightRecorder(log).verify().ok
    append(log, canonical({**junk, **place, "seq": place["seq"] + 1}))
    report = FlightRecorder(log).verify()
    assert not report
    assert [problem for problem in report.problems if problem.seq == place["seq"] + 1 and what in problem.what]


@pytest.mark.parametrize("name", [*JUNK, "no JSON", "a list", "no time", "no kind"])
def test_every_reader_ends_with_clear_words(name: str, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = place_of(log)
    entry = canonical({**JUNK[name][0], **place}) if name in JUNK else b""
    if name == "no JSON":
        entry = b"{what is this"
    if name == "a list":
        entry = b"[1]"
    if name == "no time":
        entry = canonical({"kind": "text", "seq": place["seq"]})
    if name == "no kind":
        entry = canonical(place)
    append(log, entry)
    told = 0
    for command in READERS:
        code = main([str(log) if word == "LOG" else word for word in command])
        said = capsys.readouterr()
        assert code in (Exit.OK, Exit.FINDING, Exit.UNUSABLE), (command, said.err)
        assert "Traceback" not in said.err
        if code == Exit.UNUSABLE:
            assert "agentos log verify" in said.err, (command, said.err)
            told += f"entry {place['seq']} " in said.err or "an entry " in said.err
    assert told >= 5
    # Whoever looks into it gets what is there.
    assert main(["log", "export", str(log), "--format", "jsonl"]) == Exit.OK
    with pytest.raises(Exception, match="agentos log verify"):
        list(FlightRecorder(log).entries())
