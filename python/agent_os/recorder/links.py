"""What an entry does not say itself because an earlier one said it: whose run it is, which action it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

OPERATOR: Final = "operator"


class Link(NamedTuple):
    """The agent and the action that an entry is about, as far as there are any."""

    agent: str | None
    action: str | None


class Links:
    """Follows a log from its beginning. It remembers runs and the actions that have not ended, nothing else."""

    def __init__(self) -> None:
        self._agents: dict[int, str] = {0: OPERATOR}
        self._open: dict[int, Link] = {}

    def follow(self, entry: Mapping[str, Any]) -> Link:
        """What the next entry is about."""
        kind = entry["kind"]
        if kind == "outcome":
            return self._open.pop(entry["intent"], None) or Link(self._agents.get(entry.get("pid", -1)), None)
        agent = entry.get("agent") or self._agents.get(entry.get("pid", -1))
        link = Link(agent, entry.get("action"))
        if kind == "process.started":
            # The next kernel numbers its runs anew, and says so before it says anything else of them.
            self._agents[entry["pid"]] = entry["agent"]
        elif kind == "intent":
            self._open[entry["seq"]] = link
        return link
