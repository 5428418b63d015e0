"""Approvals through the store: what waits, who may speak, and what a word does."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import AgentOSError, KernelSpace, PolicyDenied, StoreError, _core
from tests.unit.kernel.desk import desk, inside, of_kind

ASK = "{id: ask, effect: ask, action: mail.send, message: a person reads it first}"
HIDE = "{id: hide, effect: require, action: mail.send, redact: args.card}"


class Desk:
    """A kernel whose operator answers through the store."""

    def __init__(self, store: Path, *rules: str, **options: Any) -> None:
        self.store = store
        self.token, self.key = _core.new_operator()
        self.kernel = desk(ASK, *rules, approver="queue", store=store, operator=self.key, **options)
        self.sent: list[str] = []

        @self.kernel.tool("mail.send")
        def send(text: str, card: str = "") -> str:
            self.sent.append(text)
            return "sent"

        self.send = send

    def start(self, text: str = "hello", card: str = "") -> threading.Thread:
        """An agent that asks, in a thread of its own; what came of it is in `result`."""
        self.result: list[Any] = []

        def work() -> None:
            try:
                self.result.append(inside(self.kernel, lambda: self.send(text, card)))
            except PolicyDenied as denied:
                self.result.append(denied.decision.reason)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def waiting(self) -> list[dict[str, Any]]:
        """What waits now; returns as soon as anything does."""
        deadline = time.monotonic() + 20
        while not (rows := [row for row in self.rows() if row["standing"] == "waiting"]):
            assert time.monotonic() < deadline, "nothing came to wait"
            time.sleep(0.02)
        return rows

    def rows(self) -> list[dict[str, Any]]:
        return [entry.row() for entry in _core.Approvals(self.store).entries()]

    def speak(self, code: str, *, approve: bool, token: str | None = None) -> str | None:
        queue = _core.Approvals(self.store)
        (entry,) = [entry for entry in queue.entries() if entry.row()["code"] == code]
        return queue.speak(token or self.token, entry, approve)

    def cli(self, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **({"AGENT_OS_OPERATOR_TOKEN": token} if token else {})}
        return subprocess.run(
            [sys.executable, "-m", "agent_os.cli", "approvals", *arguments, "--store", str(self.store)],
            capture_output=True,
            encoding="utf-8",
            env=environment,
            stdin=subprocess.DEVNULL,
            check=False,
        )


@pytest.fixture
def at(tmp_path: Path) -> Any:
    made: list[Desk] = []

    def make(*rules: str, **options: Any) -> Desk:
        made.append(Desk(tmp_path / "state.db", *rules, **options))
        return made[-1]

    yield make
    for one in made:
        one.kernel.close()


def test_what_the_operator_approves_happens_once_and_is_recorded(at: Callable[..., Desk]) -> None:
    it = at()
    thread = it.start()
    (row,) = it.waiting()
    assert json.loads(row["shown"])["args"] == {"text": "hello", "card": ""}
    assert it.sent == []
    assert it.speak(row["code"], approve=True) is None
    thread.join(20)
    assert (it.result, it.sent) == (["sent"], ["hello"])
    (granted,) = of_kind(it.kernel, "approval.granted")
    assert granted["by"] == "operator"
    assert [row["standing"] for row in it.rows()] == ["approved"]
    assert it.speak(row["code"], approve=True) == "approved"
    again = it.start()
    (second,) = it.waiting()
    assert second["code"] != row["code"]
    it.speak(second["code"], approve=False)
    again.join(20)
    assert (it.result, it.sent) == (["approval_refused"], ["hello"])


def test_an_async_agent_waits_without_holding_up_its_loop(at: Callable[..., Desk]) -> None:
    it = at()

    @it.kernel.register
    async def writer() -> Any:
        return await it.kernel.execute("mail.send", text="hello")

    async def main() -> Any:
        run = asyncio.create_task(it.kernel.execute(writer))
        ticks = 0
        while not [row for row in it.rows() if row["standing"] == "waiting"]:
            await asyncio.sleep(0.01)
            ticks += 1
        (row,) = it.waiting()
        it.speak(row["code"], approve=True)
        return await asyncio.wait_for(run, 20)

    assert asyncio.run(main()) == "sent"


def test_a_waiter_that_is_cancelled_leaves_nothing_that_waits(at: Callable[..., Desk]) -> None:
    it = at()

    @it.kernel.register
    async def writer() -> Any:
        return await it.kernel.execute("mail.send", text="hello")

    async def main() -> None:
        run = asyncio.create_task(it.kernel.execute(writer))
        while not it.rows():  # noqa: ASYNC110 -- the store is what is looked at
            await asyncio.sleep(0.01)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(main())
    (row,) = it.rows()
    assert row["standing"] in ("waiting", "gone")
    assert it.sent == []


def test_nobody_speaks_in_time(at: Callable[..., Desk]) -> None:
    it = at(approval_seconds=0.3)
    it.start().join(20)
    assert (it.result, it.sent) == (["approval_expired"], [])
    (row,) = it.rows()
    assert row["standing"] == "expired"
    assert it.speak(row["code"], approve=True) == "expired"


def test_arguments_are_redacted_for_the_operator_too(at: Callable[..., Desk]) -> None:
    it = at(HIDE)
    thread = it.start(card="4111")
    (row,) = it.waiting()
    assert "4111" not in row["shown"]
    assert b"4111" not in it.store.read_bytes()
    it.speak(row["code"], approve=False)
    thread.join(20)


@pytest.mark.parametrize("word", ["approve", "deny"])
def test_the_token_of_somebody_else_does_nothing_and_is_told_so(at: Callable[..., Desk], word: str) -> None:
    it = at()
    thread = it.start()
    (row,) = it.waiting()
    another, _ = _core.new_operator()
    refused = it.cli(word, row["code"], token=another)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "nothing was done" in refused.stderr
    assert it.key in refused.stderr
    assert it.key in it.cli("show", row["code"]).stdout
    assert it.speak(row["code"], approve=word == "approve", token=another) == "other_operator"
    # It still waits for the one that is asked.
    assert [waiting["operator"] for waiting in it.waiting()] == [it.key]
    it.speak(row["code"], approve=True)
    thread.join(20)
    assert (it.result, it.sent) == (["sent"], ["hello"])


def test_a_request_from_before_operators_were_noted_can_only_be_taken_off_the_list(at: Callable[..., Desk]) -> None:
    it = at()
    thread = it.start()
    assert len(it.waiting()) == 1
    with sqlite3.connect(it.store) as connection:
        connection.execute("UPDATE approvals SET operator = '', ended = 'gone'")
    connection.close()
    (old,) = it.rows()
    assert it.speak(old["code"], approve=True) == "other_operator"
    assert it.cli("approve", old["code"], token=it.token).returncode == 3
    assert it.speak(old["code"], approve=False) is None
    assert it.rows()[0]["standing"] == "denied"
    thread.join(20)
    assert it.sent == []


def test_after_a_restart_a_request_is_there_and_an_approval_of_it_does_nothing(tmp_path: Path) -> None:
    token, key = _core.new_operator()
    code = f"""
import os, sys, threading, time
from pathlib import Path
from tests.unit.kernel.test_queue import desk, ASK, inside
kernel = desk(ASK, approver="queue", store={str(tmp_path / "state.db")!r}, operator={key!r})
send = kernel.tool("mail.send")(lambda: None)
threading.Thread(target=lambda: (time.sleep(1), os._exit(9))).start()
inside(kernel, send)
"""
    died = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3])
    assert died.returncode == 9
    with sqlite3.connect(tmp_path / "state.db") as connection:
        # As if some time had passed.
        connection.execute("UPDATE approvals SET seen = seen - 60000000")
    connection.close()
    queue = _core.Approvals(tmp_path / "state.db")
    (entry,) = queue.entries()
    assert entry.row()["standing"] == "gone"
    assert queue.speak(token, entry, True) == "gone"
    assert queue.speak(token, entry, False) is None
    assert queue.entries()[0].row()["standing"] == "denied"


@pytest.mark.parametrize("variable", ["AGENT_OS_OPERATOR_TOKEN", "AGENT_OS_OPERATOR_TOKEN_FILE", "SOMETHING"])
def test_a_kernel_does_not_start_where_agents_could_read_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    token, key = _core.new_operator()
    monkeypatch.setenv(variable, f"x={token}" if variable == "SOMETHING" else "/somewhere")
    with pytest.raises(AgentOSError, match=variable) as refused:
        KernelSpace("strict", durability="memory", approver="queue", store=tmp_path / "state.db", operator=key)
    assert refused.value.code == "operator_token_visible"
    assert token not in str(refused.value)


def test_a_queue_needs_a_store_and_a_key(tmp_path: Path) -> None:
    _, key = _core.new_operator()
    with pytest.raises(ValueError, match="`store=`"):
        KernelSpace("strict", durability="memory", approver="queue", operator=key)
    with pytest.raises(ValueError, match="agentos approvals init"):
        KernelSpace("strict", durability="memory", approver="queue", store=tmp_path / "state.db")
    for bad in ("", "x", key[:-1], key.upper(), "agentos-operator-key-" + "00" * 32, _core.new_operator()[0]):
        with pytest.raises(ValueError, match="public key"):
            KernelSpace("strict", durability="memory", approver="queue", store=tmp_path / "state.db", operator=bad)
    with pytest.raises(ValueError, match="leave it out"):
        KernelSpace("strict", durability="memory", operator=key)
    (tmp_path / "other").write_bytes(b"not a store, and longer than a header of SQLite" * 4)
    (tmp_path / "other").chmod(0o600)
    with pytest.raises(StoreError):
        KernelSpace("strict", durability="memory", approver="queue", store=tmp_path / "other", operator=key)


def test_the_command_line_lists_shows_approves_and_denies(at: Callable[..., Desk]) -> None:
    it = at()
    thread = it.start("hello\x1b[2J")
    (row,) = it.waiting()
    listed = it.cli("list")
    assert listed.returncode == 0
    assert listed.stdout.startswith(f"{row['code']}  waiting ")
    assert "mail.send" in listed.stdout
    assert "\x1b" not in listed.stdout
    shown = it.cli("show", row["code"])
    assert "rule `ask`: a person reads it first" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert json.loads(it.cli("list", "--json").stdout)[0]["shown"]["args"]["text"] == "hello\x1b[2J"
    assert it.cli("approve", row["code"][:-1], token=it.token).returncode == 3
    assert it.cli("approve", row["code"]).returncode == 2
    assert it.cli("approve", row["code"], token="wrong").returncode == 3
    assert it.sent == []
    done = it.cli("approve", row["code"], token=it.token)
    assert (done.returncode, done.stdout) == (0, f"{row['code']}: approved\n")
    thread.join(20)
    assert (it.result, len(it.sent)) == (["sent"], 1)
    late = it.cli("deny", row["code"], token=it.token)
    assert (late.returncode, "nothing was done: it was confirmed already" in late.stderr) == (1, True)
    assert it.cli("list").stdout == ""
    assert "approved" in it.cli("list", "--all").stdout


def test_init_shows_a_token_that_its_key_belongs_to() -> None:
    command = [sys.executable, "-m", "agent_os.cli", "approvals", "init", "--json"]
    made = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert _core.operator_key(made["token"]) == made["operator"]
    assert json.loads(subprocess.run(command, capture_output=True, check=True).stdout) != made
