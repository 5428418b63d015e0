"""Writing for people and for programs: stdout is data, stderr is words."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final

_COLOURS: Final = {"allow": "32", "deny": "31", "ask": "33", "opened": "31", "closed": "33"}


def shown(text: str) -> str:
    """The text without what could steer a terminal: agents choose some of it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def coloured(word: str, text: str | None = None) -> str:
    """The text in the colour of a word, if stdout is a terminal that wants colours."""
    text = word if text is None else text
    colour = _COLOURS.get(word)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and wants_colour() else text


def wants_colour() -> bool:
    """As https://no-color.org says."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(message: object) -> None:
    """Words for a person, to stderr."""
    for line in str(message).split("\n"):
        print(shown(line), file=sys.stderr)


def fail(message: object) -> None:
    """An error, to stderr."""
    say(f"error: {message}")


def print_json(value: Any) -> None:
    """One value as data, to stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def plural(count: int, thing: str, things: str | None = None) -> str:
    """`1 problem`, `2 problems`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {things or thing + 's'}"
