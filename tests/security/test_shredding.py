"""What a log holds of a person is gone with their key, in every byte of it, and every proof stays what it was.

The person here is named by an argument. What is recorded of them: arguments, results, messages of errors, what an
approver was asked, denials, and values too large for an entry.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, Policy, PolicyDenied, RecorderError
from agent_os.cli.program import main
from agent_os.recorder.key_folder import index_folder, key_folder
from agent_os.recorder.replaying import replay
from agent_os.recorder.requests import recorded_requests
from tests.security.test_evidence import canonical, entries_of, frame
from tests.unit.kernel.desk import RUN, inside, policy

SEAL = "{id: seal, effect: require, action: 't.*', subject: args.customer}"
RULES = (
    RUN,
    SEAL,
    "{id: yes, effect: allow, action: 't.*', when: {args.note: {present: true}}}",
    "{id: ask, effect: ask, action: t.ask}",
    "{id: no, effect: deny, action: t.no}",
)
ANN, BO = "ann@example.org", "bo@example.org"


def secrets_of(who: str) -> list[str]:
    return [f"{who}: {what}" for what in ("asked", "denied", "told", "raised", "returned", "large " + "l" * 40_000)]


def write(directory: Path, **options: Any) -> None:
    """One kernel in which both are acted on in every way that leaves a record."""
    with KernelSpace(policy(*RULES), recorder=directory, approver=lambda request: True, **options) as kernel:

        def act(customer: str, note: str, say: str = "") -> dict[str, Any]:
            if say:
                raise ValueError(say)
            return {"customer": customer, "note": note.replace("told", "returned")}

        tools = {name: kernel.tool(name)(act) for name in ("t.act", "t.ask", "t.no")}

        def agent() -> None:
            for who in (ANN, BO):
                asked, denied, told, raised, _, large = secrets_of(who)
                tools["t.ask"](who, asked)
                with pytest.raises(PolicyDenied):
                    tools["t.no"](who, denied)
                tools["t.act"](who, told)
                tools["t.act"](who, large)
                with pytest.raises(ValueError, match="raised"):
                    tools["t.act"](who, "a note", raised)

        inside(kernel, agent, agent_id="desk")


@pytest.fixture(params=["fields", "full"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    directory = tmp_path / "log"
    write(directory, record=request.param)
    return directory


def bytes_of(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                yield path, path.read_bytes()


def found_of(who: str, *folders: Path) -> list[str]:
    """Where anything of a person stands in any file, whole or as their name."""
    needles = [text[:40].encode() for text in [who, *secrets_of(who)]]
    return [f"{path}: {needle!r}" for path, data in bytes_of(*folders) for needle in needles if needle in data]


def sealed_values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if "$sealed" in value:
            yield value
        else:
            for inside_of_it in value.values():
                yield from sealed_values(inside_of_it)
    elif isinstance(value, list):
        for item in value:
            yield from sealed_values(item)


def texts_of(recorder: FlightRecorder) -> str:
    return json.dumps([recorder.resolve(entry) for entry in recorder.entries()], default=str)


def test_nothing_of_a_person_is_in_any_file_in_the_open_and_with_the_key_all_of_it_is_read(log: Path) -> None:
    list(FlightRecorder(log).query(agent_id="desk"))
    assert found_of(ANN, log, key_folder(), index_folder()) == []
    assert found_of(BO, log, key_folder(), index_folder()) == []
    read = texts_of(FlightRecorder(log))
    for who in (ANN, BO):
        kept = secrets_of(who) if '"full"' in read else [f"{who}: {what}" for what in ("asked", "told", "raised")]
        assert [text for text in kept if text not in read] == []


def test_after_a_person_was_redacted_nobody_reads_them_and_everybody_else_as_before(log: Path) -> None:
    recorder = FlightRecorder(log)
    pinned, held = recorder.verify().key, recorder.checkpoint()
    before = [recorder.raw(seq) for seq in range(recorder.size)]
    copies = dict(bytes_of(key_folder()))
    told = recorder.redact(subject=ANN)
    assert told is not None
    read = texts_of(recorder)
    assert ANN not in read
    assert f"{BO}: told" in read
    # Not a byte of what was recorded is another one.
    assert [recorder.raw(seq) for seq in range(len(before))] == before
    report = recorder.verify(key=pinned, checkpoint=held)
    assert (report.ok, report.level, report.redactions) == (True, "pinned key", (told,))
    for seq in range(len(before)):
        assert recorder.prove(seq).holds_for(before[seq], recorder.verify().root)
    assert recorder.raw(told).count(b"ann") == 0
    # The key itself is nowhere in the key folder either.
    (lost,) = {path for path in copies if "/key/" in str(path)} - {path for path, _ in bytes_of(key_folder())}
    secret = copies[lost].split(b"-")[-1].strip()
    assert not any(secret in data or lost.name.encode() in data for _, data in bytes_of(key_folder()))


def test_what_was_redacted_is_shown_as_redacted_wherever_a_log_is_read(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sealed_before = sum(1 for entry in FlightRecorder(log).entries() for _ in sealed_values(entry))
    assert main(["log", "redact", str(log), "--subject", ANN, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entry"] > 0
    recorder = FlightRecorder(log)
    for command in (
        ["query", "--kind", "intent"],
        ["query", "--kind", "outcome"],
        ["tail", "-n", "100"],
        ["trace", "1"],
    ):
        place = [command[0], str(log), *command[1:]]
        assert main(["log", *place, "--json"]) == 0
        out = capsys.readouterr().out
        assert "[redacted]" in out, command
        assert main(["log", *place]) == 0
        lines = capsys.readouterr().out
        if command[0] != "query":
            assert "ValueError: [redacted]" in lines
            assert "ValueError: [sealed]" in lines
    for form in ("otel", "ocsf", "html", "jsonl", "parquet"):
        out = io.BytesIO()
        if form == "parquet":
            pytest.importorskip("pyarrow")
        recorder.export(form, out, pid=1)
        data = out.getvalue()
        assert ANN.encode() not in data
        assert b"[redacted]" in data or form not in ("otel", "html")
    shown = [recorder.shown(entry) for entry in recorder.entries()]
    left = sum(1 for _ in sealed_values(shown))
    assert 0 < left < sealed_before


def test_replay_counts_what_was_redacted_and_guesses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write(log, record="full")
    other = Policy.from_text("agent_os: 1\nname: other\nrules:\n  - {id: run, effect: allow, action: agent.run}\n")
    before = replay(FlightRecorder(log), other).not_replayable
    FlightRecorder(log).redact(subject=ANN)
    after = replay(FlightRecorder(log), other).not_replayable
    assert after["arguments_redacted"] - before.get("arguments_redacted", 0) == 5
    assert recorded_requests(log).left_out["arguments_redacted"] == 4
    for path, _ in bytes_of(key_folder()):
        if ".subjects" in str(path):
            path.unlink()
    assert replay(FlightRecorder(log), other).not_replayable["arguments_sealed"] == 5


def test_no_digest_gives_a_guess_away_once_the_key_is_gone(tmp_path: Path) -> None:
    """Whoever has the log whole, with its salt, tries every value that there can be."""
    log = tmp_path / "log"
    rules = (
        RUN,
        "{id: yes, effect: allow, action: '**'}",
        "{id: seal, effect: require, action: t.seal, subject: args.who}",
    )
    with KernelSpace(policy(*rules), recorder=log) as kernel:
        sealed = kernel.tool("t.seal")(lambda who, smokes: smokes)
        plain = kernel.tool("t.open")(lambda who, smokes: smokes)

        def agent() -> None:
            sealed(ANN, True)
            plain(ANN, True)

        inside(kernel, agent, agent_id="desk")
    FlightRecorder(log).redact(subject=ANN)
    salt = (log / "salt").read_bytes()
    guesses = [json.dumps({"smokes": value, "who": ANN}, separators=(",", ":")) for value in (True, False)]
    tried = {hmac.new(salt, guess.encode(), hashlib.sha256).hexdigest() for guess in [*guesses, "true", "false"]}
    entries = list(FlightRecorder(log).entries())
    calls = [entry for entry in entries if entry.get("action") in ("t.seal", "t.open") and entry["kind"] == "intent"]
    ends = [entry for entry in entries if entry["kind"] == "outcome" and entry["intent"] in {c["seq"] for c in calls}]
    hits = [entry["args"]["digest"] in tried for entry in calls] + [entry["digest"] in tried for entry in ends]
    assert hits == [False, True, False, True]


def test_what_is_about_nobody_who_is_named_is_sealed_for_nobody_and_goes_as_a_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with KernelSpace(policy(*RULES), recorder=log, record="full") as kernel:
        tool = kernel.tool("t.act")(lambda note, customer=None: note)

        def agent() -> None:
            for customer in (None, {"name": ANN}, [BO, 17]):
                tool(f"a note on {customer}", customer=customer)

        inside(kernel, agent, agent_id="desk")
    recorder = FlightRecorder(log)
    assert found_of(ANN, log) == []
    assert recorder.redact(subject="17") is not None
    read = texts_of(recorder)
    assert "a note on None" in read
    assert "a note on {" in read
    assert "a note on [" not in read
    assert main(["log", "redact", str(log), "--unnamed"]) == 0
    assert "a note on" not in texts_of(recorder)


def test_a_refusal_before_any_rule_was_asked_leaves_no_digest_under_the_salt_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with KernelSpace(policy(*RULES), recorder=log) as kernel:
        tool = kernel.tool("t.act")(lambda customer, note: note)
        with pytest.raises(PolicyDenied):
            tool(ANN, "outside")
    (entry,) = FlightRecorder(log).query(kind="denied")
    told = json.dumps({"customer": ANN, "note": "outside"}, separators=(",", ":")).encode()
    salt = (log / "salt").read_bytes()
    assert entry["args"]["digest"] != hmac.new(salt, told, hashlib.sha256).hexdigest()


def test_denials_that_repeat_are_counted_though_they_are_sealed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with KernelSpace(policy(*RULES), recorder=log, record="full") as kernel:
        tool = kernel.tool("t.no")(lambda customer, note: note)

        def agent() -> None:
            for _ in range(100):
                with pytest.raises(PolicyDenied):
                    tool(ANN, "again")

        inside(kernel, agent, agent_id="desk")
    assert len(list(FlightRecorder(log).query(kind="denied"))) < 40


def test_a_running_kernel_redacts_itself_and_nobody_else_does_meanwhile(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with KernelSpace(policy(*RULES), recorder=log, record="full") as kernel:
        tool = kernel.tool("t.act")(lambda customer, note: note)
        inside(kernel, lambda: tool(ANN, "the first"), agent_id="desk")
        with pytest.raises(RecorderError, match="in use by another process"):
            FlightRecorder(log).redact(subject=ANN)
        told = kernel.flight_recorder.redact(subject=ANN)
        assert told is not None
        assert kernel.flight_recorder.redact(subject=ANN) is None
        inside(kernel, lambda: tool(ANN, "the second"), agent_id="desk2")
        read = texts_of(kernel.flight_recorder)
        assert "the first" not in read
        assert "the second" in read


def test_no_agent_redacts(tmp_path: Path) -> None:
    with KernelSpace(policy(*RULES), recorder=tmp_path / "log", record="full") as kernel:
        tool = kernel.tool("t.act")(lambda customer, note: note)

        def agent() -> None:
            tool(ANN, "stays")
            with pytest.raises(PolicyDenied) as denied:
                kernel.flight_recorder.redact(subject=ANN)
            assert denied.value.code == "control_plane"

        inside(kernel, agent, agent_id="desk")
        assert "stays" in texts_of(kernel.flight_recorder)


# -- payloads of an entry ---------------------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> Path:
    log = tmp_path / "log"
    with KernelSpace(policy(RUN, "{id: yes, effect: allow, action: '**'}"), recorder=log, record="full") as kernel:
        tool = kernel.tool("t.act")(lambda note: "short")
        inside(kernel, lambda: tool("the secret " * 4_000), agent_id="desk")
    return log


def place_of_payload(log: Path) -> int:
    (entry,) = (entry for entry in FlightRecorder(log).query(kind="intent", action="t.act"))
    assert "$payload" in entry["args"]["full"]
    number: int = entry["seq"]
    return number


def test_the_payloads_of_an_entry_are_removed_and_the_log_verifies(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seq = place_of_payload(large)
    raw, held = FlightRecorder(large).raw(seq), FlightRecorder(large).checkpoint()
    assert b"the secret" in b"".join(data for _, data in bytes_of(large))
    assert main(["log", "redact", str(large), "--seq", str(seq)]) == 0
    assert b"the secret" not in b"".join(data for _, data in bytes_of(large))
    recorder = FlightRecorder(large)
    assert recorder.raw(seq) == raw
    assert recorder.verify(checkpoint=held).ok
    (entry,) = recorder.query(kind="intent", action="t.act")
    assert recorder.resolve(entry["args"]["full"]) == "[redacted]"
    capsys.readouterr()
    assert main(["log", "redact", str(large), "--seq", str(seq)]) == 1
    assert "refers to no payload" in capsys.readouterr().err


def test_a_payload_that_is_missing_is_excused_by_a_signed_entry_only(large: Path) -> None:
    """Whoever can write the directory can append an entry, and cannot sign it."""
    (payload,) = (path for path, data in bytes_of(large / "payloads") if b"the secret" in data)
    payload.unlink()
    (segment,) = (large / "segments").iterdir()
    entries = entries_of(segment)
    last = json.loads(entries[-1])
    forged: list[dict[str, Any]] = [
        {"kind": "log.opened", "meta": {}},
        {"entry": 0, "kind": "log.redacted", "payloads": [payload.name]},
    ]
    data = segment.read_bytes()
    for number, entry in enumerate(forged, start=len(entries)):
        data += frame(canonical({**entry, "log": last["log"], "seq": number, "time": last["time"]}))
    segment.write_bytes(data)
    report = FlightRecorder(large).verify()
    assert [problem.what for problem in report.problems] == [f"the payload `{payload.name}` is missing or damaged"]
    assert report.problems[0].seq == place_of_payload(large)


@pytest.mark.parametrize("arguments", [[], ["--subject", "a", "--seq", "1"], ["--unnamed", "--subject", "a"]])
def test_what_is_to_be_redacted_is_said_once(
    arguments: list[str], large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["log", "redact", str(large), *arguments]) == 2
    assert "hint: one of `--subject NAME`" in capsys.readouterr().err
