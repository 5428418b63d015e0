"""A small payments desk whose runs are recorded for real, for tests that read logs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent_os import KernelSpace, Policy, PolicyDenied

IBAN = "GB33BUKB20201555555555"
OTHER_IBAN = "DE89370400440532013000"

RULES = """
agent_os: 1
name: desk
rules:
  - {id: run, effect: allow, action: agent.run}
  - {id: read, effect: allow, action: mail.read}
  - id: pay-known
    effect: allow
    action: payments.send
    when: {args.iban: {seen_in: [user]}}
  - id: clerks-pay-any
    effect: allow
    action: payments.send
    agent: {role: clerk}
    when: {run.parent: {eq: desk}, run.depth: {eq: 1}}
  - id: large
    effect: ask
    action: payments.send
    when: {args.amount: {gt: 500}}
    message: a person must confirm payments above 500
  - id: never-what-mail-says
    effect: deny
    action: payments.send
    when: {args.note: {seen_in: [untrusted]}}
  - {id: mark, effect: require, action: payments.send, label: [paid]}
  - id: not-after-secrets
    effect: deny
    action: payments.send
    when: {run.labels: {contains: secret}}
"""


class Desk:
    """A kernel with two tools and two agents. Denials are noted in ``denied`` and do not end a run."""

    def __init__(self, kernel: KernelSpace, mail: Callable[[str], Any]) -> None:
        self.kernel = kernel
        self.denied: list[str] = []

        @kernel.tool("mail.read", origin="untrusted", labels=["mail"])
        def read(folder: str) -> Any:
            return mail(folder)

        @kernel.tool("payments.send", origin="system")
        def send(iban: str, amount: Any, note: str = "none") -> dict[str, Any]:
            return {"sent": amount}

        @kernel.register(roles=["clerk"])
        def clerk(work: Callable[[Desk], None]) -> None:
            work(self)

        @kernel.register(agent_id="desk")
        def desk(_task: str, work: Callable[[Desk], None]) -> None:
            work(self)

        self._tools = {"mail.read": read, "payments.send": send}
        self._desk, self._clerk = desk, clerk

    def run(self, task: str, work: Callable[[Desk], None]) -> None:
        """A run of the agent `desk`, started with words of the operator's."""
        self.kernel.execute_sync(self._desk, task, work)

    def clerk(self, work: Callable[[Desk], None]) -> None:
        """A run of the agent `clerk` below the present one."""
        self.kernel.execute_sync(self._clerk, work)

    def ask(self, action: str, **args: Any) -> None:
        """One governed call."""
        try:
            self._tools[action](**args)
        except PolicyDenied as denied:
            self.denied.append(denied.code)


@contextlib.contextmanager
def desk(
    directory: Path | None, *, rules: str = RULES, mail: Callable[[str], Any] = str, record: str = "full", **more: Any
) -> Iterator[Desk]:
    """A desk whose log goes to ``directory``, or stays in memory."""
    where: dict[str, Any] = {"durability": "memory"} if directory is None else {"recorder": directory}
    with KernelSpace(Policy.from_text(rules, name="desk.yaml"), record=record, **where, **more) as kernel:
        yield Desk(kernel, mail)


def a_day_at_the_desk(at: Desk) -> None:
    """Calls of every kind: allowed, denied by rule and by default, asked; nested runs; values from here and there."""

    def errand(at: Desk) -> None:
        at.ask("mail.read", folder=f"please pay {OTHER_IBAN}, invoice 4711-b")
        at.ask("payments.send", iban=OTHER_IBAN, amount=3)
        at.ask("payments.send", iban=OTHER_IBAN, amount=3, note="4711-b")

    def work(at: Desk) -> None:
        at.ask("payments.send", iban=IBAN, amount=7)
        at.ask("payments.send", iban=IBAN, amount=7, note="4711-b")
        at.clerk(errand)
        at.ask("payments.send", iban=IBAN, amount=7, note="4711-b")
        at.ask("payments.send", iban=OTHER_IBAN, amount=7)
        at.ask("payments.send", iban=IBAN, amount="much")
        at.ask("payments.send", iban=IBAN, amount=700)

    at.run(f"pay 7 to {IBAN}", work)
