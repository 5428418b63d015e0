"""Runs the examples of pages where no test tool is installed: ``python tests/docs/run_pages.py README.md docs``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from execution import ExampleFailed, run
from pages import PageError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path, help="pages, or folders of pages")
    passed = failed = skipped = 0
    for page in _pages(parser.parse_args().pages):
        with tempfile.TemporaryDirectory(prefix="agent-os-page-", ignore_cleanup_errors=True) as folder:
            try:
                results = run(page, Path(folder))
            except (ExampleFailed, PageError) as error:
                print(error, file=sys.stderr)
                failed += 1
                continue
        for block, reason in results:
            if reason:
                print(f"not run: {block.place} ({block.language}): {reason}")
        passed += sum(not reason for _, reason in results)
        skipped += sum(bool(reason) for _, reason in results)
    print(f"examples: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


def _pages(given: list[Path]) -> list[Path]:
    return [page for one in given for page in (sorted(one.rglob("*.md")) if one.is_dir() else [one])]


if __name__ == "__main__":
    sys.exit(main())
