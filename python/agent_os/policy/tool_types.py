"""Holding policies against the schemas of tools that are given beside them, and reading such schemas from files.

What fits is decided by the compiled part; this brings mistakes to their places.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os import _core
from agent_os.errors import PolicyError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = tuple[str, str, str, str]


def tool_types(tools: Any) -> _core.ToolTypes:
    """The schemas in a mapping from actions. Raises ``PolicyError`` for what is none."""
    if not isinstance(tools, Mapping):
        hint = 'pass a mapping from actions to JSON Schemas: {"payments.send": {"type": "object", …}}'
        message = f"`{type(tools).__name__}` holds no schemas of tools"
        raise PolicyError([Problem("bad_schema", message, hint, None, None, None)])
    try:
        return _core.ToolTypes(dict(tools))
    except _core.CompileFailed as failed:
        raise bad_schema(failed.problems, "the schemas of tools") from None
    except ValueError as error:
        hint = "a schema is made of what JSON has: objects, lists, texts, numbers, true, false and null"
        raise PolicyError(
            [Problem("bad_schema", f"a schema cannot be read: {error}", hint, None, None, None)]
        ) from None


def bad_schema(rows: Iterable[Row], where: str) -> PolicyError:
    """The error for what is no JSON Schema of arguments."""
    found: list[Problem] = []
    for pointer, code, message, hint in rows:
        place = f"{where}, at `{pointer}`" if pointer else where
        found.append(Problem(code, f"in {place}: {message}", hint, None, None, None))
    return PolicyError(found)


def misfits(bundle: _core.Bundle, rows: Iterable[Row]) -> PolicyError:
    """The error for what does not fit in a bundle: pointers into it become the places of its rules."""
    rules: list[dict[str, Any]] = bundle.rules
    found: list[Problem] = []
    for pointer, code, message, hint in rows:
        # Another bundle may have come into force since; then the rule is not named, and the refusal stands.
        index = int(pointer.split("/")[2])
        rule: dict[str, Any] = rules[index] if index < len(rules) else {"id": "?", "file": None, "line": None}
        found.append(Problem(code, f"rule `{rule['id']}`: {message}", hint, rule["file"], rule["line"], None))
    return PolicyError(found)


def check_bundle(bundle: _core.Bundle, types: _core.ToolTypes | None) -> None:
    """Raises ``PolicyError`` with everything in a bundle that does not fit."""
    if types is not None and (rows := types.check_bundle(bundle)):
        raise misfits(bundle, rows)


def read_tools(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The schemas in a JSON file: the result of an MCP ``tools/list``, or a mapping from actions to schemas.

    An MCP tool is the action ``mcp.<server>.<tool>``; ``server`` beside ``tools`` names the server. Raises
    ``PolicyError`` for anything else, and ``OSError`` for a file that cannot be read.
    """
    import json
    from decimal import Decimal

    file = os.fspath(path)
    try:
        value = json.loads(Path(path).read_bytes(), parse_float=Decimal, object_pairs_hook=_once)
    except ValueError as error:
        raise _refused(file, f"this is not JSON: {error}") from None
    except RecursionError:
        raise _refused(file, "this is nested too deeply") from None
    tools = value.get("tools") if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise _refused(file, "this is not an object of JSON")
    if not isinstance(tools, list):
        return value
    server = value.get("server", "server")
    if not isinstance(server, str):
        raise _refused(file, "`server` is not a name")
    found: dict[str, Any] = {}
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            raise _refused(file, f"tool {index + 1} of the list has no name")
        action = f"mcp.{server}.{tool['name']}"
        if action in found:
            raise _refused(file, f"tool {index + 1} of the list has the name of one before it, `{tool['name']}`")
        found[action] = tool.get("inputSchema", True)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no key stands twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key `{key}` stands twice in an object")
        found[key] = value
    return found


def _refused(file: str, message: str) -> PolicyError:
    hint = "give the result of `tools/list`, or a mapping from actions to JSON Schemas"
    return PolicyError([Problem("bad_source", message, hint, file, None, None)])
