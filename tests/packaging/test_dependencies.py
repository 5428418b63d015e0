"""Promise: the compiler that Cargo.toml asks for is enough for every crate that is built."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

#: The first compiler of each edition.
EDITIONS = {"2015": (1, 0), "2018": (1, 31), "2021": (1, 56), "2024": (1, 85)}


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def least(package: dict[str, Any]) -> tuple[int, ...]:
    """The oldest compiler that a crate says it needs; of one that says nothing, that of its edition."""
    return max(version(package["rust_version"] or "1.0"), EDITIONS[package["edition"]])


def test_no_crate_asks_for_a_newer_compiler_than_ours() -> None:
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)["packages"]
    (ours,) = {package["rust_version"] for package in packages if package["source"] is None}
    assert len(packages) > 100
    too_new = {package["name"]: package["rust_version"] for package in packages if least(package) > version(ours)}
    assert not too_new, f"these need a newer compiler than {ours}: pin older ones, or raise `rust-version`"
