"""Promise: the format's page is enough to write a verifier from. Its own, which shares nothing with ours, agrees.

It is held against a log that kernels wrote, and against changes of it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, _core
from agent_os.cli.program import main
from agent_os.recorder.key_folder import key_folder
from tests.integration.witness_server import Witness, serving
from tests.unit.kernel.desk import RUN, inside, policy

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "log-format.md"
WITNESS = Witness()


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The program at the end of the page."""
    [program] = re.findall(r"```python\n(import base64.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert "agent_os" not in program
    names: dict[str, Any] = {}
    exec(compile(program, str(PAGE), "exec"), names)
    return names


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with payloads, odd texts and numbers, a rotated key, and what a witness said."""
    folder = tmp_path_factory.mktemp("written")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_STATE_HOME", str(folder / "state"))
    directory = folder / "log"
    a_kernel_writes(directory)
    _core.rotate_log_key(directory, key_folder(), "test")
    a_kernel_writes(directory)
    with serving(WITNESS):
        WITNESS.learn(FlightRecorder(directory).verify().key)
        assert main(["log", "witness", str(directory), "--url", WITNESS.url, "--key", WITNESS.key]) == 0
    patch.undo()
    return directory


def a_kernel_writes(directory: Path) -> None:
    values = ["é\u2028\x7f\x01", 1e-7, 1e21, -0.5, 2**60, 123456.789, {"$map": 1}, "large " * 200, [None, True]]
    rule = "{id: yes, effect: allow, action: t.x}"
    with KernelSpace(policy(RUN, rule), recorder=directory, record="full") as kernel:
        tool = kernel.tool("t.x")(lambda value: value)
        inside(kernel, lambda: [tool(value) for value in values], agent_id="desk")


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "log")
    return tmp_path / "log"


def holds(verify: Callable[..., bytes], log: Path) -> bool:
    key = FlightRecorder(log).verify().key
    try:
        verify(str(log), key, WITNESS.key)
    except Exception:  # noqa: BLE001 (whatever it stumbles over is a fault of the log)
        return False
    return True


def test_it_finds_the_same_root(page: dict[str, Any], log: Path) -> None:
    report = FlightRecorder(log).verify(witness=WITNESS.key)
    assert report
    assert len(report.rotations) == 1
    assert report.payloads
    assert page["verify"](str(log), report.key, WITNESS.key).hex() == report.root


def test_28_it_refuses_flipped_bits_wherever_ours_does(page: dict[str, Any], log: Path) -> None:
    for path in sorted(path for path in log.rglob("*") if path.is_file()):
        part = path.relative_to(log).parts[0]
        if part not in ("segments", "payloads", "checkpoint", "salt", "witnessed"):
            continue
        whole = path.read_bytes()
        step = max(1, len(whole) * 8 // 10)
        for bit in range(3, len(whole) * 8, step | 1):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            assert not holds(page["verify"], log), (path.name, bit)
            assert not FlightRecorder(log).verify(witness=WITNESS.key), (path.name, bit)
        path.write_bytes(whole)
    assert holds(page["verify"], log)


@pytest.mark.parametrize("part", ["payloads", "witnessed", "salt", "checkpoint", "segments"])
def test_28_it_refuses_a_log_of_which_something_is_missing(page: dict[str, Any], log: Path, part: str) -> None:
    path = log / part
    file = max(path.iterdir()) if path.is_dir() else path
    file.unlink()
    assert not holds(page["verify"], log)


def test_numbers_are_spelt_as_our_own_program_spells_them(page: dict[str, Any]) -> None:
    values = [
        0.0,
        -0.0,
        1.0,
        1e20,
        1e21,
        1.5e21,
        1e-6,
        1e-7,
        1.25e-7,
        123.456,
        -5e-324,
        1.7976931348623157e308,
        2.0**53,
    ]
    for value in values:
        assert page["number"](value).encode() == _core.canonical(value)
