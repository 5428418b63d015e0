"""Giving a log, or one run of it, to other programs and to people. Everything is read and written bit by bit."""

from __future__ import annotations

import contextlib
import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from agent_os.errors import RecorderError
from agent_os.recorder.export.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_os.recorder.flight_recorder import FlightRecorder

#: Every format, with what it is.
FORMATS: Final[dict[str, str]] = {
    "jsonl": "the entries as they stand in the log, one on each line",
    "otel": "OpenTelemetry spans as OTLP/JSON, one `TracesData` on each line",
    "ocsf": "OCSF 1.5.0 events of the class API Activity (6003), one on each line",
    "parquet": "one row for each entry; needs `agent-os[parquet]`",
    "html": "a page about one run that needs nothing else; needs a run",
}


class Writer(Protocol):
    """What a format's module has as ``write``."""

    def __call__(self, selection: Selection, out: BinaryIO) -> int:
        """Writes everything that is selected, and says how many records that was."""


def export(
    recorder: FlightRecorder,
    format: str,  # noqa: A002 (it is what callers call it)
    out: str | os.PathLike[str] | BinaryIO,
    *,
    pid: int | None = None,
    start: int | None = None,
    payloads: bool = False,
) -> int:
    """See ``FlightRecorder.export``."""
    if format not in FORMATS:
        raise ValueError(f"`{format}` is not a format; the formats are {', '.join(f'`{name}`' for name in FORMATS)}")
    if start is not None and pid is None:
        raise ValueError("`start` says which run of a number is meant; name the number with `pid`")
    if payloads and format != "jsonl":
        raise ValueError("only `jsonl` can hold payloads; leave `payloads` out")
    write: Writer = import_module(f"agent_os.recorder.export.{format}").write
    selection = Selection(recorder, pid=pid, start=start, payloads=payloads)
    try:
        if isinstance(out, (str, os.PathLike)):
            with _replaced(Path(out)) as file:
                return write(selection, file)
        return write(selection, out)
    except (KeyError, AttributeError) as error:
        raise RecorderError(
            "an entry is not as a kernel writes it; check the log with `agentos log verify`", code="log_damaged"
        ) from error


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that has its name only once it is whole. It is for its owner only: a log says what agents were told.

    A link stays one, and what is no regular file, such as a pipe or a device, is written to.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
