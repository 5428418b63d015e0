"""Promise: keys and indexes are where the XDG Base Directory Specification says, and a relative path there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_os.recorder.key_folder import index_folder, key_folder


def test_an_absolute_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert key_folder() == tmp_path / "state" / "agent-os" / "keys"
    assert index_folder() == tmp_path / "cache" / "agent-os" / "log-index"


@pytest.mark.parametrize("given", ["", "state", "./state", "../state", "~/state"])
def test_a_relative_one_counts_as_none(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else keys would lie in whatever folder the program was started in, and be missing from another one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", given)
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    assert key_folder() == tmp_path / "home" / ".local" / "state" / "agent-os" / "keys"
    assert index_folder() == tmp_path / "home" / ".cache" / "agent-os" / "log-index"
