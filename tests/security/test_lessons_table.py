"""The table of lessons is whole, every test that it names exists, and so does every listed defence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TEXT = (HERE / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", TEXT, flags=re.MULTILINE)
MUTANTS = yaml.safe_load((HERE / "mutants.yaml").read_text(encoding="utf-8"))
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


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["defence"])
def test_a_listed_defence_stands_where_the_list_says_and_its_tests_exist(mutant: dict[str, Any]) -> None:
    """So that `make mutants`, which takes hours, does not find out that the code has moved on."""
    assert (ROOT / mutant["file"]).read_text(encoding="utf-8").count(mutant["from"]) == 1
    for test in mutant["fails"]:
        if not test.startswith("cargo "):
            file, _, name = test.partition("::")
            function = name.partition("[")[0]
            assert f"def {function}" in (ROOT / file).read_text(encoding="utf-8")


def test_no_defence_is_listed_twice() -> None:
    names = [mutant["defence"] for mutant in MUTANTS]
    assert sorted(set(names)) == sorted(names)
