"""A policy while it is put together from another tool's file, and what of that file does not map."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.policy.places import Spot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_os.policy.problems import Report


#: How much of what does not map is quoted.
_SHOWN = 200
#: Programs whose options before the subcommand the operator `command` passes over.
_SKIPS_OPTIONS = {name for row in _core.shell_programs() if row["has_subcommands"] for name in row["names"]}


class Draft:
    """Collects rules and refusals."""

    def __init__(self, origin: str, name: str, file: str, report: Report) -> None:
        self.origin = origin
        self.file = file
        self.report = report
        self._name = name
        self._rules: list[dict[str, Any]] = []
        self._tools: dict[str, Any] = {}
        self._notes: list[str] = []
        self._supported = {row["name"] for row in _core.operators() if row["supported"]}

    def rule(self, effect: str, action: str | list[str], when: dict[str, Any] | None = None, **more: Any) -> None:
        """Adds a rule."""
        rule: dict[str, Any] = {"id": f"{self.origin}/{len(self._rules) + 1}", "effect": effect, "action": action}
        if when:
            rule["when"] = when
        self._rules.append(rule | more)

    def tool(self, action: str, schema: Any, line: int, column: int) -> None:
        """Adds the JSON Schema of an action's arguments."""
        try:
            _core.ToolTypes({action: schema})
        except _core.CompileFailed as failed:
            self.refuse(line, column, action, f"its schema is none: {failed.problems[0][2]}")
            return
        self._tools[action] = schema

    def note(self, text: str) -> None:
        """Adds a comment to the head of the policy."""
        self._notes.append(text)

    def refuse(self, line: int, column: int, what: str, why: str) -> None:
        """Says that something does not map."""
        what = what if len(what) <= _SHOWN else f"{what[:_SHOWN]}..."
        self.report.add_at(self.file, Spot(line, column), "not_importable", f"`{what}` does not map: {why}", HINT)

    def command(self, effect: str, words: Sequence[str], line: int, column: int, what: str) -> dict[str, Any] | None:
        """The condition on a command that starts with these words; ``None`` after refusing it.

        To deny or to ask, one that runs them anywhere is enough. To allow, it must be that command and nothing more.
        """
        if not {"command", "programs", "redirects", "has_substitution"} <= self._supported:
            self.refuse(line, column, what, "this version has no operator for the words of a command")
            return None
        if effect != "allow":
            return self._restriction(words, line, column, what)
        if len(words[0]) > _SHOWN:
            self.refuse(line, column, what, f"its program has more than {_SHOWN} characters")
            return None
        alone: dict[str, Any] = {"programs": {"size": {"eq": 1}}, "redirects": {"size": {"eq": 0}}}
        # The program as it is written, and no input from elsewhere, nothing in the background, nothing expanded.
        plain = {"matches": rf"{re.escape(words[0])}([ \t\n][^<&$`]*)?"}
        tests = {"starts_with": " ".join(words), "command": list(words), **alone, "has_substitution": False}
        return {"args.command": tests | plain}

    def _restriction(self, words: Sequence[str], line: int, column: int, what: str) -> dict[str, Any] | None:
        # Programs are told by the last part of their paths.
        program = words[0].rpartition("/")[2]
        if re.match(r"\w+(\[.*\])?\+?=", words[0], re.DOTALL) or program in ("", "!", "time"):
            why = "it begins with what is no program, and a command is told by its program"
        elif program in _SKIPS_OPTIONS and words[1:2] and words[1].startswith("-"):
            why = f"options before the subcommand of `{program}` are not told apart"
        else:
            return {"args.command": {"command": [program, *words[1:]]}}
        self.refuse(line, column, what, why)
        return None

    def host(self, host: str, line: int, column: int, what: str) -> dict[str, Any] | None:
        """The condition on a URL of this host; ``None`` after refusing it."""
        if "host" not in self._supported:
            self.refuse(line, column, what, "this version has no operator for the host of a URL")
            return None
        return {"args.url": {"host": host}}

    def action(self, name: str, line: int, column: int) -> str | None:
        """The name as an action; ``None`` after refusing it."""
        fault = _core.check_action(name)
        if fault is not None:
            self.refuse(line, column, name, f"it is not an action: {fault}")
            return None
        return name

    def text(self) -> str:
        """The policy. Raises ``PolicyError`` if anything was refused, or there is nothing."""
        from agent_os.policy.formatting import format_text
        from agent_os.policy.policy import Policy
        from agent_os.policy.yaml_text import written

        self.report.check()
        if not self._rules:
            self.report.fail("empty", f"`{self.file}` holds no rule", "name a file that holds some")
        head: dict[str, Any] = {"agent_os": 1, "name": self._name, "default": "deny"}
        head |= {"tools": self._tools} if self._tools else {}
        head["rules"] = self._rules
        notes = [f"Imported from {self.origin}. What no rule names is denied.", *self._notes]
        body = "\n".join(f"{key}: {written(value)}" for key, value in head.items())
        text = format_text("\n".join(f"# {note}" for note in notes) + "\n" + body)
        # What would not load is no policy.
        Policy.from_text(text, name=f"<{self.origin}>")
        return text


HINT = "take it out of the file, import the rest, and write a rule of your own for it"
