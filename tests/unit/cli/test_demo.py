"""Promise: `agentos demo` runs the example of the checkout, and says what is missing where it cannot."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from agent_os.cli import demo, program
from agent_os.cli.exits import Exit


def test_the_demo_of_the_checkout_is_found() -> None:
    assert (demo.checkout() / "examples" / "agentdojo" / "run.py").is_file()
    assert (demo.checkout() / demo.REQUIREMENT).is_file()


def test_an_installed_package_without_the_checkout_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "checkout", lambda: tmp_path)
    assert program.main(["demo"]) == Exit.UNUSABLE
    told = capsys.readouterr().err
    assert "comes with the repository and not with the package" in told
    assert "make demo" in told


def test_a_missing_agentdojo_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert program.main(["demo", "--json"]) == Exit.UNUSABLE
    assert "pip install -r examples/agentdojo/requirements.txt" in capsys.readouterr().err


def test_everything_after_demo_is_handed_on_and_its_exit_code_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "run", run)
    assert program.main(["demo", "--json", "--tasks", "user_task_0"]) == Exit.FINDING
    script = str(demo.checkout() / "examples" / "agentdojo" / "run.py")
    assert ran == [[sys.executable, script, "--json", "--tasks", "user_task_0"]]
