"""Promise: a limit that differs is a difference with a history that shows it, and what was not compared is told."""

from __future__ import annotations

import pytest

from agent_os.policy import Policy
from agent_os.policy.differing import PolicyDiff

ALLOW = "{id: pay, effect: allow, action: pay, limit: %s}"
DENY = "{id: all, effect: allow, action: pay}, {id: cap, effect: deny, action: pay, over: %s}"
REQUIRE = "{id: all, effect: allow, action: pay}, {id: cap, effect: require, action: pay, limit: %s}"


def policy(rules: str, more: str = "") -> Policy:
    return Policy.from_text(f"agent_os: 1\n{more}rules: [{rules}]\n")


def compare(old: Policy, new: Policy) -> PolicyDiff:
    found = old.diff(new)
    for difference in found.differences:
        for asked, side in ((old, difference.before), (new, difference.after)):
            again = asked.decide(difference.action, difference.args, usage=side.usage, **difference.state)
            assert (again.effect, again.reason, again.rules) == (side.effect, side.reason, side.rules)
    return found


def changes(found: PolicyDiff) -> set[str]:
    return {difference.change for difference in found.differences}


@pytest.mark.parametrize("rules", [ALLOW, DENY, REQUIRE])
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("{calls: 50, per: 24h}", "{calls: 51, per: 24h}", {"opened"}),
        ("{calls: 51, per: 24h}", "{calls: 50, per: 24h}", {"closed"}),
        ("{calls: 50, per: 24h}", "{calls: 50, per: 1h}", {"opened"}),
        ("{calls: 50, per: 1h}", "{calls: 50, per: 24h}", {"closed"}),
        # More within a longer time: an hour may see more, a day may see less.
        ("{calls: 50, per: 1h}", "{calls: 100, per: 24h}", {"opened", "closed"}),
        ("{calls: 50, per: 24h, by: agent}", "{calls: 50, per: 24h, by: process}", {"opened"}),
        ("{calls: 50, per: 24h, by: agent}", "{calls: 50, per: 24h, by: global}", {"closed"}),
        ("{calls: 50, per: 24h, by: agent}", "{calls: 50, per: 24h, by: action}", {"opened", "closed"}),
        ("{calls: 50, per: 24h}", "{calls: 50, per: run}", {"opened", "closed"}),
        ("{sum: args.amount, max: 500, per: 24h}", "{sum: args.amount, max: 500.01, per: 24h}", {"opened"}),
        ("{sum: args.amount, max: 500, per: 24h}", "{sum: args.amount, max: 2, per: 24h}", {"closed"}),
        ("{sum: args.amount, max: 500, per: 24h}", "{sum: args.total, max: 500, per: 24h}", {"opened", "closed"}),
        ("{sum: args.amount, max: 500, per: 24h}", "{calls: 5, per: 24h}", {"opened", "closed"}),
    ],
)
def test_a_limit_that_differs_is_told_with_what_is_used(
    rules: str, before: str, after: str, expected: set[str]
) -> None:
    found = compare(policy(rules % before), policy(rules % after))
    assert changes(found) == expected
    assert found.undecided == ()
    assert all(difference.before.limits for difference in found.differences if "calls: 50" in before)


def test_the_scenario_is_in_words() -> None:
    (difference,) = compare(
        policy(ALLOW % "{calls: 50, per: 24h}"), policy(ALLOW % "{calls: 1000, per: 24h}")
    ).differences
    (before,), (after,) = difference.before.limits, difference.after.limits
    assert str(before) == "call 51 within 1d by agent, of 50 (`pay`)"
    assert str(after) == "call 51 within 1d by agent, of 1,000 (`pay`)"
    (difference,) = compare(
        policy(ALLOW % "{sum: args.n, max: 5, per: 90s}"), policy(ALLOW % "{sum: args.n, max: 9, per: 90s}")
    ).differences
    assert "of args.n within 90s by agent" in str(difference.before.limits[0])


@pytest.mark.parametrize("wide", ["{calls: 50, per: 24h}", "{sum: args.amount, max: 500, per: 24h}"])
def test_a_limit_that_goes_or_comes_is_told(wide: str) -> None:
    without, limited = policy("{id: pay, effect: allow, action: pay}"), policy(ALLOW % wide)
    assert "closed" in changes(compare(without, limited))
    assert "opened" in changes(compare(limited, without))
    bare = policy("{id: all, effect: allow, action: pay}")
    assert "opened" in changes(compare(policy(DENY % wide), bare))
    assert "closed" in changes(compare(bare, policy(DENY % wide)))


def test_a_limited_rule_that_hides_a_difference_is_used_up() -> None:
    some = "{id: some, effect: allow, action: pay, limit: {calls: 5, per: 1h}}"
    found = compare(policy(some + ", {id: more, effect: allow, action: pay}"), policy(some))
    assert "closed" in changes(found)


def test_amounts_under_a_condition_are_weighed_too() -> None:
    rule = "{id: pay, effect: allow, action: pay, when: {args.n: {ge: 150}}, limit: {sum: args.n, max: %s, per: 1d}}"
    assert changes(compare(policy(rule % 100), policy(rule % 200))) == {"opened"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("args.ip: {network: 10.0.0.0/8}", "args.ip: {network: 10.0.0.0/9}"),
        ("args.ip: {network: 10.0.0.0/8}", "args.ip: {network: [10.0.0.0/8, 10.0.0.0/7]}"),
        ('args.ip: {network: "2001:db8::/32"}', 'args.ip: {network: "2001:db8::/33"}'),
        ("args.n: {eq: Drop}", "args.n: {eq: Drop, ignore_case: true}"),
        ("args.n: {in: [a, b]}", "args.n: {in: [a, b], ignore_case: true}"),
        ("args.n: {matches: 'ab+'}", "args.n: {matches: '(?i)ab+'}"),
        ("args.n: {starts_with: ab}", "args.n: {starts_with: ab, ignore_case: true}"),
        ("args.u: {private_address: true}", "args.u: {private_address: false}"),
        ("run.calls: {lt: 5}", "run.calls: {lt: 6}"),
        (
            "args.q: {dialect: postgres, statements: {each: {in: [select]}}}",
            "args.q: {dialect: postgres, statements: {each: {in: [select, delete]}}}",
        ),
    ],
)
def test_networks_cases_and_calls_are_told_apart(before: str, after: str) -> None:
    rule = "{id: a, effect: allow, action: a, when: {%s}}"
    assert changes(compare(policy(rule % before), policy(rule % after))) & {"opened", "closed"}


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        # A rule in shadow decides nothing.
        (
            "{id: s, effect: allow, action: a, mode: shadow, when: {args.n: {eq: 1}}}",
            "{id: s, effect: allow, action: a, mode: shadow, when: {args.n: {eq: 2}}}",
            "rule `s`: `when` changed",
        ),
        # Texts that no built one is near to.
        (
            "{id: r, effect: allow, action: a, when: {args.n: {matches: '[a-z]{3,9}'}}}",
            "{id: r, effect: allow, action: a, when: {args.n: {matches: '[a-y]{3,9}'}}}",
            "rule `r`: `when` changed",
        ),
    ],
)
def test_what_was_not_compared_is_never_no_difference(before: str, after: str, what: str) -> None:
    found = compare(policy(before), policy(after))
    assert not found
    assert not found.is_whole
    assert [(one.rule, one.what.partition(",")[0]) for one in found.undecided] == [(what[6], what)]
    assert found.to_dict()["undecided"][0]["rule"] == what[6]


def test_types_of_arguments_and_an_unreachable_default_are_not_compared() -> None:
    rules = "{id: a, effect: deny, action: '**'}"
    tools = "tools: {pay: {type: object, properties: {n: {type: integer}}}}\n"
    (typed,) = policy(rules).diff(policy(rules, tools)).undecided
    assert typed.rule is None
    assert "`tools`" in typed.what
    (default,) = policy(rules).diff(policy(rules, "default: allow\n")).undecided
    assert "default" in default.what


def test_a_change_that_was_seen_to_matter_and_decides_nothing_is_compared() -> None:
    """Another rule stands above it: the change is seen at the rule, and no decision differs."""
    deny = "{id: no, effect: deny, action: pay}, "
    found = compare(policy(deny + ALLOW % "{calls: 5, per: 1h}"), policy(deny + ALLOW % "{calls: 6, per: 1h}"))
    assert (found.differences, found.undecided) == ((), ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("when: {args.n: {in: [1, 2]}}", "when: {any: [{args.n: {eq: 1}}, {args.n: {eq: 2}}]}"),
        ("when: {args.n: {gt: 1, le: 5}}", "when: {all: [{args.n: {gt: 1}}, {args.n: {le: 5}}]}"),
        ("message: one", "message: two"),
    ],
)
def test_what_is_proven_to_be_the_same_is_no_difference(before: str, after: str) -> None:
    rule = "{id: a, effect: allow, action: a, %s}"
    found = compare(policy(rule % before), policy(rule % after))
    assert not found
    assert found.is_whole


@pytest.mark.parametrize("rules", [ALLOW, DENY, REQUIRE])
@pytest.mark.parametrize(
    "wider", ["{calls: 51, per: 24h}", "{calls: 50, per: 12h}", "{calls: 50, per: 24h, by: process}", None]
)
def test_a_wider_limit_counts_as_opening_when_the_policy_is_reloaded(rules: str, wider: str | None) -> None:
    old = policy(rules % "{calls: 50, per: 24h}")
    new = policy("{id: pay, effect: allow, action: pay}") if wider is None else policy(rules % wider)
    assert old.bundle.may_open(new.bundle)
    assert not old.bundle.may_open(old.bundle)
