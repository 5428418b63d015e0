"""The words in which structural mistakes of a policy are told."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from agent_os.policy.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Keys that people bring along from other languages.
HABITS: Final = {
    "condition": "conditions stand under `when` and `unless`",
    "conditions": "conditions stand under `when` and `unless`",
    "if": "conditions stand under `when` and `unless`",
    "except": "exceptions stand under `unless`",
    "description": "what a person is told stands under `message`",
    "name": "a rule is named by its `id`",
    "tool": "what a rule is about stands under `action`",
    "resource": "what a rule is about stands under `action`",
    "roles": "roles stand under `agent`: {role: …}",
    "role": "roles stand under `agent`: {role: …}",
    "priority": "there are no priorities: deny beats ask beats allow; narrow a rule with `unless`",
    "version": "the version of the language stands under `agent_os`",
    "include": "other files stand under `extends`",
    "import": "other files stand under `extends`",
    "default_effect": "the default stands under `default`",
}
WANTED: Final = {
    "string_type": "a text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "int_type": "a whole number",
    "datetime_type": "a date with a time",
    "timezone_aware": "a time with an offset",
    "number": "a number from 0 to 10^20",
    "greater_than_equal": "0 or more",
    "too_long": "a mapping of one key",
}


def missing_hint(name: str) -> str:
    """What to do about a key that is not there."""
    return f"start the file with `{name}: 1`" if name.startswith("agent_os") else f"add `{name}: …`"


def literal_hint(found: Any, expected: str) -> str:
    """What to write where only a few words are known."""
    known = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
    near = nearest(str(found), known) if isinstance(found, str) else None
    return f"did you mean `{near}`?" if near else f"write {expected}".replace("'", "`")


def subject(steps: Sequence[str | int]) -> str:
    """What a message is about: the innermost key of a place."""
    names = [step for step in steps if isinstance(step, str) and step != "[key]"]
    if not names:
        return "the file"
    single = isinstance(steps[-1], int) and names[-1] in ("rules", "examples", "texts", "roles", "labels")
    return f"an item of `{names[-1]}`" if single else f"`{names[-1]}`"


def what_is(kind: str, found: Any) -> str:
    """What was written, in the words of the language."""
    if kind == "too_long":
        return f"one of {len(found)} keys"
    if found is None:
        return "nothing"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, f"`{str(found).lower()}`"),
        (str, f"the text `{found}`"),
        (date, f"the date `{found.isoformat() if isinstance(found, date) else ''}`"),
        (list, "a list"),
        (dict, "a mapping"),
    )
    return next((text for kind, text in kinds if isinstance(found, kind)), f"the number `{found}`")


def type_hint(kind: str, found: Any) -> str:
    """How to write a value of the type that is wanted."""
    if found is None:
        return "write the value after the colon, or remove the key"
    if kind == "bool_type":
        return "write true or false; other words are text in this language"
    if kind == "string_type" and not isinstance(found, (list, dict)):
        return f'quote it to make it text: "{str(found).lower() if isinstance(found, bool) else found}"'
    if kind in ("datetime_type", "timezone_aware"):
        return "write it as 2026-01-31T10:00:00Z, without quotes"
    if kind == "list_type":
        return "write a list: [one, two], or one `- ` line per item"
    if kind in ("dict_type", "model_type"):
        return "write a mapping: {key: value}, or one `key: value` line per member"
    return f"write {WANTED.get(kind, 'what the reference page of policies says')}"
