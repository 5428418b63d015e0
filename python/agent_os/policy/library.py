"""The files of a bundle, each read once, with what they extend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agent_os.policy.compiled import is_compiled
from agent_os.policy.document import Document
from agent_os.policy.files import FileText, Unreadable, identity_of, is_preset_name, read_file, read_preset, relative
from agent_os.policy.places import Source, child
from agent_os.policy.source import compose
from agent_os.policy.structure import typed
from agent_os.policy.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent_os.policy.problems import Report

#: How long a chain of files that extend one another may be.
_CHAIN: Final = 64


@dataclass
class Part:
    """One file of a bundle. Without a document it was not understood, and the report says why."""

    text: FileText
    source: Source | None = None
    document: Document | None = None
    parents: list[Part] = field(default_factory=list)

    def family(self) -> list[Part]:
        """This part and all that it extends, each once, what is extended first."""
        found: dict[str, Part] = {}
        self.collect(found)
        return list(found.values())

    def collect(self, found: dict[str, Part]) -> None:
        """Adds this part's family to what was found."""
        if self.text.identity not in found:
            for parent in self.parents:
                parent.collect(found)
            found[self.text.identity] = self


class Library:
    """Reads files once each, so that a file reached twice counts once."""

    def __init__(self, limits: Mapping[str, int], report: Report, texts: Mapping[str, FileText]) -> None:
        self._limits = limits
        self._report = report
        self._known = dict(texts)
        self._parts: dict[str, Part] = {}

    @property
    def parts(self) -> Sequence[Part]:
        """Every file that was read, once."""
        return list(self._parts.values())

    @property
    def texts(self) -> Mapping[str, FileText]:
        """Every text that was read, by identity."""
        return {identity: part.text for identity, part in self._parts.items()}

    def part(self, text: FileText, chain: Sequence[str] = ()) -> Part:
        """The file and all that it extends."""
        text = self._known.setdefault(text.identity, text)
        if text.identity in self._parts:
            return self._parts[text.identity]
        part = self._parts[text.identity] = Part(text)
        content = decode(text.data, text.shown, self._limits, self._report)
        part.source = None if content is None else compose(content, text.shown, self._limits, self._report)
        self._report.next_stage()
        if part.source is not None:
            part.document = typed(part.source, self._report, Document)
            self._report.next_stage()
            chain = [*chain, text.identity]
            for pointer, reference in _references(part.source.value):
                self._extend(part, part.source, pointer, reference, chain)
        return part

    def _extend(self, part: Part, source: Source, pointer: str, reference: str, chain: Sequence[str]) -> None:
        try:
            text = self._find(reference, part.text)
        except Unreadable as reason:
            self._report.add(source, pointer, reason.code, reason.message, reason.hint)
            return
        if text.identity in chain:
            names = [self._parts[identity].text.shown for identity in chain[chain.index(text.identity) :]]
            message = "files extend each other in a circle: " + " -> ".join(f"`{name}`" for name in [*names, names[0]])
            self._report.add(source, pointer, "extends_cycle", message, "move what they share into a file of its own")
            return
        if len(chain) >= _CHAIN:
            message = f"more than {_CHAIN} files extend one another in a chain"
            self._report.add(source, pointer, "too_deep", message, "list the files under one `extends`")
            return
        part.parents.append(self.part(text, chain))

    def _find(self, reference: str, origin: FileText) -> FileText:
        if is_preset_name(reference):
            known = self._known.get(f"preset:{reference}")
            return known or read_preset(reference, origin.folder, self._limits)
        path, shown = relative(reference, origin)
        text = self._known.get(identity_of(path)) or read_file(path, shown, self._limits)
        if is_compiled(text.data):
            hint = "extend the file that it was compiled from"
            raise Unreadable("bad_source", f"`{reference}` is a compiled bundle, which cannot be extended", hint)
        return text


def _references(value: Any) -> Iterable[tuple[str, str]]:
    extends = value.get("extends") if isinstance(value, dict) else None
    if isinstance(extends, str):
        yield "/extends", extends
    elif isinstance(extends, list):
        for index, reference in enumerate(extends):
            if isinstance(reference, str):
                yield child("/extends", index), reference
