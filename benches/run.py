"""The benchmarks of docs/benchmarks.md.

Contestants of one table take turns, so that a noisy machine is noisy for all of them. A round is a batch
of calls; its figure is the mean of the batch, and the table gives the median, the least and the 90th percentile of the
rounds, in microseconds per call, warm. Run with ``make bench``; ``--json`` prints the raw figures, ``--only`` picks
tables.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import actions
import asking
import buckets
import decisions
import limiting
import loading
import recording
import startup
import swapping
import typed

from agent_os import _core

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"

TABLES: dict[str, Callable[[int], dict[str, object]]] = {
    "decisions": decisions.run,
    "buckets": buckets.run,
    "typed": typed.run,
    "loading": loading.run,
    "swaps": swapping.run,
    "limits": limiting.run,
    "actions": actions.run,
    "asking": asking.run,
    "recording": recording.run,
    "startup": startup.run,
}


def machine() -> dict[str, str]:
    """What the figures hold for."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if cpuinfo.exists()
        else []
    )
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "cpu": f"{names[0] if names else platform.processor()} x {os.cpu_count()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "rust": rustc,
        "agent-os": version("agent-os"),
        **{name: found(name) for name in ("cedarpy", "casbin", "celine-regorus", "common-expression-language")},
        "load": " ".join(f"{each:.1f}" for each in os.getloadavg()),
    }


def found(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed here"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(TABLES), action="append")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    options = parser.parse_args()
    if _core.build_profile() != "release":
        print(
            "this is a debug build, whose figures mean nothing; build in release (`make bench` does)", file=sys.stderr
        )
        return 1
    results: dict[str, object] = {"machine": machine()}
    for name in options.only or TABLES:
        print(f"{name} …", file=sys.stderr)
        results[name] = TABLES[name](options.rounds)
    if options.write:
        write(results, apart=bool(options.only))
    if options.json:
        print(json.dumps(results, indent=1))
    else:
        show(results)
    return 0


def write(results: dict[str, object], *, apart: bool) -> None:
    """Puts the tables into the page. Those that were measured apart say so, and the others stay."""
    page = PAGE.read_text(encoding="utf-8")
    marks = re.compile(r"(<!-- figures: [^>]*-->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
    before = marks.search(page)
    assert before is not None
    sections = {part.split("\n", 1)[0].lower(): part for part in before[2].split("### ")[1:]} if apart else {}
    # The machine as it was at the whole run stays on the page, with the tables of that run.
    written = results.items() if not apart else [(name, table) for name, table in results.items() if name != "machine"]
    sections |= {name: section(name, table, results, apart=apart) for name, table in written}
    body = "".join(f"### {sections[name].strip()}\n\n" for name in ("machine", *TABLES) if name in sections)
    PAGE.write_text(marks.sub(lambda match: f"{match[1]}\n{body}{match[3]}", page), encoding="utf-8")


def section(name: str, table: object, results: dict[str, object], *, apart: bool) -> str:
    """One table with its heading, without the marks before it."""
    assert isinstance(table, dict)
    parts = [name.capitalize()]
    rows = list(table.items())
    if name == "machine":
        parts.append("\n".join(f"- {row}: {value}" for row, value in rows))
    else:
        if apart:
            machine = results["machine"]
            assert isinstance(machine, dict)
            command = f"make bench BENCH_FLAGS='--only {name} --write'"
            parts.append(f"Measured apart from the others, by `{command}`; load {machine['load']}.")
        columns = list(dict.fromkeys(key for _, figures in rows for key in figures))
        unit = {"startup": "one process", "loading": "ms", "asking": "ms"}.get(name, "µs")
        lines = [[unit, *columns], ["---", *("---:" for _ in columns)]]
        lines += [[row, *(f"{figures[key]:,g}" if key in figures else "" for key in columns)] for row, figures in rows]
        parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
    return "\n\n".join(parts)


def show(results: dict[str, object]) -> None:
    for name, table in results.items():
        print(f"\n{name}")
        assert isinstance(table, dict)
        for row, figures in table.items():
            text = (
                figures if isinstance(figures, str) else "  ".join(f"{key} {value:g}" for key, value in figures.items())
            )
            print(f"  {row:<44} {text}")


if __name__ == "__main__":
    sys.exit(main())
