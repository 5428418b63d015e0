"""How a command ends: the one table of exit codes, and the errors that lead to them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    FINDING = 1
    USAGE = 2
    UNUSABLE = 3
    DEFECT = 4
    UNDECIDED = 5
    INTERRUPTED = 130
    PIPE = 141


EXITS: Final[dict[Exit, str]] = {
    Exit.OK: "done, and nothing is wrong; `explain` ends so whatever the decision is",
    Exit.FINDING: "done, and it does not hold: a policy has mistakes, a log does not verify, decisions differ",
    Exit.USAGE: "the command line is wrong; nothing was done",
    Exit.UNUSABLE: "not done: a file, log or policy that is needed is missing, unreadable or unusable",
    Exit.DEFECT: "a defect of Agent OS",
    Exit.UNDECIDED: "`policy diff` found no difference, and could not compare everything that differs",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
    Exit.PIPE: "whoever read the output stopped reading",
}


class UsageError(Exception):
    """The command line asks for what makes no sense."""


class Unusable(Exception):
    """What was named cannot be used."""
