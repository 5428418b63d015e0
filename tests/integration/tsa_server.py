"""A time stamp authority: OpenSSL's, behind a server on loopback. Its keys and certificates are made anew."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[signer]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = stamping
[stamping]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Authority:
    """A root certificate, and a certificate that it gave to a server that stamps."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir()
        self.folder, self.url = folder, ""
        #: What is answered instead of what should be: status, body.
        self.instead: list[tuple[int, bytes]] = []
        self.answers: list[bytes] = []
        (folder / "config").write_text(CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        root = ["-x509", "-subj", f"/CN={name} root", "-extensions", "root", "-days", "2"]
        self._openssl("req", *root, *self._new_key("root"), "-out", "root.pem")
        self._openssl("req", "-new", "-subj", f"/CN={name}", *self._new_key("signer"), "-out", "signer.csr")
        by = ["-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "2"]
        extensions = ["-extfile", "config", "-extensions", "signer"]
        self._openssl("x509", "-req", "-in", "signer.csr", *by, *extensions, "-out", "signer.pem")

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    def stamp(self, request: bytes) -> tuple[int, bytes]:
        """What the server answers."""
        if self.instead:
            return self.instead.pop(0)
        (self.folder / "query").write_bytes(request)
        signer = ["-signer", "signer.pem", "-inkey", "signer.key"]
        self._openssl("ts", "-reply", "-queryfile", "query", *signer, "-out", "reply", "-config", "config")
        self.answers.append((self.folder / "reply").read_bytes())
        return 200, self.answers[-1]

    def accepts(self, token: Path, note: Path) -> bool:
        """Whether OpenSSL finds that this is a stamp of that file."""
        verify = ["ts", "-verify", "-in", str(token), "-data", str(note), "-CAfile", str(self.root)]
        done = subprocess.run(["openssl", *verify], cwd=self.folder, capture_output=True, check=False)
        return done.returncode == 0

    def _new_key(self, name: str) -> list[str]:
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        return [*curve, "-nodes", "-keyout", f"{name}.key", "-config", "config"]

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


@contextmanager
def stamping(authority: Authority) -> Iterator[Authority]:
    """The authority at an address of its own on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            right = self.headers["Content-Type"] == "application/timestamp-query"
            status, body = authority.stamp(request) if right else (415, b"")
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
