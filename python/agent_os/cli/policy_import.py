"""`agentos policy import`: another tool's permission file as a policy, or every line of it that does not map."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.output import fail, plural, print_json, say
from agent_os.errors import PolicyError
from agent_os.policy.importing import FORMATS, import_text

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Prints the policy; what does not map, or is no UTF-8, is a finding, and then there is no policy."""
    if arguments.format not in FORMATS:
        raise UsageError(f"there is no format `{arguments.format}`\n  hint: use one of {', '.join(FORMATS)}")
    text = Path(arguments.file).read_bytes().decode("utf-8", "surrogateescape")
    try:
        policy = import_text(arguments.format, text, name=arguments.name, file=arguments.file)
    except PolicyError as error:
        if any(problem.code not in ("not_importable", "encoding") for problem in error.problems):
            raise
        if arguments.json:
            print_json({"policy": None, "refused": [problem._asdict() for problem in error.problems]})
        for problem in error.problems:
            say(problem)
        count = plural(len(error.problems), "line")
        fail(f"{count} of `{arguments.file}` cannot be said in a policy; nothing was imported")
        return Exit.FINDING
    if arguments.json:
        print_json({"policy": policy, "refused": []})
    else:
        sys.stdout.write(policy)
    return Exit.OK
