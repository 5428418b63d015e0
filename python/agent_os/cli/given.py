"""What is given on the command line, as values: whatever is wrong with it is said before anything is done."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import TYPE_CHECKING, Final

from agent_os.cli.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
#: No count or number that a log or a run has is larger.
_GREATEST: Final = 2**63 - 1


def whole(given: str) -> int:
    """A whole number that 64 bits hold."""
    if not re.fullmatch(r"-?[0-9]+", given):
        raise ArgumentTypeError(f"`{given}` is not a whole number")
    number = int(given) if _WHOLE.fullmatch(given) else _GREATEST + 1
    if abs(number) > _GREATEST:
        raise ArgumentTypeError(f"`{given}` is beyond what 64 bits hold")
    return number


def named(given: str) -> str:
    """The name of a file or folder."""
    if not given:
        raise ArgumentTypeError("the name is empty")
    return given


def offer_json(command: ArgumentParser) -> None:
    """The option of commands that print the same as JSON."""
    command.add_argument("--json", action="store_true", help="print JSON")


def refuse_broken_text(argv: Sequence[str]) -> None:
    """Refuses what is not UTF-8: policies, logs and their keys are, so it could match nothing and be said nowhere."""
    for place, given in enumerate(argv, start=1):
        # A byte that is not UTF-8 stands in `sys.argv` as half of a surrogate pair (PEP 383).
        if any("\ud800" <= letter <= "\udfff" for letter in given):
            raise UsageError(
                f"argument {place} is not UTF-8: `{given}`\n  hint: give text in UTF-8; rename a file whose name is not"
            )
