"""Promise: a test that does not hold fails, one that expects nothing is an error, and what is not shown is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_os.errors import PolicyError
from agent_os.policy import Policy
from agent_os.policy.testing import CaseReport

POLICY = """\
agent_os: 1
rules:
  - id: small
    effect: allow
    action: payments.send
    when: {args.amount: {le: 500}}
    examples:
      - {allow: {action: payments.send, args: {amount: 1}}}
  - {id: hide, effect: require, action: payments.send, redact: args.iban}
  - {id: never, effect: deny, action: payments.sned}
"""


def run(tests: str, tmp_path: Path, policy: str = POLICY) -> CaseReport:
    file = tmp_path / "tests.yaml"
    file.write_text(f"agent_os_tests: 1\ntests:\n{tests}", encoding="utf-8")
    return Policy.from_text(policy).test(file)


def test_a_test_passes_where_the_policy_decides_so_and_fails_where_it_does_not(tmp_path: Path) -> None:
    report = run(
        "  - {name: small, allow: {action: payments.send, args: {amount: 5}}, by: [small, hide]}\n"
        "  - {name: by another, allow: {action: payments.send, args: {amount: 5}}, by: never}\n"
        "  - {name: large, allow: {action: payments.send, args: {amount: 501}}}\n"
        "  - {name: refused, allow: {action: payments.send, args: {amount: 5}, agent: desk 7}}\n",
        tmp_path,
    )
    named = {result.name: result for result in report.results}
    assert [named[name].passed for name in ("small", "by another", "large")] == [True, False, False]
    assert named["by another"].fault == "not decided by `never`"
    assert named["large"].fault == "expected allow, got deny"
    assert (named["large"].line, named["large"].column) == (5, 5)
    assert not report
    assert report.failed == 2


def test_rules_that_nothing_shows_are_named_and_examples_show_theirs(tmp_path: Path) -> None:
    report = run("  - {deny: {action: payments.refund}}\n", tmp_path)
    assert report.undecided == ("never",)
    assert report.rules == 3
    assert [result.name for result in report.results] == ["payments.refund", "example of payments.send"]


def test_having_run_nothing_is_not_having_passed() -> None:
    text = "agent_os: 1\nrules:\n  - {id: a, effect: allow, action: a}\n"
    report = Policy.from_text(text).test()
    assert not report
    assert report.undecided == ("a",)


@pytest.mark.parametrize(
    ("tests", "code", "line"),
    [
        ("  - {name: expects nothing}\n", "bad_example", 3),
        ("  - {allow: {action: a}, deny: {action: a}}\n", "bad_example", 3),
        ("  - {allow: {}}\n", "missing_key", 3),
        ("  - {alow: {action: a}}\n", "unknown_key", 3),
        ("  []\n", "empty", 3),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_place(tests: str, code: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as raised:
        run(tests, tmp_path)
    assert code in {problem.code for problem in raised.value.problems}
    assert {problem.line for problem in raised.value.problems} == {line}
    assert all(problem.hint for problem in raised.value.problems)


def test_a_file_that_is_not_there_or_of_another_version_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        Policy.load("strict").test(tmp_path / "missing.yaml")
    (tmp_path / "v2.yaml").write_text("agent_os_tests: 2\ntests: [{deny: {action: a}}]\n")
    with pytest.raises(PolicyError, match="version `2`"):
        Policy.load("strict").test(tmp_path / "v2.yaml")


def test_examples_of_an_extended_file_show_its_rules_and_are_not_held_against_the_whole(tmp_path: Path) -> None:
    """A file's examples hold of that file: another beside it may ask where it alone denies."""
    whole = "agent_os: 1\nextends: [strict]\nrules:\n  - {id: look, effect: ask, action: fs.*}\n"
    report = run("  - {ask: {action: fs.read, args: {path: /a}}, by: look}\n", tmp_path, whole)
    assert report, report.to_dict()
    assert report.undecided == ()
