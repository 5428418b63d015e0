"""A list of MCP tools (`tools/list`): each is asked about, and what its schema forbids of an argument is denied, as far
as a condition says exactly that.

A schema is not a permission, so nothing is allowed. `server` beside `tools` names the server. The schemas are carried
over without their prose, so that rules that are written later are typed by them.
Parts of a schema that no condition says exactly are named in the head of the policy: they are not checked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from agent_os.policy.generalising import segment
from agent_os.policy.importing.json_places import read_json
from agent_os.policy.places import child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_os.policy.importing.draft import Draft

#: Tests that no value of the type passes, and that are unknown of any other: a deny applies to what is unknown.
_WRONG_TYPE: Final[dict[str, dict[str, Any]]] = {
    "string": {"length": {"lt": 0}},
    "number": {"lt": 0, "gt": 0},
    "boolean": {"not_in": [True, False]},
    "object": {"keys": {"size": {"lt": 0}}},
}
#: Keywords that say nothing about what may be passed.
_WORDS: Final = {"description", "title", "default", "examples", "$comment", "deprecated", "type"}
#: Keywords that are for people and models alone.
_PROSE: Final = {"description", "title", "examples", "$comment", "deprecated"}
#: Keywords that hold schemas: by name, in a list, or one.
_NAMED: Final = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
_LISTED: Final = {"anyOf", "oneOf", "allOf", "prefixItems", "items"}
_HELD: Final = {"items", "additionalProperties", "additionalItems", "not", "if", "then", "else", "contains"}


def read(text: str, draft: Draft) -> None:
    """Puts the tools into the draft."""
    source = read_json(text, draft)
    server = source.value.get("server", "server")
    tools = source.value.get("tools")
    if not isinstance(tools, list) or not isinstance(server, str):
        draft.report.fail("bad_source", f"`{draft.file}` has no list of `tools`", "name the result of `tools/list`")
    for index, tool in enumerate(tools):
        place = source.place(child("/tools", index))
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            draft.refuse(*place, "tool", "it has no name")
            continue
        action = draft.action(f"mcp.{server}.{tool['name']}", *place)
        if action is None:
            continue
        draft.rule("ask", action, message=f"the tool {tool['name']} of the MCP server {server}")
        schema = tool.get("inputSchema", {})
        draft.tool(action, _types(schema), *place)
        for path, tests in _denied(schema if isinstance(schema, dict) else {}, action, draft):
            draft.rule("deny", action, {path: tests}, message=f"the schema of {tool['name']} forbids this {path}")


def _types(schema: Any) -> Any:
    """The schema without what a server says to a model: that is no part of a policy."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for keyword, said in schema.items():
        if keyword in _NAMED and isinstance(said, dict):
            kept[keyword] = {name: _types(part) for name, part in said.items()}
        elif isinstance(said, list) and keyword in _LISTED:
            kept[keyword] = [_types(part) for part in said]
        elif keyword not in _PROSE:
            kept[keyword] = _types(said) if keyword in _HELD else said
    return kept


def _denied(schema: dict[str, Any], action: str, draft: Draft) -> Iterator[tuple[str, dict[str, Any]]]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        yield f"args.{segment(name)}", {"present": False}
    if others := sorted(set(schema) - {"type", "properties", "required", "$schema", *_WORDS}):
        draft.note(f"Not checked of {action}: {', '.join(others)}.")
    for name, part in properties.items() if isinstance(properties, dict) else ():
        path = f"args.{segment(name)}?"
        left = dict(part) if isinstance(part, dict) else {"(schema)": part}
        for tests in _tests(left):
            yield path, tests
        if left := {key: value for key, value in left.items() if key not in _WORDS or key == "type"}:
            draft.note(f"Not checked of {action}, {name}: {', '.join(sorted(left))}.")


def _tests(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Takes out of the schema what it yields the opposite of."""
    kind = part.get("type")
    enum = part.get("enum")
    if isinstance(enum, list) and _is_of_one_kind(enum):
        del part["enum"]
        part.pop("type", None)
        yield {"not_in": enum}
        return
    if isinstance(kind, str) and kind in _WRONG_TYPE:
        del part["type"]
        yield _WRONG_TYPE[kind]
    if kind == "integer":
        # That it is whole, no condition says; `type` stays among what is not checked.
        yield _WRONG_TYPE["number"]
    for keyword, operator in (
        ("minimum", "lt"),
        ("maximum", "gt"),
        ("exclusiveMinimum", "le"),
        ("exclusiveMaximum", "ge"),
    ):
        if kind in ("number", "integer") and keyword in part:
            yield {operator: part.pop(keyword)}
    for keyword, operator in (("minLength", "lt"), ("maxLength", "gt")):
        if kind == "string" and keyword in part:
            yield {"length": {operator: part.pop(keyword)}}


def _is_of_one_kind(enum: list[Any]) -> bool:
    texts = [isinstance(one, str) for one in enum]
    numbers = [isinstance(one, (int, Decimal)) and not isinstance(one, bool) for one in enum]
    return bool(enum) and (all(texts) or all(numbers))
