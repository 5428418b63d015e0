"""Every mistake of one load, gathered, so that all of them are told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from agent_os.errors import PolicyError, Problem
from agent_os.policy.places import Source, Spot, holders, parent

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The codes that loading adds to those of the compiler (``agent_os._core.compile_codes()``).
CODES: Final[dict[str, str]] = {
    "ambiguous_scalar": "an unquoted value that parsers read differently, or that is over a limit",
    "bad_example": "an example does not hold exactly one of allow, ask and deny",
    "anchor": "YAML anchors, aliases and merge keys are not part of the language",
    "bad_bundle_file": "a compiled bundle file is damaged or of another version",
    "bad_source": "what was given to load is not a policy",
    "closed": "an allow rule outside of a file that says `closed: true`",
    "control_character": "a control character other than tab and line breaks",
    "duplicate_key": "a key stands twice in one mapping",
    "empty_file": "the file holds no document",
    "encoding": "the file is not UTF-8 without a byte order mark",
    "example_failed": "a rule's example is decided otherwise than it says",
    "extends_cycle": "a file extends itself, directly or through others",
    "invisible_character": "a character that shows nothing or reorders the text on a screen",
    "not_found": "the file does not exist or cannot be read",
    "redefined_set": "a set is defined twice in the bundle",
    "redefined_tool": "an action has two different schemas in the bundle",
    "several_documents": "more than one YAML document in a file",
    "syntax": "the file is not YAML",
    "tag": "YAML tags are not part of the language",
    "too_deep": "lists and mappings are nested too deeply",
    "too_large": "a file or a bundle is over a limit",
    "unknown_preset": "there is no preset of this name",
}

#: The codes of what rewrites files rather than loads them: `fmt` and `import`.
REWRITING_CODES: Final[dict[str, str]] = {
    "not_formatted": "`fmt`: a file cannot be brought into the one layout without losing something",
    "not_importable": "`import`: a line of another tool's file says what this language does not say",
}


class Report:
    """The problems of one load.

    Loading has stages: reading, structure, union, compiling, examples. A later stage goes on where an earlier
    one has found fault, and what it says of the same place is left out: it follows from the first fault.
    """

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._fresh: list[tuple[Source, str]] = []
        self._wrong: set[tuple[str, str]] = set()
        self._around: set[tuple[str, str]] = set()
        self._lacking: set[tuple[str, str]] = set()

    def __bool__(self) -> bool:
        return bool(self._problems)

    def add(self, source: Source, pointer: str, code: str, message: str, hint: str, *, key: bool = False) -> None:
        """Adds a problem at a value of a file, or at its key."""
        if not self._follows(source.file, pointer, code):
            self._fresh.append((source, pointer))
            self.add_at(source.file, source.place(pointer, key=key), code, message, hint)

    def add_at(self, file: str | None, spot: Spot | None, code: str, message: str, hint: str) -> None:
        """Adds a problem at a place of a file, or of a file as a whole."""
        line, column = spot or (None, None)
        self._problems[Problem(code, message, hint, file, line, column)] = None

    def next_stage(self) -> None:
        """From here on, nothing is added at a place that is already known to be wrong."""
        for source, pointer in self._fresh:
            self._wrong.add((source.file, pointer))
            if pointer not in source.values:
                self._lacking.add((source.file, parent(pointer)))
            self._around.update((source.file, holder) for holder in holders(pointer) if holder.count("/") > 2)
        self._fresh.clear()

    def _follows(self, file: str, pointer: str, code: str) -> bool:
        if (file, pointer) in self._around or (code == "missing_key" and (file, pointer) in self._lacking):
            return True
        return any((file, place) in self._wrong for place in (pointer, *holders(pointer)))

    def check(self) -> None:
        """Raises ``PolicyError`` with every problem, in the order of the files' lines, if there is any."""
        if self._problems:
            raise PolicyError(list(self._in_reading_order()))

    def fail(self, code: str, message: str, hint: str) -> NoReturn:
        """Raises for something that has no place in a file."""
        self.add_at(None, None, code, message, hint)
        raise PolicyError(list(self._in_reading_order()))

    def _in_reading_order(self) -> Iterable[Problem]:
        files: dict[str | None, int] = {}
        for problem in self._problems:
            files.setdefault(problem.file, len(files))
        return sorted(self._problems, key=lambda problem: (files[problem.file], problem.line or 0, problem.column or 0))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one probably means."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def suggestion(name: str, known: Iterable[str], what: str) -> str:
    """A hint for an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    if near := nearest(name, names):
        return f"did you mean `{near}`?"
    listed = ", ".join(f"`{known_name}`" for known_name in names)
    return f"{what}: {listed}"
