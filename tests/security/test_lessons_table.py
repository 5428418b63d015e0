"""The table of lessons is whole, and every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TEXT = (HERE / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", TEXT, flags=re.MULTILINE)
NAMED = sorted(set(re.findall(r"`([\w./-]+\.(?:py|rs)(?:::\w+)?)`", TEXT)))


def test_every_lesson_has_one_row() -> None:
    assert [int(number) for number, _, _ in ROWS] == list(range(1, 42))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_a_test_or_says_what_it_comes_with(row: tuple[str, str, str]) -> None:
    assert "`" in row[2] or row[2].startswith("comes with ")


@pytest.mark.parametrize("name", NAMED)
def test_what_the_table_names_exists(name: str) -> None:
    file, _, function = name.partition("::")
    path = ROOT / file if "/" in file else HERE / file
    source = path.read_text(encoding="utf-8")
    if function:
        assert re.search(rf"^ *(?:async )?(?:def|fn) {function}\(", source, flags=re.MULTILINE)
