"""The JSON Schema of a tool's arguments, from the signature and the annotations of its function.

What stands there may be more than the schema says, never less: an annotation of which nothing is known allows anything.
pydantic reads what is no plain type, and is imported only then.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Collection
from types import NoneType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from agent_os import _core
from agent_os.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["schema_of"]

_Schema = dict[str, Any]

#: Types that need no library to be read.
_PLAIN: Final[Mapping[Any, _Schema]] = {
    inspect.Parameter.empty: {},
    Any: {},
    object: {},
    None: {"type": "null"},
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    list: {"type": "array"},
    dict: {"type": "object"},
}


def schema_of(function: Callable[..., Any], signature: inspect.Signature, injected: Collection[str]) -> _Schema:
    """The schema of what is judged of a call: every parameter by its name, but for those that are injected.

    >>> def send(iban: str, amount: float, note: "str | None" = None, *, client=None): ...
    >>> made = schema_of(send, inspect.signature(send), ["client"])
    >>> sorted(made["properties"]), made["properties"]["amount"], made["additionalProperties"]
    (['amount', 'iban', 'note'], {'type': 'number'}, False)
    """
    properties: _Schema = {}
    rest: Any = False
    for each in signature.parameters.values():
        if each.name in injected:
            continue
        if each.kind is inspect.Parameter.VAR_KEYWORD:
            named = _of_unpacked(each, function)
            if named is None:
                rest = _of_annotation(each, function, "#/additionalProperties")
            else:
                # `**more: Unpack[Options]` names its arguments one by one (PEP 692).
                properties.update(named)
        elif each.kind is inspect.Parameter.VAR_POSITIONAL:
            items = _of_annotation(each, function, f"#/properties/{each.name}/items")
            properties[each.name] = {"type": "array", "items": items}
        else:
            schema = _of_annotation(each, function, f"#/properties/{each.name}")
            properties[each.name] = _with_default(schema, each.default)
    return {"type": "object", "properties": properties, "additionalProperties": rest}


def _of_unpacked(parameter: inspect.Parameter, function: Callable[..., Any]) -> _Schema | None:
    """The arguments that an unpacked ``TypedDict`` names; ``None`` for any other annotation."""
    try:
        annotation = parameter.annotation
        if isinstance(annotation, str):
            annotation = _evaluated(annotation, function)
        if _form(annotation) != "Unpack":
            return None
        (named,) = typing.get_args(annotation)
        hints = typing.get_type_hints(named, include_extras=True)
    except Exception:  # noqa: BLE001 -- as for any annotation
        return None
    stand_in = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    return {
        name: _of_annotation(stand_in(name, annotation=_bare(hint)), function, f"#/properties/{name}")
        for name, hint in hints.items()
    }


def _bare(hint: Any) -> Any:
    """Without ``Required``, ``NotRequired`` and ``ReadOnly``, which say nothing of the value."""
    while _form(hint) in ("Required", "NotRequired", "ReadOnly"):
        (hint,) = typing.get_args(hint)
    return hint


def _form(hint: Any) -> Any:
    # By name: the standard library and `typing_extensions` each have their own.
    return getattr(typing.get_origin(hint), "_name", None)


def _with_default(schema: _Schema, default: Any) -> _Schema:
    """A default is judged as it is, whatever the annotation says of it."""
    if default is inspect.Parameter.empty or not schema:
        return schema
    try:
        _core.freeze(default)
    except RequestInvalid:
        return schema  # A call that is left to this default is refused.
    return {**schema, "default": default}


def _of_annotation(parameter: inspect.Parameter, function: Callable[..., Any], place: str) -> _Schema:
    annotation = parameter.annotation
    try:
        if isinstance(annotation, str):
            annotation = _evaluated(annotation, function)
        if annotation in _PLAIN:
            return dict(_PLAIN[annotation])
    except Exception:  # noqa: BLE001 -- an annotation is the author's code, and its name may exist for checkers only
        return {}
    from agent_os.kernel.annotation_schemas import schema_of_annotation

    return schema_of_annotation(annotation, place)


def _evaluated(annotation: str, function: Callable[..., Any]) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    owner = function if hasattr(function, "__globals__") else getattr(function, "__func__", type(function).__call__)
    stand_in = SimpleNamespace(__annotations__={"it": annotation})
    return typing.get_type_hints(stand_in, globalns=owner.__globals__, include_extras=True)["it"]
