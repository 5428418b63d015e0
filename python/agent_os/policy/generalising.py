"""From the values that an argument had to the condition that they pass. What is widened is said in a note."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from agent_os import _core
from agent_os.policy.yaml_text import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Different values that are still listed one by one.
FEW: Final = 8
_MISSING: Final = object()
_PLAIN_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")
_HOST: Final = re.compile(r"[a-z0-9.-]+")


class Seen(dict[str, Any]):
    """The values of one request's arguments, by their paths."""

    @classmethod
    def of(cls, args: Any, prefix: str = "args") -> Seen:
        """Every value under its path, mappings and what they hold both."""
        found = cls()
        for key, value in args.items():
            path = f"{prefix}.{segment(key)}"
            found[path] = value
            if isinstance(value, dict):
                found.update(cls.of(value, path))
        return found


def conditions(requests: Sequence[Seen], notes: list[str]) -> Iterator[tuple[str, str]]:
    """The keys and bodies of a condition that all of these pass, those of ``any`` last."""
    alternatives: list[tuple[str, str]] = []
    for path in sorted({path for request in requests for path in request}):
        values = [request.get(path, _MISSING) for request in requests]
        there = [value for value in values if value is not _MISSING]
        if all(isinstance(value, dict) and value for value in there):
            # What it holds says it all.
            continue
        tests = _by_kind(path, there, notes)
        if len(there) < len(values):
            notes.append(f"`{path}` may be left out: {len(values) - len(there):,} of {len(values):,} requests did")
            tests.append("{present: false}")
        if len(tests) == 1:
            yield _key(path), tests[0]
        else:
            body = ", ".join(f"{{{_key(path)}: {test}}}" for test in tests)
            alternatives.append(("any", f"[{body}]"))
    yield from alternatives


def segment(key: str) -> str:
    """A key as a step of a path."""
    if _PLAIN_SEGMENT.fullmatch(key):
        return key
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _key(path: str) -> str:
    return written(path)


def _by_kind(path: str, values: Sequence[Any], notes: list[str]) -> list[str]:
    kinds: dict[str, list[Any]] = {}
    for value in values:
        kinds.setdefault(_kind(value), []).append(value)
    if len(kinds) > 1:
        notes.append(f"`{path}` had values of several kinds: {', '.join(sorted(kinds))}")
    return [_tests(path, kind, members, notes) for kind, members in sorted(kinds.items())]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    for kind, name in (
        (bool, "bool"),
        ((int, float, Decimal), "number"),
        (str, "text"),
        (datetime, "datetime"),
        (date, "date"),
        ((list, tuple), "list"),
        (dict, "mapping"),
    ):
        if isinstance(value, kind):
            return name
    return "other"


def _tests(path: str, kind: str, values: Sequence[Any], notes: list[str]) -> str:
    match kind:
        case "null" | "bool" | "date" | "datetime":
            return _one_of(values)
        case "number":
            return _numbers(path, values, notes)
        case "text":
            return _texts(path, values, notes)
        case "list":
            return _lists(path, values, notes)
        case "mapping":
            return f"{{size: {_sizes(values)}}}"
        case _:
            notes.append(f"`{path}` is only required to be there: what it held cannot be written in a policy")
            return "{present: true}"


def _one_of(values: Sequence[Any]) -> str:
    distinct = sorted(set(values), key=str)
    return f"{{eq: {written(distinct[0])}}}" if len(distinct) == 1 else f"{{in: {written(distinct)}}}"


def _numbers(path: str, values: Sequence[Any], notes: list[str]) -> str:
    exact = [Decimal(repr(value)) if isinstance(value, float) else value for value in values]
    distinct = sorted(set(exact))
    if len(distinct) <= FEW:
        return _one_of(distinct)
    notes.append(f"`{path}`: {len(distinct):,} different numbers became the range from the least to the greatest")
    return f"{{ge: {written(distinct[0])}, le: {written(distinct[-1])}}}"


def _texts(path: str, values: Sequence[str], notes: list[str]) -> str:
    distinct = sorted(set(values))
    # An unquoted `$name` of an `in` is a set; in a list it is text.
    if len(distinct) <= FEW:
        return _one_of(distinct)
    if (folder := _folder(distinct)) is not None:
        notes.append(f"`{path}`: {len(distinct):,} different paths became everything under {folder}")
        return f"{{under: {written(folder)}}}"
    if (hosts := _hosts(distinct)) is not None:
        notes.append(f"`{path}`: {len(distinct):,} different URLs became everything on {len(hosts)} host(s)")
        schemes = sorted({urlsplit(url).scheme for url in distinct})
        return f"{{host: {written(hosts)}, scheme: {written(schemes)}}}"
    longest = max(map(len, distinct))
    notes.append(f"`{path}`: {len(distinct):,} different texts became every text of at most {longest:,} characters")
    return f"{{length: {{le: {longest}}}}}"


def _folder(texts: Sequence[str]) -> str | None:
    """The folder that holds all of these absolute paths, if they are plain ones and it is not the root."""
    odd = re.compile(r"[\x00-\x1f\\%~]|(?:^|/)\.{1,2}(?:/|$)|[^\x00-\x7f]")
    if not all(text.startswith("/") and len(text) > 1 and not odd.search(text) for text in texts):
        return None
    split = [text.strip("/").split("/")[:-1] for text in texts]
    common = []
    for segments in zip(*split, strict=False):
        if len(set(segments)) > 1:
            break
        common.append(segments[0])
    return "/" + "/".join(common) if common else None


def _hosts(texts: Sequence[str]) -> list[str] | None:
    supported = {row["name"] for row in _core.operators() if row["supported"]}
    if not {"host", "scheme"} <= supported:
        return None
    hosts = set()
    for text in texts:
        try:
            parts = urlsplit(text)
            plain = parts.scheme in ("http", "https") and parts.username is None and parts.port is None
        except ValueError:
            return None
        if not plain or not parts.hostname or not _HOST.fullmatch(parts.hostname) or not text.isascii():
            return None
        hosts.add(parts.hostname)
    return sorted(hosts) if len(hosts) <= FEW else None


def _lists(path: str, values: Sequence[Any], notes: list[str]) -> str:
    size = _sizes(values)
    items = [item for value in values for item in value]
    kinds = {_kind(item) for item in items}
    if not all(values) or len(kinds) != 1 or kinds & {"list", "mapping", "other"}:
        # `each` says nothing of an empty list, and so would keep it out.
        if items:
            notes.append(f"`{path}`: of the lists only the number of items is kept")
        return f"{{size: {size}}}"
    return f"{{size: {size}, each: {_tests(path + ' items', kinds.pop(), items, notes)}}}"


def _sizes(values: Sequence[Any]) -> str:
    sizes = sorted({len(value) for value in values})
    return f"{{eq: {sizes[0]}}}" if len(sizes) == 1 else f"{{ge: {sizes[0]}, le: {sizes[-1]}}}"
