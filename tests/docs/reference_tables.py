"""Makes the tables of the reference pages from those in the code.

To write the pages: ``make generate``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent_os import _core
from agent_os.policy.files import limits_table
from agent_os.policy.problems import CODES, REWRITING_CODES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def pages() -> dict[Path, dict[str, str]]:
    """Each page with its generated parts, by their marks."""
    return {
        REFERENCE / "policy.md": of_policies(),
        REFERENCE / "kernel.md": of_the_kernel(),
        REFERENCE / "signals.md": of_signals(),
        REFERENCE / "shell-programs.md": of_programs(),
        REFERENCE / "log-format.md": of_the_log(),
    }


def of_the_log() -> dict[str, str]:
    """What the entries of a kernel have."""

    def spelt(field: tuple[str, str]) -> str:
        path, of = field
        name = f"`{path.removesuffix('?')}`"
        return f"{name} ({of}{', if there' if path.endswith('?') else ''})"

    rows = [(kind, ", ".join(map(spelt, fields))) for kind, fields in _core.entry_shapes()]
    return {
        "shapes": table(["kind", "has"], ([f"`{kind}`" if kind != "*" else "any of these", of] for kind, of in rows))
    }


def of_the_kernel() -> dict[str, str]:
    """What can be frozen, and why something was denied."""
    return {
        "types": table(["Python type", "becomes"], ([f"`{name}`", doc] for name, doc in _core.accepted_types())),
        "reasons": table(["code", "meaning"], ([f"`{code}`", doc.rstrip(".")] for code, doc in _core.reasons())),
    }


def of_signals() -> dict[str, str]:
    """Each signal, and what becomes of it in each state."""
    rows = _core.signals()
    return {
        "signals": table(
            ["signal", "number", "default", "a handler", "can be blocked", "sent by", "meaning"],
            (
                [
                    f"`{row['name']}`",
                    str(row["number"]),
                    row["default"],
                    {"never": "cannot be", "replaces": "replaces it", "observes": "only observes"}[row["handler"]],
                    "yes" if row["blockable"] else "**no**",
                    "the kernel only" if row["kernel"] else "anyone",
                    row["doc"].rstrip("."),
                ]
                for row in rows
            ),
        ),
        "transitions": table(["signal", "arranged", *STATES, "and discards, if pending"], transitions()),
    }


STATES = ("created", "running", "stopped")
ARRANGEMENTS = {
    "default": [("default", False)],
    "ignored": [("ignore", False)],
    "handled": [("handle", False)],
    "blocked": [("default", True), ("ignore", True), ("handle", True)],
}


def transitions() -> Iterable[list[str]]:
    """Rows for every arrangement; signals with the same row share it, and so do arrangements of one signal."""
    cells: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in _core.signals():
        for arrangement, cases in ARRANGEMENTS.items():
            found = {(*effects(row["number"], *case), discarded(row["number"], *case)) for case in cases}
            if len(found) == 1:
                cells.setdefault(row["name"], {})[arrangement] = found.pop()
            else:  # what cannot be blocked: as if it were not
                assert not row["blockable"]
    shared: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for name, of_signal in cells.items():
        for outcome in dict.fromkeys(of_signal.values()):
            alike = [arrangement for arrangement, other in of_signal.items() if other == outcome]
            arranged = "whatever" if len(alike) == len(of_signal) else ", ".join(alike)
            shared.setdefault((outcome, arranged), []).append(f"`{name}`")
    return ([", ".join(names), arranged, *outcome] for (outcome, arranged), names in shared.items())


def effects(signal: int, disposition: str, blocked: bool) -> list[str]:
    """What one signal does in each state, in words."""
    found = (_core.signal_transition(state, signal, disposition, blocked) for state in STATES)
    return [effect.replace("_", " ") for _, effect, _ in found]


def discarded(signal: int, disposition: str, blocked: bool) -> str:
    """What is no longer pending after it, in whatever state."""
    names = {row["number"]: f"`{row['name']}`" for row in _core.signals()}
    (gone,) = {_core.signal_transition(state, signal, disposition, blocked)[2] for state in STATES}
    return ", ".join(names[each] for each in gone)


def of_programs() -> dict[str, str]:
    """What is known of programs that shell commands run."""
    rows = _core.shell_programs()
    plain = {
        writes: [row for row in rows if (row["runs"], row["writes"]) == ("", writes)] for writes in ("", "unknown")
    }
    told = [row for row in rows if row not in plain[""] and row not in plain["unknown"]]
    return {
        "programs": table(
            ["program", "starts", "writes"],
            ([names([row]), row["runs"] or "—", row["writes"] or "—"] for row in told),
        ),
        "readers": names(plain[""]) + ".",
        "writing": names(plain["unknown"]) + ".",
    }


def names(rows: list[dict[str, Any]]) -> str:
    """The names of programs, in a line."""
    return ", ".join(f"`{name}`" for row in rows for name in row["names"])


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
