"""Promise: a learned policy allows what was recorded, asks where a person was asked, and opens little else."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_os import KernelSpace, PolicyDenied, PolicyError
from agent_os.policy import Policy, learn
from agent_os.policy.learning import Request
from agent_os.recorder import replay
from agent_os.recorder.requests import recorded_requests

POLICY = """\
agent_os: 1
rules:
  - {id: run, effect: allow, action: agent.run}
  - {id: small, effect: allow, action: payments.send, when: {args.amount: {le: 500}}}
  - {id: large, effect: ask, action: payments.send, when: {args.amount: {gt: 500}}}
  - {id: read, effect: allow, action: files.read}
"""


def recorded(folder: Path, record: str = "full") -> Path:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    log = folder / "log"
    with KernelSpace(str(policy), recorder=log, record=record, approver=lambda request: True) as kernel:

        @kernel.tool("payments.send")
        def send(amount: int, currency: str) -> str:
            return f"{amount} {currency}"

        @kernel.tool("files.read")
        def read(path: str) -> str:
            return path

        @kernel.tool("mail.send")
        def mail(to: str) -> str:
            return to

        @kernel.register(agent_id="clerk")
        def clerk() -> None:
            for amount in range(10, 30):
                send(amount, "EUR")
            send(700, "EUR")
            for number in range(12):
                read(f"/srv/data/{number}/a.txt")
            with pytest.raises(PolicyDenied):
                mail("x@example.com")

        kernel.execute_sync(clerk)
    return log


def test_the_draft_of_a_log_replays_on_it_without_opening_or_closing_anything(tmp_path: Path) -> None:
    log = recorded(tmp_path)
    found = recorded_requests(log)
    assert not found.left_out
    text = learn(found.requests)
    report = replay(log, Policy.from_text(text))
    assert report.replayed == report.decisions > 0
    assert report.count("opened") == report.count("closed") == report.count("obligations") == 0
    assert learn(reversed(found.requests)) == text
    assert "the range from the least to the greatest" in text
    assert "everything under /srv/data" in text


def test_the_draft_denies_what_was_not_done(tmp_path: Path) -> None:
    policy = Policy.from_text(learn(recorded_requests(recorded(tmp_path)).requests))
    assert policy.check() == ()

    def effect(action: str, args: dict[str, Any], agent: str = "clerk") -> str:
        return policy.decide(action, args, agent=agent).effect

    assert effect("payments.send", {"amount": 15, "currency": "EUR"}) == "allow"
    assert effect("payments.send", {"amount": 700, "currency": "EUR"}) == "ask"
    for args in (
        {"amount": 31, "currency": "EUR"},
        {"amount": 15, "currency": "SEK"},
        {"amount": "15"},
        {"amount": 15},
    ):
        assert effect("payments.send", args) != "allow"
    assert effect("payments.send", {"amount": 15, "currency": "EUR"}, agent="other") == "deny"
    assert effect("files.read", {"path": "/srv/data/../secret"}) == "deny"
    assert effect("mail.send", {"to": "x@example.com"}) == "deny"


def test_what_is_not_recorded_in_full_is_counted_and_not_guessed(tmp_path: Path) -> None:
    found = recorded_requests(recorded(tmp_path, record="fields"))
    assert found.left_out["arguments_not_recorded"] > 30
    assert not [request for request in found.requests if request.action == "payments.send"]
    assert recorded_requests(tmp_path / "log", {"nobody"}) == ((), {})
    with pytest.raises(ValueError, match="no requests"):
        learn([])


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(-(10**6), 10**6, places=2)
    | st.text(max_size=6)
    | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=4), min_size=1, max_size=12))
def test_whatever_was_done_the_draft_loads_and_allows_it(arguments: list[dict[str, Any]]) -> None:
    try:
        repr(arguments).encode()
    except UnicodeEncodeError:
        return
    policy = Policy.from_text(learn([Request("a", "do.it", args) for args in arguments]))
    for args in arguments:
        assert policy.decide("do.it", args, agent="a").effect == "allow"


def test_every_kind_of_value_is_learned() -> None:
    args = {"d": date(2026, 1, 31), "n": Decimal("0.10"), "x y": "$a", "m": {}, "l": [], "t": ["a"], "no": None}
    policy = Policy.from_text(learn([Request("a", "do.it", args)]))
    assert policy.decide("do.it", args, agent="a").effect == "allow"
    for key in args:
        assert policy.decide("do.it", {**args, key: 7}, agent="a").effect == "deny"


def test_a_mapping_beside_another_value_at_one_place_is_allowed_too() -> None:
    drawn: list[dict[str, Any]] = [{"a": None}, {"a": {"b": 1}}, {"a": {}}, {}]
    policy = Policy.from_text(learn([Request("a", "do.it", args) for args in drawn]))
    assert [policy.decide("do.it", args, agent="a").effect for args in drawn] == ["allow"] * 4
    assert policy.decide("do.it", {"a": {"b": 2}}, agent="a").effect == "deny"
    assert policy.decide("do.it", {"a": 1}, agent="a").effect == "deny"


def test_the_schemas_of_the_source_are_kept_for_what_the_draft_is_about(tmp_path: Path) -> None:
    log = recorded(tmp_path)
    schema = {
        "type": "object",
        "properties": {"amount": {"type": "integer", "minimum": -5}, "currency": {"enum": ["EUR"]}},
    }
    source = tmp_path / "typed.yaml"
    tools = f"  payments.send: {json.dumps(schema)}\n  other.tool: {{type: object}}\n"
    source.write_text(POLICY + "tools:\n" + tools, encoding="utf-8")
    text = learn(recorded_requests(log).requests, tools=Policy.load(source).tools)
    assert Policy.from_text(text).tools == {"payments.send": schema}
    command = [sys.executable, "-m", "agent_os.cli", "policy", "learn", str(log), "--policy", str(source)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert Policy.from_text(done.stdout).tools == {"payments.send": schema}
    # A person who edits the draft is told of a misspelt argument again.
    with pytest.raises(PolicyError, match="no argument of"):
        Policy.from_text(text.replace("args.amount:", "args.amunt:"))
    assert Policy.from_text(learn(recorded_requests(log).requests)).tools == {}
