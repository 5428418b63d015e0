"""Gemini CLI's policy files: `[[rule]]` tables of TOML.

There the rule of the highest priority decides; here the strictest does. So a rule maps only if no looser one that may
be for the same tool has the same or a higher priority.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from agent_os.policy.importing.draft import Draft

_EFFECTS: Final = {"allow": "allow", "ask_user": "ask", "deny": "deny"}
_STRENGTH: Final = {"allow": 1, "ask": 2, "deny": 3}
_KEYS: Final = {"toolName", "mcpName", "decision", "priority", "commandPrefix", "denyMessage"}


class _Rule(NamedTuple):
    line: int
    actions: tuple[str, ...]
    effect: str
    priority: int
    table: dict[str, Any]


def read(text: str, draft: Draft) -> None:
    """Puts the rules into the draft."""
    try:
        # Not in Python 3.10.
        tomllib = import_module("tomllib")
    except ModuleNotFoundError:
        draft.report.fail("not_supported", "TOML is read by Python 3.11 and later", "import with a newer Python")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        draft.report.fail("syntax", f"`{draft.file}` is not TOML: {error}", "correct the file")
    lines = [number for number, line in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]
    for key in sorted(set(document) - {"rule"}):
        line = next(
            (n for n, one in enumerate(text.split("\n"), 1) if re.match(rf"\s*\[*\s*{re.escape(key)}\b", one)), 1
        )
        draft.refuse(line, 1, key, "only `[[rule]]` tables do")
    tables = document.get("rule", [])
    if not isinstance(tables, list) or len(tables) != len(lines):
        draft.report.fail("bad_source", "the rules are not written as `[[rule]]` tables", "write each under `[[rule]]`")
    found = (_rule(table, line, draft) for table, line in zip(tables, lines, strict=True))
    rules = [rule for rule in found if rule is not None]
    for rule in rules:
        _priority(rule, rules, draft)
        _add(rule, draft)


def _rule(table: dict[str, Any], line: int, draft: Draft) -> _Rule | None:
    unknown = sorted(set(table) - _KEYS)
    for key in unknown:
        draft.refuse(line, 1, key, "it has no counterpart, or says it of text rather than of values")
    effect = _EFFECTS.get(table.get("decision", ""))
    priority = table.get("priority", 0)
    if effect is None or not isinstance(priority, int):
        draft.refuse(line, 1, "decision", "it is not one of allow, ask_user and deny with a whole priority")
        return None
    names = table.get("toolName", "*")
    actions = tuple(filter(None, (_action(name, table, line, draft) for name in _listed(names))))
    return _Rule(line, actions, effect, priority, table) if actions and not unknown else None


def _action(name: Any, table: dict[str, Any], line: int, draft: Draft) -> str | None:
    server = table.get("mcpName")
    if not isinstance(name, str) or not isinstance(server, (str, type(None))) or server == "*":
        draft.refuse(
            line, 1, f"{server}/{name}", "only the names of tools and servers, and `*` for all tools, are known"
        )
        return None
    prefix = f"mcp.{server}." if server else ""
    if name == "*":
        whole = draft.action(f"{prefix}x", line, 1)
        return whole and (f"{prefix}*" if server else "**")
    if "*" in name:
        draft.refuse(line, 1, name, "a pattern over the names of tools is not known")
        return None
    if "__" in name or name.startswith("mcp_"):
        draft.refuse(line, 1, name, "it may be a tool of a server: name the server by `mcpName` and the tool alone")
        return None
    return draft.action(prefix + name, line, 1)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _priority(rule: _Rule, rules: list[_Rule], draft: Draft) -> None:
    for other in rules:
        is_looser = _STRENGTH[other.effect] < _STRENGTH[rule.effect]
        overlaps = any("*" in a or "*" in b or a == b for a in rule.actions for b in other.actions)
        if is_looser and overlaps and other.priority >= rule.priority:
            why = f"the {other.effect} of line {other.line} has no lower priority, and here the strictest rule decides"
            draft.refuse(rule.line, 1, f"{rule.effect} with priority {rule.priority}", why)
            return


def _add(rule: _Rule, draft: Draft) -> None:
    message = {"message": rule.table["denyMessage"]} if isinstance(rule.table.get("denyMessage"), str) else {}
    prefixes = _listed(rule.table["commandPrefix"]) if "commandPrefix" in rule.table else [None]
    for prefix in prefixes:
        when = None
        if prefix is not None:
            words = prefix.split() if isinstance(prefix, str) else []
            if not words or not all(re.fullmatch(r"[A-Za-z0-9_./:=@+-]+", word) for word in words):
                draft.refuse(rule.line, 1, str(prefix), "the words of the command are not plain ones")
                continue
            when = draft.command(rule.effect, words, rule.line, 1, prefix)
            if when is None:
                continue
        for action in rule.actions:
            draft.rule(rule.effect, action, when, **message)
