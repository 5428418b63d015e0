"""The tables of the reference pages are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.reference_tables import made, pages


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_the_generated_tables_are_as_the_code_says(path: Path) -> None:
    """Run `make generate` after a change."""
    text = path.read_text(encoding="utf-8")
    assert made(text, pages()[path]) == text
