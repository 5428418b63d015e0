"""One layout for policy files: the order of keys, the indentation, one rule key per line. Comments stay, or it refuses.

Nothing but the layout changes: the values of the new text are compared with those of the old one before it is given
back, and so are the comments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from agent_os.policy.document import Document, Rule
from agent_os.policy.files import read_limits
from agent_os.policy.places import Source, Spot, child
from agent_os.policy.problems import Report
from agent_os.policy.source import LOADER, compose
from agent_os.policy.structure import typed
from agent_os.policy.text import decode
from agent_os.policy.yaml_text import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONDITIONS: Final = ("when", "unless")
#: What stands above everything; no pointer is spelt so.
_HEAD: Final = "head"


def format_text(text: str, *, name: str = "<string>") -> str:
    """The text in the one layout; formatting it again changes nothing.

    Raises ``PolicyError`` for a text that is not understood, or that has a comment where the layout has no line for it.

    >>> print(format_text("rules: [{effect: deny, id: a, action: b}]\\nagent_os: 1"), end="")
    agent_os: 1
    rules:
      - id: a
        effect: deny
        action: b
    """
    report = Report()
    source = _read(text, name, report)
    comments = _comments(text)
    new = "\n".join(_file(source, _attached(comments, source, report))) + "\n"
    report.check()
    again = _read(new, name, report)
    if again.value != source.value or sorted(_comments(new).values()) != sorted(comments.values()):
        hint = "leave the file as it is, and report this as a defect of Agent OS"
        report.fail("not_formatted", "the new layout would not say the same", hint)
    return new


def _read(text: str, name: str, report: Report) -> Source:
    limits = read_limits()
    content = decode(text.encode("utf-8", "surrogatepass"), name, limits, report)
    source = None if content is None else compose(content, name, limits, report)
    if source is not None:
        typed(source, report, Document)
    report.check()
    assert source is not None  # noqa: S101 (without a problem there is a source)
    return source


def _comments(text: str) -> dict[Spot, str]:
    """Every comment by its place: a `#` at the start of a line or behind a space, outside of scalars."""
    inside: list[tuple[int, int]] = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(text, Loader=LOADER)
        if isinstance(token, yaml.ScalarToken)
    ]
    found: dict[Spot, str] = {}
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line):
            place = start + column
            if character != "#" or (column and line[column - 1] not in " \t"):
                continue
            if not any(first <= place < last for first, last in inside):
                found[Spot(number, column + 1)] = line[column:].rstrip()
                break
        start += len(line) + 1
    return found


def _attached(comments: Mapping[Spot, str], source: Source, report: Report) -> dict[str, list[str]]:
    """Comments by the pointer of their line; those above all under ``_HEAD``, those at the end under an empty one."""
    lines: dict[int, str] = {}
    for pointer in _anchors(source.value):
        spot = source.keys.get(pointer) or source.values[pointer]
        lines.setdefault(spot.line, pointer)
    attached: dict[str, list[str]] = {}
    last = max((spot.line for spot in source.values.values()), default=0)
    spots = {spot.line for spot in (*source.values.values(), *source.keys.values())}
    for spot, comment in comments.items():
        if spot.line < min(lines, default=last + 1):
            attached.setdefault(_HEAD, []).append(comment)
            continue
        line = spot.line if spot.line in spots else min((one for one in spots if one > spot.line), default=last + 1)
        if line in lines:
            attached.setdefault(lines[line], []).append(comment)
        elif line > last:
            attached.setdefault("", []).append(comment)
        else:
            hint = "move it above the rule, or above a key of the rule or of its condition"
            report.add_at(source.file, spot, "not_formatted", "the layout has no line for this comment", hint)
    return attached


def _anchors(value: Any) -> Iterator[str]:
    """The pointers that have a line of their own, those of outer things first."""
    for key, member in value.items():
        pointer = child("", key)
        yield pointer
        if key == "sets":
            yield from (child(pointer, name) for name in member)
        if key == "tools":
            yield from _tool_anchors(member, pointer)
        if key != "rules":
            continue
        for index, rule in enumerate(member):
            own = child(pointer, index)
            yield own
            for name, body in rule.items():
                yield child(own, name)
                if name in _CONDITIONS:
                    yield from (child(child(own, name), path) for path in body)
                if name == "examples":
                    yield from (child(child(own, name), number) for number in range(len(body)))


def _tool_anchors(tools: Mapping[str, Any], pointer: str) -> Iterator[str]:
    for action, schema in tools.items():
        own = child(pointer, action)
        yield own
        for keyword, said in schema.items() if isinstance(schema, dict) else ():
            yield child(own, keyword)
            if keyword == "properties" and isinstance(said, dict):
                yield from (child(child(own, keyword), name) for name in said)


def _file(source: Source, comments: Mapping[str, list[str]]) -> Iterator[str]:
    yield from comments.get(_HEAD, ())
    for key in _ordered(source.value, Document.model_fields):
        pointer, value = child("", key), source.value[key]
        yield from comments.get(pointer, ())
        if key == "sets":
            yield f"{key}:" if value else f"{key}: {{}}"
            for name, members in value.items():
                yield from (f"  {comment}" for comment in comments.get(child(pointer, name), ()))
                yield f"  {written(name)}: {written(members)}"
        elif key == "tools":
            yield f"{key}:" if value else f"{key}: {{}}"
            for action, schema in value.items():
                yield from _tool(action, schema, child(pointer, action), comments)
        elif key == "rules":
            yield f"{key}:"
            for index, rule in enumerate(value):
                yield from _rule(rule, child(pointer, index), comments)
        else:
            yield f"{key}: {written(value)}"
    yield from comments.get("", ())


def _tool(action: str, schema: Any, pointer: str, comments: Mapping[str, list[str]]) -> Iterator[str]:
    yield from (f"  {comment}" for comment in comments.get(pointer, ()))
    if not isinstance(schema, dict) or not schema:
        yield f"  {written(action)}: {written(schema)}"
        return
    yield f"  {written(action)}:"
    for keyword, said in schema.items():
        place = child(pointer, keyword)
        yield from (f"    {comment}" for comment in comments.get(place, ()))
        if keyword == "properties" and isinstance(said, dict) and said:
            yield f"    {keyword}:"
            for name, property_schema in said.items():
                yield from (f"      {comment}" for comment in comments.get(child(place, name), ()))
                yield f"      {written(name)}: {written(property_schema)}"
        else:
            yield f"    {written(keyword)}: {written(said)}"


def _rule(rule: Mapping[str, Any], pointer: str, comments: Mapping[str, list[str]]) -> Iterator[str]:
    yield from (f"  {comment}" for comment in comments.get(pointer, ()))
    mark = "- "
    for key in _ordered(rule, Rule.model_fields):
        place, value = child(pointer, key), rule[key]
        own = comments.get(place, ())
        if mark == "- ":
            yield from (f"  {comment}" for comment in own)
        else:
            yield from (f"    {comment}" for comment in own)
        if key in _CONDITIONS:
            yield f"  {mark}{key}:"
            for path, tests in value.items():
                yield from (f"      {comment}" for comment in comments.get(child(place, path), ()))
                yield f"      {written(path)}: {written(tests)}"
        elif key == "examples":
            yield f"  {mark}{key}:"
            for number, example in enumerate(value):
                yield from (f"      {comment}" for comment in comments.get(child(place, number), ()))
                yield f"      - {written(example)}"
        else:
            yield f"  {mark}{key}: {written(value)}"
        mark = "  "


def _ordered(mapping: Mapping[str, Any], order: Mapping[str, Any]) -> list[str]:
    places = {name: place for place, name in enumerate(order)}
    return sorted(mapping, key=lambda key: places.get(key, len(places)))
