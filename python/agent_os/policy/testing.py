"""Runs files of tests against a policy, and says which rules nothing has shown to decide."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_os.errors import AgentOSError
from agent_os.policy.examples import request_of
from agent_os.policy.files import Unreadable, read_file, read_limits
from agent_os.policy.places import pointer_of
from agent_os.policy.problems import Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent_os.policy.case_file import Case
    from agent_os.policy.document import Example
    from agent_os.policy.places import Source
    from agent_os.policy.policy import Policy

_EXAMPLE: Final = "example of "


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test: what was expected, what was decided, by which rules, and where the test stands."""

    name: str
    action: str
    expected: str
    effect: str
    reason: str
    rules: tuple[str, ...]
    passed: bool
    fault: str
    file: str
    line: int
    column: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in CaseResult.__slots__}
        return {**plain, "rules": list(self.rules)}


@dataclass(frozen=True, slots=True)
class CaseReport:
    """Every test, and the rules that neither a test nor an example of the policy has shown to apply.

    True if all tests passed and there was at least one.
    """

    results: tuple[CaseResult, ...]
    undecided: tuple[str, ...]
    rules: int

    def __bool__(self) -> bool:
        return bool(self.results) and all(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        """How many tests failed."""
        return sum(not result.passed for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "ok": bool(self),
            "tests": len(self.results),
            "failed": self.failed,
            "rules": self.rules,
            "undecided": list(self.undecided),
            "results": [result.to_dict() for result in self.results],
        }


def run_tests(policy: Policy, files: Sequence[str | os.PathLike[str]]) -> CaseReport:
    """``Policy.test``."""
    report = Report()
    cases = [case for file in files for case in _cases(file, report)]
    own, inherited = _examples(policy)
    report.check()
    shown: set[str] = set()
    results = [_run(policy, source, pointer, case, shown) for source, pointer, case in [*cases, *own]]
    for source, pointer, case in inherited:
        # What a file says of itself may be decided otherwise beside other files: it shows rules, and proves nothing.
        _run(policy, source, pointer, case, shown)
    ids = [rule["id"] for rule in policy.bundle.rules]
    return CaseReport(tuple(results), tuple(rule for rule in ids if rule not in shown), len(ids))


_Case = tuple["Source", str, "Case | Example"]


def _cases(file: str | os.PathLike[str], report: Report) -> Iterator[_Case]:
    # These import pydantic and yaml.
    from agent_os.policy.case_file import CaseFile
    from agent_os.policy.source import compose
    from agent_os.policy.structure import typed
    from agent_os.policy.text import decode

    limits = read_limits()
    try:
        text = read_file(Path(file), os.fspath(file), limits)
    except Unreadable as reason:
        report.add_at(os.fspath(file), None, reason.code, reason.message, reason.hint)
        return
    content = decode(text.data, text.shown, limits, report)
    source = None if content is None else compose(content, text.shown, limits, report)
    report.next_stage()
    document = None if source is None else typed(source, report, CaseFile, "a file of tests")
    if source is not None and document is not None:
        for number, case in enumerate(document.tests):
            yield source, pointer_of(["tests", number]), case


def _examples(policy: Policy) -> tuple[list[_Case], list[_Case]]:
    """The examples of the one file that was named, and those of the files that it extends or stands beside."""
    from agent_os.policy.library import Library

    library = Library(read_limits(), Report(), policy.texts)
    own: list[_Case] = []
    inherited: list[_Case] = []
    for identity, text in policy.texts.items():
        part = library.part(text)
        if part.source is None or part.document is None:
            continue
        cases = own if policy.roots == (identity,) else inherited
        for index, rule in enumerate(part.document.rules):
            for number, example in enumerate(rule.examples):
                cases.append((part.source, pointer_of(["rules", index, "examples", number]), example))
    return own, inherited


def _run(policy: Policy, source: Source, pointer: str, case: Case | Example, shown: set[str]) -> CaseResult:
    action, state = request_of(case.request)
    name = getattr(case, "name", None) or (f"{_EXAMPLE}{action}" if "/examples/" in pointer else action)
    wanted: Sequence[str] = getattr(case, "by", None) or ()
    rules: tuple[str, ...] = ()
    try:
        decision = policy.bundle.decide(action, case.request.args, **state)
        rows = policy.bundle.explain(action, case.request.args, **state)
    except AgentOSError as error:
        effect, reason, fault = "deny", error.code, f"the request is refused: {error}"
    else:
        effect, reason, rules = decision.effect, decision.reason, tuple(decision.rules)
        requires = {row["rule"] for row in rows if row["effect"] == "require" and row["applies"] != "false"}
        shown.update(rules, requires)
        missing = [rule for rule in wanted if rule not in rules and rule not in requires]
        fault = f"expected {case.expected}, got {effect}" if effect != case.expected else ""
        if missing and not fault:
            fault = "not decided by " + ", ".join(f"`{rule}`" for rule in missing)
    spot = source.place(pointer)
    return CaseResult(
        name, action, case.expected, effect, reason, rules, not fault, fault, source.file, spot.line, spot.column
    )
