"""The JSON Schema of an annotation that is no plain type, by pydantic. Importing this module imports pydantic."""

from __future__ import annotations

from enum import Enum, Flag
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

__all__ = ["schema_of_annotation"]


def schema_of_annotation(annotation: Any, place: str) -> dict[str, Any]:
    """The schema; one that allows anything if there is none. ``place`` is where it will stand in the whole schema.

    >>> schema_of_annotation(dict[str, list[int]], "#")
    {'additionalProperties': {'items': {'type': 'integer'}, 'type': 'array'}, 'type': 'object'}
    >>> schema_of_annotation(type("Opaque", (), {}), "#")
    {}
    """
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        return adapter.json_schema(ref_template=f"{place}/$defs/{{model}}", schema_generator=_Judged)
    except Exception:  # noqa: BLE001 -- a type may bring code of its own along, and nothing is known of it then
        return {}


class _Judged(GenerateJsonSchema):
    """Says of what kinds values are when they are judged, which is before anything is written as JSON."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}  # noqa: RUF012 -- as the base has it

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": "number"}

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        if issubclass(schema["cls"], Flag):
            # Members are put together, so a value may be none of them.
            return {"type": "integer"} if _are_plain(schema["members"]) else {}
        return super().enum_schema(schema) if _are_plain(schema["members"]) else {}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return super().literal_schema(schema) if _are_plain(schema["expected"]) else {}

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:  # noqa: ARG002
        return {}


def _are_plain(values: list[Any]) -> bool:
    """True if JSON writes the values as what they are."""
    held = [value.value if isinstance(value, Enum) else value for value in values]
    return all(value is None or isinstance(value, (bool, int, float, str)) for value in held)
