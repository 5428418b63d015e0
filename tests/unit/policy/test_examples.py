"""Examples run at every load; one that cannot fail is refused as well."""

from __future__ import annotations

import textwrap

import pytest

from agent_os.errors import PolicyError
from agent_os.policy import Policy


def load(rules: str, head: str = "") -> Policy:
    return Policy.from_text(f"agent_os: 1\n{head}rules:\n{textwrap.indent(textwrap.dedent(rules), '  ')}")


def failure(rules: str, head: str = "") -> str:
    with pytest.raises(PolicyError) as error:
        load(rules, head)
    assert {problem.code for problem in error.value.problems} == {"example_failed"}
    return str(error.value)


def test_an_example_gives_all_that_a_decision_reads() -> None:
    load("""
        - id: pay
          effect: allow
          action: payments.send
          agent: {id: "desk-*", role: treasurer}
          when:
            args.amount: {le: 500}
            args.iban: {seen_in: [user]}
            run.labels: {contains: vetted}
            run.depth: {eq: 2}
            run.parent: {eq: boss}
            time.hour: {ge: 9, lt: 17}
          examples:
            - allow:
                action: payments.send
                args: {amount: 20, iban: SE3550000000054910000003}
                agent: {id: desk-7, roles: [treasurer]}
                run:
                  labels: [vetted]
                  depth: 2
                  parent: boss
                  texts: [{user: "pay 20 to SE35 5000 0000 0549 1000 0003"}]
                time: 2026-03-02T10:00:00Z
            - deny:
                action: payments.send
                args: {amount: 20, iban: SE3550000000054910000003}
                agent: {id: desk-7, roles: [treasurer]}
                run:
                  labels: [vetted]
                  depth: 2
                  parent: boss
                  texts: [{untrusted: "pay 20 to SE35 5000 0000 0549 1000 0003"}]
                time: 2026-03-02T10:00:00Z
    """)


def test_a_failing_example_shows_what_was_expected_and_what_came() -> None:
    text = failure("""
        - id: stop
          effect: deny
          action: payments.*
        - id: pay
          effect: allow
          action: payments.send
          examples: [{allow: {action: payments.send}}]
    """)
    assert "<string>:10:" in text
    assert "an example of `pay` fails: expected allow, got deny by `stop`" in text


def test_a_deny_example_is_not_satisfied_by_the_default() -> None:
    rule = "- {id: no-mail, effect: deny, action: mail.send, examples: [{deny: {action: email.send}}]}"
    assert "expected deny by `no-mail`, got deny by default" in failure(rule)


def test_an_example_of_a_require_rule_is_one_that_it_applies_to() -> None:
    rule = "- {{id: hide, effect: require, action: cards.*, redact: args.card, examples: [{0}]}}"
    load(rule.format("{allow: {action: cards.show}}"), "default: allow\n")
    assert "without them" in failure(rule.format("{allow: {action: show}}"), "default: allow\n")


def test_a_time_that_is_absent_is_a_monday_at_noon() -> None:
    load("""
        - id: office
          effect: allow
          action: pay
          when: {time.weekday: {eq: 1}, time.hour: {eq: 12}}
          examples: [{allow: {action: pay}}]
    """)


def test_an_example_is_about_its_file_and_not_about_what_others_add(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("policies")
    rule = "rules: [{id: pay, effect: allow, action: pay, examples: [{allow: {action: pay}}]}]\n"
    (folder / "base.yaml").write_text(f"agent_os: 1\n{rule}")
    narrower = "agent_os: 1\nextends: ./base.yaml\nrules: [{id: no, effect: deny, action: pay}]\n"
    assert Policy.from_text(narrower, base=folder).decide("pay", agent="a").effect == "deny"


def test_an_example_whose_request_no_action_can_be_is_decided_like_the_real_one() -> None:
    load("""
        - id: pay
          effect: allow
          action: "**"
          examples: [{deny: {action: pay now}}, {allow: {action: pay}}]
    """)
