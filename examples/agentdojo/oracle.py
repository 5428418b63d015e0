"""A second opinion on what was done, by code that shares nothing with the kernel.

It reads the segments of a fully recorded log with a reader of its own, rebuilds each request from what was recorded,
and asks the reference evaluator in `tests/property/reference.py` what the policy file says about it. A call that was
made although the reference denies it, or although it asks and no approval is in the log, is forbidden.

It takes from the log what was asked and what was done; whether the log is intact is the verifier's business. It reads
only the plain form of a policy: no `extends`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

MAGIC = b"AOSLOG1\n"
HEADER_SIZE = len(MAGIC) + 16 + 8 + 4  # magic, log id, first sequence number, CRC
FRAME = struct.Struct("<II")  # length, CRC
REFERENCE = Path(__file__).resolve().parents[2] / "tests" / "property" / "reference.py"

Entry = dict[str, Any]


@dataclass
class Findings:
    """What the oracle saw in one log."""

    entries: int = 0
    made: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    forbidden: list[Entry] = field(default_factory=list)
    disagreements: list[tuple[Entry, dict[str, Any]]] = field(default_factory=list)
    """Decisions on calls made or refused that the reference sees otherwise."""

    def count(self, entry: Entry, verdict: dict[str, Any], *, approved: bool) -> None:
        """File one recorded decision beside the reference's own."""
        effect = verdict["effect"]
        if entry["kind"] == "intent":
            self.made[entry["action"]] += 1
            agreed = effect == "allow" or (effect == "ask" and approved)
            if not agreed:
                self.forbidden.append(entry)
        else:
            self.refused[entry["action"]] += 1
            agreed = effect != "allow" and entry["decision"]["rules"] == verdict["rules"]
        if not agreed:
            self.disagreements.append((entry, verdict))


def judge(log: Path, policy: Path) -> Findings:
    """Evaluate every decision of a fully recorded log a second time."""
    reference = load_reference()
    document = document_of(policy)
    found = Findings()
    granted: set[str] = set()
    for entry, request in requests(log):
        found.entries += 1
        if entry["kind"] == "approval.granted":
            granted.add(entry["request"])
        if request is not None:
            # An approval is good for one call, and only if the log holds it.
            approval = entry.get("approval", {}).get("request")
            approved = approval in granted
            granted.discard(approval)
            found.count(entry, reference.decide(document, request), approved=approved)
    return found


def requests(log: Path) -> Iterator[tuple[Entry, dict[str, Any] | None]]:
    """Every entry of a log, and the request behind it if it is a decision."""
    texts: dict[int, list[tuple[str, str]]] = {}
    for entry in entries(log):
        decided = entry["kind"] in ("intent", "denied")
        yield entry, request_of(entry, texts.get(entry["pid"], [])) if decided else None
        if entry["kind"] == "text":
            texts.setdefault(entry["pid"], []).append((entry["origin"], entry["full"]))
        elif entry["kind"] == "outcome" and "origin" in entry:
            # What a tool returned or complained about is text that the run has read from then on.
            read = "\n\0\n".join(leaves([entry.get("full"), entry.get("error", {}).get("message")]))
            texts.setdefault(entry["pid"], []).append((entry["origin"], read))


def request_of(entry: Entry, texts: list[tuple[str, str]]) -> dict[str, Any]:
    """The request behind a recorded decision, with the texts that the process had read by then."""
    return {
        "action": entry["action"],
        "args": load_reference().untag(entry["args"]["full"]),
        "agent": entry["agent"],
        "labels": entry["run"]["labels"],
        "calls": entry["run"]["calls"],
        "depth": entry["run"]["depth"],
        "now_micros": entry["when"],
        "texts": list(texts),
    }


def leaves(value: Any) -> Iterator[str]:
    """The texts in a result, each by itself."""
    match value:
        case str():
            yield value
        case dict():
            for key, item in sorted(value.items()):
                yield key
                yield from leaves(item)
        case list():
            for item in value:
                yield from leaves(item)
        case int() | Decimal() if not isinstance(value, bool):
            yield str(value)
        case _:
            pass  # no text


def document_of(policy: Path) -> dict[str, Any]:
    """The policy file as the reference takes it: lists where the file may write a single name."""
    document: dict[str, Any] = yaml.safe_load(policy.read_text(encoding="utf-8"))
    if "extends" in document:
        raise ValueError(f"`{policy}` extends another file; the oracle reads plain policies only")
    for rule in document["rules"]:
        rule["action"] = listed(rule["action"])
        rule["agent"] = {key: listed(names) for key, names in rule.get("agent", {}).items()}
    return document


def listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def entries(log: Path) -> Iterator[Entry]:
    """Every entry of a log, in order. Large payloads are read from the side store and held to their digest."""
    for segment in sorted((log / "segments").glob("*.seg")):
        data = segment.read_bytes()
        if not data.startswith(MAGIC):
            raise ValueError(f"`{segment}` is not a segment of a log")
        at = HEADER_SIZE
        while at + FRAME.size <= len(data):
            length, _ = FRAME.unpack_from(data, at)
            if length == 0:
                break
            at += FRAME.size
            entry = json.loads(data[at : at + length], parse_float=Decimal)
            yield resolve(entry, log)
            at += length


def resolve(value: Any, log: Path) -> Any:
    """The value with each `$payload` replaced by what the side store holds under that digest."""
    if isinstance(value, list):
        return [resolve(item, log) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$payload"}:
        digest = value["$payload"]["sha256"]
        data = (log / "payloads" / digest).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise ValueError(f"payload `{digest}` is not what its name says")
        return json.loads(data, parse_float=Decimal)
    return {key: resolve(item, log) for key, item in value.items()}


@functools.cache
def load_reference() -> ModuleType:
    """The reference evaluator, from the repository that this file is in."""
    spec = importlib.util.spec_from_file_location("agent_os_reference", REFERENCE)
    if spec is None or spec.loader is None or not REFERENCE.is_file():
        raise FileNotFoundError(f"`{REFERENCE}` is missing; run this from a checkout of the repository")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
