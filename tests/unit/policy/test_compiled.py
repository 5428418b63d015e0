"""Compiled bundle files, and the compiled form in which presets ship."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent_os.errors import PolicyError
from agent_os.policy import Policy, compiled, generate
from agent_os.policy.files import preset_names

TEXT = """\
agent_os: 1
name: desk
sets: {codes: [EUR, SEK]}
rules:
  - id: pay
    effect: allow
    action: payments.send
    when: {args.amount: {le: 0.30}, args.code: {in: $codes}, args.due: {after: 2026-01-31}}
  - {id: hide, effect: require, action: "**", redact: args.card, record: full, label: [pii]}
"""


def test_a_saved_bundle_is_the_same_policy(tmp_path: Path) -> None:
    policy = Policy.from_text(TEXT, name="desk.yaml")
    policy.save(tmp_path / "desk.bundle")
    again = Policy.load(tmp_path / "desk.bundle")
    assert (again.digest, again.name, again.default) == (policy.digest, "desk", "deny")
    assert again.rule_location("pay") == ("desk.yaml", 5)
    request = {"amount": 0.3, "code": "EUR", "due": "2026-02-01"}
    assert again.decide("payments.send", request, agent="a").effect == "allow"
    assert [path.name for path in tmp_path.iterdir()] == ["desk.bundle"]


def test_any_flipped_bit_of_a_bundle_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "desk.bundle"
    Policy.from_text(TEXT).save(path)
    data = path.read_bytes()
    for offset in range(0, len(data), 7):
        path.write_bytes(data[:offset] + bytes([data[offset] ^ (1 << offset % 8)]) + data[offset + 1 :])
        with pytest.raises(PolicyError):
            Policy.load(path)


@pytest.mark.parametrize("cut", [16, 40, 200, -1])
def test_a_bundle_file_that_is_cut_is_an_error(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "desk.bundle"
    Policy.from_text(TEXT).save(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(PolicyError) as error:
        Policy.load(path)
    assert (error.value.code, error.value.file) == ("bad_bundle_file", str(path))


def test_a_bundle_file_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "desk.bundle"
    Policy.from_text(TEXT).save(path)
    extending = tmp_path / "top.yaml"
    extending.write_text("agent_os: 1\nextends: [./desk.bundle]\n")
    for source in ([path, "strict"], [Policy.load(path), "strict"], extending):
        with pytest.raises(PolicyError, match="bundle") as error:
            Policy.load(source)  # type: ignore[arg-type]
        assert error.value.code == "bad_source"


def test_a_save_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        Policy.from_text(TEXT).save(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("name", preset_names())
def test_the_compiled_preset_is_what_its_yaml_compiles_to(name: str) -> None:
    """Run `python -m agent_os.policy.generate` after a change of a preset."""
    shipped = compiled.preset_bundle(name)
    assert shipped is not None
    assert shipped.dump() == generate.preset(name).dump()


def test_nothing_else_ships_beside_the_compiled_presets() -> None:
    assert sorted(path.name for path in compiled.COMPILED.iterdir()) == sorted(
        compiled.compile_presets(generate.preset)
    )


def test_a_changed_preset_is_read_from_its_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "presets_digest", lambda: "0" * 64)
    assert compiled.preset_bundle("strict") is None
    assert Policy.load("strict").decide("agent.run", {"agent": "a"}, agent="a").effect == "allow"


def test_a_preset_starts_without_reading_yaml_or_importing_pydantic() -> None:
    code = """
import json, sys
from agent_os.policy import Policy
assert Policy.load("strict").decide("agent.run", {"agent": "a"}, agent="a").effect == "allow"
print(json.dumps([name for name in ("pydantic", "yaml", "difflib") if name in sys.modules]))
"""
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(out.stdout) == []
