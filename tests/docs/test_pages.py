"""Promise: every example of the README and of docs/ runs and does what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest
from execution import run

ROOT = Path(__file__).parents[2]
PAGES = [page.relative_to(ROOT) for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_example_of_the_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    results = run(page, tmp_path)
    not_run = [(block, reason) for block, reason in results if reason]
    with capsys.disabled():
        for block, reason in not_run:
            print(f"\n  not run: {block.place} ({block.language}): {reason}", end="")
