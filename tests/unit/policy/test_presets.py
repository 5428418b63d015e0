"""The presets do what their pages say, and no more."""

from __future__ import annotations

import pytest

from agent_os.policy import Policy
from agent_os.policy.files import preset_names

NAMES = ("observe", "permissive", "standard", "strict")


def test_these_are_the_presets() -> None:
    assert tuple(preset_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_of_a_preset_is_shown_by_examples_and_named_for_it(name: str) -> None:
    import yaml

    from agent_os.policy.files import PRESETS

    rules = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))["rules"]
    for rule in rules:
        assert rule["id"].startswith(f"{name}/")
        assert rule["examples"]


@pytest.mark.parametrize(
    ("preset", "action", "args", "effect"),
    [
        ("strict", "agent.run", {"agent": "a"}, "allow"),
        ("strict", "agent.spawn", {"agent": "a"}, "deny"),
        ("strict", "vfs.write", {"path": "/mem/working/x"}, "allow"),
        ("strict", "vfs.write", {"path": "mem/working/x"}, "deny"),
        ("strict", "vfs.write", {"path": "/memo/x"}, "deny"),
        ("strict", "vfs.read", {"path": "/policy/rules.yaml"}, "deny"),
        ("strict", "vfs.read", {"path": "/mem/%2e%2e/kernel"}, "deny"),
        ("strict", "vfs.link", {"path": "/mem/a", "to": "/kernel/b"}, "deny"),
        ("strict", "vfs.link", {"path": "/mem/a", "to": None}, "deny"),
        ("strict", "send_money", {}, "deny"),
        ("strict", "signal.send", {"target": "a", "signal": 19}, "deny"),
        ("standard", "agent.run", {"agent": "a"}, "allow"),
        ("standard", "agent.spawn", {"agent": "a"}, "ask"),
        ("standard", "signal.send", {"target": "a", "signal": 19}, "ask"),
        ("standard", "signal.send", {"target": "a", "signal": 9}, "deny"),
        ("standard", "get_balance", {}, "ask"),
        ("standard", "bank.get_balance", {}, "ask"),
        ("standard", "send_money", {}, "deny"),
        ("standard", "fs.read", {"path": "/x"}, "deny"),
        ("permissive", "send_money", {}, "allow"),
        ("permissive", "bash", {"command": "ls"}, "deny"),
        ("permissive", "proc.start", {}, "deny"),
        ("permissive", "kernel.reload", {}, "deny"),
        ("permissive", "read_file", {"path": "notes.txt"}, "allow"),
        ("permissive", "read_file", {"path": "C:\\Users\\ada\\.ssh\\id"}, "deny"),
        ("permissive", "read_file", {"path": "a\n/.ssh/id"}, "deny"),
        ("permissive", "read_file", {"path": 5}, "deny"),
    ],
)
def test_a_preset_decides(preset: str, action: str, args: dict[str, object], effect: str) -> None:
    assert Policy.load(preset).decide(action, args, agent="a").effect == effect


@pytest.mark.parametrize(
    ("action", "args"),
    [("send_money", {}), ("bash", {"command": "ls"}), ("kernel.reload", {}), ("read_file", {"path": 5})],
)
def test_observe_allows_everything_and_tells_what_permissive_would_have_decided(
    action: str, args: dict[str, object]
) -> None:
    decision = Policy.load("observe").decide(action, args, agent="a")
    permissive = Policy.load("permissive").decide(action, args, agent="a")
    assert (decision.effect, decision.reason, decision.rules, decision.obligations) == (
        "allow",
        "only_observed",
        (),
        {},
    )
    would = decision.shadow
    if permissive.effect == "allow":
        assert would is None
    else:
        assert would is not None
        assert (would.effect, would.reason) == (permissive.effect, permissive.reason)
        assert [rule.replace("observe/", "permissive/") for rule in would.rules] == list(permissive.rules)


def test_observe_is_made_from_permissive() -> None:
    from agent_os.policy.files import PRESETS
    from agent_os.policy.generate import observe

    assert (PRESETS / "observe.yaml").read_text(encoding="utf-8") == observe()


def test_a_file_that_extends_observe_enforces_its_own_default() -> None:
    text = "agent_os: 1\nextends: [observe]\nrules: [{id: a, effect: allow, action: x}]\n"
    assert Policy.from_text(text).decide("y", agent="a").effect == "deny"


def test_permissive_with_a_file_that_does_not_say_allow_denies_the_rest() -> None:
    text = "agent_os: 1\nextends: [permissive]\nrules: [{id: a, effect: allow, action: x}]\n"
    policy = Policy.from_text(text)
    assert policy.decide("y", agent="a").effect == "deny"
    assert Policy.from_text(text.replace("extends", "default: allow\nextends")).decide("y", agent="a").effect == "allow"
