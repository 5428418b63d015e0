"""Makes the tables of the reference pages from those in the code.

To write the pages: ``make generate``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from agent_os import _core
from agent_os.policy.files import limits_table
from agent_os.policy.problems import CODES, REWRITING_CODES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def pages() -> dict[Path, dict[str, str]]:
    """Each page with its generated parts, by their marks."""
    return {REFERENCE / "policy.md": of_policies(), REFERENCE / "kernel.md": of_the_kernel()}


def of_the_kernel() -> dict[str, str]:
    """What can be frozen, and why something was denied."""
    return {
        "types": table(["Python type", "becomes"], ([f"`{name}`", doc] for name, doc in _core.accepted_types())),
        "reasons": table(["code", "meaning"], ([f"`{code}`", doc.rstrip(".")] for code, doc in _core.reasons())),
    }


def of_policies() -> dict[str, str]:
    """Operators, codes and limits."""
    operators = _core.operators()
    supported = [operator for operator in operators if operator["supported"]]
    codes = {code: doc.rstrip(".") for code, doc in _core.compile_codes()} | CODES | REWRITING_CODES
    return {
        "operators": table(
            ["operator", "takes", "operand", "true if the value"],
            ([f"`{row['name']}`", takes(row["accepts"]), f"`{row['operand']}`", row["doc"]] for row in supported),
        ),
        "reserved": ", ".join(f"`{row['name']}`" for row in operators if not row["supported"]) + ".",
        "findings": table(
            ["code", "level", "meaning"],
            ([f"`{code}`", level, doc.rstrip(".")] for code, level, doc in _core.lint_codes()),
        ),
        "codes": table(["code", "meaning"], ([f"`{code}`", codes[code]] for code in sorted(codes))),
        "limits": table(
            ["limit", "value", "counts"],
            ([f"`{name}`", f"{value:,}", doc.rstrip(".")] for name, value, doc in limits_table()),
        ),
    }


def takes(kinds: list[str]) -> str:
    """What an operator takes, in short."""
    every = max(len(row["accepts"]) for row in _core.operators())
    return "any" if len(kinds) == every else ", ".join(kinds) or "—"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def made(page: str, sections: dict[str, str]) -> str:
    """The page with its generated parts as they must be."""
    for name, body in sections.items():
        marks = re.compile(rf"(<!-- {name}: [^>]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page, found = marks.subn(lambda match, body=body: f"{match[1]}\n{body}\n\n{match[2]}", page)
        if found != 1:
            raise ValueError(f"the page has no place for `{name}`")
    return page


if __name__ == "__main__":
    for path, sections in pages().items():
        path.write_text(made(path.read_text(encoding="utf-8"), sections), encoding="utf-8")
