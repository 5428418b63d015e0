"""Promise: what an agent wrote cannot steer the terminal of whoever reads the log, and lines say what happened."""

from __future__ import annotations

from typing import Any

import pytest

from agent_os.cli import output
from agent_os.cli.lines import duration_of, line_of, time_of
from agent_os.cli.output import coloured, plural, shown
from agent_os.recorder.kinds import KINDS
from agent_os.recorder.links import Links
from tests.unit.recorder.desk import IBAN, a_day_at_the_desk, desk


@pytest.mark.parametrize("nasty", ["\x1b[2J", "\r", "\n", "\x07", "\u202e", "\u200b", "\x9b", "\ud800", "\t"])
def test_control_and_invisible_characters_are_spelt_out(nasty: str) -> None:
    text = shown(f"a{nasty}b")
    assert text.isprintable()
    assert text.startswith("a\\")
    assert shown("Zoë says `hello`: 你好") == "Zoë says `hello`: 你好"


def test_a_denied_action_with_a_nasty_error_makes_one_plain_line() -> None:
    def mail(folder: str) -> str:
        raise LookupError(f"\x1b]0;owned\x07\n{folder}")

    def work(at: Any) -> None:
        with pytest.raises(LookupError):
            at.ask("mail.read", folder="x\x1b[31m")

    with desk(None, mail=mail) as at:
        at.run("hello", work)
        lines = list(map(str, human(at.kernel.flight_recorder.entries())))
    assert all(line.isprintable() for line in lines)
    assert any("LookupError: \\x1b]0;owned\\x07\\nx\\x1b[31m" in line for line in lines)


def human(entries: Any) -> list[str]:
    links = Links()
    return [line_of(entry, links.follow(entry)) for entry in entries]


def test_every_entry_of_a_real_run_becomes_a_line_that_says_who_did_what() -> None:
    with desk(None, approver=lambda _request: True) as at:
        a_day_at_the_desk(at)
        lines = human(at.kernel.flight_recorder.entries())
    told = "\n".join(lines)
    for part in (
        "intent              desk[1]  payments.send  allow  allowed_by_rule  pay-known",
        "denied              desk[1]  payments.send  deny  denied_by_rule  never-what-mail-says",
        "denied              desk[1]  payments.send  deny  denied_by_default",
        "outcome             clerk[2]  mail.read  returned",
        "process.started     clerk[2]  started by run 1",
        "approval.granted    desk[1]  payments.send  large",
        "agent.registered    clerk  clerk",
        "text                desk[1]  user",
        "tool.registered     mail.read  untrusted  mail",
        "approved by",
    ):
        assert part in told, part
    assert all(line.isprintable() and line == line.rstrip() for line in lines)
    assert IBAN not in told


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_entry_with_nothing_but_what_its_kind_has_makes_a_line(kind: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "intent": {"action": "a", "agent": "b", "pid": 1, "decision": {"effect": "allow", "reason": "r", "rules": []}},
        "denied": {"action": "a", "decision": {"effect": "deny", "reason": "no_process", "rules": []}},
        "denied.repeatedly": {"action": "a", "agent": "b", "count": 3, "first": 2, "reason": "r", "rules": []},
        "outcome": {"intent": 3, "pid": 1, "status": "raised", "micros": 5, "error": {"type": "E", "message": "m"}},
        "process.started": {"agent": "b", "pid": 1, "parent": 0, "intent": 2},
        "policy.loaded": {"name": "n", "reason": "start", "bundle": "sha256:00"},
        "policy.pending": {"bundle": "sha256:0", "name": "desk", "opens": ["the default becomes allow"]},
        "policy.rejected": {"error": "first\nsecond"},
        "agent.registered": {"agent": "b", "roles": []},
        "tool.registered": {"action": "a", "origin": "untrusted", "labels": [], "injected": []},
        "signal.sent": {"agent": "b", "pid": 1, "sender": 0, "signal": "SIGTERM"},
        "text": {"pid": 1, "origin": "user"},
        "log.retained": {"root": "00", "to": 5},
        "log.recovered": {"at": 9, "dropped_bytes": 12},
    }
    entry = {"seq": 7, "time": 0, "kind": kind, **fields.get(kind, {})}
    assert line_of(entry, Links().follow(entry)).startswith(f"1970-01-01T00:00:00.000000Z      7  {kind}")


def test_times_and_durations_are_written_with_units() -> None:
    assert time_of(1_700_000_000_000_001) == "2023-11-14T22:13:20.000001Z"
    assert time_of(2**62) == f"{2**62}us"
    assert [duration_of(micros) for micros in (7, 1_500, 2_000_000)] == ["7 us", "1.5 ms", "2 s"]
    assert [plural(count, "rule") for count in (0, 1, 1_000)] == ["0 rules", "1 rule", "1,000 rules"]


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("deny") == "deny"
    monkeypatch.setattr(output.sys, "stdout", Terminal())
    assert coloured("deny") == "\x1b[31mdeny\x1b[0m"
    assert coloured("other") == "other"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert coloured("deny") == "deny"
