"""Promise: the crates use each other as CONTRIBUTING.md says, and only those that must know Python or SQL do."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def crates() -> dict[str, set[str]]:
    """What each of our crates is built from."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--no-deps"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    return {
        package["name"]: {needed["name"] for needed in package["dependencies"] if needed["kind"] is None}
        for package in json.loads(done.stdout)["packages"]
    }


def table() -> dict[str, set[str]]:
    """The rooms in Rust, with what each may use."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `rust/(agent-os-\w+)` \| .* \| ([^|]*) \|$", page, re.MULTILINE)
    return {room: {f"agent-os-{name}" for name in uses.split(", ") if name != "nothing of ours"} for room, uses in rows}


def test_the_crates_use_what_the_table_says_and_nothing_else_of_ours() -> None:
    assert {name: {each for each in uses if each.startswith("agent-os-")} for name, uses in crates().items()} == table()


def test_only_the_binding_knows_python_and_only_store_and_index_know_sql() -> None:
    assert {name for name, uses in crates().items() if "pyo3" in uses} == {"agent-os-py"}
    assert {name for name, uses in crates().items() if "rusqlite" in uses} == {"agent-os-index", "agent-os-store"}
