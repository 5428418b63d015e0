"""What Cedar text is made of: its tokens, and the parts of the policies that map."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple


class Unmapped(Exception):
    """What does not map, and why."""

    def __init__(self, line: int, column: int, what: str, why: str) -> None:
        super().__init__(line, column, what, why)
        self.line, self.column, self.what, self.why = line, column, what, why


class Token(NamedTuple):
    """A word, a text (with its quotes), a number or a sign."""

    text: str
    line: int
    column: int


@dataclass(frozen=True)
class Has:
    name: str


@dataclass(frozen=True)
class Test:
    path: tuple[str, ...]
    tests: dict[str, Any]
    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class Not:
    inner: Node


@dataclass(frozen=True)
class And:
    left: Node
    right: Node
    line: int
    column: int


@dataclass(frozen=True)
class Or:
    left: Node
    right: Node
    line: int
    column: int


Node = Has | Test | Not | And | Or


@dataclass
class Policy:
    effect: str
    agent: tuple[str, str, int, int] | None
    actions: list[tuple[str, int, int]]
    when: list[Node]
    unless: list[Node]


_TOKEN: Final = re.compile(
    r'(?P<space>\s+|//[^\n]*)|(?P<token>"(?:[^"\\\n]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|::|&&|\|\||==|!=|<=|>=|[-@()\[\]{},;.<>!])'
)


def tokens(text: str) -> list[Token]:
    """The tokens of a file."""
    found: list[Token] = []
    place, line, start = 0, 1, 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise Unmapped(line, place - start + 1, text[place], "it is not understood")
        if match["token"]:
            found.append(Token(match["token"], line, place - start + 1))
        for index, character in enumerate(match[0]):
            if character == "\n":
                line, start = line + 1, place + index + 1
        place = match.end()
    return found
