"""``agentos demo``: AgentDojo's banking suite under a policy.

The demo is an example, not a part of the package: it lives in ``examples/agentdojo`` of the repository and needs
AgentDojo. This finds it there and runs it; it never looks for code in the current directory.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REQUIREMENT = "examples/agentdojo/requirements.txt"
USAGE = 2


def run(argv: Sequence[str]) -> int:
    """Run the demo with its own arguments (``--json --check --log DIR --tasks ID,…``) and return its exit code."""
    script = checkout() / "examples" / "agentdojo" / "run.py"
    if not script.is_file():
        print(
            f"error: `{script}` does not exist; the demo comes with the repository and not with the package: "
            "clone it and run `make demo`",
            file=sys.stderr,
        )
        return USAGE
    if importlib.util.find_spec("agentdojo") is None:
        print(f"error: agentdojo is not installed; run `make demo`, or `pip install -r {REQUIREMENT}`", file=sys.stderr)
        return USAGE
    return subprocess.run([sys.executable, str(script), *argv], check=False).returncode  # noqa: S603 (our own script)


def checkout() -> Path:
    """The repository that this package was installed from in development mode."""
    return Path(__file__).resolve().parents[3]
