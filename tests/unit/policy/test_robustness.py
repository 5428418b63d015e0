"""Whatever a file holds, loading ends in a policy or in a `PolicyError`, each problem with a line and a hint."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from agent_os import Policy, _core
from agent_os.errors import PolicyError
from agent_os.policy.document import Document, Example, ExampleRequest, ExampleRun, Rule
from agent_os.policy.files import FileText
from agent_os.policy.load import build
from agent_os.policy.progress import watched

OPERATORS = [operator["name"] for operator in _core.operators()]
PATHS = ["args.x", "args.x?", 'args."a b".0', "run.labels", "run.parent", "time.hour", "item", "item.y", "args..x", "x"]
MODELS = (Document, Rule, Example, ExampleRequest, ExampleRun)
WORDS = [*(name for model in MODELS for name in model.model_fields), *OPERATORS, *PATHS, "all", "any", "not", "arg"]
TEXTS = ["", "a", "$s", "args.x", "**", "a.*", "strict", "./a\0b", "x" * 300, "../" * 2_000, "\ud800", "[", "allow"]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(TEXTS) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)
conditions = st.dictionaries(
    st.sampled_from(PATHS), st.dictionaries(st.sampled_from(OPERATORS), values, min_size=1, max_size=2), min_size=1
)
rules = st.fixed_dictionaries(
    {"id": st.sampled_from("abc"), "effect": st.sampled_from(["allow", "ask", "deny", "require"])},
    optional={"action": st.just("a.b") | values, "when": conditions | values, "examples": values, "agent": values},
)
documents = st.fixed_dictionaries(
    {"agent_os": st.just(1)},
    optional={"rules": st.lists(rules, max_size=3) | values, "sets": values, "extends": values, "closed": values},
)


def load(data: bytes) -> None:
    try:
        build([FileText("text", "p.yaml", None, data)])
    except PolicyError as error:
        for problem in error.problems:
            assert problem.hint
            assert problem.line is not None or problem.code == "too_large"


@given(documents | values)
def test_any_values_end_in_a_policy_or_in_problems(document: object) -> None:
    load(json.dumps(document).encode())


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_policy_or_in_problems(data: bytes) -> None:
    load(data)


@given(st.text(alphabet="{}[]:,-#&*!|>'\"%@`?~ \n\tab01$.", max_size=80))
def test_any_signs_end_in_a_policy_or_in_problems(text: str) -> None:
    load(b"agent_os: 1\nrules: " + text.encode())


def test_ten_thousand_ordinary_rules_fit_into_one_file_and_the_reading_says_how_far_it_is() -> None:
    rules = "".join(
        f"  - id: payments-desk-{number}\n"
        "    effect: allow\n"
        f"    action: service{number}.send\n"
        "    agent: {role: treasurer}\n"
        "    when:\n"
        "      args.amount: {gt: 0, le: 500}\n"
        "      args.currency: {in: [EUR, SEK]}\n"
        for number in range(10_000)
    )
    shares: list[float] = []
    with watched(lambda _file, share: shares.append(share)):
        policy = Policy.from_text(f"agent_os: 1\nname: large\nrules:\n{rules}")
    assert len(policy.bundle.rules) == 10_000
    assert shares == sorted(shares)
    assert len(shares) > 100
    assert shares[-1] == 1
