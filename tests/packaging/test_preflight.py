"""Promise: on a machine that lacks a tool, make names it and says what to install."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PREFLIGHT = Path(__file__).parents[2] / "tools" / "preflight"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="make and this script are for POSIX shells")


class Machine:
    """A folder of commands that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for tool in ("bash", "awk", "uname"):
            (folder / tool).symlink_to(str(shutil.which(tool)))

    def has(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def says(self, what: str, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", str(PREFLIGHT), what],
            env={"PATH": str(self.folder), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_no_python(machine: Machine) -> None:
    status, text = machine.says("python")
    assert status == 1
    assert "Python 3.10 or newer was not found" in text
    assert "python3-venv" in text


def test_a_python_that_is_too_old_or_does_not_start_is_passed_over(machine: Machine) -> None:
    machine.has("python3.14", "echo 'command not found' >&2; exit 127")
    machine.has("python3", "exit 1")
    assert machine.says("python")[0] == 1
    machine.has("python3.10", "exit 0")
    assert machine.says("python") == (0, f"{machine.folder}/python3.10\n")


def test_the_newest_python_is_taken(machine: Machine) -> None:
    for name in ("python3", "python3.11", "python3.13"):
        machine.has(name, "exit 0")
    assert machine.says("python") == (0, f"{machine.folder}/python3.13\n")
    assert machine.says("python", PYTHON="python3.11") == (0, f"{machine.folder}/python3.11\n")


def test_a_python_without_venv(machine: Machine) -> None:
    machine.has("python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    status, text = machine.says("python")
    assert status == 1
    assert "cannot make virtual environments" in text
    assert "apt install python3-venv" in text


def test_no_rust_or_one_that_is_too_old(machine: Machine) -> None:
    machine.has("cc", "exit 0")
    assert "https://rustup.rs" in machine.says("rust")[1]
    machine.has("cargo", "echo cargo 1.84.1 '(66221abde 2024-11-19)'")
    status, text = machine.says("rust")
    assert status == 1
    assert "rustup update stable" in text
    machine.has("cargo", "echo cargo 1.85.0 '(d73d2caf9 2024-12-31)'")
    assert machine.says("rust") == (0, "")


def test_no_c_compiler(machine: Machine) -> None:
    machine.has("cargo", "echo cargo 2.0.0")
    status, text = machine.says("rust")
    assert status == 1
    assert "build-essential" in text
