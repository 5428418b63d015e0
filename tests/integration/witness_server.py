"""A witness as C2SP tlog-witness and tlog-cosignature say it, over loopback, without our code. What it is told to get
wrong, it gets wrong."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.security import ed25519
from tests.security.notes import key_id

NOW = 1_800_000_000


class Witness:
    """Its key, the logs that it knows, and the newest checkpoint of each that it has cosigned."""

    def __init__(self, name: str = "witness.example/w1", seed: bytes = bytes([21]) * 32) -> None:
        self.name, self.seed = name, seed
        self.known: dict[str, bytes] = {}
        self.seen: dict[str, tuple[int, str]] = {}
        self.requests: list[bytes] = []
        #: What is answered instead of what should be: status, content type, body.
        self.instead: list[tuple[int, str, bytes]] = []
        self.url = ""

    @property
    def key(self) -> str:
        """As verifiers spell it."""
        typed = b"\x04" + ed25519.public_key(self.seed)
        return f"{self.name}+{cosigner_id(self.name, self.seed).hex()}+{base64.b64encode(typed).decode()}"

    def learn(self, vkey: str) -> None:
        """Takes the key of a log."""
        origin, _, key = vkey.split("+", 2)
        self.known[origin] = base64.b64decode(key)[1:]

    def cosign(self, body: str, time: int = NOW) -> str:
        """The line of a signed note."""
        signature = ed25519.sign(self.seed, f"cosignature/v1\ntime {time}\n{body}".encode())
        signed = cosigner_id(self.name, self.seed) + time.to_bytes(8, "big") + signature
        return f"\u2014 {self.name} {base64.b64encode(signed).decode()}\n"

    def answer(self, request: bytes) -> tuple[int, str, bytes]:
        """What add-checkpoint comes to."""
        self.requests.append(request)
        if self.instead:
            return self.instead.pop(0)
        head, _, note = request.decode().partition("\n\n")
        old_line, *proof = head.split("\n")
        body, _, signatures = note.partition("\n\n")
        origin, size_line, root = body.split("\n")
        old, size = int(old_line.removeprefix("old ")), int(size_line)
        if origin not in self.known:
            return 404, "text/plain", b"unknown log\n"
        signed = {tuple(line.split(" ")[1:]) for line in signatures.splitlines()}
        if not any(self._signs(origin, f"{body}\n", name, value) for name, value in signed):
            return 403, "text/plain", b"unknown key\n"
        if old > size:
            return 400, "text/plain", b"old is greater\n"
        seen, seen_root = self.seen.get(origin, (0, base64.b64encode(hashlib.sha256().digest()).decode()))
        if old != seen or (old == size and root != seen_root):
            return 409, "text/x.tlog.size", f"{seen}\n".encode()
        hashes = [base64.b64decode(line) for line in proof]
        if not follows(old, base64.b64decode(seen_root), size, base64.b64decode(root), hashes):
            return 422, "text/plain", b"not consistent\n"
        self.seen[origin] = (size, root)
        return 200, "text/plain", self.cosign(f"{body}\n").encode()

    def _signs(self, origin: str, body: str, name: str, value: str) -> bool:
        signed, key = base64.b64decode(value), self.known[origin]
        own = name == origin and signed[:4] == key_id(origin, key)
        return own and ed25519.is_signed(key, body.encode(), signed[4:])


@contextmanager
def serving(witness: Witness) -> Iterator[Witness]:
    """The witness at an address of its own on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            status, kind, body = (
                witness.answer(request)
                if self.path == "/log/add-checkpoint"
                else (404, "text/plain", b"no such page\n")
            )
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", f"{witness.url}/add-checkpoint")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    witness.url = f"http://127.0.0.1:{server.server_address[1]}/log"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield witness
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def cosigner_id(name: str, seed: bytes) -> bytes:
    """What the signature line of a cosigner begins with."""
    return hashlib.sha256(name.encode() + b"\n\x04" + ed25519.public_key(seed)).digest()[:4]


def follows(old: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2."""
    if old in (0, size):
        return not proof and (old == 0 or old_root == root)
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    first, second = old - 1, size - 1
    while first & 1:
        first, second = first >> 1, second >> 1
    before = after = path[0]
    for each in path[1:]:
        if second == 0:
            return False
        if first & 1 or first == second:
            before, after = node(each, before), node(each, after)
            while first and not first & 1:
                first, second = first >> 1, second >> 1
        else:
            after = node(after, each)
        first, second = first >> 1, second >> 1
    return (before, after, second) == (old_root, root, 0)


def node(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()
