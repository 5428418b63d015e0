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

from agent_os.cli.exits import Unusable

REQUIREMENT = "examples/agentdojo/requirements.txt"


def run(argv: Sequence[str]) -> int:
    """Run the demo with its own arguments (``--json --check --log DIR --tasks ID,…``) and return its exit code."""
    script = checkout() / "examples" / "agentdojo" / "run.py"
    if not script.is_file():
        raise Unusable(
            f"`{script}` does not exist: the demo comes with the repository and not with the package\n"
            "  hint: clone the repository and run `make demo` there"
        )
    if importlib.util.find_spec("agentdojo") is None:
        raise Unusable(
            "agentdojo is not installed, and the demo plays its tasks\n"
            f"  hint: run `make demo` in the checkout, or `pip install -r {REQUIREMENT}`"
        )
    return subprocess.run([sys.executable, str(script), *argv], check=False).returncode  # noqa: S603 (our own script)


def checkout() -> Path:
    """The repository that this package was installed from in development mode."""
    return Path(__file__).resolve().parents[3]
