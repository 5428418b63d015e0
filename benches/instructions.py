"""Instructions per decision and per load of a bundle, by callgrind, against the bounds in ``instructions.json``.

Counts do not move with a machine's neighbours, so they gate what wall clocks cannot: a tail, or a rule that is
evaluated where it used to be left out. They do move with compilers; ``--write`` sets the bounds anew, to what was
counted, and the commit says why. Fails when a count is more than the file's ``slack`` above its bound. Without valgrind
it says so and passes, except with ``--require``.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BOUNDS = Path(__file__).with_name("instructions.json")
#: The programs, and how often each does what is counted.
PROGRAMS = {"decide_cost": 50, "load_cost": 2}
EXAMPLES = [word for program in PROGRAMS for word in ("--example", program)]
BUILD = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "agent-os-testkit", *EXAMPLES]
BUILT = ROOT / "target/release/examples"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="set the bounds to what is counted")
    parser.add_argument("--require", action="store_true", help="fail if valgrind is missing")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("skipped: valgrind was not found\n  hint: `apt install valgrind`", file=sys.stderr)
        return 1 if options.require else 0
    subprocess.run(BUILD, cwd=ROOT, check=True)
    counts = {}
    for program in PROGRAMS:
        names = subprocess.run([BUILT / program], capture_output=True, text=True, check=True).stdout.split()
        counts |= {name: count(program, name) for name in names}
    if options.write:
        bounds = {"slack": 0.1, "instructions": counts}
        BOUNDS.write_text(json.dumps(bounds, indent=2) + "\n", encoding="utf-8")
    if not BOUNDS.exists():
        print(f"{BOUNDS.name} is missing; make it with `--write`", file=sys.stderr)
        return 1
    return compare(counts, json.loads(BOUNDS.read_text(encoding="utf-8")))


def count(program: str, name: str) -> int:
    """Instructions inside of ``measured``, per time; one more time warms up and is counted too."""
    command = [
        "valgrind",
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        f"--toggle-collect=*{program}*measured*",
        BUILT / program,
        name,
    ]
    times = PROGRAMS[program]
    few, many = (collected([*command, str(count)]) for count in (1, 1 + times))
    return (many - few) // times


def collected(command: list[str | Path]) -> int:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.search(r"Collected\s*:\s*(\d+)", said)
    assert found, said
    return int(found[1])


def compare(counts: dict[str, int], bounds: dict[str, object]) -> int:
    known, slack = bounds["instructions"], bounds["slack"]
    assert isinstance(known, dict)
    assert isinstance(slack, float)
    failed = sorted(known.keys() ^ counts.keys())
    for name in failed:
        print(f"{name}: in only one of the program and {BOUNDS.name}; run with `--write`", file=sys.stderr)
    for name, found in counts.items():
        bound = known.get(name, 0)
        over = found > bound * (1 + slack)
        print(f"{name:<22} {found:>9} instructions, bound {bound}{'  EXCEEDED' if over else ''}")
        if over:
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
