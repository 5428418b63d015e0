"""Shell commands, a second time: plain ones only, of words between single spaces, without quotes and launchers.

How the engine reads anything else is compared with bash itself, by the tests in ``tests/security``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

PLAIN = re.compile(r"(?:(?:[A-Za-z0-9_./-]+|--[a-z]+=\w+|\$[a-z]+|\$\([a-z]+\)|[|;>']|&&)?(?: |$))*")
LAUNCHERS = re.compile(r"\b(xargs|sudo|env|sh|bash|find|touch|git|echo|cd|make|ssh|tar|timeout|sort|docker)\b")
UNCLEAR = b"\0"  # no operator of texts takes it
UNKNOWN = 0.5
Judge = Callable[[Any, Any], float]


class Simple(NamedTuple):
    """A program with its words, and the files that redirections write."""

    program: str
    words: list
    redirects: list

    @property
    def writes(self) -> list:
        """What is written or removed, by the shell and by the program."""
        files = operands(self.words)
        before = self.words[: self.words.index("--")] if "--" in self.words else self.words
        match self.program:
            case "ls":
                written = []
            case "got" | "push" | "src" | "b" | "a.txt":  # none that is known
                written = [UNCLEAR]
            case "tee":
                written = files
            case "rm":  # and what is below
                written = files + [UNCLEAR] * len(files)
            case "cp":
                written = files[-1:] + [placed(file, files[-1]) for file in files[:-1]]
                is_deep = any(word in ("-r", "-rf") for word in before) and files
                written += [UNCLEAR] if is_deep or UNCLEAR in before else []
            case other:
                raise NotPlainError(other)
        return self.redirects + written


def placed(file: Any, folder: Any) -> Any:
    return UNCLEAR if UNCLEAR in (file, folder) else f"{folder}/{str(file).rpartition('/')[2]}"


class NotPlainError(Exception):
    """The command is more than the reference reads."""


def test(name: str, command: str, operand: Any, judge: Judge) -> float:
    """The truth of an operator; ``judge`` holds a list to operators."""
    commands, stray, is_open, substitutes = reading(command)
    end = [UNCLEAR] if is_open else []
    if name == "has_substitution":
        return UNKNOWN if substitutes is None else substitutes == operand
    if name == "programs":
        return judge([one.program for one in commands] + end, operand)
    if name == "redirects":
        return judge(stray + [file for one in commands for file in one.redirects] + end, operand)
    if name == "writes":
        return judge(stray + [file for one in commands for file in one.writes] + end, operand)
    truth = max([form(one, operand, judge) for one in commands] + [UNKNOWN if is_open else 0], default=0)
    return truth == 1 if isinstance(operand, dict) and "sure" in operand else truth


def reading(command: str) -> tuple[list[Simple], list, bool, bool | None]:
    if not PLAIN.fullmatch(command) or LAUNCHERS.search(command):
        raise NotPlainError(command)
    command = re.sub(r"(?<=[^ ]) ;\Z", "", command.rstrip())  # a list may end in `;`, after a command
    commands: list[Simple] = []
    stray: list = []
    is_open = substitutes = False
    parts = [part.split() for part in re.split(r"(?<![^ ])(?:[|;]|&&)(?![^ ])", command)]
    if "'" in command or (any(not part for part in parts) and parts != [[]]):
        return [], [], True, None
    for part in parts:
        if re.search(r">(?: >|$)", " ".join(part)):
            return [], [], True, None
        inner = [word[2:-1] for word in part if word.startswith("$(")]
        substitutes |= bool(inner)
        commands += [Simple(program, [], []) for program in inner]
        words = [UNCLEAR if word.startswith("$") else word for word in part]
        writes = [after for word, after in pairwise(words) if word == ">"]
        argv = [word for before, word in pairwise([None, *words]) if word != ">" and before != ">"]
        if not argv or argv[0] == UNCLEAR or argv[0].startswith("-"):  # what looks like an option is no program
            is_open |= bool(argv)
            stray += writes
            continue
        program = str(argv[0]).rpartition("/")[2]
        commands.append(Simple(program, argv[1:], writes))
    return commands, stray, is_open, substitutes


def operands(words: list) -> list:
    end = words.index("--") if "--" in words else len(words)
    return [word for word in words[:end] if word == UNCLEAR or not word.startswith("-")] + words[end + 1 :]


def form(simple: Simple, operand: Any, judge: Judge) -> float:
    program, words, writes = simple.program, simple.words, simple.writes
    if isinstance(operand, list):
        return in_order([program, *words], operand)
    parts: list[float] = [1]
    groups = operand.get("flags", [])
    nested = isinstance(groups, list) and any(isinstance(group, list) for group in groups)
    parts += [flagged(words, group) for group in (groups if nested else [groups] if groups else [])]
    parts += [program in several(operand["program"])] if "program" in operand else []
    parts += [in_order(operands(words), operand["args"])] if "args" in operand else []
    parts += [1 - flagged(words, operand["no_flags"])] if "no_flags" in operand else []
    parts += (
        [judge(operands(words)[len(operand.get("args", ())) :], operand["targets"])] if "targets" in operand else []
    )
    parts += [judge(writes, operand["writes"])] if "writes" in operand else []
    parts += [1 - max(form(simple, one, judge) for one in operand["except"])] if "except" in operand else []
    return min(parts)


def several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def in_order(words: list, expected: Iterable[Any]) -> float:
    known = words.index(UNCLEAR) if UNCLEAR in words else None
    truths = [
        UNKNOWN if known is not None and place >= known else place < len(words) and words[place] in several(one)
        for place, one in enumerate(expected)
    ]
    return min(truths, default=1)


def flagged(words: list, flags: Any) -> float:
    before = words[: words.index("--")] if "--" in words else words
    return max(
        (UNKNOWN if word == UNCLEAR else any(is_flag(word, flag) for flag in several(flags)) for word in before),
        default=0,
    )


def is_flag(word: str, flag: str) -> bool:
    if flag.startswith("--"):
        name = word.partition("=")[0]
        return word.startswith("--") and len(name) > 2 and flag.startswith(name)
    if re.fullmatch("-.", flag):
        return word.startswith("-") and not word.startswith("--") and flag[1] in word
    return word == flag
