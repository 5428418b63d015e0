"""Where the attack corpora are. They are not part of the project: each has a licence of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def corpus(*parts: str) -> Path:
    """The file of a corpus. Where it is missing the test is skipped with the way to get it; in CI it fails."""
    folder = Path(os.environ.get("AGENT_OS_DATA") or ROOT.parent / "shared" / "data")
    path = folder.joinpath(*parts)
    if not path.exists():
        message = (
            f"`{path}` is missing; set AGENT_OS_DATA to a folder that holds `{'/'.join(parts)}` (docs/benchmarks.md)"
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
