"""Tools bring the types of their arguments along: by their signatures, or by `schema=`.

Rules that do not fit keep a tool out, and keep a reload from coming into force.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, Flag, IntFlag
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from typing_extensions import NotRequired, Required, TypedDict, Unpack

from agent_os import KernelSpace, Policy, PolicyError
from agent_os.kernel.argument_schemas import schema_of
from tests.unit.kernel.desk import RUN, desk, of_kind, policy


class Speed(Enum):
    FAST = "fast"
    SLOW = "slow"


class Rights(IntFlag):
    READ = 1
    WRITE = 2


class Bits(Flag):
    ONE = 1
    TWO = 2


class Options(TypedDict, total=False):
    note: Required[str]
    rate: NotRequired[float]
    speed: Speed


class Price(Enum):
    LOW = Decimal("0.5")


class Person(BaseModel):
    name: str
    friend: Person | None = None


@dataclass
class Point:
    x: int


class Opaque:
    pass


def deny(path: str, tests: str, action: str = "pay") -> str:
    return f"{{id: r, effect: deny, action: {action}, when: {{{path}: {tests}}}, message: no}}"


def registers(function: Callable[..., Any], *rules: str, **options: Any) -> list[str]:
    """The codes with which a tool is refused; none if it is taken."""
    with desk(*rules) as kernel:
        try:
            kernel.tool("pay", **options)(function)
        except PolicyError as error:
            assert of_kind(kernel, "tool.registered") == []
            return [problem.code for problem in error.problems]
        assert len(of_kind(kernel, "tool.registered")) == 1
        return []


def pay(iban: str, amount: float, currency: Literal["EUR", "SEK"] = "EUR", note: str | None = None) -> str:
    return f"{amount} {currency} to {iban} {note}"


@pytest.mark.parametrize(
    ("path", "tests", "codes"),
    [
        ("args.amount", "{gt: 5}", []),
        ("args.ammount", "{gt: 5}", ["unknown_argument"]),
        ("args.ammount?", "{gt: 5}", ["unknown_argument"]),
        ("args.iban", "{gt: 5}", ["wrong_operator"]),
        ("args.currency", "{eq: EURO}", ["unknown_value"]),
        ("args.note", "{eq: null}", []),
        ("args.iban", "{eq: null}", ["wrong_operator"]),
        ("args.amount", "{le: {arg: args.max}}", ["unknown_argument"]),
    ],
)
def test_a_signature_types_the_conditions(path: str, tests: str, codes: list[str]) -> None:
    assert registers(pay, deny(path, tests)) == codes
    # Whatever the rule does with it, an allow included.
    assert registers(pay, deny(path, tests).replace("deny", "allow")) == codes


def test_what_is_refused_names_rule_file_line_and_what_was_meant() -> None:
    with desk(deny("args.ammount", "{gt: 500}")) as kernel, pytest.raises(PolicyError) as error:
        kernel.tool("pay")(pay)
    (problem,) = error.value.problems
    assert problem.message == "rule `r`: no argument of `pay` is `args.ammount`"
    assert problem.hint == "did you mean `args.amount`?"
    assert (problem.file, problem.line) == ("<string>", 6)


def test_a_refused_tool_can_be_registered_once_the_policy_is_right() -> None:
    with desk(deny("args.ammount", "{gt: 500}")) as kernel:
        with pytest.raises(PolicyError):
            kernel.tool("pay")(pay)
        with pytest.raises(Exception, match="no tool `pay`"):
            kernel.execute_sync("pay", iban="x", amount=1)
        kernel.reload(policy(RUN, deny("args.amount", "{gt: 500}")))
        kernel.tool("pay")(pay)


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, {"type": "string"}),
        (None, {"type": "null"}),
        (Any, {}),
        (Opaque, {}),
        (list[Opaque], {}),
        (Callable[[int], int], {}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (list[str], {"type": "array", "items": {"type": "string"}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Decimal, {"type": "number"}),
        (date, {"type": "string", "format": "date"}),
        (bytes, {"type": "string", "format": "binary"}),
        (Path, {"type": "string", "format": "path"}),
        (Speed, {"type": "string", "enum": ["fast", "slow"], "title": "Speed"}),
        (Price, {}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Literal[b"a"], {}),
        (Annotated[int, Field(gt=3)], {"type": "integer", "exclusiveMinimum": 3}),
        (
            Point,
            {
                "type": "object",
                "properties": {"x": {"type": "integer", "title": "X"}},
                "required": ["x"],
                "title": "Point",
            },
        ),
        ("int", {"type": "integer"}),
        ("OnlyForCheckers", {}),
        ("no python", {}),
    ],
)
def test_annotations_become_schemas_and_what_cannot_be_read_is_anything(
    annotation: Any, schema: dict[str, Any]
) -> None:
    def function(it):  # type: ignore[no-untyped-def]
        return it

    function.__annotations__["it"] = annotation
    made = schema_of(function, inspect.signature(function), ())
    found = {key: value for key, value in made["properties"]["it"].items() if key != "title" or "title" in schema}
    assert found == schema


def test_a_model_that_is_part_of_itself_is_followed() -> None:
    def greet(person: Person) -> None:
        pass

    assert registers(greet, deny("args.person.friend.friend.name", "{eq: x}")) == []
    assert registers(greet, deny("args.person.friend.friend.name", "{gt: 5}")) == ["wrong_operator"]


def test_parameters_of_every_kind_are_judged_as_they_are_bound() -> None:
    def everything(a: str, /, b: int, *more: int, c: bool, client: Any = None, **rest: str) -> None:
        pass

    def of(path: str, tests: str) -> list[str]:
        return registers(everything, deny(path, tests), injected=["client"])

    assert of("args.a", "{gt: 5}") == ["wrong_operator"]
    assert of("args.more", "{each: {gt: 5}}") == []
    assert of("args.more", "{each: {starts_with: a}}") == ["wrong_operator"]
    assert of("args.c", "{eq: true}") == []
    assert of("args.anything", "{starts_with: a}") == []
    assert of("args.anything", "{gt: 5}") == ["wrong_operator"]


def test_what_is_injected_is_no_argument() -> None:
    def with_client(amount: int, client: Any) -> None:
        pass

    rule = deny("args.client", "{eq: x}")
    assert registers(with_client, rule) == []
    assert registers(with_client, rule, injected=["client"]) == ["unknown_argument"]


def test_a_default_is_possible_whatever_the_annotation_says() -> None:
    def odd(amount: int = None, speed: Speed = Speed.FAST, tags: list[str] = [], opaque: int = Opaque()) -> None:  # type: ignore[assignment]  # noqa: B006, RUF013
        pass

    assert registers(odd, deny("args.amount", "{eq: null}")) == []
    assert registers(odd, deny("args.tags", "{contains: 5}")) == ["wrong_operator"]
    assert registers(odd, deny("args.speed", "{eq: faster}")) == ["unknown_value"]
    assert registers(odd, deny("args.opaque", "{eq: x}")) == ["wrong_operator"]


def test_a_schema_that_is_given_is_taken_instead_of_the_signature() -> None:
    def loose(**arguments: Any) -> None:
        pass

    schema = {"type": "object", "properties": {"amount": {"type": "number"}}}
    assert registers(loose, deny("args.ammount", "{gt: 5}")) == []
    assert registers(loose, deny("args.ammount", "{gt: 5}"), schema=schema) == ["unknown_argument"]
    assert registers(loose, deny("args.amount", "{gt: 5}"), schema={"properties": {"amount": {"type": "money"}}}) == [
        "bad_schema"
    ]
    assert registers(pay, deny("args.whatever", "{gt: 5}"), schema=True) == []
    with desk() as kernel, pytest.raises(TypeError, match="`schema`"):
        kernel.tool("pay", schema="text")(loose)  # type: ignore[arg-type]


def test_of_a_pattern_nothing_is_said_before_all_tools_are_there() -> None:
    # The next tool may be the one that has the argument.
    assert registers(pay, deny("args.ammount", "{gt: 5}", "'pay*'")) == []
    assert registers(pay, deny("args.ammount", "{gt: 5}", "[pay, pay_later]")) == []


def test_of_two_tools_the_second_is_held_against_a_rule_for_both() -> None:
    with desk(deny("args.ammount", "{gt: 5}", "[pay, pay_later]")) as kernel:
        kernel.tool("pay")(pay)
        with pytest.raises(PolicyError, match=r"no argument of `pay` and `pay_later`"):
            kernel.tool("pay_later")(pay)


def test_a_reload_is_held_against_every_tool_before_it_is_in_force() -> None:
    with desk(deny("args.amount", "{gt: 500}")) as kernel:
        kernel.tool("pay")(pay)
        before = kernel.bundle
        with pytest.raises(PolicyError, match=r"did you mean `args\.amount`"):
            kernel.reload(policy(RUN, deny("args.ammount", "{gt: 100}")))
        assert kernel.bundle == before
        (rejected,) = of_kind(kernel, "policy.rejected")
        assert "args.ammount" in rejected["error"]
        kernel.reload(policy(RUN, deny("args.amount", "{gt: 100}")))
        assert kernel.bundle != before


def test_schemas_of_the_policy_and_of_the_tool_must_both_fit() -> None:
    text = "agent_os: 1\ntools: {pay: {properties: {amount: {}, fee: {}}}}\nrules:\n  - %s\n"
    loaded = Policy.from_text(text % deny("args.fee", "{gt: 5}"))
    refused = pytest.raises(PolicyError, match=r"no argument of `pay` is `args\.fee`")
    with KernelSpace(loaded, durability="memory") as kernel, refused:
        kernel.tool("pay")(pay)


def test_plain_annotations_cost_no_import_of_pydantic() -> None:
    code = (
        "import sys\n"
        "from agent_os import KernelSpace\n"
        "kernel = KernelSpace('strict', durability='memory')\n"
        "@kernel.tool('pay')\n"
        "def pay(iban: str, amount: float = 1.0, *more: int, note=None): ...\n"
        "assert 'pydantic' not in sys.modules, 'pydantic was imported'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_flags_are_put_together_so_a_value_may_be_no_member() -> None:
    def grant(rights: Rights, bits: Bits) -> None: ...

    properties = schema_of(grant, inspect.signature(grant), [])["properties"]
    assert [(each["type"], "enum" in each) for each in properties.values()] == [("integer", False)] * 2
    rule = "{id: r, effect: deny, action: pay, when: {args.rights: {eq: 3}}, message: no}"
    assert registers(grant, rule) == []
    assert registers(grant, rule.replace("eq: 3", "starts_with: a")) == ["wrong_operator"]
    with desk("{id: ok, effect: allow, action: pay}", rule) as kernel:
        kernel.tool("pay")(grant)
        kernel.register(lambda: None, agent_id="desk")
        both = {"rights": Rights.READ | Rights.WRITE, "bits": Bits.ONE}
        assert kernel.check("pay", both, agent="desk").rules == ("r",)


def test_an_unpacked_typed_dict_names_its_arguments_one_by_one() -> None:
    def pay(amount: int, **more: Unpack[Options]) -> None: ...

    made = schema_of(pay, inspect.signature(pay), [])
    assert made["additionalProperties"] is False
    assert made["properties"]["note"] == {"type": "string"}
    assert made["properties"]["rate"] == {"type": "number"}
    assert made["properties"]["speed"]["enum"] == ["fast", "slow"]
    assert registers(pay, deny("args.note", "{starts_with: x}")) == []
    assert registers(pay, deny("args.rat", "{gt: 5}")) == ["unknown_argument"]
    assert registers(pay, deny("args.rate", "{starts_with: x}")) == ["wrong_operator"]

    def plain(**more: int) -> None: ...

    assert schema_of(plain, inspect.signature(plain), [])["additionalProperties"] == {"type": "integer"}
