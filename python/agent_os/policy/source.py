"""Reads the text of one policy file into plain values that know where they stood.

A bounded reading of YAML events. Refuses what would let a text mean something else than it shows:
duplicate keys, anchors, aliases, merge keys, tags, several documents, and ambiguous scalars (scalars.py).
Nothing is ever constructed but ``str int Decimal bool None date datetime list dict``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

import yaml

from agent_os.policy.places import Source, Spot, child
from agent_os.policy.progress import WATCHER
from agent_os.policy.scalars import Refused, Scalar, resolve
from agent_os.policy.syntax import describe, spot_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_os.policy.problems import Report

#: libyaml where the installed PyYAML has it.
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Fatal(Exception):
    """Reading cannot go on; the reason is in the report."""


def compose(text: str, file: str, limits: Mapping[str, int], report: Report) -> Source | None:
    """The values of the text; ``None`` if there are none, after reporting why.

    Single mistakes inside a readable file are reported and reading goes on.
    """
    reader = _Reader(text, file, limits, report)
    try:
        value = reader.document()
    except yaml.YAMLError as error:
        spot, message, hint = describe(error, text)
        # libyaml has a bound of its own, which lies above ours.
        code = "too_deep" if "nesting depth" in message else "syntax"
        report.add_at(file, spot, code, message, hint)
        return None
    except _Fatal:
        return None
    finally:
        reader.close()
    return reader.source(value)


class _Reader:
    def __init__(self, text: str, file: str, limits: Mapping[str, int], report: Report) -> None:
        self._events = LOADER(text)
        self._file = file
        self._limits = limits
        self._report = report
        self._values: dict[str, Spot] = {}
        self._keys: dict[str, Spot] = {}
        self._key_spot = Spot(1, 1)
        self._anchors: set[str] = set()
        self._wrong: list[tuple[str, str, str, str, bool]] = []
        self._watcher = WATCHER.get()
        self._length = max(len(text), 1)

    def close(self) -> None:
        self._events.dispose()

    def source(self, value: Any) -> Source:
        """The finished source, after reporting the mistakes that did not stop the reading."""
        source = Source(self._file, value, self._values, self._keys)
        for pointer, code, message, hint, key in self._wrong:
            self._report.add(source, pointer, code, message, hint, key=key)
        return source

    def document(self) -> Any:
        self._events.get_event()
        if self._events.check_event(yaml.StreamEndEvent):
            self._stop(Spot(1, 1), "empty_file", "the file is empty", "write at least `agent_os: 1` and `rules`")
        self._events.get_event()
        value = self._value("", 1)
        self._events.get_event()
        if not self._events.check_event(yaml.StreamEndEvent):
            spot = spot_of(self._events.peek_event().start_mark)
            hint = "keep one document per file; list other files under `extends`"
            self._stop(spot, "several_documents", "a second document starts here", hint)
        if self._watcher is not None:
            self._watcher(self._file, 1.0)
        return value

    def _value(self, pointer: str, depth: int) -> Any:
        event = self._events.get_event()
        spot = self._values[pointer] = spot_of(event.start_mark)
        if depth > self._limits["policy_depth"]:
            message = f"lists and mappings are nested more than {self._limits['policy_depth']} deep"
            self._stop(spot, "too_deep", message, "flatten the conditions, or split the rule")
        if len(self._values) > self._limits["policy_nodes"]:
            message = f"the file holds more than {self._limits['policy_nodes']} values"
            self._stop(spot, "too_large", message, "split it into several files and list them under `extends`")
        if self._watcher is not None and len(self._values) % 1024 == 0:
            self._watcher(self._file, event.start_mark.index / self._length)
        if isinstance(event, yaml.AliasEvent):
            # Of an anchor that stands somewhere above, that one is told of.
            if event.anchor not in self._anchors:
                self._refuse_alias(pointer, f"the alias `*{event.anchor}`")
            return None
        if event.anchor is not None:
            self._anchors.add(event.anchor)
            self._refuse_alias(pointer, f"the anchor `&{event.anchor}`")
        if event.tag is not None:
            hint = "remove it; quote a value to make it text"
            self._note(pointer, "tag", f"the tag `{_tag(event)}` is not part of the policy language", hint)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(pointer, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(pointer, depth)
        return self._scalar(event, pointer)

    def _sequence(self, pointer: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not self._events.check_event(yaml.SequenceEndEvent):
            items.append(self._value(child(pointer, len(items)), depth + 1))
        self._events.get_event()
        return items

    def _mapping(self, pointer: str, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while not self._events.check_event(yaml.MappingEndEvent):
            key, member = self._key(pointer)
            if key in members:
                first = self._keys[member]
                # Read on under a pointer that no value has, so that the places of the first one stay.
                member = child(pointer, f"{key}\0{len(self._values)}")
                self._keys[member] = self._key_spot
                hint = f"remove one of them; the first is at line {first.line}"
                self._note(member, "duplicate_key", f"the key `{key}` stands twice in one mapping", hint, key=True)
                self._value(member, depth + 1)
                continue
            self._keys[member] = self._key_spot
            members[key] = self._value(member, depth + 1)
        self._events.get_event()
        return members

    def _key(self, pointer: str) -> tuple[str, str]:
        event = self._events.get_event()
        self._key_spot = spot_of(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or not isinstance(event, yaml.ScalarEvent):
            hint = 'write a text as the key; a text that starts with `*`, `[`, `{` or `?` must be "quoted"'
            self._stop(self._key_spot, "syntax", "a key is not a text", hint)
        key: str = event.value
        member = child(pointer, key)
        if event.anchor is not None:
            self._refuse_alias(member, f"the anchor `&{event.anchor}`", key=True)
        if event.tag is not None:
            hint = "remove it; quote a key to make it text"
            self._note(member, "tag", f"the tag `{_tag(event)}` is not part of the policy language", hint, key=True)
        elif event.implicit[0]:
            self._check_plain_key(key, member)
        return key, member

    def _check_plain_key(self, key: str, member: str) -> None:
        if key == "<<":
            self._refuse_alias(member, "the merge key `<<`", key=True)
            return
        try:
            plain = isinstance(resolve(key, self._limits), str)
        except Refused:
            plain = False
        if not plain:
            hint = f'quote it: "{key}"'
            self._note(member, "ambiguous_scalar", f"the key `{key}` is not a text", hint, key=True)

    def _scalar(self, event: Any, pointer: str) -> Scalar:
        text: str = event.value
        if not event.implicit[0]:
            return text
        try:
            return resolve(text, self._limits)
        except Refused as refused:
            self._note(pointer, "ambiguous_scalar", refused.message, refused.hint)
            return text

    def _refuse_alias(self, pointer: str, what: str, *, key: bool = False) -> None:
        hint = "quote the text if it is meant as one; write a repeated list once under `sets` and name it `$like-this`"
        self._note(pointer, "anchor", f"{what} is not part of the policy language", hint, key=key)

    def _note(self, pointer: str, code: str, message: str, hint: str, *, key: bool = False) -> None:
        self._wrong.append((pointer, code, message, hint, key))

    def _stop(self, spot: Spot, code: str, message: str, hint: str) -> NoReturn:
        self.source(None)
        self._report.add_at(self._file, spot, code, message, hint)
        raise _Fatal


def _tag(event: Any) -> str:
    return str(event.tag).replace("tag:yaml.org,2002:", "!!")
