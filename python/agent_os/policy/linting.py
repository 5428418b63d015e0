"""What is understood and still looks like a mistake, as the compiled core finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from agent_os import _core

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.policy.policy import Policy

Level = Literal["error", "warning", "info"]

#: Every code with its level and meaning, as the core declares them.
LINTS: Final[Mapping[str, tuple[str, str]]] = {code: (level, doc) for code, level, doc in _core.lint_codes()}


class Finding(NamedTuple):
    """One finding about a rule, or about the bundle if ``rule`` is ``None``; lines and columns count from 1.

    ``other`` is the rule that it is also about, ``path`` the condition that it is about.
    """

    code: str
    level: Level
    message: str
    hint: str
    rule: str | None
    other: str | None
    path: str | None
    file: str | None
    line: int | None
    column: int | None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{self.level}[{self.code}]: {self.message}\n  hint: {self.hint}"
        return f"{place}: {text}" if place else text


def findings(policy: Policy) -> tuple[Finding, ...]:
    """``Policy.check``."""
    lines = {text.shown: text.data.decode("utf-8", "replace").splitlines() for text in policy.texts.values()}
    rows: list[dict[str, Any]] = policy.bundle.lint()
    return tuple(Finding(**row, column=_column(lines.get(row["file"], []), row["line"])) for row in rows)


def _column(lines: list[str], line: int | None) -> int | None:
    # Where a rule starts: behind the indentation and the dash of its item.
    if line is None or line > len(lines):
        return None
    text = lines[line - 1]
    return len(text) - len(text.lstrip(" -")) + 1
