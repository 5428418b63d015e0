"""Where a value stood in a file, addressed by JSON pointers (RFC 6901)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Spot(NamedTuple):
    """A place in a text; line and column count from 1."""

    line: int
    column: int


class Source(NamedTuple):
    """One file's values, with the place of each by JSON pointer."""

    file: str
    value: Any
    values: Mapping[str, Spot]
    keys: Mapping[str, Spot]

    def place(self, pointer: str, *, key: bool = False) -> Spot:
        """Where the value at a pointer (or its key) stood; for one that is not there, where its holder stood."""
        while True:
            if key and pointer in self.keys:
                return self.keys[pointer]
            if pointer in self.values:
                return self.values[pointer]
            if not pointer:
                return Spot(1, 1)
            pointer, key = parent(pointer), False


def child(pointer: str, step: str | int) -> str:
    """The pointer of a member of the value at ``pointer``.

    >>> child("/rules/0/when", "args.a/b")
    '/rules/0/when/args.a~1b'
    """
    return f"{pointer}/{str(step).replace('~', '~0').replace('/', '~1')}"


def pointer_of(steps: Iterable[str | int]) -> str:
    """The pointer that takes these steps from the top."""
    pointer = ""
    for step in steps:
        pointer = child(pointer, step)
    return pointer


def parent(pointer: str) -> str:
    """The pointer of the value that holds this one; the top is its own parent."""
    return pointer.rpartition("/")[0]


def last_step(pointer: str) -> str:
    """The last step of a pointer as it was written, or an empty text at the top."""
    return pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def holders(pointer: str) -> Iterator[str]:
    """The pointers of everything that a value is inside of, from the inside out.

    >>> list(holders("/rules/0/when"))
    ['/rules/0', '/rules', '']
    """
    while pointer:
        pointer = parent(pointer)
        yield pointer
