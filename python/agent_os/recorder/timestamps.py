"""RFC 3161 time stamps over checkpoints: that a log was there, as it was, no later than somebody else's clock says.

A stamp is kept beside the checkpoint that it is of, as the server answered it. Needs ``agent-os[timestamps]``.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent_os.errors import RecorderError
from agent_os.recorder.verification import LogProblem

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from pathlib import Path

    from rfc3161_client import TimeStampRequest, TimeStampResponse

#: The folder in a log's directory.
FOLDER: Final = "timestamps"
_TOKEN: Final = re.compile(r"([0-9]{20})-[0-9a-f]{16}\.tsr")
_SHA256: Final = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """The first ``size`` entries of the log were there at this time, as a server says under one of its policies."""

    size: int
    time: datetime
    policy: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may stamp: the root certificates, those between, and the policy that is asked for (``None``: any)."""

    roots: tuple[Any, ...]
    intermediates: tuple[Any, ...]
    policy: str | None = None

    @classmethod
    def of(cls, certificates: bytes, policy: str | None = None) -> Authority:
        """The authority of the certificates in a PEM file. Raises ``ValueError`` if there is no root among them."""
        _client()
        from cryptography.x509 import ObjectIdentifier, load_pem_x509_certificates

        try:
            found = load_pem_x509_certificates(certificates)
        except ValueError as error:
            raise ValueError("the certificates of the time stamp authority are not in PEM") from error
        roots = tuple(each for each in found if each.issuer == each.subject)
        if not roots:
            raise ValueError("there is no root certificate (one that is its own issuer) of the time stamp authority")
        if policy is not None:
            ObjectIdentifier(policy)
        return cls(roots, tuple(each for each in found if each not in roots), policy)


def request_for(note: bytes) -> TimeStampRequest:
    """What is sent to have a checkpoint stamped; with a nonce, so that an older stamp is no answer."""
    client = _client()
    builder = client.TimestampRequestBuilder().data(note).hash_algorithm(client.HashAlgorithm.SHA256)
    request: TimeStampRequest = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    return request


def read(answer: bytes, note: bytes, *, authority: Authority | None, nonce: int | None = None) -> TimeStamp:
    """The stamp that a server answered, if it is one of this checkpoint; under an authority, if that has signed it.

    Raises ``RecorderError`` otherwise.
    """
    client = _client()
    try:
        response = client.decode_timestamp_response(answer)
        if response.status not in (0, 1):
            said = "; ".join(response.status_string) or f"status {response.status}"
            raise _refused(f"the server did not stamp the checkpoint: {said}")
        stamp = _checked(response, note, nonce)
        if authority is not None:
            _verify(client, response, note, authority, nonce)
    except (ValueError, client.VerificationError) as error:
        raise _refused(f"the time stamp does not hold: {error}") from error
    return stamp


def keep(directory: Path, note: bytes, answer: bytes) -> Path:
    """Puts a stamp with its checkpoint into the log's directory, for the owner only, and gives its file."""
    size = int(note.split(b"\n")[1])
    folder = directory / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    token = folder / f"{size:020}-{hashlib.sha256(answer).hexdigest()[:16]}.tsr"
    for path, content in ((folder / f"{size:020}", note), (token, answer)):
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    return token


def verify(
    directory: Path, authority: Authority, doubted: Collection[str]
) -> tuple[tuple[TimeStamp, ...], tuple[LogProblem, ...]]:
    """The stamps in a log's directory that hold, in order, and what is wrong with others.

    ``doubted`` are the files of checkpoints that are not ones of the log: what is stamped there says nothing of it.
    That there is no stamp at all is a problem, too.
    """
    stamps, problems = [], []
    folder = directory / FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _TOKEN.fullmatch(path.name)
        if match is None or f"{FOLDER}/{match[1]}" in doubted:
            continue
        try:
            stamps.append(read(path.read_bytes(), (folder / match[1]).read_bytes(), authority=authority))
        except (RecorderError, OSError) as error:
            problems.append(LogProblem(f"{FOLDER}/{path.name}", None, None, str(error)))
    if not stamps and not problems:
        problems.append(LogProblem(FOLDER, None, None, "there is no time stamp of a checkpoint of this log"))
    return tuple(stamps), tuple(problems)


def _checked(response: TimeStampResponse, note: bytes, nonce: int | None) -> TimeStamp:
    info = response.tst_info
    imprint = info.message_imprint
    if imprint.hash_algorithm.dotted_string != _SHA256 or imprint.message != hashlib.sha256(note).digest():
        raise ValueError("it is not one of this checkpoint")
    if nonce is not None and info.nonce != nonce:
        raise ValueError("it does not answer the request (another nonce)")
    return TimeStamp(int(note.split(b"\n")[1]), info.gen_time, info.policy.dotted_string)


def _verify(client: Any, response: TimeStampResponse, note: bytes, authority: Authority, nonce: int | None) -> None:
    from cryptography.x509 import ObjectIdentifier

    verifier = client.VerifierBuilder(
        policy_id=None if authority.policy is None else ObjectIdentifier(authority.policy),
        roots=list(authority.roots),
        intermediates=list(authority.intermediates),
        nonce=nonce,
    ).build()
    verifier.verify_message(response, note)


def _refused(what: str) -> RecorderError:
    return RecorderError(f"{what}; check the certificates, and ask whoever runs the server", code="not_stamped")


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError as error:
        raise ImportError(
            "time stamps need the package `rfc3161-client`; install it with `pip install 'agent-os[timestamps]'`"
        ) from error
    return rfc3161_client
