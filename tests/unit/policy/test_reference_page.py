"""The tables of the policy reference are those of the code."""

from __future__ import annotations

import re

from agent_os.policy.document import Document, Rule
from agent_os.policy.files import preset_names
from tests.docs.reference_tables import REFERENCE

TEXT = (REFERENCE / "policy.md").read_text(encoding="utf-8")
RESERVED = {"signal"}


def first_cells(heading: str) -> set[str]:
    (section,) = re.findall(rf"^## {heading}\n(.*?)^## ", TEXT, re.DOTALL | re.MULTILINE)
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_key_of_a_file_and_of_a_rule_is_described() -> None:
    assert first_cells("Keys of a file") == set(Document.model_fields) - RESERVED
    assert first_cells("Keys of a rule") == set(Rule.model_fields) - RESERVED


def test_every_preset_is_described() -> None:
    assert first_cells("Presets") == set(preset_names())
