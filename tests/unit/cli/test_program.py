"""Promise: however a command fails, its exit code says so and its words end with what to do."""

from __future__ import annotations

import pytest

from agent_os.cli import check, program
from agent_os.cli.exits import Exit


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["no-such-command"],
        ["--no-such-option"],
        ["log"],
        ["log", "no-such-command"],
        ["check"],
        ["check", "--jso", "strict"],
        ["explain", "strict"],
        ["explain", "strict", "not an action"],
        ["explain", "strict", "a..b"],
        ["explain", "strict", "a.b", "--calls", "-1"],
        ["explain", "strict", "a.b", "--used", "nobody=5"],
        ["explain", "strict", "a.b", "--used", "nobody"],
        ["explain", "strict", "a.b", "--args", "{"],
        ["explain", "strict", "a.b", "--args", "[1]"],
        ["explain", "strict", "a.b", "--args", '{"a": 1, "a": 2}'],
        ["explain", "strict", "a.b", "--args", '{"a": NaN}'],
        ["explain", "strict", "a.b", "--args", '{"a": {"$decimal": "x"}}'],
        ["explain", "strict", "a.b", "--text", "words"],
        ["explain", "strict", "a.b", "--text", "nobody=words"],
        ["explain", "strict", "a.b", "--time", "noon"],
        ["explain", "strict", "a.b", "--time", "2026-01-31T09:00:00"],
        ["explain", "strict", "a.b", "--depth", "-1"],
        ["explain", "strict", "a.b", "--depth", "one"],
        ["explain", "strict", "a.b", "--role", "two words"],
        ["replay", "log"],
        ["log", "tail", "-n", "0", "log"],
        ["log", "tail", "-n", "many", "log"],
        ["log", "tail", "-n", "\N{FULLWIDTH DIGIT ONE}", "log"],
        ["log", "tail", "-n", "1_0", "log"],
        ["log", "tail", ""],
        ["log", "verify", ""],
        ["log", "verify", "log", "--checkpoint", ""],
        ["log", "export", "log", "--tiles", ""],
        ["log", "export", "log", "--format", "jsonl", "--out", ""],
        ["check", ""],
        *(
            [*command, beyond]
            for command in (
                ["log", "tail", "log", "-n"],
                ["log", "trace", "log"],
                ["log", "trace", "log", "1", "--start"],
                ["log", "stat", "log", "--most"],
                ["log", "prove", "log"],
                ["log", "prove", "log", "1", "--size"],
                ["log", "prove", "log", "--from"],
                ["log", "query", "log", "--pid"],
                ["log", "query", "log", "--limit"],
                ["log", "query", "log", "--before"],
                ["log", "export", "log", "--format", "html", "--pid"],
                ["explain", "strict", "a.b", "--depth"],
                ["explain", "strict", "a.b", "--calls"],
            )
            for beyond in (str(2**63), str(2**64), "9" * 30, "9" * 5_000)
        ),
        # What Python makes of bytes that are no UTF-8.
        ["check", "a\udcff"],
        ["explain", "strict", "a\udcff.b"],
        ["explain", "strict", "a.b", "--args", '{"a": "\udcff"}'],
        ["log", "query", "log", "--agent", "\udcff"],
        ["log", "verify", "\udcff"],
        ["log", "export", "log", "--tiles", "\udcff"],
        ["approvals", "list", "--store", "\udcff"],
        ["demo", "--policy", "\udcff"],
    ],
)
def test_a_wrong_command_line_does_nothing_and_says_how_it_goes(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(argv) == Exit.USAGE
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "\n  hint: " in told.err


def failing(error: BaseException) -> object:
    def run(_arguments: object) -> Exit:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (ZeroDivisionError("inside"), Exit.DEFECT),
        (PermissionError(13, "Permission denied", "a-file"), Exit.UNUSABLE),
    ],
)
def test_what_goes_wrong_inside_a_command_has_its_exit_code(
    error: BaseException, code: Exit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "run", failing(error))
    assert program.main(["check", "strict"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    if code == Exit.DEFECT:
        assert "ZeroDivisionError: inside" in told.err
        assert told.err.rstrip().endswith("please report it with the lines above")
    if code == Exit.UNUSABLE:
        assert told.err.startswith("error: cannot use `a-file`: Permission denied; check")
