"""Promise: a limit holds, whoever calls, however many at once, over restarts, and when the store fails."""

from __future__ import annotations

import ast
import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_os import KernelSpace, Policy, PolicyDenied, RecorderError, StoreError

RUN = "  - {id: run, effect: allow, action: agent.run}\n"


def kernel(rules: str, **options: Any) -> KernelSpace:
    policy = Policy.from_text(f"agent_os: 1\nname: limits\nrules:\n{RUN}{rules}")
    return KernelSpace(policy, **{"durability": "memory", **options})


def limited(limit: str) -> str:
    """A rule that allows payments within a limit."""
    return f"  - {{id: pay, effect: allow, action: payments.send, limit: {{{limit}}}}}\n"


def payments(kernel: KernelSpace) -> Callable[..., Any]:
    @kernel.tool("payments.send")
    def send(amount: Any = 1) -> Any:
        return amount

    return send


def outside(store: Path, *statements: str) -> list[Any]:
    """What SQL in another process says. A second copy of SQLite in this one would break the first one's locks."""
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    code += "for s in sys.argv[2:]: rows = c.execute(s).fetchall()\nprint(rows)"
    done = subprocess.run([sys.executable, "-c", code, str(store), *statements], stdout=subprocess.PIPE, check=True)
    rows: list[Any] = ast.literal_eval(done.stdout.decode())
    return rows


def passed(call: Callable[[], Any]) -> str:
    """``allow``, or the reason why not."""
    try:
        call()
    except PolicyDenied as denied:
        return str(denied.decision.reason)
    return "allow"


def as_agent(kernel: KernelSpace, work: Callable[[], Any], agent_id: str = "desk", roles: tuple[str, ...] = ()) -> Any:
    kernel.register(work, agent_id=agent_id, roles=roles)
    return kernel.execute_sync(work)


@pytest.mark.parametrize("store", ["memory", "file"])
def test_64_threads_together_get_no_more_than_the_limit(store: str, tmp_path: Path) -> None:
    rules = limited("calls: 40, per: 24h")
    with kernel(rules, store=tmp_path / "state.db" if store == "file" else None) as space:
        payments(space)
        said: list[str] = []
        barrier = threading.Barrier(64)
        handle = space.operator()

        def by_operator() -> None:
            barrier.wait()
            said.extend(passed(lambda: handle.execute_sync("payments.send")) for _ in range(2))

        workers = [threading.Thread(target=by_operator) for _ in range(64)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert said.count("allow") == 40
        assert said.count("limit_exceeded") == 88


@pytest.mark.parametrize("store", ["memory", "file"])
async def test_64_tasks_together_get_no_more_than_the_sum(store: str, tmp_path: Path) -> None:
    rules = limited("sum: args.amount, max: 2.5, per: 24h, by: global")
    async with kernel(rules, store=tmp_path / "state.db" if store == "file" else None) as space:
        done = []

        @space.tool("payments.send")
        async def send(amount: float) -> None:
            await asyncio.sleep(0)
            done.append(amount)

        @space.register
        async def desk() -> list[Any]:
            return await asyncio.gather(*(send(0.1) for _ in range(64)), return_exceptions=True)

        results = await space.execute(desk)
        assert len(done) == 25
        assert sum(isinstance(result, PolicyDenied) for result in results) == 39


PROCESS = """
import sys
from agent_os import KernelSpace, Policy, PolicyDenied
policy = Policy.from_text('''
agent_os: 1
name: limits
rules:
  - {id: pay, effect: allow, action: payments.send, limit: {calls: 50, per: 24h, by: agent}}
''')
with KernelSpace(policy, durability="memory", store=sys.argv[1]) as kernel:
    @kernel.tool("payments.send")
    def send(): pass
    operator = kernel.operator()
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        try:
            operator.execute_sync("payments.send")
        except PolicyDenied as denied:
            print(denied.decision.reason, flush=True)
        else:
            print("allow", flush=True)
"""


def start(store: Path, calls: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROCESS, str(store), str(calls)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_4_processes_with_one_store_get_no_more_than_the_limit(tmp_path: Path) -> None:
    processes = [start(tmp_path / "state.db", 30) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [line for process in processes for line in process.communicate()[0].split()]
    assert said.count("allow") == 50
    assert said.count("limit_exceeded") == 70


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_a_killed_process_was_allowed_still_counts(tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    process = start(store, 1_000)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    acknowledged = sum(process.stdout.readline() == "allow\n" for _ in range(20))
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += process.stdout.readlines().count("allow\n")
    process.communicate()
    assert 20 <= acknowledged <= 50
    again = start(store, 100)
    left = again.communicate("go\n")[0].split().count("allow")
    assert acknowledged + left <= 50
    # At most the one that was under way is lost.
    assert acknowledged + left >= 49


def test_an_agent_gets_no_new_budget_by_starting_others(tmp_path: Path) -> None:
    rules = """
  - {id: pay, effect: allow, action: payments.send}
  - {id: cap, effect: deny, action: payments.*, over: {calls: 3, per: run}}
  - {id: daily, effect: deny, action: payments.*, over: {sum: args.amount, max: 100, per: 24h, by: agent}}
"""
    with kernel(rules) as space:
        send = payments(space)
        said: list[str] = []

        def child() -> None:
            said.append(passed(lambda: send(1)))

        def desk() -> None:
            for _ in range(3):
                space.execute_sync(child)
            said.append(passed(lambda: send(1)))
            space.execute_sync(child)

        space.register(child, agent_id="child")
        as_agent(space, desk)
        assert said == ["allow", "allow", "allow", "limit_exceeded", "limit_exceeded"]

        # A run of its own has its own budget of a run, and the agent's of a day.
        def other() -> None:
            said.clear()
            said.append(passed(lambda: send(96)))
            said.append(passed(lambda: send(2)))

        as_agent(space, other, "other")
        assert said == ["allow", "allow"]


def test_a_child_is_charged_to_the_agents_above_it() -> None:
    rules = (
        "  - {id: pay, effect: allow, action: payments.send, limit: {sum: args.amount, max: 10, per: 24h, by: agent}}\n"
    )
    with kernel(rules) as space:
        send = payments(space)
        said: list[str] = []
        helpers = [
            space.register(lambda: said.append(passed(lambda: send(4))), agent_id=f"helper-{number}")
            for number in range(3)
        ]

        def desk() -> None:
            for helper in helpers:
                space.execute_sync(helper)

        as_agent(space, desk)
        assert said == ["allow", "allow", "limit_exceeded"]


def test_an_agent_without_roles_is_not_without_a_limit_by_role() -> None:
    rules = limited("calls: 2, per: 24h, by: role")
    with kernel(rules) as space:
        send = payments(space)
        said: list[str] = []

        def desk() -> None:
            said.extend(passed(send) for _ in range(3))

        as_agent(space, desk)
        assert said == ["allow", "allow", "limit_exceeded"]
        said.clear()
        as_agent(space, lambda: desk(), "teller", ("clerk", "treasurer"))
        assert said == ["allow", "allow", "limit_exceeded"]
        said.clear()
        as_agent(space, lambda: desk(), "other", ("treasurer",))
        assert said == ["limit_exceeded"] * 3


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), 10**21, 1e-19, True, "5", None, [5], {"a": 1}])
def test_what_is_no_amount_opens_nothing_and_frees_nothing(amount: Any) -> None:
    rules = """
  - {id: pay, effect: allow, action: payments.send}
  - {id: cap, effect: deny, action: payments.*, over: {sum: args.amount, max: 10, per: 24h}}
"""
    with kernel(rules) as space:
        send = payments(space)

        def desk() -> list[str]:
            return [answer(value) for value in (10, amount, 1)]

        def answer(value: Any) -> str:
            try:
                return passed(lambda: send(value))
            except ValueError:
                return "request_invalid"

        first, strange, after = as_agent(space, desk)
        assert first == "allow"
        assert strange in ("condition_unknown", "request_invalid")
        assert after == "limit_exceeded"


def test_a_budget_key_among_the_arguments_means_nothing() -> None:
    rules = limited("calls: 1, per: 24h, by: agent")
    with kernel(rules) as space:

        @space.tool("payments.send")
        def send(**given: Any) -> None:
            pass

        def desk() -> list[str]:
            keys = [{}, {"agent": "other"}, {"by": "x"}, {"budget": "mine", "agent_id": "other", "limit": 99}]
            return [passed(lambda key=key: send(**key)) for key in keys]

        assert as_agent(space, desk) == ["allow", "limit_exceeded", "limit_exceeded", "limit_exceeded"]


def test_checking_reserves_nothing() -> None:
    rules = limited("calls: 1, per: 24h")
    with kernel(rules) as space:
        send = payments(space)

        def desk() -> list[Any]:
            checks = [bool(space.check("payments.send", {"amount": 1})) for _ in range(5)]
            send(1)
            return [*checks, bool(space.check("payments.send", {"amount": 1}))]

        assert as_agent(space, desk) == [True] * 5 + [False]
        assert space.check("payments.send", {"amount": 1}, agent="desk").reason == "limit_exceeded"


def test_what_is_asked_about_is_charged_only_when_it_was_confirmed() -> None:
    rules = """
  - {id: many, effect: ask, action: payments.send}
  - {id: cap, effect: require, action: payments.send, limit: {calls: 2, per: 24h}}
"""
    answers = iter([False, True, False, True])
    asked = []

    def approver(request: Any) -> bool:
        asked.append(request.action)
        return next(answers)

    with kernel(rules, approver=approver) as space:
        send = payments(space)
        said = as_agent(space, lambda: [passed(send) for _ in range(5)])
    assert said == ["approval_refused", "allow", "approval_refused", "allow", "limit_exceeded"]
    assert len(asked) == 4, "nobody is asked about what is denied anyway"


def test_an_ask_over_a_limit_lets_a_person_confirm_what_is_beyond_it() -> None:
    rules = """
  - {id: pay, effect: allow, action: payments.send}
  - {id: many, effect: ask, action: payments.send, over: {calls: 2, per: 24h}}
"""
    asked = []
    with kernel(rules, approver=lambda request: bool(asked.append(request.rules)) or True) as space:
        send = payments(space)
        assert as_agent(space, lambda: [passed(send) for _ in range(4)]) == ["allow"] * 4
    assert [[rule for rule, _ in rules] for rules in asked] == [["many"], ["many"]]


def test_an_action_that_is_cancelled_before_it_starts_gives_back_what_was_reserved(tmp_path: Path) -> None:
    rule = "{id: run, effect: allow, action: agent.run, limit: {calls: 1, per: 24h}}"
    policy = f"agent_os: 1\nname: runs\nrules:\n  - {rule}\n"
    store = tmp_path / "state.db"
    with KernelSpace(Policy.from_text(policy), durability="memory", store=store) as space:
        space.register(lambda: None, agent_id="desk")
        call = space.core.run("desk", space.core.operator, {"agent": "desk", "args": [], "kwargs": {}})
        assert outside(store, "SELECT hex(amount) FROM usage") != [("00" * 16,)]
        call.abandon()
        assert outside(store, "SELECT hex(amount) FROM usage") == [("00" * 16,)]


def test_a_window_that_has_passed_frees_what_was_used(tmp_path: Path) -> None:
    rules = limited("calls: 1, per: 24h")
    store = tmp_path / "state.db"

    def once() -> str:
        with kernel(rules, store=store) as space:
            payments(space)
            return passed(lambda: space.operator().execute_sync("payments.send"))

    assert [once(), once()] == ["allow", "limit_exceeded"]
    # The same as waiting: the charge moves into the past.
    outside(store, "UPDATE usage SET slice = slice - 65, expires = 0")
    assert [once(), once()] == ["allow", "limit_exceeded"]
    # The clock is set back by a day: what was charged later still counts.
    outside(store, "UPDATE usage SET slice = slice + 64")
    assert once() == "limit_exceeded"


def test_the_log_says_what_was_used_and_what_was_charged() -> None:
    rules = limited("sum: args.amount, max: 3, per: run")
    with kernel(rules) as space:
        send = payments(space)
        as_agent(space, lambda: [passed(lambda: send(1.5)) for _ in range(3)])
        entries = [entry for entry in space.flight_recorder.entries() if entry.get("action") == "payments.send"]
    limits = [entry["limits"]["pay"] for entry in entries if "limits" in entry]
    assert limits == [{"charged": "1.5", "used": "0"}, {"charged": "1.5", "used": "1.5"}, {"used": "3"}]
    assert [entry["run"]["calls"] for entry in entries if "limits" in entry] == [0, 1, 2]


def test_calls_of_a_run_count_those_of_the_runs_below_it() -> None:
    rules = "  - {id: pay, effect: allow, action: payments.send, when: {run.calls: {lt: 4}}}\n"
    with kernel(rules) as space:
        send = payments(space)
        said: list[str] = []
        child = space.register(lambda: said.append(passed(send)), agent_id="child")

        def desk() -> None:
            space.execute_sync(child)  # two calls: the run and what it does
            said.extend(passed(send) for _ in range(3))

        as_agent(space, desk)
        assert said == ["allow", "allow", "allow", "denied_by_default"]


def test_a_rule_in_shadow_charges_nothing_and_stops_nothing(tmp_path: Path) -> None:
    rules = """
  - {id: pay, effect: allow, action: payments.send}
  - {id: cap, effect: deny, action: payments.send, mode: shadow, over: {calls: 1, per: 24h}}
"""
    store = tmp_path / "state.db"
    with kernel(rules, store=store) as space:
        send = payments(space)
        assert as_agent(space, lambda: [passed(send) for _ in range(3)]) == ["allow"] * 3
    assert outside(store, "SELECT count(*) FROM usage") == [(0,)]


LIMITED = limited("calls: 9, per: 24h") + "  - {id: read, effect: allow, action: files.read}\n"


@pytest.mark.parametrize("damage", ["table dropped", "rows of another kind", "locked"])
def test_a_store_that_fails_later_denies_what_has_a_limit_and_nothing_else(damage: str, tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    with kernel(LIMITED, store=store) as space:
        send = payments(space)

        @space.tool("files.read")
        def read() -> str:
            return "text"

        row = """INSERT INTO usage VALUES ('["pay","calls","86400","agent","desk"]', 'x', 'y', 'z')"""
        code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        code += "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.readline()"
        holders = []

        def desk() -> list[str]:
            said = [passed(send)]
            if damage == "table dropped":
                outside(store, "DROP TABLE usage")
            elif damage == "locked":
                pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
                holders.append(subprocess.Popen([sys.executable, "-c", code, str(store)], **pipes))
                assert holders[0].stdout.readline() == b"held\n"
            else:
                outside(store, "DROP TABLE usage", "CREATE TABLE usage (counter, slice, amount, expires)", row)
            return [*said, passed(send), passed(read)]

        said = as_agent(space, desk)
        for holder in holders:
            holder.communicate(b"\n")
        assert said == ["allow", "store_failed", "allow"]


@pytest.mark.parametrize("what", ["text", "other database", "newer", "directory", "missing folder"])
def test_a_store_that_is_not_understood_is_an_error_at_the_start(what: str, tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    if what == "text":
        store.write_text("agent_os: 1\n" * 100)
        store.chmod(0o600)
    elif what == "directory":
        store.mkdir()
    elif what == "missing folder":
        store = tmp_path / "nowhere" / "state.db"
    elif what == "other database":
        outside(store, "CREATE TABLE things (id)")
        store.chmod(0o600)
    else:
        kernel(LIMITED, store=store).close()
        outside(store, "PRAGMA user_version = 999")
    with pytest.raises(StoreError) as refused:
        kernel(LIMITED, store=store)
    assert refused.value.code.startswith("store_")
    assert str(store) in str(refused.value)


def test_a_check_whose_limit_cannot_be_read_is_a_denial(tmp_path: Path) -> None:
    """Nothing is reserved in a check, so reading what was used is all that stands in the way."""
    store = tmp_path / "state.db"
    with kernel(LIMITED, store=store) as space:
        payments(space)
        as_agent(space, lambda: None)
        assert space.check("payments.send", {"amount": 1}, agent="desk").effect == "allow"
        outside(store, "DROP TABLE usage")
        decision = space.check("payments.send", {"amount": 1}, agent="desk")
        assert (decision.effect, decision.reason) == ("deny", "store_failed")


def test_an_action_that_cannot_be_recorded_gives_back_what_was_reserved(tmp_path: Path) -> None:
    """The labels of a run are in each of its entries, and at some point an entry has no room for more."""
    rules = "  - {id: do, effect: allow, action: 't.*', limit: {calls: 1000, per: 24h}}\n"
    store, happened = tmp_path / "state.db", []
    with kernel(rules, store=store) as space:
        for number in range(80):
            labels = [f"{'x' * 110}-{number}-{each}" for each in range(8)]
            space.tool(f"t.t{number}", labels=labels)(lambda: happened.append(1))

        def desk() -> None:
            for number in range(80):
                space.execute_sync(f"t.t{number}")

        with pytest.raises(RecorderError, match="did not happen"):
            as_agent(space, desk)
        ((used,),) = outside(store, "SELECT hex(amount) FROM usage WHERE counter LIKE '%desk%'")
    assert 0 < len(happened) < 80
    assert int(used, 16) == len(happened) * 10**18


@pytest.fixture
def another_user() -> Iterator[Path]:
    """A folder of somebody for whom the rights of files count, which they do not for root."""
    folder = Path(tempfile.mkdtemp())
    if os.getuid() == 0:
        nobody = 65_534
        os.chown(folder, nobody, nobody)
        filesystem_user = getattr(ctypes.CDLL(None), "setfsuid", None)
        if filesystem_user is None:
            pytest.skip("only Linux lets a thread of root look at files as another user")
        filesystem_user(nobody)
        try:
            yield folder
        finally:
            filesystem_user(0)
    else:
        yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are those of POSIX here")
@pytest.mark.parametrize("what", ["file", "folder", "both"])
def test_a_store_that_may_only_be_read_is_an_error_at_the_start(what: str, another_user: Path) -> None:
    store = another_user / "state.db"
    with kernel(LIMITED, store=store) as space:
        send = payments(space)
        assert as_agent(space, lambda: passed(send)) == "allow"
    if what != "folder":
        store.chmod(0o400)
    if what != "file":
        another_user.chmod(0o500)
    with pytest.raises(StoreError) as refused:
        kernel(LIMITED, store=store)
    assert refused.value.code == "store_read_only"
    assert f"`{store}` may only be read" in str(refused.value)
