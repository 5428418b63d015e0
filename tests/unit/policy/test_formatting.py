"""Promise: the one layout says the same, keeps every comment, and is its own layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_os.errors import PolicyError
from agent_os.policy import Policy
from agent_os.policy.files import PRESETS, read_limits
from agent_os.policy.formatting import format_text
from agent_os.policy.problems import Report
from agent_os.policy.source import compose
from agent_os.policy.yaml_text import written

MESSY = """\
# head
rules:
  # about a
  - {effect: deny, id: a, action: [b, "b.*"], when: {args.x: {eq: 0.10}, any: [{args.y: {gt: 1}}]}}  # trailing
  - id: c
    # why
    effect: allow
    action: c
    when:
      # inside
      args.z: {matches: "a # b"}
    examples:
      # shows it
      - {allow: {action: c, args: {z: "a # b"}}}
sets: {k: [1, 2]}
agent_os: 1
# tail
"""


def test_the_layout_keeps_meaning_and_comments_and_is_its_own() -> None:
    new = format_text(MESSY)
    assert Policy.from_text(new).digest == Policy.from_text(MESSY).digest
    assert format_text(new) == new
    lines = [line.strip() for line in new.split("\n")]
    assert lines[:2] == ["# head", "agent_os: 1"]
    assert lines[lines.index("# why") + 1] == "effect: allow"
    assert lines[lines.index("# inside") + 1].startswith("args.z:")
    assert {"# about a", "# trailing", "# shows it", "# tail"} <= set(lines)
    assert lines.index("# about a") < lines.index("- id: a")


@pytest.mark.parametrize("file", sorted(PRESETS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_layout_of_a_preset_says_the_same(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    new = format_text(text)
    assert Policy.from_text(new).digest == Policy.from_text(text).digest
    assert format_text(new) == new
    assert new.count("#") >= text.count("#")


def test_a_comment_without_a_line_of_its_own_is_refused_and_not_lost() -> None:
    text = "agent_os: 1\nrules:\n  - id: a\n    effect: deny\n    action:\n      # inside of a list\n      - b\n"
    with pytest.raises(PolicyError) as raised:
        format_text(text)
    assert (raised.value.code, raised.value.line) == ("not_formatted", 6)


def test_what_is_not_understood_is_not_laid_out() -> None:
    with pytest.raises(PolicyError, match="effct"):
        format_text("agent_os: 1\nrules: [{id: a, effct: deny, action: b}]")


@given(st.recursive(st.text() | st.integers() | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3)))
def test_what_is_written_reads_as_it_was(value: object) -> None:
    try:
        text = f"v: {written(value)}\n"
        text.encode()
    except UnicodeEncodeError:
        return
    report = Report()
    source = compose(text, "t", read_limits(), report)
    report.check()
    assert source is not None
    assert source.value == {"v": value}
