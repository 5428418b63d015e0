"""Every kind of mistake is a load error with its place and what to do (tests/vectors/broken_policies)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agent_os import _core
from agent_os.errors import PolicyError, Problem
from agent_os.policy import Policy
from agent_os.policy.problems import CODES

VECTORS = Path(__file__).parents[2] / "vectors" / "broken_policies"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((VECTORS / "expected.yaml").read_text(encoding="utf-8"))
KNOWN_CODES = {*CODES, *(code for code, _ in _core.compile_codes())}


def problems_of(name: str) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as error:
        Policy.load(VECTORS / name)
    return error.value.problems


def test_every_vector_says_what_is_expected_of_it() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in VECTORS.glob("[0-9]*.yaml"))
    assert len(EXPECTED) >= 45


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_broken_policy_is_refused_with_its_place_and_a_hint(name: str) -> None:
    expected = EXPECTED[name]
    problems = problems_of(name)
    first = problems[0]
    file = VECTORS / expected.get("file", name)
    assert (first.code, Path(first.file or ""), first.line, first.column) == (
        expected["code"],
        file,
        expected["line"],
        expected["column"],
    )
    assert expected["message"] in first.message
    assert expected["hint"] in first.hint
    assert [problem.code for problem in problems[1:]] == expected.get("more", [])


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_messages_keep_the_house_style(name: str) -> None:
    for problem in problems_of(name):
        assert problem.code in KNOWN_CODES
        assert problem.hint, "every message ends with what to do"
        for text in (problem.message, problem.hint):
            assert not text[:1].isupper(), f"lower case: {text}"
            assert not text.endswith("."), f"no full stop: {text}"
            for ours in ("Value::", "BaseModel", "ValidationError", "pydantic", "NoneType", "Some("):
                assert ours not in text


def test_every_code_is_reached_by_some_vector() -> None:
    # A whole file that is too large is no vector; it is made in test_source. The others are of `Policy.load` itself.
    elsewhere = {"too_large", "bad_bundle_file"}
    reached = {problem.code for name in EXPECTED for problem in problems_of(name)}
    assert reached >= KNOWN_CODES - elsewhere


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_yaml_reader_without_its_c_library_refuses_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_os.policy.source.LOADER", yaml.SafeLoader)
    assert problems_of(name)[0].code == EXPECTED[name]["code"]
