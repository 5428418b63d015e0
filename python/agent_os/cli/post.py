"""Sending something to a server and reading what it answers: bounded in time and size, without redirects."""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from agent_os.cli.exits import Unusable, UsageError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

#: Seconds for everything: connecting, sending, and the whole answer.
TIMEOUT: Final = 30.0
_CHUNK: Final = 1 << 14


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    content_type: str
    body: bytes


def check_url(url: str) -> SplitResult:
    """The parts of a URL that can be posted to. Raises ``UsageError`` for any other."""
    hint = "give one like https://witness.example/log"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"`{url}` is not a URL: {error}\n  hint: {hint}") from error
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0 or not plain:
        raise UsageError(f"`{url}` is not a URL of a server\n  hint: {hint}")
    if parts.username is not None or parts.fragment or parts.query:
        raise UsageError(f"`{url}` has more than a host and a path\n  hint: {hint}")
    return parts


def post(url: str, body: bytes, content_type: str, *, most: int, timeout: float = TIMEOUT) -> Answer:
    """Sends one POST and gives the answer, of at most so many bytes.

    Certificates are checked against those that the system trusts. Redirects are not followed: what is sent goes to the
    server that was named. Raises ``Unusable`` if it cannot be reached, or answers too slowly or with too much.
    """
    parts = check_url(url)
    host, due = parts.hostname or "", time.monotonic() + timeout
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        connection.request("POST", parts.path or "/", body, {"Content-Type": content_type, "User-Agent": "agentos"})
        response = connection.getresponse()
        received = b""
        while chunk := _read(connection, response, due):
            received += chunk
            if len(received) > most:
                raise Unusable(f"`{url}` answered with more than {most:,} bytes\n  hint: check the address")
    except (OSError, http.client.HTTPException) as error:
        said = str(error) or type(error).__name__
        raise Unusable(f"cannot ask `{url}`: {said}\n  hint: check the address and the network") from error
    finally:
        connection.close()
    if 300 <= response.status < 400:
        raise Unusable(f"`{url}` leads elsewhere, and is not followed\n  hint: give the address that it leads to")
    return Answer(response.status, response.headers.get_content_type(), received)


def _read(connection: http.client.HTTPConnection, response: http.client.HTTPResponse, due: float) -> bytes:
    """Some further bytes. A server that sends one now and then does not hold up forever."""
    left = due - time.monotonic()
    if left <= 0:
        raise TimeoutError("it took too long")
    if connection.sock is not None:
        connection.sock.settimeout(left)
    return response.read1(_CHUNK)
