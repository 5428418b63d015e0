"""Every table of docs/explanation/semantics.md holds on the engine."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from agent_os.policy import Policy
from agent_os.policy.files import read_limits
from agent_os.policy.problems import Report
from agent_os.policy.source import compose

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "semantics.md"
LEAVES = {"true": "args.t: {eq: 1}", "unknown": "args.u: {eq: 1}", "false": "args.f: {eq: 1}"}
ARGS = {"t": 1, "f": 0}

Row = list[str]


def tables() -> list[list[Row]]:
    found: list[list[Row]] = []
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for is_table, block in itertools.groupby(lines, key=lambda line: line.startswith("|")):
        if is_table:
            rows = [[cell.strip().strip("*") for cell in line.strip("|").split("|")] for line in block]
            found.append([row for row in rows if set("".join(row)) - set("-")])
    return found


def table(head: str) -> list[Row]:
    (rows,) = [rows for rows in tables() if rows[0][0] == head]
    return rows


def value(text: str) -> Any:
    report = Report()
    source = compose(text.strip("`"), "page", read_limits(), report)
    report.check()
    assert source is not None
    return source.value


def truth(conditions: str, args: dict[str, Any], **state: Any) -> str:
    """What a condition is, told from what it does in an allow and in a deny rule."""
    applied = []
    for effect in ("allow", "deny"):
        rule = f"  - id: probe\n    effect: {effect}\n    action: probe\n{conditions}"
        policy = Policy.from_text(f"agent_os: 1\nrules:\n{rule}")
        applied.append(policy.decide("probe", args, agent="a", **state).rules == ("probe",))
    return {(True, True): "true", (False, True): "unknown", (False, False): "false"}[applied[0], applied[1]]


@pytest.mark.parametrize("operator", ["all", "any"])
def test_the_tables_of_all_and_any_hold(operator: str) -> None:
    head, *rows = table(f"`{operator}`")
    assert len(rows) == 3
    for row in rows:
        for right, expected in zip(head[1:], row[1:], strict=True):
            when = f"    when: {{{operator}: [{{{LEAVES[row[0]]}}}, {{{LEAVES[right]}}}]}}\n"
            assert truth(when, ARGS) == expected, (operator, row[0], right)


def test_the_table_of_not_holds() -> None:
    _, *rows = table("`not`")
    assert len(rows) == 3
    for inner, expected in rows:
        assert truth(f"    when: {{not: {{{LEAVES[inner]}}}}}\n", ARGS) == expected


def test_the_table_of_when_and_unless_holds() -> None:
    head, *rows = table("`when` ↓ `unless` →")
    assert len(rows) == 3
    for row in rows:
        for unless, expected in zip(head[1:], row[1:], strict=True):
            conditions = f"    when: {{{LEAVES[row[0]]}}}\n    unless: {{{LEAVES[unless]}}}\n"
            assert truth(conditions, ARGS) == expected, (row[0], unless)


def test_the_table_of_effects_holds() -> None:
    _, *rows = table("effect of the rule")
    assert [row[0] for row in rows] == ["`allow`", "`ask`", "`deny`", "`require`"]
    for name, *cells in rows:
        effect = name.strip("`")
        for leaf, expected in zip(("true", "unknown", "false"), cells, strict=True):
            more = "\n    label: [seen]" if effect == "require" else ""
            text = (
                f"agent_os: 1\ndefault: {'allow' if effect == 'require' else 'deny'}\nrules:\n  - id: probe\n"
                f"    effect: {effect}\n    action: probe{more}\n    when: {{{LEAVES[leaf]}}}\n"
            )
            decision = Policy.from_text(text).decide("probe", ARGS, agent="a")
            applied = bool(decision.obligations) if effect == "require" else decision.rules == ("probe",)
            assert ("applies" if applied else "does not apply") == expected, (effect, leaf)


CASES = [row for rows in tables() if rows[0] == ["condition", "arguments", "it is"] for row in rows[1:]]


def test_there_are_cases() -> None:
    assert len(CASES) > 60
    assert {row[2] for row in CASES} == {"true", "false", "unknown"}


@pytest.mark.parametrize("row", CASES, ids=lambda row: f"{row[0]} of {row[1]}")
def test_a_case_is_what_the_page_says(row: Row) -> None:
    condition, arguments, expected = row
    assert truth(f"    when:\n      {condition.strip('`')}\n", value(arguments)) == expected


ORIGINS = [row for rows in tables() if rows[0][0] == "text of origin `user`" for row in rows[1:]]


@pytest.mark.parametrize("row", ORIGINS, ids=lambda row: f"{row[1]} in {row[0]}")
def test_a_value_is_seen_as_the_page_says(row: Row) -> None:
    text, sought, expected = (cell.strip("`") for cell in row)
    args = {"x": value(sought) if sought.startswith("[") else sought}
    when = "    when: {args.x: {seen_in: [user]}}\n"
    assert truth(when, args, texts=[("user", text)]) == expected
    if expected == "true":
        assert truth(when, args, texts=[("untrusted", text)]) == "false"
