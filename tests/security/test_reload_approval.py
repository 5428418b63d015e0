"""A policy that may open something: the operator's token puts it in force from outside, and no agent can."""

from __future__ import annotations

import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_os import KernelSpace, _core
from agent_os.kernel.watching import ReloadReport
from tests.unit.kernel.desk import inside, of_kind

pytest.importorskip("watchfiles")

WIDE = "agent_os: 1\nname: w\nrules:\n  - {id: all, effect: allow, action: '**'}\n"
NARROW = WIDE + "  - {id: no-mail, effect: deny, action: mail.send}\n"
WIDER = WIDE.replace("name: w", "name: another")


class Watched:
    def __init__(self, folder: Path) -> None:
        self.file, self.store = folder / "policy.yaml", folder / "state.db"
        self.file.write_text(NARROW, encoding="ascii")
        self.token, self.key = _core.new_operator()
        self.reports: queue.Queue[ReloadReport] = queue.Queue()
        self.kernel = KernelSpace(
            self.file,
            durability="memory",
            approver="queue",
            operator=self.key,
            store=self.store,
            watch=True,
            on_reload=self.reports.put,
        )
        self.kernel.register(lambda: None, agent_id="clerk")
        self.before = self.kernel.bundle

    def save(self, text: str) -> None:
        self.file.with_suffix(".new").write_text(text, encoding="ascii")
        self.file.with_suffix(".new").replace(self.file)

    def until(self, status: str) -> ReloadReport:
        while (report := self.reports.get(timeout=30)).status != status:
            pass
        return report

    def waiting(self) -> _core.ApprovalEntry:
        entries = _core.Approvals(self.store).entries()
        (entry,) = [entry for entry in entries if entry.row()["standing"] in ("waiting", "answered")]
        return entry

    def sql(self, statement: str) -> None:
        """Writes to the store, as any process of the same user can."""
        script = "import sqlite3, sys; f = sqlite3.connect(sys.argv[1]); f.execute(sys.argv[2]); f.commit()"
        subprocess.run([sys.executable, "-c", script, str(self.store), statement], check=True)

    def agentos(self, *words: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command line, as from a shell without a terminal."""
        environment = {} if token is None else {"AGENT_OS_OPERATOR_TOKEN": token}
        command = [sys.executable, "-m", "agent_os.cli", "approvals", *words, "--store", str(self.store)]
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False, env=environment, stdin=subprocess.DEVNULL
        )

    def allows_mail(self) -> bool:
        return bool(self.kernel.check("mail.send", agent="clerk"))


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.kernel.close()


def test_the_operator_sees_what_it_opens_and_puts_it_in_force_from_a_shell(it: Watched) -> None:
    it.save(WIDE)
    pending = it.until("pending")
    code = str(it.waiting().row()["code"])
    listed = it.agentos("list")
    assert code in listed.stdout
    assert "kernel  kernel.reload" in listed.stdout
    said = it.agentos("show", code).stdout
    assert "approving puts exactly this bundle in force" in said
    assert str(pending.bundle) in said
    assert "no deny of the new policy covers the old deny rule `no-mail`" in said
    assert '"action": "mail.send"' in said
    assert not it.allows_mail()
    assert it.agentos("approve", code, token=it.token).stdout == f"{code}: approved\n"
    applied = it.until("applied")
    assert applied.bundle == pending.bundle == it.kernel.bundle
    assert it.allows_mail()
    assert it.kernel.pending_policy is None
    entry = of_kind(it.kernel, "policy.loaded")[-1]
    assert (entry["reason"], entry["bundle"]) == ("approved", applied.bundle)
    assert entry["approval"] == _core.digest({"action": "kernel.reload", "bundle": applied.bundle})
    assert "it was confirmed already" in it.agentos("approve", code, token=it.token).stderr


def test_what_was_approved_is_still_held_against_the_tools_that_came_since(it: Watched) -> None:
    it.save(WIDE + "  - {id: cap, effect: deny, action: pay, when: {args.ammount?: {gt: 500}}}\n")
    it.until("pending")
    it.kernel.tool("pay")(lambda amount: amount)
    assert it.agentos("approve", str(it.waiting().row()["code"]), token=it.token).returncode == 0
    assert "did you mean `args.amount`?" in it.until("rejected").error
    assert (it.kernel.bundle, it.allows_mail()) == (it.before, False)
    # The watcher lives on.
    it.save(NARROW + "  - {id: cap, effect: deny, action: pay, when: {args.amount?: {gt: 500}}}\n")
    assert it.until("applied").bundle == it.kernel.bundle != it.before


def test_the_operator_may_refuse_it(it: Watched) -> None:
    it.save(WIDE)
    it.until("pending")
    assert it.agentos("deny", str(it.waiting().row()["code"]), token=it.token).returncode == 0
    assert "denied" in it.until("rejected").error
    assert (it.kernel.bundle, it.allows_mail()) == (it.before, False)


def by_command_line(it: Watched) -> None:
    assert "the operator's token is needed" in it.agentos("approve", str(it.waiting().row()["code"])).stderr


def by_a_token_of_its_own(it: Watched) -> None:
    token, key = _core.new_operator()
    refused = it.agentos("approve", str(it.waiting().row()["code"]), token=token)
    assert (refused.returncode, refused.stdout) == (3, "")
    it.sql(f"UPDATE approvals SET operator = '{key}'")
    assert "approved" in it.agentos("approve", str(it.waiting().row()["code"]), token=token).stdout
    assert "forged" in it.until("rejected").error


def by_writing_the_verdict(it: Watched) -> None:
    it.sql("UPDATE approvals SET verdict = 'approve', signature = zeroblob(64)")
    assert "forged" in it.until("rejected").error


def by_another_bundle_under_the_same_notice(it: Watched) -> None:
    """What the operator would sign is exchanged before the look; the word is then none on what waits."""
    it.sql("UPDATE approvals SET bundle = 'sha256:0'")
    board = _core.Approvals(it.store)
    (entry,) = [entry for entry in board.entries() if entry.row()["bundle"] == "sha256:0"]
    assert board.speak(it.token, entry, True) is None
    assert "forged" in it.until("rejected").error


def by_the_kernels_own_doors(it: Watched) -> None:
    def agent() -> None:
        for attempt in (
            lambda: it.kernel.reload(it.file),
            lambda: it.kernel._reloader.settle(),
            lambda: it.kernel.core.reload_approved(it.kernel.core.bundle, None, None),
        ):
            with pytest.raises((PermissionError, TypeError)):
                attempt()

    inside(it.kernel, agent)


@pytest.mark.parametrize(
    "attack",
    [
        by_command_line,
        by_a_token_of_its_own,
        by_writing_the_verdict,
        by_another_bundle_under_the_same_notice,
        by_the_kernels_own_doors,
    ],
)
def test_18_an_agent_with_a_shell_cannot_open_its_own_policy(it: Watched, attack: Callable[[Watched], Any]) -> None:
    """The agent's shell gets round the first ring, and writes the policy's file and the store."""
    it.save(WIDE)
    it.until("pending")
    attack(it)
    # The watcher is alive, and what opens nothing still comes into force.
    it.save(NARROW + "  - {id: no-more, effect: deny, action: files.delete}\n")
    it.until("applied")
    assert not it.allows_mail()
    assert {entry["reason"] for entry in of_kind(it.kernel, "policy.loaded")} == {"start", "watch"}


def test_21_an_approval_of_one_bundle_is_none_of_another(it: Watched) -> None:
    it.save(WIDE)
    first = it.until("pending")
    entry = it.waiting()
    it.save(WIDER)
    second = it.until("pending")
    assert first.bundle != second.bundle
    # The operator still has the first one on the screen.
    assert _core.Approvals(it.store).speak(it.token, entry, True) == "gone"
    assert it.kernel.bundle == it.before
    assert _core.Approvals(it.store).speak(it.token, it.waiting(), True) is None
    assert it.until("applied").bundle == second.bundle


def test_21_an_approval_is_good_for_one_reload_of_one_bundle(tmp_path: Path) -> None:
    from agent_os import Policy
    from tests.unit.kernel.desk import policy

    token, key = _core.new_operator()
    store = tmp_path / "state.db"
    wanted, other = policy("{id: a, effect: allow, action: a}"), policy("{id: b, effect: allow, action: b}")
    with KernelSpace(Policy.load("strict"), durability="memory", store=store) as kernel:
        asked = _core.ApprovalQueue(store, key, kernel.core.log_id)
        waiting = asked.ask("request", wanted.digest, "{}", 2**60)
        nothing = _core.Protected([])
        assert kernel.core.reload_approved(wanted.bundle, waiting, nothing) == "waiting"
        board = _core.Approvals(store)
        assert board.speak(token, board.entries()[0], True) is None
        assert kernel.core.reload_approved(other.bundle, waiting, nothing) == "forged"
        assert kernel.core.reload_approved(wanted.bundle, waiting, nothing) == "approved"
        assert kernel.bundle == wanted.digest
        assert kernel.core.reload_approved(wanted.bundle, waiting, nothing) == "forged"
