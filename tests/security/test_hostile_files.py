"""Promise: whatever stands in a file, what reads it ends soon, and with a result or one error that says what is wrong.

Policy files, files of other tools and recorded requests may come from anybody: a pull request, a download, a log of a
hijacked agent. Time is the processor's, with a bound that is far above what reading takes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agent_os import Policy, PolicyError
from agent_os.policy import learn
from agent_os.policy.formatting import format_text
from agent_os.policy.importing import import_text
from agent_os.policy.learning import Request

SECONDS = 30.0
DEEP = 20_000
MEGABYTE = 1_000_000


@contextmanager
def bounded() -> Iterator[None]:
    start = time.thread_time()
    yield
    assert time.thread_time() - start < SECONDS


HEAD = "agent_os: 1\nrules:\n"
RULE = "{id: a, effect: deny, action: b, when: "
FILES = {
    "brackets": "[" * MEGABYTE,
    "braces": "{a: " * (MEGABYTE // 4),
    "dashes": "- " * (MEGABYTE // 2),
    "question marks": "? " * (MEGABYTE // 2),
    "one long text": "agent_os: 1\nname: " + "x" * MEGABYTE,
    "one long key": "x" * MEGABYTE + ": 1",
    "spaces": "agent_os: 1\nname: 'a" + " " * MEGABYTE + "'",
    "many keys": "".join(f"k{n}: 1\n" for n in range(5_000)),
    "many rules of nothing": HEAD + "  - {}\n" * 5_000,
    "nested conditions": HEAD + f"  - {RULE}" + "{not: " * 10_000 + "{args.a: {eq: 1}}" + "}" * 10_000 + "}",
    "a long number": HEAD + f"  - {RULE}{{args.a: {{eq: {'9' * MEGABYTE}}}}}}}",
    "a long pattern": HEAD + f"  - {RULE}{{args.a: {{matches: '{'(a|b)*' * 100_000}'}}}}}}",
    "nested repeats": HEAD + f"  - {RULE}{{args.a: {{matches: '{'(' * 60}a{'{9}){9}' * 30}'}}}}}}",
    "a wide glob": HEAD + f"  - {RULE}{{args.a: {{glob: '{'{a,b}' * 10_000}'}}}}}}",
    "a long path": HEAD + f"  - {RULE}{{args{'.a' * 100_000}: {{eq: 1}}}}}}",
    "many actions": HEAD + f"  - {{id: a, effect: deny, action: [{'a.**, ' * 100_000}b]}}",
}


@pytest.mark.parametrize("what", FILES)
def test_a_hostile_policy_file_is_a_policy_or_an_error_in_bounded_time(what: str) -> None:
    for read in (Policy.from_text, format_text):
        with bounded(), contextlib.suppress(PolicyError):
            read(FILES[what])


CEDAR = "permit(principal, action, resource)"
SCHEMA = '{"tools": [{"name": "a", "inputSchema": {"type": "object", "properties": {"a": '
FOREIGN = {
    "claude-code": {
        "brackets": "[" * DEEP,
        "a long command": '{"permissions": {"allow": ["Bash(' + "a " * (MEGABYTE // 4) + ')"]}}',
        "stars": '{"permissions": {"allow": ["Bash(' + "*" * (MEGABYTE // 4) + ')"]}}',
        "many": '{"permissions": {"allow": [' + '"a",' * (MEGABYTE // 5) + '"a"]}}',
    },
    "gemini-cli": {
        "brackets": "a = " + "[" * DEEP,
        "tables": "a" + ".a" * 5_000 + " = 1",
        "many": "[[rule]]\n" * 20_000,
        "a pattern": '[[rule]]\ntoolName = "x"\nargsPattern = "' + "(a+)+" * 1_000 + '"\ndecision = "deny"\n',
    },
    "codex": {
        "parentheses": "(" * DEEP,
        "signs": "-" * DEEP + "1",
        "sums": "a+" * 100_000 + "a",
        # A million million commands.
        "choices": 'prefix_rule(pattern=[["a","b"]' + ',["a","b"]' * 39 + "])",
        "many": "x\n" * 5_000,
        "a long name": "x" * MEGABYTE,
    },
    "cedar": {
        "parentheses": CEDAR + "when {" + "(" * DEEP + "true" + ")" * DEEP + "};",
        "negations": CEDAR + "when {" + "!" * DEEP + "true};",
        "conjunctions": CEDAR + "when {" + " && ".join(["context.a == 1"] * 20_000) + "};",
        "ifs": CEDAR + "when {" + "if true then " * DEEP + "};",
        "members": CEDAR + "when {context" + ".a" * DEEP + " == 1};",
        "comments": "/*" * 100_000,
        "an open text": '"' + "a" * MEGABYTE,
        "many": f"{CEDAR};" * 2_000,
    },
    "mcp": {
        "brackets": '{"tools": ' + "[" * DEEP,
        "properties": SCHEMA + '{"type": "object", "properties": {"a": ' * 2_000,
        "a pattern": SCHEMA + '{"type": "string", "pattern": "' + "(a+)+(b|a)*" * 1_000 + '"}}}}]}',
        "choices": SCHEMA + '{"enum": [' + ",".join(f'"{n}"' for n in range(50_000)) + "]}}}}]}",
    },
}


@pytest.mark.parametrize(("kind", "what"), [(kind, what) for kind, texts in FOREIGN.items() for what in texts])
def test_a_hostile_file_of_another_tool_is_a_draft_or_an_error_in_bounded_time(kind: str, what: str) -> None:
    with bounded(), contextlib.suppress(PolicyError):
        import_text(kind, FOREIGN[kind][what])


def crowd(extra: str = "") -> str:
    """Rules for one action that are compared with one another by whoever compares rules."""
    forms = [
        "{{args.a: {{matches: '(x|y)*{n}(a+)+'}}}}",
        "{{args.a: {{glob: '**/{n}/{{a,b,c*}}/**'}}}}",
        "{{any: [{{args.a: {{starts_with: '{n}'}}}}, {{not: {{args.b: {{in: [{n}, 1, 2]}}}}}}]}}",
        "{{all: [{{any: [{{args.a: {{eq: x{n}}}}}, {{args.b: {{gt: {n}}}}}]}}, {{any: [{{args.c: {{lt: {n}}}}}, {{args.d?: {{eq: {n}}}}}]}}]}}",  # noqa: E501
        "{{args.a: {{programs: {{each: {{in: [ls, p{n}]}}}}}}}}",
        "{{args.a: {{tables: {{some: {{not_in: [t{n}, u]}}}}}}}}",
    ]
    effects = ["allow", "deny", "ask"]
    rules = [
        f"  - {{id: r{n}, effect: {effects[n % 3]}, action: 't.**', when: {forms[n % len(forms)].format(n=n)}}}\n"
        for n in range(200)
    ]
    return HEAD + "".join(rules) + extra


@pytest.fixture(scope="module")
def policies() -> tuple[Policy, Policy]:
    return Policy.from_text(crowd()), Policy.from_text(crowd("  - {id: more, effect: allow, action: t.x}\n"))


@pytest.mark.parametrize("tool", ["check", "diff", "format"])
def test_many_rules_for_one_action_are_looked_at_in_bounded_time(tool: str, policies: tuple[Policy, Policy]) -> None:
    before, after = policies
    look: dict[str, Callable[[], object]] = {
        "check": before.check,
        "diff": lambda: before.diff(after),
        "format": lambda: format_text(crowd()),
    }
    with bounded():
        assert look[tool]() is not None


def nested(depth: int) -> Any:
    value: Any = "a"
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


REQUESTS: dict[str, list[dict[str, Any]]] = {
    "deep": [{"a": nested(depth)} for depth in range(60)],
    "long texts": [{"a": "/" + "a/" * 50_000 + str(n)} for n in range(5)],
    "wide": [{f"k{n}": n for n in range(5_000)}] * 3,
    "lists": [{"a": list(range(20_000))}, {"a": ["x"] * 20_000}],
    "odd keys": [{"a\n- id: x": 1, "'": 2, "": 3, "}": 4, "\u202e": 5}],
    "many": [{"a": f"v{n}", "b": n} for n in range(20_000)],
}


@pytest.mark.parametrize("what", REQUESTS)
def test_hostile_requests_are_learned_from_in_bounded_time_and_the_draft_is_a_policy(what: str) -> None:
    requests = [Request("desk-7", "t.x", args) for args in REQUESTS[what]]
    with bounded():
        Policy.from_text(learn(requests))
