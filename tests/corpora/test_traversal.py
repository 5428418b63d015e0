"""No payload of the traversal corpus is allowed under a folder that it leaves by some way of reading it.

The decoder below is written here and knows nothing of the engine: it applies every way of decoding that programs are
known to apply, several times over and in every combination, and asks of each outcome where it leads.
"""

from __future__ import annotations

import lzma
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import pytest

from agent_os import _core
from tests.corpora.data import corpus

ROOTS = ["/srv/www/files", "/a", "files/public"]
TARGET = "etc/passwd"
ROUNDS = 4

SLASHES = dict.fromkeys(map(ord, "\\\u2044\u2215\u2216\u29f8\u29f9\uff0f\uff3c\u2571\u2572"), "/")
DOTS = {ord(dot): "." for dot in "\u2024\uff0e\ufe52\u3002\uff61"} | {0x2025: "..", 0x2026: "..."}


def percent(text: str) -> str:
    """`%2e`, bytes as Latin-1, so that what follows can find overlong forms."""
    return re.sub("%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)


def unicode_escape(text: str) -> str:
    return re.sub(r"(?:%u|\\u)([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), text)


def overlong(text: str) -> str:
    """UTF-8 of more bytes than are needed, and with continuation bytes that are none, as old decoders read it."""

    def join(match: re.Match[str]) -> str:
        lead, *rest = match[0]
        value = ord(lead) & {2: 0x1F, 3: 0x0F, 4: 0x07}[len(match[0])]
        for byte in rest:
            value = value << 6 | (ord(byte) & 0x3F)
        return chr(value) if value < 0x110000 and not 0xD800 <= value < 0xE000 else match[0]

    any_byte = "[\x00-\xff]"
    pattern = f"[\xc0-\xdf]{any_byte}|[\xe0-\xef]{any_byte}{{2}}|[\xf0-\xf7]{any_byte}{{3}}"
    return re.sub(pattern, join, text)


def look_alikes(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(SLASHES | DOTS)).translate(SLASHES)


def without_filtered(text: str) -> str:
    """What a filter leaves that takes out `../` once."""
    return text.replace("../", "").replace("..\\", "")


def without_parameters(text: str) -> str:
    return re.sub(";[^/]*", "", text)


def cut_at_nul(text: str) -> str:
    return text.split("\0")[0]


WAYS = [percent, unicode_escape, overlong, look_alikes, without_filtered, without_parameters, cut_at_nul]


def readings(text: str) -> Iterator[str]:
    """Everything that the text may be taken for after some rounds."""
    seen = frontier = {text}
    yield text
    for _ in range(ROUNDS):
        frontier = {way(one) for one in frontier for way in WAYS} - seen
        seen = seen | frontier
        yield from frontier


def resolved(path: str, *, dots_climb: bool) -> list[str] | None:
    """The segments that a path leads to; nothing if it climbs above its start."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment in ("", "."):
            continue
        climbs = len(segment) - 1 if dots_climb and set(segment) == {"."} else int(segment == "..")
        if climbs > len(segments):
            return None
        if climbs:
            del segments[-climbs:]
        else:
            segments.append(segment)
    return segments


def leaves(path: str, root: str) -> str | None:
    """The reading by which a path leads out of the root, if there is one."""
    wanted = root.strip("/").split("/")
    for reading in readings(path):
        for dots_climb in (False, True):
            found = resolved(reading, dots_climb=dots_climb)
            if found is None or found[: len(wanted)] != wanted or reading.startswith("/") != root.startswith("/"):
                return reading
    return None


@cache
def payloads() -> list[str]:
    text = lzma.decompress(corpus("paths", "traversal.txt.xz").read_bytes()).decode()
    return [line.replace("{FILE}", TARGET) for line in text.split("\n") if line]


def allowed(root: str, operator: str = "under") -> list[str]:
    rule = {"id": "r", "effect": "allow", "action": ["read"], "when": {"args.path": {operator: root}}}
    bundle = _core.Bundle.compile({"agent_os": 1, "name": "traversal", "rules": [rule]})
    asked = [path for payload in payloads() for path in (payload, f"{root}/{payload}", f"{root}{payload}")]
    return [path for path in asked if bundle.decide("read", {"path": path}, agent="a")]


@pytest.mark.parametrize("root", ROOTS)
def test_no_payload_is_allowed_that_leads_out_by_any_reading(root: str) -> None:
    assert len(payloads()) >= 9_593
    passed = allowed(root)
    escaped = {path: reading for path in passed if (reading := leaves(path, root)) is not None}
    print(f"{len(payloads()) * 3} paths asked, {len(passed)} allowed under {root}, {len(escaped)} of them lead out")
    assert escaped == {}


def test_the_corpus_would_escape_a_check_of_prefixes() -> None:
    """The decoder finds what it is there for: most payloads lead out if they are appended to a root."""
    root = ROOTS[0]
    out = [payload for payload in payloads() if leaves(f"{root}/{payload}", root) is not None]
    assert len(out) > 5_500


@pytest.mark.parametrize(
    "path",
    [
        "/r/../x",
        "/r/%2e%2e/x",
        "/r/%252e%252e%252fx",
        "/r/..%c0%afx",
        "/r/%c0%ae%c0%ae/x",
        "/r/..%u2215x",
        "/r/..\\x",
        "/r/\uff0e\uff0e/x",
        "/r/\u2025/x",
        "/r/..;/x",
        "/r/.../x",
        "/r/....//....//x",
        "/x",
    ],
)
def test_the_decoder_sees(path: str) -> None:
    assert leaves(path, "/r") is not None


@pytest.mark.parametrize("path", ["/r", "/r/a", "/r/a/../b", "/r/a.b", "/r//./a", "/r/100%"])
def test_the_decoder_is_not_alarmed_by(path: str) -> None:
    assert leaves(path, "/r") is None
