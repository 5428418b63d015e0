"""Promise: every row of the log's threat model is shown by a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "explanation" / "threat-model-of-the-log.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:tests|rust)/[\w./-]+\.(?:py|rs)(?:::\w+)?)`", TEXT)))


def test_every_row_of_what_is_done_or_tried_names_a_test() -> None:
    rows = re.findall(r"^\| (?!what|---|\*\*|\| )(.+) \|$", TEXT, flags=re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if not re.search(r"`(?:tests|rust)/[^`]+`$", row)] == []


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_exists(name: str) -> None:
    file, _, function = name.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    if function:
        assert re.search(rf"^ *(?:def|fn) {function}\(", source, flags=re.MULTILINE)
