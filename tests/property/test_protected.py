"""The language-neutral cases of tests/vectors/protected hold from Python too; the README there says what they mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_os import _core

FILE = json.loads((Path(__file__).parents[1] / "vectors" / "protected" / "arguments.json").read_text("utf-8"))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in FILE["cases"]])
def test_what_names_the_control_plane(case: dict[str, Any]) -> None:
    protected = _core.Protected(FILE["protected"], home=FILE["home"], cwd=FILE["cwd"])
    args = _core.thaw(json.dumps(case["args"]).encode())
    assert protected.find(args) == case["argument"]
