"""Schemas of tools type the conditions: what can never be told of an argument is a mistake of the policy.

tests/vectors/README.md says what a case of tests/vectors/types means. Rust runs the same file.
"""

from __future__ import annotations

import json
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_os import _core
from agent_os.errors import PolicyError, Problem
from agent_os.policy import Policy
from agent_os.policy.formatting import format_text
from agent_os.policy.tool_types import read_tools

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "types" / "schemas.json").read_text("utf-8"))
PAY: dict[str, Any] = {
    "payments.send": {
        "type": "object",
        "properties": {"iban": {"type": "string"}, "amount": {"type": "number"}, "currency": {"enum": ["EUR", "SEK"]}},
        "required": ["iban", "amount"],
    }
}
POLICY = """\
agent_os: 1
name: desk
{tools}rules:
  - id: large
    effect: deny
    action: payments.send
    message: too much
    when:
      args.{argument}: {tests}
"""
TOOLS = """\
tools:
  payments.send:
    type: object
    properties:
      iban: {type: string}
      amount: {type: number}
      currency: {enum: [EUR, SEK]}
    required: [iban, amount]
"""


def text(argument: str, tests: str, tools: str = TOOLS) -> str:
    return POLICY.format(tools=tools, argument=argument, tests=tests)


def problems_of(policy: str, **arguments: Any) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as error:
        Policy.from_text(policy, name="desk.yaml", **arguments)
    return error.value.problems


def thawed(value: Any) -> Any:
    return _core.thaw(json.dumps(value).encode())


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["rules"] if "known" not in case], ids=lambda case: case["name"]
)
def test_vectors(case: dict[str, Any]) -> None:
    rule = {"id": "r", "effect": "deny", **thawed(case["rule"])}
    document = {"agent_os": 1, "name": "vector", "sets": case.get("sets", {}), "rules": [rule]}
    tools = thawed(case.get("tools", VECTORS["tools"]))
    expected = sorted(("/rules/0" + problem["pointer"], problem["code"]) for problem in case["problems"])
    found = _core.ToolTypes(tools).check_document(document)
    assert sorted(row[:2] for row in found) == expected
    hints = {"/rules/0" + problem["pointer"]: problem["hint"] for problem in case["problems"]}
    assert [row for row in found if hints[row[0]] not in row[3]] == []
    assert sorted(row[:2] for row in _core.ToolTypes(tools).check_bundle(_core.Bundle.compile(document))) == expected


@pytest.mark.parametrize("case", VECTORS["schemas"], ids=lambda case: case["name"])
def test_what_is_no_schema_is_a_load_error(case: dict[str, Any]) -> None:
    with pytest.raises(PolicyError) as error:
        Policy.load("strict", tools={"pay": thawed(case["schema"])})
    assert {problem.code for problem in error.value.problems} == {"bad_schema"}
    assert [f"`/pay{pointer}`" in str(error.value) for pointer in case["problems"]] == [True] * len(case["problems"])


def test_a_misspelt_argument_is_told_with_its_place_and_what_was_meant() -> None:
    (problem,) = problems_of(text("ammount", "{gt: 500}"))
    assert problem == Problem(
        "unknown_argument",
        "no argument of `payments.send` is `args.ammount`",
        "did you mean `args.amount`?",
        "desk.yaml",
        17,
        7,
    )


def test_an_operator_of_the_wrong_type_is_told_with_its_place() -> None:
    (problem,) = problems_of(text("iban", "{gt: 500}"))
    assert (problem.code, problem.line, problem.column) == ("wrong_operator", 17, 19)
    assert problem.message == "`gt` does not take a string, which `args.iban` of `payments.send` always is"


def test_a_value_that_the_schema_does_not_list_is_told_with_its_place() -> None:
    (problem,) = problems_of(text("currency", "{in: [EURO]}"))
    assert (problem.code, problem.line, problem.column) == ("unknown_value", 17, 27)
    assert "did you mean `EUR`?" in problem.hint


def test_all_mistakes_are_told_at_once() -> None:
    policy = text("ammount", "{gt: 500}") + "      args.iban: {gt: 5}\n      args.currency: {size: {lt: 1}, gtt: 5}\n"
    assert [problem.code for problem in problems_of(policy)] == [
        "unknown_argument",
        "wrong_operator",
        "wrong_operator",
        "unknown_operator",
    ]


def test_schemas_given_beside_a_policy_are_not_part_of_it() -> None:
    plain = text("amount", "{gt: 500}", tools="")
    policy = Policy.from_text(plain, tools=PAY)
    assert policy.digest == Policy.from_text(plain).digest
    (problem,) = problems_of(text("ammount", "{gt: 500}", tools=""), tools=PAY)
    assert (problem.code, problem.line, problem.column) == ("unknown_argument", 9, 7)


def test_a_policy_and_a_compiled_bundle_are_held_against_schemas_too(tmp_path: Path) -> None:
    policy = Policy.from_text(text("ammount", "{gt: 500}", tools=""), name="desk.yaml")
    file = tmp_path / "desk.bundle"
    policy.save(file)
    for source in (policy, file):
        with pytest.raises(PolicyError, match=r"rule `large`: no argument of `payments\.send`") as error:
            Policy.load(source, tools=PAY)
        assert (error.value.file, error.value.line) == ("desk.yaml", 4)


def test_a_compiled_bundle_keeps_the_schemas(tmp_path: Path) -> None:
    policy = Policy.from_text(text("amount", "{gt: 500}"))
    policy.save(tmp_path / "desk.bundle")
    again = Policy.load(tmp_path / "desk.bundle")
    assert again.digest == policy.digest
    assert json.loads(again.bundle.document)["tools"] == PAY


def test_a_reference_survives_the_way_through_yaml_and_the_bundle() -> None:
    tools = 'tools:\n  payments.send:\n    $defs: {m: {type: number}}\n    properties: {amount: {$ref: "#/$defs/m"}}\n'
    assert problems_of(text("amount", "{starts_with: a}", tools))[0].code == "wrong_operator"
    Policy.from_text(text("amount", "{gt: 5}", tools))


@pytest.mark.parametrize(
    ("tools", "code", "line"),
    [
        ("tools: []\n", "wrong_type", 3),
        ("tools:\n  payments.send: text\n", "bad_schema", 4),
        ("tools:\n  payments.send: {properties: {a: {type: number}, a-b: {type: nubmer}}}\n", "bad_schema", 4),
        ("tools:\n  payments.*: {type: object}\n", "bad_action", 4),
    ],
)
def test_what_is_no_schema_in_a_file_is_told_with_its_line(tools: str, code: str, line: int) -> None:
    (problem,) = problems_of(text("amount", "{gt: 500}", tools))
    assert (problem.code, problem.line) == (code, line)


def test_files_join_their_schemas_and_two_for_one_action_must_be_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text("amount", "{gt: 500}"))
    same = (
        f"agent_os: 1\n{TOOLS}rules: [{{id: b, effect: deny, action: payments.send, when: {{args.iban: {{eq: x}}}}}}]\n"
    )
    (tmp_path / "b.yaml").write_text(same)
    Policy.load([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    (tmp_path / "b.yaml").write_text(same.replace("args.iban", "args.ibna"))
    with pytest.raises(PolicyError, match=r"did you mean `args\.iban`"):
        Policy.load([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    (tmp_path / "b.yaml").write_text(same.replace("{type: number}", "{type: integer}"))
    with pytest.raises(PolicyError) as error:
        Policy.load([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    (problem,) = error.value.problems
    assert (problem.code, problem.line, problem.column) == ("redefined_tool", 3, 3)
    assert re.search(r"a\.yaml:4$", problem.hint)


def test_schemas_of_one_file_hold_for_the_rules_of_another(tmp_path: Path) -> None:
    (tmp_path / "tools.yaml").write_text(f"agent_os: 1\n{TOOLS}rules: [{{id: t, effect: deny, action: other}}]\n")
    plain = text("ammount", "{gt: 500}", tools="extends: tools.yaml\n")
    (problem,) = problems_of(plain, base=tmp_path)
    assert (problem.code, problem.file, problem.line) == ("unknown_argument", "desk.yaml", 10)


def test_tools_are_written_in_one_layout_with_their_comments() -> None:
    loose = """\
agent_os: 1
rules: [{id: a, effect: deny, action: b}]
tools:
  # what moves money
  payments.send: {type: object, properties: {iban: {type: string}, "note": {}}, additionalProperties: false}
  anything: true
"""
    expected = """\
agent_os: 1
tools:
  # what moves money
  payments.send:
    type: object
    properties:
      iban: {type: string}
      note: {}
    additionalProperties: false
  anything: true
rules:
  - id: a
    effect: deny
    action: b
"""
    assert format_text(loose) == expected
    assert format_text(expected) == expected
    commented = expected.replace("      iban", "      # where it goes\n      iban")
    assert format_text(commented) == commented


def test_numbers_of_schemas_are_read_exactly() -> None:
    tools = {"pay": {"properties": {"rate": {"enum": [Decimal("0.10"), 1]}}}}
    rule = "agent_os: 1\nrules: [{id: a, effect: deny, action: pay, when: {args.rate: {eq: %s}}}]\n"
    Policy.from_text(rule % "0.1", tools=tools)
    assert problems_of(rule % "0.11", tools=tools)[0].code == "unknown_value"
    assert problems_of(rule % "true", tools=tools)[0].code == "wrong_operator"


def test_a_policy_with_schemas_is_asked_as_any_other() -> None:
    typed = Policy.from_text(text("amount", "{gt: 500}"))
    plain = Policy.from_text(text("amount", "{gt: 500}", tools=""))
    wider = Policy.from_text(text("amount", "{gt: 400}"))
    request: dict[str, Any] = {"amount": 501}
    assert typed.decide("payments.send", request, agent="a").rules == ("large",)
    assert typed.explain("payments.send", request, agent="a").rules[0].rule == "large"
    assert [finding.code for finding in typed.check()] == [finding.code for finding in plain.check()]
    assert not typed.diff(plain)
    assert [one.change for one in typed.diff(wider).differences] == [
        one.change for one in plain.diff(wider).differences
    ]
    assert typed.test().failed == 0
    # Schemas decide nothing: they open nothing when they come or go.
    assert typed.bundle.may_open(plain.bundle) == plain.bundle.may_open(typed.bundle) == []


def test_ten_thousand_rules_are_held_against_two_hundred_tools_in_a_moment() -> None:
    schema = {"type": "object", "properties": {f"a{number}": {"type": "number"} for number in range(20)}}
    tools = {f"t{number}.call": schema for number in range(200)}
    rules = [
        {
            "id": f"r{number}",
            "effect": "deny",
            "action": ["t*.call" if number % 10 == 0 else f"t{number % 200}.call"],
            "when": {f"args.a{number % 20}": {"gt": 5}},
        }
        for number in range(10_000)
    ]
    bundle = _core.Bundle.compile({"agent_os": 1, "name": "n", "rules": rules})
    types = _core.ToolTypes(tools)
    started = time.process_time()
    assert types.check_bundle(bundle) == []
    # Two million pairs of a pattern and a tool are most of it.
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"t.x": {"type": "object"}, "t.x": {}}', "stands twice"),
        ('{"tools": [{"name": "a"}, {"name": "a"}]}', "the name of one before it"),
        ('{"server": 5, "tools": []}', "`server` is not a name"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_of_tools_loses_nothing_silently(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "tools.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=word):
        read_tools(path)
