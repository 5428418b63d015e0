"""What a swap of bundles of 10,000 rules does to a thread that decides meanwhile, measured in Rust.

Without Python no interpreter takes turns, and what is left are the swap and the machine's own pauses. The latter are
told apart in two ways: by the same loop beside a thread that does as much work and swaps nothing, and by leaving out
decisions during which the scheduler took the thread's processor away. The program says more.
"""

from __future__ import annotations

import json
import subprocess

from kernels import ROOT

PROGRAM = ["cargo", "run", "--quiet", "--release", "--locked", "-p", "agent-os-testkit", "--example", "swap_cost"]


def run(rounds: int) -> dict[str, object]:
    said = subprocess.run([*PROGRAM, str(4 * rounds)], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in said.splitlines()]
    return {row.pop("row"): row for row in rows}
