"""Other tools' permission files as policies. All or nothing: what does not map is refused with its line and the reason.

>>> from agent_os.policy.importing import import_text
>>> print(import_text("claude-code", '{"permissions": {"allow": ["WebSearch"]}}'), end="")
# Imported from claude-code. What no rule names is denied.
agent_os: 1
name: claude-code
default: deny
rules:
  - id: claude-code/1
    effect: allow
    action: WebSearch
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Final

from agent_os.policy.files import read_limits
from agent_os.policy.importing.draft import Draft
from agent_os.policy.problems import Report, suggestion
from agent_os.policy.text import spot_after

#: Each format with the module that reads it; that has ``read(text, draft)``.
FORMATS: Final[dict[str, str]] = {
    "claude-code": "claude_code",
    "gemini-cli": "gemini_cli",
    "codex": "codex",
    "cedar": "cedar",
    "mcp": "mcp",
}

__all__ = ["FORMATS", "import_text"]


def import_text(format: str, text: str, *, name: str | None = None, file: str = "<string>") -> str:  # noqa: A002
    """The text of a policy that says what another tool's file says.

    Raises ``PolicyError`` with every line that does not map, each with the reason; nothing is approximated.
    """
    report = Report()
    if format not in FORMATS:
        report.fail("bad_source", f"there is no format `{format}`", suggestion(format, FORMATS, "the formats are"))
    most = read_limits()["policy_file_bytes"]
    if len(text) > most:
        report.fail("too_large", f"`{file}` is larger than {most} bytes", "split it and import the parts")
    # A reader that takes bytes for text leaves what is none as surrogates; UTF-16 is full of NULs.
    if (odd := re.search("[\x00\ud800-\udfff]|\\A\ufeff", text)) is not None:
        spot = spot_after(text[: odd.start()])
        report.add_at(file, spot, "encoding", f"`{file}` is not UTF-8 without a byte order mark", "save it as UTF-8")
        report.check()
    draft = Draft(format, name or format, file, report)
    try:
        import_module(f"agent_os.policy.importing.{FORMATS[format]}").read(text, draft)
    # What Python's own parsers say of brackets in brackets.
    except (RecursionError, MemoryError):
        report.fail("too_deep", f"`{file}` is nested too deep to be read", "flatten it")
    return draft.text()
