"""JSON with the place of every value: it is read as the YAML that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_os.policy.files import read_limits
from agent_os.policy.source import compose

if TYPE_CHECKING:
    from agent_os.policy.importing.draft import Draft
    from agent_os.policy.places import Source


def read_json(text: str, draft: Draft) -> Source:
    """The values of the text. Raises ``PolicyError`` if it is not an object of JSON."""
    # YAML allows no tabs between values; within texts JSON allows none either.
    source = compose(text.replace("\t", " "), draft.file, read_limits(), draft.report)
    draft.report.check()
    if source is None or not isinstance(source.value, dict):
        draft.report.fail("bad_source", f"`{draft.file}` is not an object of JSON", "name the settings file itself")
    return source
