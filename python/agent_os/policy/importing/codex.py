"""Codex's `.rules` files: calls of `prefix_rule` in a subset of Starlark, which Python's parser reads.

The strictest rule decides there as here. Commands are those of the action `shell`.
"""

from __future__ import annotations

import ast
import re
import shlex
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agent_os.policy.importing.draft import Draft

_EFFECTS: Final = {"allow": "allow", "prompt": "ask", "forbidden": "deny"}
_KEYS: Final = {"pattern", "decision", "justification", "match", "not_match"}
#: How many commands the alternatives of one pattern may spell out.
_MOST: Final = 200


def read(text: str, draft: Draft) -> None:
    """Puts the rules into the draft."""
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        draft.report.fail("syntax", f"`{draft.file}:{line}` is not Starlark: {error}", "correct the file")
    lines = text.split("\n")
    for statement in module.body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Constant) and isinstance(call.value, str):
            continue
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "prefix_rule":
            what = lines[statement.lineno - 1].strip()
            draft.refuse(statement.lineno, statement.col_offset + 1, what, "only calls of `prefix_rule` do")
            continue
        _rule(call, draft)


def _rule(call: ast.Call, draft: Draft) -> None:
    place = (call.lineno, call.col_offset + 1)
    texts = (node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    if any(re.search("[\ud800-\udfff]", text) for text in texts):
        draft.refuse(*place, "prefix_rule", "an escape in it stands for no character")
        return
    given: dict[str, Any] = {}
    for keyword in call.keywords:
        try:
            given[keyword.arg or "**"] = ast.literal_eval(keyword.value)
        except ValueError:  # noqa: PERF203 (each keyword is told of by itself)
            draft.refuse(keyword.value.lineno, keyword.value.col_offset + 1, keyword.arg or "**", "it is not a literal")
            return
    if call.args or not set(given) <= _KEYS:
        draft.refuse(*place, "prefix_rule", f"only {', '.join(sorted(_KEYS))} are known, each by name")
        return
    effect = _EFFECTS.get(given.get("decision", "allow"))
    pattern = [_alternatives(step) for step in _sequence(given.get("pattern"))]
    if effect is None or not pattern or not all(pattern):
        draft.refuse(*place, "prefix_rule", "its pattern or its decision is not one that is known")
        return
    # Counted before they are spelt out: forty choices of two are a million million commands.
    if prod(map(len, pattern)) > _MOST:
        draft.refuse(*place, "prefix_rule", f"its alternatives spell out more than {_MOST} commands")
        return
    if not isinstance(given.get("not_match", []), (list, tuple)):
        draft.refuse(*place, "not_match", "it is no list of commands")
        return
    for example in _sequence(given.get("not_match")):
        if (fault := _contradiction(example, pattern)) is not None:
            draft.refuse(*place, str(example), fault)
            return
    justification = given.get("justification")
    more = {"message": justification} if isinstance(justification, str) and justification.strip() else {}
    for words in product(*pattern):
        when = draft.command(effect, words, *place, " ".join(words))
        if when is None:
            return
        draft.rule(effect, "shell", when, **more)


def _contradiction(example: Any, pattern: list[list[str]]) -> str | None:
    """Why what is said not to match cannot be taken at its word."""
    try:
        words = shlex.split(example) if isinstance(example, str) else _sequence(example)
    except ValueError:
        return "its words under `not_match` cannot be told"
    starts = len(words) >= len(pattern) and all(word in step for word, step in zip(words, pattern, strict=False))
    return "`not_match` says so, and the pattern matches it" if starts else None


def _sequence(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _alternatives(step: Any) -> list[str]:
    if isinstance(step, str) and step:
        return [step]
    words = _sequence(step)
    return words if words and all(isinstance(word, str) and word for word in words) else []
