"""Promise: `agentos log` and `agentos replay` tell the truth about any directory, whole, broken or being written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent_os import FlightRecorder, KernelSpace
from tests.integration.test_cli import ENVIRONMENT, agentos
from tests.unit.recorder.desk import IBAN, RULES, a_day_at_the_desk, desk


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with desk(tmp_path / "log", mail=lambda folder: [folder] * 200) as at:
        a_day_at_the_desk(at)
    return tmp_path / "log"


def program(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "agent_os.cli", *map(str, arguments)]


# -- verify ------------------------------------------------------------------------------------------------------------


def test_a_whole_log_verifies(log: Path) -> None:
    done = agentos("log", "verify", log)
    assert (done.returncode, done.stderr) == (0, "")
    recorder = FlightRecorder(log)
    assert f"root         {recorder.root}\n" in done.stdout
    assert "level        self-consistent\n" in done.stdout
    report = json.loads(agentos("log", "verify", log, "--json").stdout)
    assert (report["ok"], report["entries"], report["log_id"]) == (True, recorder.size, recorder.log_id)


@pytest.mark.parametrize("part", ["segments", "checkpoint", "salt", "payloads"])
def test_a_flipped_bit_in_any_file_is_found(log: Path, part: str) -> None:
    path = log / part
    file = min(path.iterdir()) if path.is_dir() else path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    done = agentos("log", "verify", log)
    assert done.returncode == 1
    assert f"problem      {file.relative_to(log)}" in done.stdout
    assert "error: the log does not verify: " in done.stderr
    as_data = agentos("log", "verify", log, "--json")
    assert as_data.returncode == 1
    assert json.loads(as_data.stdout)["problems"][0]["file"]


@pytest.mark.parametrize("part", ["segments", "checkpoint", "salt", "payloads"])
def test_a_log_without_one_of_its_parts_is_not_whole(log: Path, part: str) -> None:
    (log / part).rename(log.parent / "elsewhere")
    assert agentos("log", "verify", log).returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege there")
@pytest.mark.parametrize(
    "command",
    [
        ["log", "verify"],
        ["log", "tail"],
        ["log", "query"],
        ["log", "stat"],
        ["log", "reindex"],
        ["replay", "--policy", "strict"],
    ],
)
@pytest.mark.parametrize("name", ["missing", "a-file", "a-folder", "a-file/log", "a-loop"])
def test_what_is_no_log_is_said_to_be_none(command: list[str], name: str, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("x", encoding="utf-8")
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-loop").symlink_to(tmp_path / "a-loop")
    done = agentos(*command, tmp_path / name)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: ")
    assert "recorder" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="whoever runs this may read everything")
def test_a_log_that_may_not_be_read_is_no_success(log: Path) -> None:
    (log / "segments").chmod(0)
    try:
        assert agentos("log", "verify", log).returncode == 1
        assert agentos("log", "tail", log).returncode == 3
    finally:
        (log / "segments").chmod(0o700)


def killed_while_writing(directory: Path) -> None:
    """A log whose writer was killed in the middle of a run, and whose last entry is half there."""
    code = f"""
import os
from tests.unit.recorder.desk import desk
from pathlib import Path
with desk(Path({str(directory)!r})) as at:
    at.run("hello", lambda at: (at.ask("mail.read", folder="a"), os._exit(0)))
"""
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    (segment,) = (directory / "segments").iterdir()
    os.truncate(segment, len(segment.read_bytes().rstrip(b"\0")) - 5)


def test_a_half_written_entry_is_not_shown_and_is_not_hidden(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "log")
    shown = agentos("log", "tail", tmp_path / "log", "-n", "1", "--json")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["kind"] == "intent"  # the half entry was its outcome
    done = agentos("log", "verify", tmp_path / "log", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert any("segments" in problem["file"] for problem in report["problems"])
    with KernelSpace("strict", recorder=tmp_path / "log"):
        pass
    recovered = agentos("log", "verify", tmp_path / "log")
    assert recovered.returncode == 0
    assert "note: unfinished intents have no outcome" in recovered.stderr
    told = agentos("log", "tail", tmp_path / "log", "-n", "30").stdout
    assert "bytes of an unfinished entry were dropped" in told


# -- tail --------------------------------------------------------------------------------------------------------------


def test_tail_shows_lines_for_people(log: Path) -> None:
    done = agentos("log", "tail", log, "-n", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3
    assert "\x1b" not in done.stdout
    assert IBAN not in agentos("log", "tail", log, "-n", "1000").stdout


def test_an_outcome_is_shown_with_its_action_also_when_its_intent_is_not_shown(log: Path) -> None:
    entries = list(FlightRecorder(log).entries())
    last = max(index for index, entry in enumerate(entries) if entry["kind"] == "outcome")
    first = agentos("log", "tail", log, "-n", str(len(entries) - last)).stdout.splitlines()[0]
    assert "outcome             operator[0]  agent.run  returned" in first


def test_tail_gives_entries_as_lines_of_json(log: Path) -> None:
    done = agentos("log", "tail", log, "-n", "4", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == FlightRecorder(log).tail(4)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT for one process")
def test_following_shows_new_entries_until_it_is_interrupted(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at, subprocess.Popen(
        program("log", "tail", tmp_path / "log", "-n", "1", "-f", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=ENVIRONMENT,
    ) as tail:  # fmt: skip
        assert tail.stdout is not None
        assert tail.stderr is not None
        seen = json.loads(tail.stdout.readline())["seq"]
        at.run("hello", lambda at: at.ask("mail.read", folder="a"))
        for entry in at.kernel.flight_recorder.entries(seen + 1):
            assert json.loads(tail.stdout.readline()) == entry
        tail.send_signal(signal.SIGINT)
        assert tail.wait(timeout=30) == 130
        assert tail.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="a closed pipe is another error there")
def test_a_reader_that_stops_reading_ends_it_quietly(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        at.run("hello", lambda at: [at.ask("mail.read", folder="x" * 900) for _ in range(150)])
    with subprocess.Popen(
        program("log", "tail", tmp_path / "log", "-n", "1000", "--json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        tail.stdout.readline()
        tail.stdout.close()
        assert tail.wait(timeout=30) == 141
        assert tail.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_colours_unless_it_says_no(log: Path, no_color: str) -> None:
    import pty

    theirs, ours = pty.openpty()
    try:
        environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm"}
        subprocess.run(program("log", "tail", log, "-n", "6"), stdout=ours, env=environment, check=True, timeout=60)
        told = os.read(theirs, 65_536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert ("\x1b[3" in told) is not bool(no_color)


def test_a_log_that_is_broken_in_the_middle_is_shown_up_to_there_and_is_no_success(log: Path) -> None:
    (segment,) = (log / "segments").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(b'"denied"') + 1] ^= 1
    segment.write_bytes(data)
    done = agentos("log", "tail", log)
    assert done.returncode == 3
    assert "is damaged at byte" in done.stderr


# -- replay ------------------------------------------------------------------------------------------------------------


def test_replay_under_the_same_policy_finds_no_difference(log: Path, tmp_path: Path) -> None:
    (tmp_path / "same.yaml").write_text(RULES, encoding="utf-8")
    done = agentos("replay", log, "--policy", tmp_path / "same.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "11 decisions in the log, 11 decided again: 11 same\n"


def test_replay_under_another_policy_shows_each_difference(log: Path, tmp_path: Path) -> None:
    (tmp_path / "lax.yaml").write_text(RULES.replace("effect: ask", "effect: allow"))
    done = agentos("replay", log, "--policy", tmp_path / "lax.yaml")
    assert done.returncode == 1
    first, second, *counts = done.stdout.splitlines()
    assert first.startswith("opened       #")
    assert "  desk[1]  payments.send  ask condition_unknown (large) " in first
    assert "  desk[1]  payments.send  ask asked_by_rule (large) " in second
    assert " -> allow allowed_by_rule (large, pay-known) " in second
    assert counts == [
        "11 decisions in the log, 11 decided again: 9 same",
        "  2 opened: the other policy is weaker here: deny became ask or allow, or ask became allow",
    ]
    as_data = agentos("replay", log, "--policy", tmp_path / "lax.yaml", "--json")
    assert as_data.returncode == 1
    assert json.loads(as_data.stdout)["changes"]["opened"] == 2


def test_a_log_of_which_nothing_can_be_replayed_proves_nothing(tmp_path: Path) -> None:
    with desk(tmp_path / "log", record="fields") as at:
        at.run("hello", lambda at: at.ask("mail.read", folder="a"))
    done = agentos("replay", tmp_path / "log", "--policy", "strict")
    assert done.returncode == 3
    assert "arguments_not_recorded" in done.stdout
    assert 'record="full"' in done.stderr
    broken = agentos("replay", tmp_path / "log", "--policy", tmp_path / "missing.yaml")
    assert (broken.returncode, broken.stdout) == (3, "")


def test_what_rules_in_shadow_would_have_decided_is_shown_by_tail_and_replay(tmp_path: Path) -> None:
    rules = RULES + "  - {id: trial, effect: deny, action: mail.read, mode: shadow}\n"
    with desk(tmp_path / "log", rules=rules) as at:
        at.run("read", lambda at: at.ask("mail.read", folder="a"))
    lines = agentos("log", "tail", tmp_path / "log").stdout.splitlines()
    (intent,) = [line for line in lines if "  intent  " in line and "mail.read" in line]
    assert intent.endswith("allow  allowed_by_rule  read  (in shadow: deny trial)")
    (tmp_path / "plain.yaml").write_text(RULES, encoding="utf-8")
    done = agentos("replay", tmp_path / "log", "--policy", tmp_path / "plain.yaml")
    assert done.returncode == 1
    assert " (read) (in shadow: deny denied_by_rule (trial)) -> allow allowed_by_rule (read)" in done.stdout


# -- query, trace, stat, reindex ---------------------------------------------------------------------------------------


def lines(*arguments: str | Path) -> list[dict[str, object]]:
    done = agentos(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_query_gives_what_the_recorder_gives(log: Path) -> None:
    recorder = FlightRecorder(log)
    assert lines("log", "query", log, "--agent", "clerk") == list(recorder.query(agent_id="clerk"))
    assert lines("log", "query", log, "--rule", "mark", "--newest", "--limit", "2") == list(
        recorder.query(rule="mark", newest_first=True, limit=2)
    )
    everything = ["--kind", "intent", "--effect", "allow", "--action", "mail.read", "--pid", "2", "--parent", "1"]
    times = [
        "--since",
        "2020-01-01T00:00:00Z",
        "--until",
        "2120-01-01T00:00:00+02:00",
        "--start",
        "1",
        "--before",
        "99",
    ]
    assert len(lines("log", "query", log, *everything, *times)) == 1
    assert lines("log", "query", log, "--status", "returned", "--label", "mail")


def test_query_says_how_to_go_on_and_that_there_is_nothing(log: Path) -> None:
    first = agentos("log", "query", log, "--effect", "deny", "--limit", "1")
    assert len(first.stdout.splitlines()) == 1
    assert "note: there may be more; go on with `--start " in first.stderr
    second = first.stderr.split("`")[1].split()
    assert agentos("log", "query", log, "--effect", "deny", "--limit", "1", *second).stdout != first.stdout
    nothing = agentos("log", "query", log, "--agent", "nobody")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no entry matches" in nothing.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--kind", "denyed"], "no entry has the kind `denyed`"),
        (["--effect", "ask"], "approval.requested"),
        (["--limit", "0"], "`limit` is 0"),
        (["--since", "yesterday"], "`--since yesterday` is not a time"),
        (["--until", "2026-01-01T00:00:00"], "has no offset"),
        (["--pid", "one"], "is not a whole number"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_wrong_command_line(log: Path, arguments: list[str], says: str) -> None:
    done = agentos("log", "query", log, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_trace_shows_the_tree_for_people_and_for_programs(log: Path) -> None:
    done = agentos("log", "trace", log, "1")
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout.splitlines()
    assert told[0].startswith("desk[1]  returned  ")
    (child,) = [index for index, line in enumerate(told) if line.startswith("    clerk[2]  returned")]
    assert "  agent.run  allow  " in told[child - 1]
    assert told[child + 1].startswith("      #")
    assert IBAN not in done.stdout
    assert json.loads(agentos("log", "trace", log, "1", "--json").stdout) == FlightRecorder(log).trace(1).to_dict()
    assert agentos("log", "trace", log, "9").returncode == 3
    assert agentos("log", "trace", log, "-1").returncode == 2


def test_stat_counts_and_reindex_says_how_many_entries_there_are(log: Path) -> None:
    recorder = FlightRecorder(log)
    done = agentos("log", "stat", log)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"entries      {recorder.size}\n" in done.stdout
    assert json.loads(agentos("log", "stat", log, "--json").stdout) == recorder.statistics().to_dict()
    assert agentos("log", "stat", log, "--most", "0").returncode == 2
    again = agentos("log", "reindex", log)
    assert again.stdout.startswith(f"{recorder.size} entries in ")
    assert json.loads(agentos("log", "reindex", log, "--json").stdout)["entries"] == recorder.size


def test_unfinished_intents_are_counted_and_explained(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "log")
    done = agentos("log", "stat", tmp_path / "log")
    assert "unfinished   2\n" in done.stdout
    assert "may have happened" in done.stderr
    assert "unfinished" in agentos("log", "trace", tmp_path / "log", "1").stdout.splitlines()[0]


# -- export ------------------------------------------------------------------------------------------------------------


def test_export_writes_to_stdout_or_to_a_file(log: Path, tmp_path: Path) -> None:
    entries = list(FlightRecorder(log).entries())
    done = agentos("log", "export", log, "--format", "jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == entries
    to_file = agentos("log", "export", log, "--format", "jsonl", "--payloads", "--out", tmp_path / "log.jsonl")
    assert (to_file.returncode, to_file.stdout) == (0, "")
    assert f"{len(entries)} records written to " in to_file.stderr
    for format_ in ("otel", "ocsf", "html"):
        out = tmp_path / format_
        assert agentos("log", "export", log, "--format", format_, "--pid", "2", "--out", out).returncode == 0
        assert out.stat().st_size > 1_000
    assert (tmp_path / "html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--format", "xml"], 2, "`xml` is not a format; the formats are `jsonl`"),
        (["--format", "html"], 2, "name the run with `pid`"),
        (["--format", "jsonl", "--start", "1"], 2, "name the number with `pid`"),
        (["--format", "jsonl", "--pid", "99"], 3, "the log has no run 99"),
        (["--format", "jsonl", "--out", "no/such/folder/file"], 3, "cannot use"),
        ([], 2, "--format"),
    ],
)
def test_an_export_that_cannot_be_made_is_said_to_be_none(
    log: Path, arguments: list[str], code: int, says: str
) -> None:
    done = agentos("log", "export", log, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
