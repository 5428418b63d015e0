"""`agentos log witness`: has witnesses cosign a log's newest checkpoint (C2SP tlog-witness), and keeps the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent_os import _core
from agent_os.cli.exits import Exit, Unusable, UsageError
from agent_os.cli.lines import time_of
from agent_os.cli.output import fail, print_json, shown
from agent_os.cli.post import check_url, post
from agent_os.errors import RecorderError
from agent_os.recorder import FlightRecorder
from agent_os.recorder.key_folder import key_folder
from agent_os.recorder.source import DirectorySource

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from agent_os.cli.post import Answer

#: An answer is a few lines.
_MOST: Final = 1 << 16
#: How often a witness may say that it has seen another size meanwhile.
_TRIES: Final = 3


class _Witness(NamedTuple):
    url: str
    key: str


class _Forked(Exception):
    """A witness has seen another log than this one."""


def run(arguments: Namespace) -> Exit:
    """Asks each witness, also if one before it cannot be asked."""
    witnesses = _given(arguments.url, arguments.key) or _configured(key_folder() / "witnesses")
    directory = FlightRecorder(arguments.log).directory
    assert directory is not None  # noqa: S101 (a recorder that was given one)
    reader = DirectorySource(directory).reader
    rows, worst = [], Exit.OK
    for witness in witnesses:
        row: dict[str, Any] = {"witness": _core.witness_name(witness.key), "url": witness.url}
        try:
            row["size"], row["time"] = _ask(reader, directory, witness)
        except (_Forked, RecorderError, Unusable) as error:
            row["error"] = str(error)
            doubted = isinstance(error, _Forked) or getattr(error, "code", "") == "not_cosigned"
            # That a witness has seen another log weighs more than that one cannot be asked.
            worst = Exit.FINDING if doubted or worst is Exit.FINDING else Exit.UNUSABLE
            fail(f"{row['witness']}: {error}")
        rows.append(row)
    if arguments.json:
        print_json(rows)
    else:
        for row in rows:
            if "error" not in row:
                print(shown(f"cosigned     {row['size']:,}  {time_of(row['time'] * 1_000_000)}  {row['witness']}"))
    return worst


def _given(urls: list[str], keys: list[str]) -> list[_Witness]:
    if len(urls) != len(keys):
        raise UsageError("each witness has a `--url` and a `--key`\n  hint: give as many of one as of the other")
    return [_checked(url, key) for url, key in zip(urls, keys, strict=True)]


def _configured(file: Path) -> list[_Witness]:
    """The witnesses in a file: on each line a URL and a key; what follows `#` is not read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"cannot read `{file}`: {error}") from error
    words = [line.split("#", 1)[0].split() for line in lines]
    if bad := next((place for place, each in enumerate(words, start=1) if each and len(each) != 2), None):
        raise Unusable(f"`{file}:{bad}` is not a URL and a key\n  hint: write `URL KEY`")
    if not any(words):
        raise UsageError(f"no witness was given\n  hint: give `--url` and `--key`, or write `URL KEY` into `{file}`")
    return [_checked(*each) for each in words if each]


def _checked(url: str, key: str) -> _Witness:
    check_url(url)
    try:
        _core.witness_name(key)
    except ValueError as error:
        raise UsageError(f"{error}\n  hint: whoever runs the witness says what its key is") from error
    return _Witness(url.rstrip("/"), key)


def _ask(reader: _core.LogReader, directory: Path, witness: _Witness) -> tuple[int, int]:
    """The size and the time of what the witness cosigned, which is kept by then."""
    old = reader.cosigned_size(witness.key)
    for _ in range(_TRIES):
        checkpoint, body = reader.submission(old)
        answer = post(f"{witness.url}/add-checkpoint", body.encode(), "text/plain; charset=utf-8", most=_MOST)
        if answer.status == 200:
            return _core.keep_cosignature(directory, witness.key, checkpoint, answer.body)
        if answer.status != 409:
            raise _refusal(answer, witness, old, checkpoint)
        seen = _size_in(answer, witness)
        if seen == old:
            raise _Forked(
                f"it has cosigned another log of {seen} entries than this one: the log was forked or rewritten\n"
                "  hint: keep the directory as it is, and compare it with a copy kept elsewhere"
            )
        old = seen
    raise Unusable(f"`{witness.url}` has seen another size each time\n  hint: does another process ask it? try again")


def _size_in(answer: Answer, witness: _Witness) -> int:
    """The size that the witness has seen last, as it says when another one was named."""
    text = answer.body.decode("ascii", "replace").removesuffix("\n")
    plain = text.isdecimal() and text.isascii() and len(text) < 20 and (text == "0" or text[0] != "0")
    if not plain or int(text) >= 2**63:
        raise Unusable(f"`{witness.url}` refused the checkpoint (409) without the size that it has seen")
    return int(text)


def _refusal(answer: Answer, witness: _Witness, old: int, checkpoint: str) -> Exception:
    origin, size = checkpoint.split("\n")[:2]
    match answer.status:
        case 422:
            return _Forked(
                f"it does not find that these {size} entries go on from the {old} that it has seen: the log was forked "
                "or rewritten\n  hint: keep the directory as it is, and compare it with a copy kept elsewhere"
            )
        case 403:
            return Unusable(
                f"`{witness.url}` does not know the key that signs the log (403)\n"
                "  hint: have it take the key that `agentos log keys` prints"
            )
        case 404:
            return Unusable(
                f"`{witness.url}` does not know the log `{origin}`, or is no witness (404)\n"
                "  hint: check the address, and have it take the key that `agentos log keys` prints"
            )
        case status:
            said = answer.body[:200].decode("utf-8", "replace").strip()
            return Unusable(f"`{witness.url}` refused the checkpoint ({status}): {said or 'it says nothing more'}")
