"""Checkpoints, keys and tiles as docs/reference/log-format.md says them, without our code: what a forger has."""

from __future__ import annotations

import base64
import hashlib
import hmac

from tests.security import ed25519


def leaf_of(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def root_of(entries: list[bytes]) -> bytes:
    """RFC 6962, as its section 2.1 says it."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return leaf_of(entries[0])
    split = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(entries[:split]) + root_of(entries[split:])).digest()


def tile_of(entries: list[bytes]) -> dict[str, bytes]:
    """The files of tiles of a log that fills none."""
    assert len(entries) < 256
    return {f"tile/0/000.p/{len(entries)}": b"".join(map(leaf_of, entries))} if entries else {}


def key_id(name: str, public: bytes) -> bytes:
    """What a signature line begins with."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def key_of(log: str, seed: bytes) -> str:
    """The public key of a seed, as an entry names it."""
    name, public = f"agent-os-log/{log}", ed25519.public_key(seed)
    return f"{name}+{key_id(name, public).hex()}+{base64.b64encode(bytes([1]) + public).decode()}"


def checkpoint_of(log: str, entries: list[bytes], seed: bytes) -> bytes:
    """A signed checkpoint over all entries."""
    name = f"agent-os-log/{log}"
    body = f"{name}\n{len(entries)}\n{base64.b64encode(root_of(entries)).decode()}\n"
    signature = key_id(name, ed25519.public_key(seed)) + ed25519.sign(seed, body.encode())
    return f"{body}\n\u2014 {name} {base64.b64encode(signature).decode()}\n".encode()


def seal_of(log: str, index: int, entries: list[bytes], key: bytes, kind: str = "seal") -> str:
    """A line of the ratchet."""
    root = base64.b64encode(root_of(entries)).decode()
    sealed = f"agent-os-log ratchet\n{log}\n{index}\n{len(entries)}\n{root}\n{kind}\n"
    mac = base64.b64encode(hmac.digest(key, sealed.encode(), "sha256")).decode()
    text = f"{index} {len(entries)} {root} {kind} {mac}"
    return f"{text} {hashlib.sha256(text.encode()).hexdigest()[:8]}\n"


def next_key(key: bytes) -> bytes:
    """The key of the ratchet after this one."""
    return hashlib.sha256(b"agent-os-log ratchet\n" + key).digest()


def seals_of(entries: list[bytes]) -> bytes:
    """A ratchet with one seal over all entries that nobody can tell from a real one without the first key."""
    return seal_of("", 0, entries, bytes(32)).encode()


def rotation_of(log: str, entry: dict[str, object], old: bytes, new: bytes) -> dict[str, object]:
    """An entry that puts a new key in the place of an old one, signed by that."""
    previous, key = key_of(log, old), key_of(log, new)
    statement = f"agent-os-log key rotation\n{previous}\n{key}\n{entry['seq']}\n"
    signature = base64.b64encode(ed25519.sign(old, statement.encode())).decode()
    return {**entry, "kind": "log.key_rotated", "key": key, "previous": previous, "signature": signature}
