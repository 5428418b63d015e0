"""Says what a YAML parser's complaint means and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent_os.policy.places import Spot

if TYPE_CHECKING:
    import yaml

_DEFAULT: Final = "check the indentation, brackets and quotes at this place"
_BY_CHARACTER: Final = {
    "\t": "indent with spaces; YAML does not allow tabs there",
    "*": 'a text that starts with `*` must be quoted, like "**"',
    "&": "a text that starts with `&` must be quoted",
    "%": "a text that starts with `%` must be quoted",
    "@": "a text that starts with `@` must be quoted",
    "`": "a text that starts with a backtick must be quoted",
}
_BY_COMPLAINT: Final = {
    "mapping values are not allowed": "quote a text that holds `: `, and start each key on its own line",
    "quoted scalar": "close the quote; write a quote inside of a text as \\\" or ''",
    "could not find expected ':'": "write `key: value`, with a space after the colon",
    "flow sequence": "close the list with `]` and separate its items with commas",
    "flow mapping": "close the mapping with `}` and separate its members with commas",
}


def describe(error: yaml.YAMLError, text: str) -> tuple[Spot | None, str, str]:
    """The place, message and hint of a syntax error."""
    problem = str(getattr(error, "problem", None) or error)
    context = str(getattr(error, "context", None) or "")
    mark: Any = getattr(error, "problem_mark", None)
    start: Any = getattr(error, "context_mark", None)
    if start is not None and any(what in context for what in ("alias", "anchor", "quoted scalar")):
        mark = start
    message = f"not valid YAML: {problem[:1].lower()}{problem[1:]}"
    if context:
        since = f" that starts at line {start.line + 1}" if start and mark and start.line != mark.line else ""
        message = f"{message} ({context}{since})"
    if mark is None:
        return None, message, _DEFAULT
    return spot_of(mark), message, _hint(_character(text, mark), f"{context} {problem}")


def spot_of(mark: Any) -> Spot:
    """The place of a parser's mark."""
    return Spot(mark.line + 1, mark.column + 1)


def _character(text: str, mark: Any) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    return line[mark.column : mark.column + 1]


def _hint(character: str, complaint: str) -> str:
    if any(part in complaint for part in ("start any token", "alias", "anchor")):
        return _BY_CHARACTER.get(character, _DEFAULT)
    if character == "?" and "flow mapping" in complaint:
        return 'quote a key that ends in `?` inside of braces, like {"args.x?": …}'
    for part, hint in _BY_COMPLAINT.items():
        if part in complaint:
            return hint
    return _DEFAULT
