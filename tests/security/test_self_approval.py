"""An agent with a shell of its own cannot approve what it asks for: it tries everything that the store lets it."""

from __future__ import annotations

import base64
import contextvars
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent_os import PolicyDenied, _core
from tests.unit.kernel.desk import Trace, desk, inside, of_kind

RULES = (
    "{id: shell, effect: allow, action: bash}",
    "{id: ask, effect: ask, action: pay}",
)


class Heist:
    """A governed agent with a real shell, and a payment that only the operator can confirm."""

    def __init__(self, folder: Path, seconds: float = 4.0) -> None:
        self.store = folder / "state.db"
        self.token, self.key = _core.new_operator()
        self.trace = Trace(folder)
        self.kernel = desk(*RULES, approver="queue", store=self.store, operator=self.key, approval_seconds=seconds)
        pay = self.kernel.tool("pay")(lambda amount: self.trace.leave())

        @self.kernel.tool("bash")
        def bash(command: str) -> str:
            done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, encoding="utf-8", check=False)
            return done.stdout + done.stderr

        self.bash, self.pay = bash, pay

    def smuggled(self, command: str) -> str:
        """Has the shell put the command together: one that names the store as it is, is denied before it runs."""
        with pytest.raises(PolicyDenied) as denied:
            self.bash(command + f" # {self.store}")
        assert denied.value.code == "protected_path"
        return str(self.bash(f'eval "$(echo {base64.b64encode(command.encode()).decode()} | base64 -d)"'))

    def attempt(self, attack: Callable[[Heist, str], None], amount: int = 100) -> Any:
        """What asking for the payment comes to while the agent attacks; the attack gets the id of its request."""

        def agent() -> Any:
            with ThreadPoolExecutor() as pool:
                asking = pool.submit(contextvars.copy_context().run, self.pay, amount)
                attack(self, self.waiting())
                return asking.result()

        try:
            return inside(self.kernel, agent)
        except PolicyDenied as denied:
            return denied.decision.reason

    def waiting(self) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for entry in _core.Approvals(self.store).entries():
                if entry.row()["standing"] == "waiting":
                    return str(entry.row()["id"])
            time.sleep(0.02)
        raise AssertionError("nothing came to wait")

    def code(self, request: str) -> str:
        (row,) = [row for entry in _core.Approvals(self.store).entries() if (row := entry.row())["id"] == request]
        return str(row["code"])

    def sql(self, *statements: str) -> None:
        """Writes to the file through the agent's shell, as any process of the same user can."""
        script = f"import sqlite3; c = sqlite3.connect({str(self.store)!r}); c.executescript({';'.join(statements)!r})"
        assert self.smuggled(f"'{sys.executable}' -c {quoted(script)}") == ""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


@pytest.fixture
def heist(tmp_path: Path) -> Any:
    it = Heist(tmp_path)
    yield it
    it.kernel.close()


def by_command_line(it: Heist, request: str) -> None:
    command = f"'{sys.executable}' -m agent_os.cli approvals approve {it.code(request)} --store '{it.store}'"
    said = it.smuggled(f"{command} < /dev/null")
    assert "the operator's token is needed" in said


def by_a_token_of_its_own(it: Heist, request: str) -> None:
    token, _ = _core.new_operator()
    command = f"'{sys.executable}' -m agent_os.cli approvals approve {it.code(request)} --store '{it.store}'"
    said = it.smuggled(f"AGENT_OS_OPERATOR_TOKEN={token} {command}")
    assert "another operator" in said
    assert "approved" not in said


def by_naming_itself_the_operator(it: Heist, request: str) -> None:
    """The row then says that the agent's key is asked; the kernel still believes the one that it was given."""
    token, key = _core.new_operator()
    it.sql(f"UPDATE approvals SET operator = '{key}' WHERE id = '{request}'")
    command = f"'{sys.executable}' -m agent_os.cli approvals approve {it.code(request)} --store '{it.store}'"
    assert "approved" in it.smuggled(f"AGENT_OS_OPERATOR_TOKEN={token} {command}")


def by_writing_the_verdict(it: Heist, request: str) -> None:
    it.sql(f"UPDATE approvals SET verdict = 'approve', signature = zeroblob(64) WHERE id = '{request}'")


def by_writing_the_end(it: Heist, request: str) -> None:
    it.sql(f"UPDATE approvals SET ended = 'approved', verdict = 'approve' WHERE id = '{request}'")


def by_replacing_the_store(it: Heist, request: str) -> None:
    it.sql("UPDATE store SET id = 'mine'", f"UPDATE approvals SET verdict = 'approve' WHERE id = '{request}'")


def by_a_key_in_the_store(it: Heist, request: str) -> None:
    token, key = _core.new_operator()
    it.sql(f"CREATE TABLE operator (key TEXT); INSERT INTO operator VALUES ('{key}')")
    command = f"'{sys.executable}' -m agent_os.cli approvals approve {it.code(request)} --store '{it.store}'"
    it.smuggled(f"AGENT_OS_OPERATOR_TOKEN={token} {command}")


@pytest.mark.parametrize(
    "attack",
    [
        by_command_line,
        by_a_token_of_its_own,
        by_naming_itself_the_operator,
        by_writing_the_verdict,
        by_writing_the_end,
        by_replacing_the_store,
        by_a_key_in_the_store,
    ],
)
def test_18_an_agent_with_a_shell_cannot_approve_itself(heist: Heist, attack: Callable[[Heist, str], None]) -> None:
    assert heist.attempt(attack) in ("approval_refused", "approval_expired")
    assert heist.trace.times == 0
    assert of_kind(heist.kernel, "approval.granted") == []


def test_21_an_approval_that_was_given_is_none_of_another_request(heist: Heist) -> None:
    def operator_approves(it: Heist, request: str) -> None:
        queue = _core.Approvals(it.store)
        (entry,) = [entry for entry in queue.entries() if entry.row()["id"] == request]
        assert queue.speak(it.token, entry, True) is None

    assert heist.attempt(operator_approves, amount=1) == "done"

    def replay(it: Heist, request: str) -> None:
        it.sql(
            "UPDATE approvals SET verdict = 'approve', signature ="
            f" (SELECT signature FROM approvals WHERE ended = 'approved') WHERE id = '{request}'"
        )

    assert heist.attempt(replay, amount=1) in ("approval_refused", "approval_expired")
    assert heist.trace.times == 1


@pytest.mark.parametrize(
    "change",
    [
        "shown = replace(shown, '1000000', '1')",
        "expires = expires + 60000000",
        "request = 'another'",
        "bundle = 'another'",
        "kernel = 'another'",
    ],
)
def test_21_what_the_operator_saw_is_what_is_confirmed(heist: Heist, change: str) -> None:
    """The agent has the operator agree to something else than it asks for."""

    def swap(it: Heist, request: str) -> None:
        it.sql(f"UPDATE approvals SET {change} WHERE id = '{request}'")
        queue = _core.Approvals(it.store)
        (entry,) = [entry for entry in queue.entries() if entry.row()["id"] == request]
        assert queue.speak(it.token, entry, True) is None

    assert heist.attempt(swap, amount=1_000_000) == "approval_refused"
    assert heist.trace.times == 0


def test_21_what_is_changed_between_the_look_and_the_word_is_not_found(heist: Heist) -> None:
    def swap(it: Heist, request: str) -> None:
        it.sql(f"UPDATE approvals SET shown = replace(shown, '1000000', '1') WHERE id = '{request}'")
        seen = it.code(request)
        true = "replace(shown, '\"amount\":1', '\"amount\":1000000')"
        it.sql(f"UPDATE approvals SET shown = {true} WHERE id = '{request}'")
        assert it.code(request) != seen

    assert heist.attempt(swap, amount=1_000_000) == "approval_expired"
    assert heist.trace.times == 0


def test_19_the_environment_of_an_agent_holds_no_token(heist: Heist) -> None:
    def look(it: Heist, request: str) -> None:
        assert "agentos-operator-token" not in it.bash("env; cat /proc/self/environ /proc/$PPID/environ")

    heist.attempt(look)
    assert heist.token.encode() not in heist.store.read_bytes()


def test_a_deny_that_the_operator_did_not_sign_is_a_deny(heist: Heist) -> None:
    """Whoever can write the store can have requests denied; that is all."""

    def deny(it: Heist, request: str) -> None:
        it.sql(f"UPDATE approvals SET verdict = 'deny' WHERE id = '{request}'")

    assert heist.attempt(deny) == "approval_refused"
