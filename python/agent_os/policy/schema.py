"""The JSON Schema of policy files, for editors.

Made from the models and from the compiler's table of operators, and shipped as ``policy.schema.json``. It shows
most mistakes while a policy is written; what is in force is decided by loading alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from agent_os import _core
from agent_os.policy.document import Document

FILE: Final = Path(__file__).parent / "policy.schema.json"

_SEGMENT: Final = r'\.([A-Za-z0-9_-]+|"([^"\\]|\\["\\])*")'
_ARGUMENT: Final = rf"^args({_SEGMENT})+$"
_PATH: Final = rf"^(args|run|time)({_SEGMENT})+\??$"
_ITEM: Final = rf"^item({_SEGMENT})*\??$"

_Schema = dict[str, Any]


def schema() -> _Schema:
    """The JSON Schema (draft 2020-12) of one policy file."""
    made = Document.model_json_schema(ref_template="#/$defs/{model}")
    parts = made.pop("$defs")
    for rule_key in ("when", "unless"):
        held = parts["Rule"]["properties"][rule_key]
        parts["Rule"]["properties"][rule_key] = {"description": held["description"], **_ref("condition")}
    parts["ExampleRequest"]["properties"]["agent"] = {"anyOf": [{"type": "string"}, _ref("ExampleAgent")]}
    made["properties"]["sets"]["additionalProperties"] = _some(_ref("scalar"))
    whole = _plain({**made, "$defs": {**parts, **_conditions(), **_operands()}})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Agent OS policy", **whole}


def render() -> str:
    """The text of the shipped file."""
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _conditions() -> _Schema:
    return {
        "condition": _condition(_PATH, "condition"),
        "item_condition": _condition(_ITEM, "item_condition"),
        "tests": _tests(lambda _: True),
    }


def _condition(path: str, name: str) -> _Schema:
    return {
        "type": "object",
        "description": "all of its members must hold",
        "minProperties": 1,
        "properties": {"all": _some(_ref(name)), "any": _some(_ref(name)), "not": _ref(name)},
        "patternProperties": {path: _ref("tests")},
        "additionalProperties": False,
    }


def _tests(fits: Callable[[Mapping[str, Any]], bool]) -> _Schema:
    operators = [operator for operator in _core.operators() if operator["supported"] and fits(operator)]
    return {
        "type": "object",
        "description": "operators with their operands; all of them must hold",
        "minProperties": 1,
        "properties": {
            operator["name"]: {"description": operator["doc"], **_ref(operator["operand"])} for operator in operators
        },
        "additionalProperties": False,
    }


def _operands() -> _Schema:
    text: _Schema = {"type": "string", "minLength": 1}
    number: _Schema = {"type": "number"}
    port: _Schema = {"type": "integer", "minimum": 0, "maximum": 65535}
    argument = _object({"arg": {"type": "string", "pattern": _ARGUMENT}})
    pattern = _object({"pattern": text, "anchored": {"type": "boolean"}}, optional=("anchored",))
    return {
        "scalar": {"type": ["string", "number", "boolean", "null"]},
        "scalar_or_arg": {"anyOf": [_ref("scalar"), argument]},
        "list_or_set": {"anyOf": [_some(_ref("scalar")), {"type": "string", "pattern": r"^\$."}]},
        "bool": {"type": "boolean"},
        "true": {"const": True},
        "strings": {"anyOf": [text, _some(text)]},
        "strings_or_arg": {"anyOf": [text, _some(text), argument]},
        "pattern": {"anyOf": [text, pattern]},
        "number_or_arg": {"anyOf": [number, argument]},
        "moment_or_arg": {"anyOf": [text, argument]},
        "number_tests": _tests(lambda operator: "number" in operator["accepts"]),
        "statement_tests": _ref("list_tests"),
        "name_tests": _ref("list_tests"),
        "dialect": {"enum": ["generic", "postgres", "mysql", "sqlite", "mssql"]},
        "list_tests": _tests(lambda operator: "list" in operator["accepts"]),
        "command": {"anyOf": [_some(text), _command()]},
        "item_tests": {"anyOf": [_ref("tests"), _ref("item_condition")]},
        "globs": {"anyOf": [text, _some(text)]},
        "hosts": {"anyOf": [text, _some(text)]},
        "schemes": {"anyOf": [text, _some(text)]},
        "ports": {"anyOf": [port, _some(port)]},
        "networks": {"anyOf": [text, _some(text)]},
        "file_names": {"anyOf": [text, _some(text)]},
        "extensions": {"anyOf": [text, _some(text)]},
        "origins": _some({"enum": ["user", "system", "trusted", "untrusted"]}),
    }


def _command() -> _Schema:
    words: _Schema = {"anyOf": [{"type": "string", "minLength": 1}, _some({"type": "string", "minLength": 1})]}
    groups: _Schema = {"anyOf": [words, _some(words)]}
    keys = {"program": words, "args": groups, "flags": groups, "no_flags": words, "except": _some(_ref("command"))}
    tests = {"targets": _ref("list_tests"), "writes": _ref("list_tests"), "sure": {"const": True}}
    return {**_object({**keys, **tests}, optional=(*keys, *tests)), "minProperties": 1}


def _object(properties: _Schema, optional: tuple[str, ...] = ()) -> _Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _some(items: _Schema) -> _Schema:
    return {"type": "array", "items": items, "minItems": 1}


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/$defs/{name}"}


def _plain(value: Any) -> Any:
    # Without titles and defaults, which name our classes and say nothing to a writer of policies, and in the one
    # spelling that all versions of pydantic can be brought to.
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if not isinstance(value, dict):
        return value
    if len(inherited := value.get("allOf", ())) == 1:
        value = {**value, **inherited[0]}
    left_out = {
        "title",
        "default",
        *(["allOf"] if len(inherited) == 1 else []),
        *(["enum"] if "const" in value else []),
    }
    return {
        key: {name: _plain(part) for name, part in member.items()} if key in ("properties", "$defs") else _plain(member)
        for key, member in value.items()
        if key not in left_out and (key, member) != ("additionalProperties", True)
    }
