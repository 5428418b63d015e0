"""`agentos log prove`: that an entry is in a log, or that a log only grew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.output import print_json
from agent_os.recorder import FlightRecorder

if TYPE_CHECKING:
    from argparse import Namespace

    from agent_os.recorder import ConsistencyProof, InclusionProof


def run(arguments: Namespace) -> Exit:
    """Prints a proof."""
    entry, old, new = arguments.entry, arguments.old_size, arguments.new_size
    if (entry is None) == (old is None) or (entry is not None and new is not None):
        raise UsageError("give an entry's number, or `--from` and `--to`\n  hint: `agentos log prove --help`")
    if old is not None and arguments.size is not None:
        raise UsageError("`--size` goes with an entry's number\n  hint: with `--from`, give `--to`")
    if any(number is not None and number < 0 for number in (entry, old, new, arguments.size)):
        raise UsageError("entries and sizes are counted from 0\n  hint: give a number that is not negative")
    log = FlightRecorder(arguments.log)
    if entry is not None:
        return _print_inclusion(log.prove(entry, size=arguments.size), arguments)
    return _print_consistency(log.prove_consistency(old, size=new), arguments)


def _print_inclusion(proof: InclusionProof, arguments: Namespace) -> Exit:
    if arguments.json:
        print_json(proof.to_dict())
    elif proof.text is not None:
        print(proof.text, end="")
    else:
        print(f"entry  {proof.index}\nleaf   {proof.leaf}\nsize   {proof.size}\nroot   {proof.root}")
        _print_hashes(proof.proof)
    return Exit.OK


def _print_consistency(proof: ConsistencyProof, arguments: Namespace) -> Exit:
    if arguments.json:
        print_json(proof.to_dict())
    else:
        print(f"from   {proof.old_size}  {proof.old_root}\nto     {proof.size}  {proof.root}")
        _print_hashes(proof.proof)
    return Exit.OK


def _print_hashes(hashes: tuple[str, ...]) -> None:
    for each in hashes:
        print(f"hash   {each}")
