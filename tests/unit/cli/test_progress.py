"""Promise: a long load shows how far it is to whoever looks, and leaves no trace of it."""

from __future__ import annotations

import pytest

from agent_os.cli import progress
from agent_os.policy import Policy
from agent_os.policy.progress import watched


def test_the_bar_grows_with_the_file_and_wipes_itself_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    rules = "".join(f"  - {{id: r{number}, effect: allow, action: a}}\n" for number in range(2000))
    bar = progress.Bar()
    with watched(bar):
        Policy.from_text(f"agent_os: 1\nrules:\n{rules}", name="big.yaml")
    drawn = [line for line in capsys.readouterr().err.split("\r") if line.strip()]
    assert len(drawn) >= 5
    shares = [int(line.split("]")[1].strip(" %")) for line in drawn]
    assert shares == sorted(shares)
    assert all("big.yaml" in line for line in drawn)
    bar.close()
    assert capsys.readouterr().err == ""


def test_what_is_read_at_once_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with watched(progress.Bar()):
        Policy.from_text("agent_os: 1\nrules: [{id: a, effect: allow, action: a}]")
    assert capsys.readouterr().err == ""
