"""A program that is not ours checks logs: Go's code for transparency logs, fetched by the Go toolchain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_os import FlightRecorder, KernelSpace
from tests.security.notes import checkpoint_of, leaf_of
from tests.unit.kernel.desk import RUN, inside, policy

SOURCE = Path(__file__).parents[1] / "independent"
ENTRIES = 100_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("go") is None, reason="the Go toolchain is not installed"),
]

Check = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built with the module versions of ``go.sum``."""
    return built_from(SOURCE, tmp_path_factory.mktemp("independent"))


def built_from(source: Path, folder: Path) -> Path:
    """A program in Go. Skips the test if a module of it cannot be fetched."""
    built = folder / source.name
    # The caches of Go are the user's own; each test has another home.
    caches = subprocess.run(["go", "env", "GOCACHE", "GOMODCACHE"], capture_output=True, text=True, check=True)
    cache, modules = caches.stdout.split()
    environment = {**os.environ, "GOCACHE": cache, "GOMODCACHE": modules, "GOFLAGS": "-mod=readonly"}
    build = subprocess.run(
        ["go", "build", "-o", str(built), "."], cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    if build.returncode and ("dial tcp" in build.stderr or "lookup " in build.stderr):
        pytest.skip(f"the Go module cannot be fetched: {build.stderr.strip()}")
    assert build.returncode == 0, build.stderr
    return built


@pytest.fixture
def check(program: Path, tmp_path: Path) -> Check:
    def run(folder: Path, key: str, proofs: list[str]) -> subprocess.CompletedProcess[str]:
        lines = tmp_path / "proofs"
        lines.write_text("".join(f"{proof}\n" for proof in proofs))
        return subprocess.run([program, folder, key, lines], capture_output=True, text=True, check=False)

    return run


def written(directory: Path, calls: int) -> FlightRecorder:
    """A log of a kernel that did something so many times: an intent and an outcome each."""
    rule = "{id: yes, effect: allow, action: t.x, when: {args.n: {le: 1000000}}}"
    with KernelSpace(policy(RUN, rule), recorder=directory) as kernel:
        tool = kernel.tool("t.x")(lambda n: n)

        def agent() -> None:
            for n in range(calls):
                tool(n)

        inside(kernel, agent, agent_id="desk")
    return FlightRecorder(directory)


def proofs_of(log: FlightRecorder, size: int) -> list[str]:
    """Proofs that our own software gives: entries and growth, up to the checkpoint and up to earlier sizes."""
    indexes = [0, 1, 255, 256, size // 2, size - 1]
    sizes = [1, 2, 255, 256, 257, size // 3, size - 1, size]
    proofs = [log.prove(index).to_dict() for index in indexes if index < size]
    proofs += [log.prove(0, size=each).to_dict() for each in sizes if each <= size]
    proofs += [log.prove_consistency(each).to_dict() for each in sizes if each <= size]
    proofs += [log.prove_consistency(1, size=each).to_dict() for each in sizes if each <= size]
    return [json.dumps(proof) for proof in proofs]


def test_a_log_of_100_000_entries_checks(check: Check, tmp_path: Path) -> None:
    log = written(tmp_path / "log", ENTRIES // 2)
    report = log.verify()
    assert report.ok
    size = log.export_tiles(tmp_path / "tiles")
    assert size == report.entries == report.checkpoint > ENTRIES
    proofs = proofs_of(log, size)
    checked = check(tmp_path / "tiles", report.key, proofs)
    assert checked.returncode == 0, checked.stderr
    said = dict(line.split() for line in checked.stdout.splitlines())
    tiles = sum(
        1 for path in (tmp_path / "tiles" / "tile").rglob("*") if path.is_file() and "entries" not in path.parts
    )
    assert (int(said["entries"]), int(said["given"]), int(said["tiles"])) == (size, len(proofs), tiles)
    assert int(said["proved"]) > 900
    # The tiles that were exported are those that the writer had written.
    for path in (tmp_path / "log" / "tile").rglob("*"):
        if path.is_file():
            exported = tmp_path / "tiles" / path.relative_to(tmp_path / "log")
            assert exported.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("what", ["tile", "entry", "entry with its tile", "checkpoint", "key", "proof"])
def test_it_notices_what_was_forged(what: str, check: Check, tmp_path: Path) -> None:
    """Else its assent above would say nothing."""
    log = written(tmp_path / "log", 150)
    folder = tmp_path / "tiles"
    size = log.export_tiles(folder)
    key, proofs = log.verify().key, proofs_of(log, size)
    assert check(folder, key, proofs).returncode == 0
    tile, bundle, note = (folder / name for name in ("tile/0/000", "tile/entries/000", "checkpoint"))
    entry = log.raw(0)
    forged = entry.replace(b'"version":1', b'"version":2')
    expected = {"tile": "is not what", "checkpoint": "invalid signature", "key": "verif", "proof": "invalid"}.get(
        what, "root"
    )
    if "entry" in what:
        bundle.write_bytes(bundle.read_bytes().replace(entry, forged, 1))
    if what == "entry with its tile":
        tile.write_bytes(leaf_of(forged) + tile.read_bytes()[32:])
    if what == "tile":
        tile.write_bytes(tile.read_bytes()[:-1] + b"\0")
    if what == "checkpoint":
        note.write_text(note.read_text().replace("\n", "\n1", 1))
    if what == "key":
        note.write_bytes(checkpoint_of(log.log_id, [entry], bytes(32)))
    if what == "proof":
        first = json.loads(proofs[0])
        proofs[0] = json.dumps({**first, "proof": first["proof"][1:]})
    checked = check(folder, key, proofs)
    assert checked.returncode == 1
    assert expected in checked.stderr
