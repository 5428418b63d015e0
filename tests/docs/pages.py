"""Reads the runnable blocks of a documentation page, and why a block is not to be run.

Needs nothing but the standard library, because the wheel is also tested where no test tool is installed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w+-]*)[^`\n]*$")
COMMENT = re.compile(r"^\s*<!--\s*(?P<key>not run|needs|load error):\s*(?P<value>\S.*?)\s*-->\s*$")
FILE_NAME = re.compile(r"^# (?P<name>[\w-][\w./-]*\.(?:json|py|toml|txt|ya?ml))$")

RUNNABLE = ("python", "yaml", "console")
INSTEAD = {"py": "python", "pycon": "python", "python3": "python", "yml": "yaml"} | dict.fromkeys(
    ("sh", "bash", "shell", "zsh"), "console"
)


class PageError(Exception):
    """The page itself is wrong: a fence without an end, or a language that would escape being run."""


class Block(NamedTuple):
    """One fenced block; ``line`` is where its first line of text stands in ``page``, counted from 1."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""
    needs: str = ""
    load_error: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """The file that the block is, when its first line is a comment with nothing but the name."""
        first = FILE_NAME.match(self.text.split("\n", 1)[0])
        return first["name"] if first else None


def read(page: Path) -> list[Block]:
    """The runnable blocks of a page in their order, those that are excluded by a comment included."""
    blocks: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = _closing(lines, at, fence)
        if end is None:
            raise PageError(f"{page}:{at + 1}: the block that starts here has no end; close it with {fence['ticks']}")
        language = fence["language"].lower()
        if language in INSTEAD:
            raise PageError(f"{page}:{at + 1}: `{language}` would not be run; write `{INSTEAD[language]}`")
        if language in RUNNABLE:
            text = "".join(line[len(fence["indent"]) :] + "\n" for line in lines[at + 1 : end])
            blocks.append(Block(page, at + 2, language, text, **_comments(lines, at)))
        at = end + 1
    return blocks


def _closing(lines: list[str], start: int, fence: re.Match[str]) -> int | None:
    for at in range(start + 1, len(lines)):
        if lines[at].strip() == fence["ticks"]:
            return at
    return None


def _comments(lines: list[str], fence: int) -> dict[str, str]:
    """The comments that stand directly above a fence, one to a line."""
    found: dict[str, str] = {}
    at = fence - 1
    while at >= 0 and (comment := COMMENT.match(lines[at])):
        found[comment["key"].replace(" ", "_")] = comment["value"]
        at -= 1
    return found
