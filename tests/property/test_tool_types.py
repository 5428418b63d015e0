"""What is claimed of a rule and a schema is true of every argument that the schema allows, as `jsonschema` sees it.

No mistake is claimed of a test that some allowed argument could tell; a seeded misspelling and a seeded test of the
wrong type are always found.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent_os import _core

NAMES = ["amount", "iban", "note", "tags", "card", "to"]
TEXTS = ["EUR", "eur", "SEK", "", "2026-01-31", "2026-01-31T10:00:00Z", "https://a.example/x", "/srv/a", "drop table t"]
NUMBERS: list[int | float] = [0, 1, 5, -1, 1.5, 2.0, 2**60]
SCALARS: list[Any] = [None, True, False, *NUMBERS, *TEXTS]
ITEMS = [*SCALARS, [], ["EUR"], [1, "EUR"], {}, {"iban": "EUR"}, {"iban": 1, "note": None}, [[1]]]
TYPES = ["null", "boolean", "number", "integer", "string", "array", "object"]

Schema = Any


# -- schemas and what they allow ---------------------------------------------------------------------------------------


def leaves() -> st.SearchStrategy[Schema]:
    one = st.sampled_from(TYPES).map(lambda name: {"type": name})
    several = st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True).map(lambda names: {"type": names})
    listed = st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3).map(lambda values: {"enum": values})
    const = st.sampled_from(ITEMS).map(lambda value: {"const": value})
    format_ = st.sampled_from(["date", "date-time", "binary", "uri"]).map(
        lambda name: {"type": "string", "format": name}
    )
    odd = st.sampled_from(
        [{}, True, {"x-unit": "EUR"}, {"minimum": 1}, {"not": {"type": "string"}}, {"$ref": "#/$defs/shared"}]
    )
    default = st.tuples(st.sampled_from(TYPES), st.sampled_from(ITEMS)).map(lambda p: {"type": p[0], "default": p[1]})
    return st.one_of(one, one, several, listed, const, format_, odd, default)


def wider(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    some = st.lists(inner, min_size=1, max_size=3)
    array = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={"items": st.one_of(inner, st.just(False)), "prefixItems": some, "minItems": st.just(1)},
    )
    joined = st.sampled_from(["anyOf", "oneOf", "allOf"]).flatmap(lambda word: some.map(lambda parts: {word: parts}))
    both = st.tuples(leaves(), joined).map(lambda pair: {**(pair[0] if isinstance(pair[0], dict) else {}), **pair[1]})
    return st.one_of(array, objects(inner), joined, both)


def objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)},
        optional={
            "additionalProperties": st.one_of(st.booleans(), inner),
            "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
            "patternProperties": inner.map(lambda schema: {"^t": schema}),
        },
    )


SCHEMAS = st.recursive(leaves(), wider, max_leaves=6)


@st.composite
def tools(draw: st.DrawFn) -> dict[str, Any]:
    schema = draw(objects(SCHEMAS))
    return {**schema, "$defs": {"shared": draw(SCHEMAS)}}


@st.composite
def arguments(draw: st.DrawFn, schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments that the schema may allow; whether it does, the validator says."""
    names = {*schema["properties"], *draw(st.lists(st.sampled_from(NAMES), max_size=1))}
    parts = schema["properties"]
    return {
        name: draw(value_of(parts.get(name, True), schema, 0))
        for name in sorted(names)
        if name in schema.get("required", ()) or draw(st.booleans())
    }


@st.composite
def value_of(draw: st.DrawFn, schema: Schema, whole: dict[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > 4:
        return draw(st.sampled_from(ITEMS))
    if "$ref" in schema:
        schema = whole["$defs"]["shared"]
        return draw(value_of(schema, whole, depth + 1)) if isinstance(schema, dict) else draw(st.sampled_from(ITEMS))
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return draw(value_of(draw(st.sampled_from(schema[word])), whole, depth + 1))
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    if "const" in schema:
        return schema["const"]
    names = schema.get("type", TYPES)
    name = draw(st.sampled_from([names] if isinstance(names, str) else names))
    if name == "array":
        first = [draw(value_of(part, whole, depth + 1)) for part in schema.get("prefixItems", ())]
        rest = draw(st.integers(0, 2)) if schema.get("items") is not False else 0
        return [*first, *(draw(value_of(schema.get("items", True), whole, depth + 1)) for _ in range(rest))]
    if name == "object":
        parts = {
            **schema.get("properties", {}),
            **dict.fromkeys(draw(st.lists(st.sampled_from(NAMES), max_size=1)), True),
        }
        return {key: draw(value_of(part, whole, depth + 1)) for key, part in parts.items() if draw(st.booleans())}
    plain = {"null": [None], "boolean": [True, False], "number": NUMBERS, "integer": [0, 1, 5, 2.0], "string": TEXTS}
    return draw(st.sampled_from(plain[name]))


def allows(schema: dict[str, Any], args: dict[str, Any]) -> bool:
    """What a tool takes: by the schema, and nothing beside it unless the schema says so."""
    closed = schema
    if "additionalProperties" not in schema and not schema.get("patternProperties"):
        required = dict.fromkeys(schema.get("required", ()), True)
        closed = {**schema, "properties": {**required, **schema["properties"]}, "additionalProperties": False}
    return Draft202012Validator(closed).is_valid(args)


# -- tests -------------------------------------------------------------------------------------------------------------

PATHS = st.lists(st.sampled_from([*NAMES, "0", "1"]), min_size=1, max_size=3).map(
    lambda steps: ".".join(["args", *steps])
)


def checks_on(depth: int) -> st.SearchStrategy[tuple[str, Any]]:
    """An operator with its operand."""
    scalar = st.one_of(st.sampled_from(SCALARS), PATHS.map(lambda path: {"arg": path}))
    number = st.one_of(st.sampled_from(NUMBERS), PATHS.map(lambda path: {"arg": path}))
    text = st.one_of(st.sampled_from(["E", "https", "/"]), PATHS.map(lambda path: {"arg": path}))
    members = st.one_of(
        st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
        st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3),
    )
    made = [
        st.tuples(st.sampled_from(["eq", "ne"]), scalar),
        st.tuples(st.sampled_from(["in", "not_in"]), members),
        st.tuples(st.just("contains"), scalar.filter(lambda operand: operand != "")),
        st.tuples(st.sampled_from(["lt", "le", "gt", "ge"]), number),
        st.tuples(st.sampled_from(["starts_with", "ends_with"]), text),
        st.tuples(st.just("present"), st.booleans()),
        st.tuples(st.just("length"), st.just({"lt": 4})),
        st.tuples(st.just("size"), st.just({"lt": 2})),
        st.tuples(st.just("keys"), st.just({"contains": "iban"})),
        st.tuples(st.just("under"), st.just("/srv")),
        st.tuples(st.just("host"), st.just("a.example")),
        st.tuples(st.just("tables"), st.just({"contains": "t"})),
        st.tuples(st.just("programs"), st.just({"contains": "drop"})),
        st.tuples(st.just("seen_in"), st.just(["user"])),
    ]
    if depth:
        inner = checks_on(depth - 1).filter(lambda test: test[0] != "present")
        made += [st.tuples(st.sampled_from(["each", "some"]), inner.map(lambda test: dict([test])))] * 2
        made.append(
            st.tuples(
                st.sampled_from(["each", "some"]),
                st.tuples(st.sampled_from(NAMES), inner).map(lambda test: {f"item.{test[0]}": dict([test[1]])}),
            )
        )
    return st.one_of(made)


#: Building a strategy takes longer than drawing from it.
CHECKS = [checks_on(depth) for depth in range(3)]


def rule(path: str, test: tuple[str, Any]) -> dict[str, Any]:
    return {path: dict([test])}


def document(when: dict[str, Any]) -> dict[str, Any]:
    return {"agent_os": 1, "name": "n", "rules": [{"id": "r", "effect": "allow", "action": ["pay"], "when": when}]}


def truth(when: dict[str, Any]) -> Callable[[dict[str, Any]], bool | None]:
    """What the condition comes to for arguments: `True`, `False`, or `None` where it cannot be told."""
    holds, fails = (_core.Bundle.compile(document(each)) for each in (when, {"not": when}))

    def of(args: dict[str, Any]) -> bool | None:
        if holds.decide("pay", args, agent="a", texts=[("user", "EUR 2026")]):
            return True
        return False if fails.decide("pay", args, agent="a", texts=[("user", "EUR 2026")]) else None

    return of


def innermost(test: tuple[str, Any]) -> str:
    """The operator that is asked in the end."""
    name, operand = test
    while name in ("each", "some"):
        (key, value), *_ = operand.items()
        name, operand = next(iter(value.items())) if key.startswith("item") else (key, value)
    return name


@given(st.data())
@settings(max_examples=150)
def test_no_mistake_is_claimed_that_an_allowed_argument_disproves(data: st.DataObject) -> None:
    schema = data.draw(tools())
    path, test = data.draw(PATHS), data.draw(CHECKS[2])
    when = rule(path, test)
    found = _core.ToolTypes({"pay": schema}).check_document(document(when))
    if not found:
        event("fits")
        return
    event(found[0][1])
    of = truth(when)
    seen = set()
    for _ in range(6):
        args = data.draw(arguments(schema))
        if allows(schema, args):
            seen.add(of(args))
            event(f"{found[0][1]}: asked")
    operator = innermost(test)
    if operator in ("ne", "not_in"):
        # Of an empty list, `some` is false whatever it asks.
        assert False not in seen or test[0] == "some"
    elif operator == "present":
        assert len(seen - {None}) <= 1
    else:
        assert True not in seen


@given(st.data())
@settings(max_examples=80)
def test_a_misspelt_argument_is_always_found(data: st.DataObject) -> None:
    schema = data.draw(tools())
    assume(schema["properties"] and schema.get("additionalProperties", False) is False)
    assume(not schema.get("patternProperties"))
    name = data.draw(st.sampled_from(sorted(schema["properties"])))
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    wrong = data.draw(
        st.sampled_from([name[:place] + name[place + 1 :], name[:place] + letter + name[place:], name + letter])
    )
    assume(wrong and wrong not in schema["properties"] and wrong not in schema.get("required", ()))
    test = data.draw(CHECKS[1])
    for when in (rule(f"args.{wrong}", test), {"not": rule(f"args.{wrong}?", ("eq", 1))}):
        found = _core.ToolTypes({"pay": schema}).check_document(document(when))
        assert "unknown_argument" in [code for _, code, _, _ in found]


KINDS = {
    "null": "null",
    "boolean": "bool",
    "number": "number",
    "integer": "number",
    "string": "string",
    "array": "list",
    "object": "map",
}


@given(st.sampled_from(TYPES), CHECKS[0])
def test_an_operator_that_takes_no_value_of_the_type_is_always_found(name: str, test: tuple[str, Any]) -> None:
    (operator,) = (row for row in _core.operators() if row["name"] == test[0])
    schema = {"type": "object", "properties": {"it": {"type": name}}}
    found = [code for _, code, _, _ in _core.ToolTypes({"pay": schema}).check_document(document(rule("args.it", test)))]
    if KINDS[name] not in operator["accepts"]:
        assert found == ["wrong_operator"]
    elif test[0] in ("lt", "under", "host", "size", "length", "keys", "seen_in") and not isinstance(test[1], dict):
        assert found == []
