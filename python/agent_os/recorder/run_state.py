"""The state of every run at every entry, from the log alone: what each had seen, and what of that the log holds."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.errors import RecorderError
from agent_os.recorder.links import OPERATOR

if TYPE_CHECKING:
    from agent_os.recorder.flight_recorder import FlightRecorder
    from agent_os.recorder.source import Entry

# A message that was cut to its limit of 300 bytes is at least this long: no character takes more than six.
_PERHAPS_CUT = 300 - 5


@dataclass(slots=True)
class Run:
    """One run: whose it is, which agent started it, and the text that it has seen, by the entry that brought it."""

    agent: str
    parent_agent: str | None = None
    is_operator: bool = False
    texts: dict[int, tuple[str, str]] = field(default_factory=dict)
    missing: str | None = None
    """Why the text is not all there, if it is not: a key of ``NOT_REPLAYABLE``."""

    def lack(self, reason: str | None) -> None:
        """Notes that some text is not in the log."""
        self.missing = self.missing or reason

    def why_text_is_unknown(self) -> str | None:
        """``None`` if the log holds every text that the run has seen."""
        characters = sum(len(text) for _, text in self.texts.values())
        # At most four bytes make a character.
        full = characters * 4 > _text_limit() and self._bytes() > _text_limit()
        return self.missing or ("text_lost" if full else None)

    def _bytes(self) -> int:
        return sum(len(text.encode()) for _, text in self.texts.values())


class Runs:
    """Follows a log from its beginning."""

    def __init__(self, recorder: FlightRecorder) -> None:
        self._recorder = recorder
        self._roles: dict[str, list[str]] = {}
        self._runs: dict[int, Run] = {}
        self._children: dict[int, int] = {}
        self._begin()

    def run(self, pid: int | None) -> Run | None:
        """A run by its number, as it is now."""
        return None if pid is None else self._runs.get(pid)

    def roles(self, agent: str) -> list[str]:
        """The roles that an agent was registered with."""
        return self._roles.get(agent, [])

    def follow(self, entry: Entry) -> None:
        """Takes in the next entry."""
        match entry["kind"]:
            case "log.opened" | "log.recovered":
                self._begin()
            case "agent.registered":
                self._roles[entry["agent"]] = entry["roles"]
            case "process.started":
                self._start(entry)
            case "text":
                self._add(entry, entry["origin"])
            case "outcome":
                self._end(entry)
            case _:
                pass

    def _begin(self) -> None:
        # A kernel numbers its runs from 1 and knows no agents at first.
        self._roles = {}
        self._children = {}
        self._runs = {0: Run(OPERATOR, is_operator=True)}

    def _start(self, entry: Entry) -> None:
        parent = self._runs.get(entry["parent"])
        run = Run(entry["agent"])
        if parent is None:
            run.lack("run_not_recorded")
        else:
            run.parent_agent = None if parent.is_operator else parent.agent
            run.texts = dict(parent.texts)
            run.lack(parent.missing)
        self._runs[entry["pid"]] = run
        self._children[entry["intent"]] = entry["pid"]

    def _end(self, entry: Entry) -> None:
        run = self._runs.get(entry.get("pid", -1))
        child = self._runs.pop(self._children.pop(entry["intent"], -1), None)
        if run is None or run.is_operator:
            return
        if child is not None:
            # The result of a run may carry anything that the run has seen.
            run.texts.update(child.texts)
            run.lack(child.missing)
        if "origin" not in entry:
            return
        if entry["status"] == "returned":
            self._add(entry, entry["origin"])
        elif "error" in entry and entry["status"] != "withheld":
            if (data := self._read(entry["error"]["message"], run)) is None:
                return
            message = json.loads(data)
            run.texts[entry["seq"]] = (entry["origin"], message)
            if len(json.dumps(message, ensure_ascii=False).encode()) - 2 >= _PERHAPS_CUT:
                run.lack("text_lost")

    def _add(self, entry: Entry, origin: str) -> None:
        run = self._runs.get(entry.get("pid", -1))
        if run is None or run.is_operator:
            return
        if "full" in entry:
            data = self._read(entry["full"], run)
            if data is not None and (text := _core.run_text(data)):
                run.texts[entry["seq"]] = (origin, text)
        else:
            # A result without a digest could not be frozen: nobody knows what it said.
            run.lack("text_not_recorded" if "digest" in entry else "text_lost")

    def _read(self, value: object, run: Run) -> bytes | None:
        """The JSON of a value that the run has seen; ``None``, and noted, if nobody can read it any more."""
        try:
            data = self._recorder.spelt(value)
        except RecorderError as error:
            if error.code != "subject_key_unknown":
                raise
            data = None
        if data is None:
            run.lack("text_sealed")
        return data


@functools.cache
def _text_limit() -> int:
    return next(value for name, value, _ in _core.limits() if name == "run_text_bytes")


def texts_of(run: Run) -> list[tuple[str, str]]:
    """The texts in the order in which they came."""
    return [run.texts[seq] for seq in sorted(run.texts)]


def recorded_state(entry: Entry, run: Run, roles: list[str]) -> dict[str, Any]:
    """What ``Bundle.decide`` needs beside the action and its arguments."""
    return {
        "agent": run.agent,
        "roles": roles,
        "labels": entry["run"]["labels"],
        "calls": entry["run"]["calls"],
        "usage": [(rule, limit["used"]) for rule, limit in entry.get("limits", {}).items()],
        "usage_is_whole": False,
        "depth": entry["run"]["depth"],
        "parent": run.parent_agent,
        "now_micros": entry["when"],
        "texts": texts_of(run),
    }
