"""The desk that kernel tests sit at: a kernel with a few rules, agents made on the spot, and a look at the log."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent_os import KernelSpace, Policy

RUN = "{id: run, effect: allow, action: agent.run}"
ALL = "{id: all, effect: allow, action: '**'}"

_numbers = itertools.count(1)


def policy(*rules: str, default: str = "deny") -> Policy:
    """A policy of these rules, each in YAML's flow style."""
    lines = "".join(f"  - {rule}\n" for rule in rules)
    return Policy.from_text(f"agent_os: 1\nname: desk\ndefault: {default}\nrules:\n{lines}")


def desk(*rules: str, **options: Any) -> KernelSpace:
    """A kernel in memory that lets agents run and has these rules besides; without any, everything is allowed."""
    options.setdefault("durability", "memory")
    return KernelSpace(policy(*((RUN, *rules) if rules else (ALL,))), **options)


def inside(
    kernel: KernelSpace, body: Callable[[], Any], *, agent_id: str | None = None, roles: tuple[str, ...] = ()
) -> Any:
    """What `body` returns when a fresh agent's run calls it; `body` may be async."""
    agent_id = agent_id or f"agent-{next(_numbers)}"

    def agent() -> Any:
        return body()

    async def async_agent() -> Any:
        return await body()

    chosen = async_agent if inspect.iscoroutinefunction(body) else agent
    kernel.register(chosen, agent_id=agent_id, roles=roles)
    return kernel.execute_sync(chosen)


def of_kind(kernel: KernelSpace, *kinds: str) -> list[dict[str, Any]]:
    """The entries of these kinds, in order."""
    return [entry for entry in kernel.flight_recorder.entries() if entry["kind"] in kinds]


def about(kernel: KernelSpace, action: str) -> list[tuple[str, str | None]]:
    """What the log says about an action: kind, and status of outcomes or reason of decisions."""
    intents = set()
    rows: list[tuple[str, str | None]] = []
    for entry in kernel.flight_recorder.entries():
        if entry.get("action") == action and entry["kind"] != "tool.registered":
            if entry["kind"] == "intent":
                intents.add(entry["seq"])
            rows.append((entry["kind"], entry.get("decision", {}).get("reason")))
        elif entry["kind"] == "outcome" and entry["intent"] in intents:
            rows.append(("outcome", entry["status"]))
    return rows


class Trace:
    """An effect that a test can look for: a file that a tool makes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"effect-{next(_numbers)}"

    def leave(self) -> str:
        with self.path.open("a", encoding="ascii") as file:
            file.write("x")
        return "done"

    @property
    def times(self) -> int:
        return len(self.path.read_text(encoding="ascii")) if self.path.exists() else 0
