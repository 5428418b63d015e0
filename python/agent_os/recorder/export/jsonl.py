"""JSON lines: each entry in its canonical form, byte for byte as it was hashed.

Where payloads are asked for, each stands on a line of its own before the first entry that refers to it, as
``{"payload":"<sha256>","size":n,"content":…}``; the canonical form of ``content`` has that hash and that many bytes.
"""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from agent_os.recorder.values import PAYLOAD, SEALED, is_reference, is_sealed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_os.recorder.export.selection import Selection

#: How many payloads are remembered as written; one that comes again after as many others is written again.
_REMEMBERED: Final = 10_000


def write(selection: Selection, out: BinaryIO) -> int:
    """Writes the entries, and says how many there were."""
    if selection.pid is None and not selection.payloads:
        return _copy(selection, out)
    count = 0
    written: OrderedDict[str, None] = OrderedDict()
    for raw, entry in selection.pairs():
        if selection.payloads:
            for sha256 in references(entry):
                if sha256 not in written:
                    out.write(_line_of(sha256, selection.recorder.payload(sha256)))
                    written[sha256] = None
                    if len(written) > _REMEMBERED:
                        written.popitem(last=False)
        out.write(raw + b"\n")
        count += 1
    return count


def _copy(selection: Selection, out: BinaryIO) -> int:
    """Every entry as it is, also one that no kernel wrote: whoever looks into a damaged log needs what is there."""
    count = 0
    for raw in selection.recorder.raw_entries():
        out.write(raw + b"\n")
        count += 1
    return count


def references(value: Any) -> Iterator[str]:
    """The payloads that a value refers to. What only looks like a reference stands inside a tag."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left.extend(reversed(value))
        elif isinstance(value, dict):
            if is_reference(value):
                yield value[PAYLOAD]["sha256"]
            elif is_sealed(value):
                left.append(value[SEALED]["text"])
            elif not (len(value) == 1 and next(iter(value)).startswith("$")):
                left.extend(reversed(value.values()))


def _line_of(sha256: str, content: bytes) -> bytes:
    head = f'"payload":"{sha256}","size":{len(content)}'.encode()
    try:
        json.loads(content)
        plain = b"\n" not in content
    except ValueError:
        plain = False
    if plain:
        return b'{"content":' + content + b"," + head + b"}\n"
    return b'{"base64":"' + base64.b64encode(content) + b'",' + head + b"}\n"
