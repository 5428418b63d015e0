"""Promise: a replay says what another policy would have said, from the log alone, and counts what it cannot know."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent_os import FlightRecorder, KernelSpace, Policy, PolicyDenied
from agent_os.recorder import Difference, ReplayReport, replay
from agent_os.recorder.replay_report import CHANGES, NOT_REPLAYABLE
from tests.unit.recorder.desk import IBAN, OTHER_IBAN, RULES, Desk, a_day_at_the_desk, desk

LAX = "agent_os: 1\nname: lax\nrules:\n  - {id: any, effect: allow, action: '**'}\n"


def policy(rules: str = RULES) -> Policy:
    return Policy.from_text(rules, name="other.yaml")


def recorded(directory: Path, work: Callable[[Desk], None], **how: Any) -> Path:
    with desk(directory / "log", **how) as at:
        at.run(f"pay 7 to {IBAN}", work)
    return directory / "log"


def by_action(report: ReplayReport, action: str) -> list[Difference]:
    return [difference for difference in report.differences if difference.action == action]


# -- the state of a run is rebuilt from the log alone ------------------------------------------------------------------


def test_the_policy_that_was_in_force_decides_everything_as_it_was_decided(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        a_day_at_the_desk(at)
        assert sorted(at.denied) == ["approval_missing"] * 2 + ["denied_by_default"] + ["denied_by_rule"] * 2
    report = replay(tmp_path / "log", policy())
    assert report.differences == ()
    assert report.not_replayable == {}
    assert report.same == report.replayed == report.decisions == len(at.denied) + 6


def test_a_log_in_memory_is_replayed_too() -> None:
    with desk(None) as at:
        a_day_at_the_desk(at)
        report = replay(at.kernel.flight_recorder, policy())
    assert (report.differences, dict(report.not_replayable)) == ((), {})


def a_message(folder: str) -> str:
    raise LookupError(f"no folder, but {folder}")


def too_much(folder: str) -> object:
    return object() if folder == "an object" else a_message(folder)


@pytest.mark.parametrize("answer", [None, True, False, "neither"])
def test_what_an_approver_said_does_not_hide_what_the_policy_said(tmp_path: Path, answer: object) -> None:
    how = {} if answer is None else {"approver": lambda _request: answer}
    log = recorded(tmp_path, lambda at: at.ask("payments.send", iban=IBAN, amount=700), **how)
    same = replay(log, policy())
    assert (same.differences, dict(same.not_replayable)) == ((), {})
    (now_allowed,) = by_action(replay(log, policy(LAX)), "payments.send")
    assert (now_allowed.change, now_allowed.before.effect, now_allowed.before.rules) == ("opened", "ask", ("large",))
    (now_denied,) = by_action(replay(log, Policy.load("strict")), "payments.send")
    assert (now_denied.change, now_denied.after.reason) == ("closed", "denied_by_default")


@pytest.mark.parametrize("in_error", [False, True])
def test_text_flows_down_to_runs_and_back_up(tmp_path: Path, in_error: bool) -> None:
    """Each of these payments is decided by what the run has seen at that moment, which only the log can tell."""

    def pay(at: Desk) -> None:
        at.ask("payments.send", iban=IBAN, amount=1, note="invoice 4711-b")

    def read(at: Desk) -> None:
        try:
            at.ask("mail.read", folder="invoice 4711-b")
        except LookupError:
            assert in_error

    def errand(at: Desk) -> None:
        pay(at)
        read(at)
        pay(at)

    def work(at: Desk) -> None:
        pay(at)
        at.clerk(errand)
        pay(at)
        at.clerk(pay)

    log = recorded(tmp_path, work, mail=a_message if in_error else str)
    effects = [e["decision"]["effect"] for e in FlightRecorder(log).query(action="payments.send") if "decision" in e]
    assert effects == ["allow", "allow", "deny", "deny", "deny"]
    report = replay(log, policy())
    assert (report.differences, dict(report.not_replayable)) == ((), {})


def test_labels_roles_parents_depth_and_time_are_those_of_the_moment(tmp_path: Path) -> None:
    rules = RULES + (
        "  - {id: at-the-time, effect: deny, action: payments.send, when: {args.note: {eq: timed}}, "
        "unless: {time.hour: {ge: 0}}}\n"
    )
    log = recorded(tmp_path, a_day_of_state, rules=rules)
    report = replay(log, policy(rules))
    assert (report.differences, dict(report.not_replayable)) == ((), {})
    without = policy(rules.replace("{role: clerk}", "{role: auditor}"))
    (closed,) = replay(log, without).differences
    assert (closed.change, closed.agent, closed.before.rules) == ("closed", "clerk", ("clerks-pay-any",))


def a_day_of_state(at: Desk) -> None:
    at.ask("payments.send", iban=IBAN, amount=1, note="timed")
    at.clerk(lambda at: at.ask("payments.send", iban="FR1420041010050500013M02606", amount=1))


def test_a_kernel_that_came_later_has_runs_roles_and_rules_of_its_own(tmp_path: Path) -> None:
    recorded(tmp_path, lambda at: at.ask("mail.read", folder=f"pay {OTHER_IBAN}"))
    recorded(tmp_path, lambda at: at.ask("payments.send", iban=OTHER_IBAN, amount=1), rules=RULES + "# again\n")
    report = replay(tmp_path / "log", policy())
    assert (report.differences, dict(report.not_replayable)) == ((), {})


def test_each_decision_is_compared_with_the_bundle_that_made_it(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        at.run("hello", lambda at: at.ask("mail.read", folder="a"))
        at.kernel.reload(policy(LAX))
        at.run("hello", lambda at: at.ask("payments.send", iban="anywhere", amount=1))
    report = replay(tmp_path / "log", policy())
    assert [(d.action, d.change) for d in report.differences if d.change != "reason"] == [("payments.send", "closed")]
    assert report.not_replayable == {}


def test_arguments_in_the_side_store_are_fetched(tmp_path: Path) -> None:
    log = recorded(tmp_path, lambda at: at.ask("mail.read", folder="x" * 40_000))
    assert list((log / "payloads").iterdir())
    report = replay(
        log,
        policy(RULES + "  - {id: long, effect: deny, action: mail.read, when: {args.folder: {length: {gt: 30000}}}}\n"),
    )
    (difference,) = report.differences
    assert difference.after.rules == ("long",)


# -- differences -------------------------------------------------------------------------------------------------------


def test_every_change_is_called_by_its_name(tmp_path: Path) -> None:
    def work(at: Desk) -> None:
        at.ask("payments.send", iban=IBAN, amount=7)
        at.ask("payments.send", iban="elsewhere", amount=7)
        at.ask("mail.read", folder="a")

    log = recorded(tmp_path, work)

    def changes(rules: str) -> dict[str, int]:
        report = replay(log, policy(rules))
        assert report.replayed == report.decisions == 4
        return {change: count for change in CHANGES if (count := report.count(change))}

    assert changes(RULES) == {}
    assert changes(RULES.replace("label: [paid]", "label: [bought]")) == {"obligations": 1}
    assert changes(RULES.replace("id: read", "id: look")) == {"reason": 1}
    assert changes(RULES.replace("seen_in: [user]", "seen_in: [system]")) == {"closed": 1}
    opened = RULES + "  - {id: pay-all, effect: allow, action: payments.send}\n"
    assert changes(opened) == {"opened": 1, "reason": 1}
    asked = RULES.replace("effect: allow, action: mail.read", "effect: ask, action: mail.read")
    assert changes(asked) == {"closed": 1}
    shadowed = RULES + "  - {id: trial, effect: deny, action: mail.read, mode: shadow}\n"
    assert changes(shadowed) == {"shadow": 1}


def test_a_log_of_a_policy_with_rules_in_shadow_is_decided_again_as_it_was(tmp_path: Path) -> None:
    shadowed = RULES + "  - {id: trial, effect: deny, action: mail.read, mode: shadow}\n"
    log = recorded(tmp_path, lambda at: at.ask("mail.read", folder="a"), rules=shadowed)
    report = replay(log, policy(shadowed))
    assert (report.replayed, report.same) == (report.decisions, report.decisions)
    (difference,) = replay(log, policy(RULES)).differences
    assert difference.change == "shadow"
    assert difference.before.shadow is not None
    assert (difference.before.shadow.effect, difference.after.shadow) == ("deny", None)


def test_a_difference_names_its_entry_and_both_verdicts(tmp_path: Path) -> None:
    log = recorded(tmp_path, lambda at: at.ask("payments.send", iban="elsewhere", amount=7))
    report = replay(log, policy(LAX))
    (difference,) = by_action(report, "payments.send")
    (entry,) = FlightRecorder(log).query(kind="denied")
    assert (difference.seq, difference.time, difference.pid) == (entry["seq"], entry["time"], entry["pid"])
    assert difference.to_dict()["before"] == {
        "effect": "deny",
        "reason": "denied_by_default",
        "rules": [],
        "obligations": {},
        "shadow": None,
    }
    assert difference.to_dict()["after"]["rules"] == ["any"]
    assert report.to_dict()["changes"]["opened"] == 1
    assert report.policy == policy(LAX).digest


# -- what cannot be known is counted, never guessed --------------------------------------------------------------------


def not_replayable(log: Path, rules: str = RULES) -> dict[str, int]:
    report = replay(log, policy(rules))
    assert report.decisions == report.replayed + sum(report.not_replayable.values())
    assert not by_action(report, "payments.send")
    return dict(report.not_replayable)


def test_without_the_arguments_nothing_is_decided_again(tmp_path: Path) -> None:
    log = recorded(tmp_path, lambda at: at.ask("mail.read", folder="a"), record="fields")
    report = replay(log, policy("agent_os: 1\nname: x\nrules: [{id: read, effect: allow, action: mail.read}]"))
    assert report.replayed == 0
    assert report.not_replayable == {"arguments_not_recorded": 2}


def test_without_the_texts_a_rule_about_them_is_not_asked(tmp_path: Path) -> None:
    rules = RULES + "  - {id: keep, effect: require, action: '**', record: full}\n"
    log = recorded(tmp_path, lambda at: at.ask("payments.send", iban=IBAN, amount=7), rules=rules, record="fields")
    assert not_replayable(log, rules) == {"text_not_recorded": 1}


def test_without_the_texts_a_policy_that_does_not_look_at_them_is_asked(tmp_path: Path) -> None:
    rules = LAX + "  - {id: keep, effect: require, action: '**', record: full}\n"
    log = recorded(tmp_path, lambda at: at.ask("payments.send", iban=IBAN, amount=7), rules=rules, record="fields")
    assert replay(log, policy(rules)).not_replayable == {}
    assert replay(log, policy()).not_replayable == {"text_not_recorded": 1}


@pytest.mark.parametrize("folder", ["an object", "m" * 400])
def test_text_that_could_not_be_kept_whole_is_never_taken_for_all_there_was(tmp_path: Path, folder: str) -> None:
    def work(at: Desk) -> None:
        try:
            at.ask("mail.read", folder=folder)
        except LookupError:
            assert folder != "an object"
        at.ask("payments.send", iban=IBAN, amount=7)

    log = recorded(tmp_path, work, mail=too_much)
    assert not_replayable(log) == {"text_lost": 1}


@pytest.mark.parametrize("iban", [IBAN, "elsewhere"])
def test_arguments_that_were_blotted_out_are_not_judged_as_they_stand(tmp_path: Path, iban: str) -> None:
    rules = RULES + "  - {id: hide, effect: require, action: payments.send, redact: args.note}\n"
    log = recorded(tmp_path, lambda at: at.ask("payments.send", iban=iban, amount=7, note="dinner"), rules=rules)
    (entry,) = (entry for entry in FlightRecorder(log).query(action="payments.send") if "decision" in entry)
    assert (entry["kind"], entry["args"]["full"]["note"]) == ("intent" if iban == IBAN else "denied", "[redacted]")
    assert not_replayable(log, rules) == {"arguments_redacted": 1}


def test_what_the_kernel_refused_itself_is_counted_by_its_reason(tmp_path: Path) -> None:
    with desk(tmp_path / "log") as at:
        at.ask("mail.read", folder="outside of any run")
    assert not_replayable(tmp_path / "log") == {"no_process": 1}


class Altered(FlightRecorder):
    """A log in which somebody changed what one kind of entry says."""

    change: Callable[[dict[str, Any]], None]

    def entries(self, start: int = 0) -> Iterator[dict[str, Any]]:
        for entry in super().entries(start):
            type(self).change(entry)
            yield entry


def altered(log: Path, change: Callable[[dict[str, Any]], None]) -> Altered:
    kind = type("Altered", (Altered,), {"change": staticmethod(change)})
    recorder: Altered = kind(log)
    return recorder


def test_a_decision_that_the_log_does_not_explain_is_not_compared(tmp_path: Path) -> None:
    log = recorded(tmp_path, lambda at: at.ask("payments.send", iban=IBAN, amount=7))

    def forge(entry: dict[str, Any]) -> None:
        if entry["kind"] == "intent" and entry["action"] == "payments.send":
            entry["args"]["full"]["iban"] = "elsewhere"

    assert replay(altered(log, forge), policy()).not_replayable == {"not_reproduced": 1}


def test_without_the_policy_that_was_in_force_nothing_is_compared(tmp_path: Path) -> None:
    log = recorded(tmp_path, lambda at: at.ask("mail.read", folder="a"))

    def forge(entry: dict[str, Any]) -> None:
        if entry["kind"] == "policy.loaded":
            entry["document"]["default"] = "allow"

    assert replay(altered(log, forge), policy()).not_replayable == {"policy_not_recorded": 2}


def test_without_the_beginning_of_a_run_nothing_of_it_is_compared(tmp_path: Path) -> None:
    log = recorded(tmp_path, lambda at: at.clerk(lambda at: at.ask("mail.read", folder="a")))

    def forge(entry: dict[str, Any]) -> None:
        if entry["kind"] == "process.started" and entry["agent"] == "desk":
            entry["kind"] = "log.opened"

    report = replay(altered(log, forge), policy())
    assert dict(report.not_replayable).keys() == {"run_not_recorded"}


def test_every_reason_why_not_is_explained() -> None:
    assert all(text and text == text.strip() for text in NOT_REPLAYABLE.values())


async def test_calls_that_overlap_are_decided_again_with_what_had_been_seen_by_then(tmp_path: Path) -> None:
    rules = RULES + "  - {id: await, effect: allow, action: 'slow.*'}\n"
    with KernelSpace(Policy.from_text(rules), recorder=tmp_path / "log", record="full") as kernel:

        @kernel.tool("slow.read")
        async def read(number: int) -> str:
            for _ in range(number % 5):
                await asyncio.sleep(0)
            return f"code-{number}"

        @kernel.tool("payments.send")
        async def send(iban: str, amount: int, note: str) -> str:
            await asyncio.sleep(0)
            return note

        async def pay(number: int) -> None:
            for _ in range(number % 7):
                await asyncio.sleep(0)
            with contextlib.suppress(PolicyDenied):
                await send(iban=IBAN, amount=1, note=f"code-{number}")

        @kernel.register
        async def busy(task: str) -> None:
            await asyncio.gather(*(each(number) for number in range(30) for each in (read, pay)))

        await kernel.execute(busy, f"pay to {IBAN}")
    effects = {entry["decision"]["effect"] for entry in FlightRecorder(tmp_path / "log").query(action="payments.send")
               if "decision" in entry}  # fmt: skip
    assert effects == {"allow", "deny"}
    report = replay(tmp_path / "log", policy(rules))
    assert (report.replayed, report.differences, dict(report.not_replayable)) == (61, (), {})


@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="there, a text may come in while another call is judged"
)
def test_threads_of_one_run_are_decided_again_with_what_had_been_seen_by_then(tmp_path: Path) -> None:
    def work(at: Desk) -> None:
        def errand(number: int) -> None:
            at.ask("mail.read", folder=f"code-{number}")
            at.ask("payments.send", iban=IBAN, amount=1, note=f"code-{(number + 1) % 40}")

        contexts = [contextvars.copy_context() for _ in range(40)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: contexts[number].run(errand, number), range(40)))

    log = recorded(tmp_path, work)
    report = replay(log, policy())
    assert (report.differences, dict(report.not_replayable)) == ((), {})
    assert report.replayed == 81


def test_any_policy_can_be_rebuilt_from_the_log(tmp_path: Path) -> None:
    """Exact numbers, dates, sets, patterns, deep conditions, and a document that is too large for its entry."""
    rules = RULES.replace("rules:", "sets:\n  s: [1.10, 2, 3.5e10]\nrules:")
    for number, operand in enumerate(
        [
            "args.x: {le: 0.1}",
            "args.x: {lt: 12345678901234567890.12345678901234567890}",
            "args.x: {gt: -99999999999999999999}",
            "args.x: {in: $s}",
            "args.x: {before: 2026-01-31}",
            "args.x: {after: 2026-01-31T09:00:00+02:00}",
            "args.x: {matches: '^[a-z]+\\\\d$', ignore_case: true}",
            "args.x: {contains: 'Zoë 你好 \\u2028'}",
            'args."a.b"."$decimal".0: {eq: {arg: args.y}}',
            "args.x: {each: {some: {keys: {contains: k}}}}",
            "any: [{not: {all: [{args.x: {present: false}}, {time.hour: {ge: 0}}]}}, {run.labels: {size: {gt: 9}}}]",
        ]
    ):
        rules += f"  - {{id: odd-{number}, effect: deny, action: nobody.asks, when: {{{operand}}}}}\n"
    rules += "".join(f"  - {{id: many-{n}, effect: deny, action: nobody.asks.{n}}}\n" for n in range(700))
    log = recorded(tmp_path, lambda at: at.ask("payments.send", iban=IBAN, amount=7), rules=rules)
    (loaded,) = FlightRecorder(log).query(kind="policy.loaded")
    assert loaded["document"].keys() == {"$payload"}
    report = replay(log, policy(rules))
    assert (report.same, dict(report.not_replayable)) == (2, {})
