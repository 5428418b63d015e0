"""Promise: what the command line offers, how it ends, and what its page says are one and the same."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from agent_os.cli.arguments import parser
from agent_os.cli.commands import COMMANDS, Command
from agent_os.cli.exits import EXITS, Exit
from agent_os.cli.program import main

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_every_exit_code_is_explained_once() -> None:
    assert set(EXITS) == set(Exit)
    assert len(set(EXITS.values())) == len(EXITS)


def test_the_page_has_exactly_the_exit_codes_of_the_table(page: str) -> None:
    rows = dict(re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE))
    assert rows == {str(int(code)): meaning for code, meaning in EXITS.items()}


def test_the_page_has_exactly_the_commands_of_the_table(page: str) -> None:
    rows = dict(re.findall(r"^\| \[`agentos ([a-z ]+)`\]\(#[a-z-]+\) \| (.*) \|$", page, re.MULTILINE))
    assert rows == {command.name: command.summary for command in COMMANDS}
    for command in COMMANDS:
        assert command.usage in page, command.name
        assert f"\n## `agentos {command.name}`\n" in page


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_can_be_run_and_says_what_it_takes(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(import_module(command.module).run)
    if command.name == "demo":
        return  # it has a parser of its own
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*command.words, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    wanted = set(re.findall(r"--?[a-z]+", command.synopsis))
    assert wanted == set(re.findall(r"--?[a-z]+", told.split("\n\n")[0])) - {"-os"}
    for option in wanted:
        assert re.search(rf"^  .*{option}\b", told, re.MULTILINE), f"{option} is in the synopsis and not explained"
    explained = set(re.findall(r"^  (--?[a-z]+)", told, re.MULTILINE)) - {"-h"}
    assert explained <= wanted, "an option is missing from the synopsis"


def test_the_help_lists_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for command in COMMANDS:
        assert re.search(rf"^  {command.name} +{re.escape(command.summary)}$", told, re.MULTILINE)
    for code, meaning in EXITS.items():
        assert re.search(rf"^ +{code:d}  {re.escape(meaning)}$", told, re.MULTILINE)
