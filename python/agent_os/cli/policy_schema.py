"""`agentos policy schema`: the JSON Schema of policy files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Prints it; it is JSON with `--json` and without."""
    del arguments
    from agent_os.policy.schema import render

    sys.stdout.write(render())
    return Exit.OK
