"""Proofs that a log gives, as values that can be checked without it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from agent_os import _core

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Leads from entry ``index`` to the root over the first ``size`` entries (RFC 6962 §2.1.1). Hashes are in hex.

    ``text`` is the same with the signed checkpoint over these entries (C2SP tlog-proof), or ``None`` if the log's
    checkpoint names another number of them.
    """

    index: int
    size: int
    leaf: str
    root: str
    proof: tuple[str, ...]
    text: str | None

    def holds_for(self, entry: bytes, root: str) -> bool:
        """Whether these bytes are that entry of the log with this root. Take the root from where it was kept."""
        hashes = [bytes.fromhex(each) for each in self.proof]
        return _core.is_included(entry, self.index, self.size, hashes, bytes.fromhex(root))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "proof": list(self.proof)}


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Shows that the first ``size`` entries begin with the first ``old_size`` (RFC 6962 §2.1.2). Hashes are in hex."""

    old_size: int
    old_root: str
    size: int
    root: str
    proof: tuple[str, ...]

    def holds_for(self, old_root: str, root: str) -> bool:
        """Whether it leads from one root to the other. Take the old one from where it was kept."""
        hashes = [bytes.fromhex(each) for each in self.proof]
        return _core.is_consistent(self.old_size, bytes.fromhex(old_root), self.size, bytes.fromhex(root), hashes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "proof": list(self.proof)}


def inclusion_of(row: Mapping[str, Any]) -> InclusionProof:
    """The proof that the core gives, typed."""
    return InclusionProof(**{**row, "proof": tuple(row["proof"])})


def consistency_of(row: Mapping[str, Any]) -> ConsistencyProof:
    """The proof that the core gives, typed."""
    return ConsistencyProof(**{**row, "proof": tuple(row["proof"])})
