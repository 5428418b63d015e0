"""URLs are read as the Web Platform Tests say, or not at all.

The operators take absolute URLs only, and answer less than the standard: where programs that fetch URLs part ways they
are unknown. So three things are held against the corpus: `url_parts`, which is the standard, on every case; the
operators on every URL as the reference spells it, where they must answer; and the operators on what was written, where
they may be unknown and must never say anything else than the reference.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from agent_os import _core
from tests.corpora.data import corpus

DEFAULT_PORTS = {"http:": 80, "https:": 443, "ws:": 80, "wss:": 443, "ftp:": 21}
#: What conditions do not answer although the standard does (docs/explanation/semantics.md#urls).
READ_DIFFERENTLY = [
    ("controls or space at the ends", re.compile(r"[\x00-\x1f\x7f]|^ | $")),
    ("a backslash before the query", re.compile(r"^[^?#]*\\")),
    (
        "a user part with `@`, brackets or what must be encoded",
        re.compile(r"^[^?#]*://[^/?#]*[^A-Za-z0-9_\-.~!$&'()*+,;=:%/][^/?#]*@|^[^?#]*://[^/?#]*@[^/?#]*@"),
    ),
    ("slashes that are too few or too many", re.compile(r"^(https?|wss?|ftp):(?!//[^/])", re.IGNORECASE)),
    ("a percent-encoded host", re.compile(r"^[^?#]*://([^/?#]*@)?[^/?#]*%")),
    ("characters that IDNA maps in two ways", re.compile("[\u00df\u1e9e\u03c2\u200c\u200d]")),
    ("an empty part of the name", re.compile(r"^[^?#]*://([^/?#]*@)?[^/?#]*\.\.|://([^/?#]*@)?\.")),
    ("a part `xn--` that decodes to nothing", re.compile("xn--", re.IGNORECASE)),
]


@cache
def cases() -> list[dict[str, Any]]:
    return json.loads(corpus("paths", "url_tests.json").read_text("utf-8"))


def truth(test: dict[str, Any], url: str) -> str:
    rule = {"id": "r", "effect": "deny", "action": ["get"], "when": {"args.url": test}}
    bundle = _core.Bundle.compile({"agent_os": 1, "name": "urls", "default": "allow", "rules": [rule]})
    reason = bundle.decide("get", {"url": url}, agent="a").reason
    return {"denied_by_rule": "true", "condition_unknown": "unknown", "allowed_by_default": "false"}[reason]


def port_of(case: dict[str, Any]) -> int | None:
    return int(case["port"]) if case["port"] else DEFAULT_PORTS.get(case["protocol"])


def answers(case: dict[str, Any], url: str) -> dict[str, str]:
    """What the operators say of the parts that the reference found."""
    host, port = case["hostname"], port_of(case)
    tests: dict[str, dict[str, Any]] = {"scheme": {"scheme": case["protocol"].removesuffix(":")}}
    if host and host_is_nameable(host):
        tests["host"] = {"host": host}
        tests["other host"] = {"host": "other.invalid"}
    if host and port is not None:
        tests["port"] = {"port": port}
        tests["other port"] = {"port": 7}
    return {name: truth(test, url) for name, test in tests.items()}


def host_is_nameable(host: str) -> bool:
    """Whether a policy can name the host: it has the standard's word for it, and ours is narrower."""
    rule = {"id": "r", "effect": "deny", "action": ["get"], "when": {"args.url": {"host": host}}}
    try:
        _core.Bundle.compile({"agent_os": 1, "name": "urls", "rules": [rule]})
    except _core.CompileFailed:
        return False
    return True


EXPECTED = {"scheme": "true", "host": "true", "other host": "false", "port": "true", "other port": "false"}


def test_the_standard_is_followed_in_every_case() -> None:
    told = 0
    for case in cases():
        found = _core.url_parts(case["input"], case["base"])
        if case.get("failure"):
            assert found is None, case
        else:
            expected = (case["protocol"][:-1], case["hostname"] or None, int(case["port"]) if case["port"] else None)
            assert found == expected, case
        told += 1
    assert told == len(cases()) >= 891


def test_what_must_not_be_parsed_is_unknown_to_every_operator() -> None:
    failing = [case["input"] for case in cases() if case.get("failure")]
    assert len(failing) >= 260
    for url in failing:
        for test in ({"scheme": "https"}, {"host": "example.com"}, {"port": 443}, {"private_address": True}):
            assert truth(test, url) == "unknown", (url, test)


def test_operators_agree_on_every_url_as_the_reference_spells_it(record_property: Any) -> None:
    told = {"host": 0, "port": 0, "unknown": 0}
    for case in cases():
        if case.get("failure"):
            continue
        found = answers(case, case["href"])
        for part, said in found.items():
            if said == "unknown":
                told["unknown"] += 1
                assert doubts(case["href"], case), (part, case["href"])
            else:
                assert said == EXPECTED[part], (part, case["href"])
                told[part] = told.get(part, 0) + 1
    record_property("told", told)
    print(told)
    assert told["host"] > 250
    assert told["port"] > 200
    assert told["unknown"] < 0.1 * sum(told.values())


def test_operators_never_contradict_the_reference_on_what_was_written() -> None:
    told, unknown = 0, {}
    for case in cases():
        alone = _core.url_parts(case["input"], None)
        if case.get("failure") or alone is None or alone != _core.url_parts(case["input"], case["base"]):
            continue  # relative: not a URL that an operator is asked about
        for part, said in answers(case, case["input"]).items():
            if said != "unknown":
                assert said == EXPECTED[part], (part, case["input"])
                told += 1
                continue
            why = doubts(case["input"], case)
            assert why, f"{part} of {case['input']!r} is unknown without a reason that the pages give"
            unknown[why[0]] = unknown.get(why[0], 0) + 1
    print(f"told {told}, unknown {unknown}")
    assert told > 500


@pytest.mark.parametrize("url", ["redis://@", "redis://@/x", "redis://u@", "redis://:80", "http://@/", "http://u:p@"])
def test_a_user_or_port_without_a_host_is_no_url(url: str) -> None:
    assert _core.url_parts(url) is None
    assert truth({"scheme": ["http", "redis"]}, url) == "unknown"


def test_relative_texts_are_unknown() -> None:
    relative = [case["input"] for case in cases() if _core.url_parts(case["input"], None) is None]
    assert len(relative) > 300
    assert all(truth({"scheme": "https"}, url) == "unknown" for url in relative)


def doubts(url: str, case: dict[str, Any]) -> list[str]:
    found = [name for name, pattern in READ_DIFFERENTLY if pattern.search(url)]
    if re.fullmatch(r"[0-9.]+", case["hostname"]) and not re.search(rf"//([^/?#]*@)?{case['hostname']}(?![.0-9])", url):
        found.append("an IPv4 address in an odd spelling")
    if case["protocol"] == "file:":
        found.append("a host of `file:`, which is compared with nothing before a drive")
    return found


@pytest.mark.parametrize("url", ["https://example.com/", "http://a.b.example:8080/x?y#z", "https://user@example.com"])
def test_a_plain_url_is_in_no_doubt(url: str) -> None:
    assert doubts(url, {"hostname": "", "protocol": "https:"}) == []
