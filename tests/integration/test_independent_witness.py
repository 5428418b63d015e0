"""A witness that is not ours cosigns logs: that of the transparency-dev project, fetched by the Go toolchain."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_os import FlightRecorder
from agent_os.cli.exits import Exit
from agent_os.cli.program import main
from agent_os.recorder.key_folder import key_folder
from tests.integration.test_independent_check import SOURCE, built_from
from tests.integration.test_witness import forged_by_its_owner
from tests.security.test_pinned_logs import Kept

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("go") is None, reason="the Go toolchain is not installed"),
]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_from(SOURCE / "witness", tmp_path_factory.mktemp("witness"))


class Server:
    """The witness, told of one log's key."""

    def __init__(self, program: Path, key: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, "w.example/1", key], stdin=pipe, stdout=pipe, encoding="utf-8")
        assert self.process.stdout is not None
        self.url, self.key = (self.process.stdout.readline().strip() for _ in range(2))

    def ask(self, log: Kept) -> int:
        return main(["log", "witness", str(log.directory), "--url", self.url, "--key", self.key])

    def end(self) -> None:
        self.process.communicate(timeout=10)


@pytest.fixture
def log(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "log")


@pytest.fixture
def server(program: Path, log: Kept) -> Iterator[Server]:
    server = Server(program, log.key)
    yield server
    server.end()


def test_it_cosigns_a_log_that_grows(server: Server, log: Kept) -> None:
    for _ in range(3):
        assert server.ask(log) == Exit.OK
        report = FlightRecorder(log.directory).verify(witness=server.key)
        assert report
        assert report.level == f"witnessed to {report.checkpoint}"
        log.run()
    # What it has seen is told by itself.
    shutil.rmtree(log.directory / "witnessed")
    assert server.ask(log) == Exit.OK


def test_28_it_notices_a_log_that_was_rolled_back(
    server: Server, log: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(log.directory, tmp_path / "copy")
    log.run()
    assert server.ask(log) == Exit.OK
    shutil.rmtree(log.directory)
    shutil.move(tmp_path / "copy", log.directory)
    assert server.ask(log) == Exit.FINDING
    assert "the log was cut off, or an older copy was put in its place" in capsys.readouterr().err


def test_28_it_notices_forks_of_the_same_size_and_of_a_larger_one(
    server: Server, log: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(log.directory, tmp_path / "branch")
    shutil.copytree(key_folder(), tmp_path / "keys")
    log.run()
    assert server.ask(log) == Exit.OK
    forged_by_its_owner(log, b'"agent":"desk"', b'"agent":"disk"')
    assert server.ask(log) == Exit.FINDING
    for path, kept in ((log.directory, tmp_path / "branch"), (key_folder(), tmp_path / "keys")):
        shutil.rmtree(path)
        shutil.copytree(kept, path)
    log.run()
    log.run()
    assert server.ask(log) == Exit.FINDING
    assert capsys.readouterr().err.count("the log was forked or rewritten") == 2


def test_it_does_not_know_other_logs(server: Server, log: Kept, tmp_path: Path) -> None:
    shutil.rmtree(key_folder())
    assert server.ask(Kept(tmp_path / "other")) == Exit.UNUSABLE
