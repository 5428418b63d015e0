"""The shipped JSON Schema is the one that the models and the operators make, and it sees structural mistakes."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from agent_os import _core
from agent_os.errors import PolicyError
from agent_os.policy import schema
from agent_os.policy.files import PRESETS, preset_names, read_limits
from agent_os.policy.problems import Report
from agent_os.policy.source import compose
from tests.unit.policy.test_broken_policies import EXPECTED, VECTORS

SCHEMA = json.loads(schema.FILE.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
#: Mistakes of the structure, which a schema can see in every case.
STRUCTURAL = {"wrong_type", "missing_key", "unknown_key", "bad_version", "bad_effect", "empty", "unknown_operator"}


def as_editors_see_it(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_editors_see_it(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_editors_see_it(member) for member in value]
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def read(text: str) -> Any:
    report = Report()
    source = compose(text, "p.yaml", read_limits(), report)
    report.check()
    assert source is not None
    return as_editors_see_it(source.value)


def test_the_shipped_schema_is_the_one_that_is_made() -> None:
    """Run `python -m agent_os.policy.generate` after a change of the models or of the operators."""
    assert schema.FILE.read_text(encoding="utf-8") == schema.render()


def test_it_is_a_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(SCHEMA)
    assert {part.split('"')[0] for part in text.split('"#/$defs/')[1:]} <= set(SCHEMA["$defs"])


def test_it_knows_every_supported_operator_and_no_other() -> None:
    supported = {operator["name"] for operator in _core.operators() if operator["supported"]}
    assert set(SCHEMA["$defs"]["tests"]["properties"]) == supported


@pytest.mark.parametrize("name", preset_names())
def test_it_takes_the_presets(name: str) -> None:
    VALIDATOR.validate(read((PRESETS / f"{name}.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "when",
    [
        "{args.amount: {gt: 0, le: 0.5}, args.currency: {in: $currencies}}",
        '{args."weird.key".0?: {eq: {arg: args.other}}}',
        "{all: [{args.a: {present: true}}, {any: [{not: {args.b: {ne: null}}}]}]}",
        "{args.due: {before: 2026-01-31}, args.at: {after: 2026-01-31T10:00:00Z}}",
        "{args.items: {each: {item.price: {le: 5}, item.name?: {length: {le: 40}}}, size: {ge: 1}}}",
        "{args.names: {some: {starts_with: [A, B], ignore_case: true}}}",
        "{args.options: {keys: {contains: force}}}",
        '{args.iban: {matches: {pattern: "SE", anchored: false}, seen_in: [user], not_seen_in: [untrusted]}}',
        "{run.labels: {contains: secret}, run.depth: {lt: 3}, time.hour: {ge: 9}}",
    ],
)
def test_it_takes_what_loads(when: str) -> None:
    rule = f"{{id: a, effect: allow, action: x, when: {when}}}"
    text = f"agent_os: 1\nsets: {{currencies: [EUR]}}\nrules: [{rule}]\n"
    VALIDATOR.validate(read(text))
    from agent_os.policy import Policy

    Policy.from_text(text)


@pytest.mark.parametrize("name", sorted(name for name, row in EXPECTED.items() if row["code"] in STRUCTURAL))
def test_it_refuses_the_broken_policies_whose_structure_is_broken(name: str) -> None:
    try:
        value = read((VECTORS / name).read_text(encoding="utf-8"))
    except PolicyError:
        pytest.fail("a structural mistake is one of a file that can be read")
    known_only_to_the_compiler = EXPECTED[name].get("schema") == "silent"
    assert VALIDATOR.is_valid(value) is known_only_to_the_compiler
