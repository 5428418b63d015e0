"""What importing and constructing cost over the bare interpreter: milliseconds, and megabytes of resident memory.

Each figure is a process of its own, and a bare one runs in turn with it; the differences of the medians are given.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

CASES = {
    "bare": "pass",
    "import agent_os": "import agent_os",
    "import, then KernelSpace": "import agent_os; agent_os.KernelSpace",
    'KernelSpace("strict"), memory': 'import agent_os; agent_os.KernelSpace("strict", durability="memory")',
    'KernelSpace("strict"), written': (
        "import agent_os, tempfile; d = tempfile.mkdtemp(); k = agent_os.KernelSpace('strict', recorder=d + '/log')"
    ),
    "agentos --version": "import sys; sys.argv = ['agentos', '--version']\n"
    "from agent_os.cli import main\ntry: main()\nexcept SystemExit: pass",
}

# The peak of this process alone: `ru_maxrss` would start from the parent's.
MEASURE = """
import sys
with open("/proc/self/status") as status:
    sys.stderr.write(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def run(rounds: int) -> dict[str, object]:
    millis: dict[str, list[float]] = {name: [] for name in CASES}
    kilobytes: dict[str, list[int]] = {name: [] for name in CASES}
    for _ in range(max(7, rounds // 4)):
        for name, code in CASES.items():
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code + "\n" + MEASURE], capture_output=True, text=True, check=True
            )
            millis[name].append((time.perf_counter() - start) * 1000)
            kilobytes[name].append(int(done.stderr.strip().splitlines()[-1]))
    table: dict[str, object] = {}
    for name in CASES:
        figures = {
            "ms": round(statistics.median(millis[name]), 1),
            "MB": round(statistics.median(kilobytes[name]) / 1024, 1),
        }
        if name != "bare":
            bare = table["bare"]
            figures["over bare, ms"] = round(figures["ms"] - bare["ms"], 1)
            figures["over bare, MB"] = round(figures["MB"] - bare["MB"], 1)
        table[name] = figures
    return table
