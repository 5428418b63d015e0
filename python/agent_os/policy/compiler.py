"""Hands a union of files to the compiler, and its complaints back to the lines where they arose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_os import _core

if TYPE_CHECKING:
    from agent_os.policy.problems import Report
    from agent_os.policy.union import Union

#: Codes whose fault lies in a key rather than in its value.
_AT_KEY: Final = frozenset(
    {
        "unknown_key",
        "unknown_operator",
        "wrong_operator",
        "bad_path",
        "not_supported",
        "misplaced_key",
        "unknown_argument",
        "bad_action",
    }
)


def compile_union(union: Union, report: Report, types: _core.ToolTypes | None = None) -> _core.Bundle | None:
    """The bundle; ``None`` after reporting everything that the compiler refuses, or that does not fit the types.

    A union that is already known to be wrong is compiled as well, so that all mistakes are told together.
    """
    try:
        bundle = _core.Bundle.compile(union.document)
        for row in types.check_document(union.document) if types is not None else ():
            _tell(union, report, *row)
        return bundle
    except _core.CompileFailed as failed:
        for pointer, code, message, hint in failed.problems:
            _tell(union, report, pointer, code, message, hint)
    except ValueError as error:
        hint = "split the policy, or shorten what is too large"
        report.add_at(union.root.text.shown, None, "too_large", f"the policy cannot be compiled: {error}", hint)
    return None


def _tell(union: Union, report: Report, pointer: str, code: str, message: str, hint: str) -> None:
    part, place = union.origin(pointer)
    if part.source is None or (report and _follows(code, pointer)):
        return
    report.add(part.source, place, code, message, hint, key=code in _AT_KEY)


def _follows(code: str, pointer: str) -> bool:
    # What is missing from a bundle of which some file was not understood may have stood in that file.
    return code == "unknown_set" or pointer == "/rules"
