"""No look-alike of a name matches a rule for the plain name: actions, hosts, mail domains and compared texts."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from confusable_homoglyphs import confusables

from agent_os import _core

ACTIONS = ["payments.send", "files.write", "mcp.github.create_issue"]
HOSTS = ["example.com", "paypal.com", "api.internal-bank.net"]
WORDS = ["rm", "drop", "admin", "EUR", "secret"]


@cache
def look_alikes(character: str) -> tuple[str, ...]:
    """What the data of Unicode calls confusable with a character, in both directions."""
    rows = confusables.confusables_data
    listed = {row["c"] for row in rows.get(character, ())}
    listed |= {other for other, found in rows.items() if any(row["c"] == character for row in found)}
    return tuple(sorted(listed - {character}))


def disguised(name: str) -> list[str]:
    """The name with one character replaced, each place and each look-alike; and with all of them replaced."""
    ones = [
        name[:place] + other + name[place + 1 :]
        for place, character in enumerate(name)
        for other in look_alikes(character)
    ]
    whole = "".join(next((other for other in look_alikes(c) if not other.isascii()), c) for c in name)
    return sorted({*ones, whole} - {name})


def bundle(rule: dict[str, Any]) -> Any:
    return _core.Bundle.compile({"agent_os": 1, "name": "names", "rules": [{"id": "r", "effect": "allow", **rule}]})


def test_the_data_is_there() -> None:
    assert "\u0430" in look_alikes("a")
    assert sum(len(disguised(name)) for name in ACTIONS + HOSTS + WORDS) > 1_000


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("pattern", ["exact", "glob"])
def test_no_look_alike_of_an_action_matches_its_rule(name: str, pattern: str) -> None:
    written = name if pattern == "exact" else name[:-1] + "*"
    allowing = bundle({"action": [written]})
    assert allowing.decide(name, {}, agent="a")
    wrong = [other for other in disguised(name) if not other.startswith(written.rstrip("*")) or pattern == "exact"]
    assert wrong
    assert [other for other in wrong if allowing.decide(other, {}, agent="a")] == []


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("below", [False, True])
def test_no_look_alike_of_a_host_matches_its_rule_unless_it_is_the_same_host(host: str, below: bool) -> None:
    """IDNA maps some look-alikes (full-width letters, say) to the plain letter: those *are* the host that is asked."""
    wanted, prefix = (f".{host}", "www.") if below else (host, "")
    allowing = bundle({"action": ["get"], "when": {"args.url": {"host": wanted}}})
    assert allowing.decide("get", {"url": f"https://{prefix}{host}/"}, agent="a")
    others = same = 0
    for other in disguised(host):
        url = f"https://{prefix}{other}/"
        parts = _core.url_parts(url)
        if parts is not None and parts[1] == prefix + host:
            same += 1
            continue
        others += 1
        assert not allowing.decide("get", {"url": url}, agent="a"), url
    assert others > 50
    assert same, "full-width letters are the plain ones to IDNA"


@pytest.mark.parametrize("host", HOSTS)
def test_no_look_alike_of_a_mail_domain_matches_its_rule_unless_it_is_the_same_domain(host: str) -> None:
    allowing = bundle({"action": ["send"], "when": {"args.to": {"domain": host}}})
    assert allowing.decide("send", {"to": f"ada@{host}"}, agent="a")
    for other in disguised(host):
        parts = _core.url_parts(f"https://{other}/")
        if parts is None or parts[1] != host:
            assert not allowing.decide("send", {"to": f"ada@{other}"}, agent="a"), other
    for other in disguised("ada"):
        if not other.isascii():
            assert not allowing.decide("send", {"to": f"{other}@{host}"}, agent="a"), other


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "tests",
    [
        lambda word: {"eq": word},
        lambda word: {"in": [word, "other"]},
        lambda word: {"glob": word},
        lambda word: {"name": word},
        lambda word: {"matches": word},
        lambda word: {"starts_with": word},
    ],
    ids=["eq", "in", "glob", "name", "matches", "starts_with"],
)
def test_no_look_alike_of_a_text_is_taken_for_it(word: str, tests: Any) -> None:
    allowing = bundle({"action": ["run"], "when": {"args.word": tests(word)}})
    assert allowing.decide("run", {"word": word}, agent="a")
    assert [other for other in disguised(word) if allowing.decide("run", {"word": other}, agent="a")] == []


@pytest.mark.parametrize("word", WORDS)
def test_ignoring_case_unites_cases_and_no_scripts(word: str) -> None:
    allowing = bundle({"action": ["run"], "when": {"args.word": {"eq": word, "ignore_case": True}}})
    united = [other for other in disguised(word) if allowing.decide("run", {"word": other}, agent="a")]
    assert all(other.lower().upper() == word.lower().upper() for other in united)
