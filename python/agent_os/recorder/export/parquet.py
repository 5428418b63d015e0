"""Parquet: one row for each entry, with what is asked for most as columns and the whole entry beside them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from agent_os.recorder.links import Links
from agent_os.recorder.query import labels_of, rules_of
from agent_os.recorder.values import said

if TYPE_CHECKING:
    from agent_os.recorder.export.selection import Selection
    from agent_os.recorder.links import Link
    from agent_os.recorder.source import Entry

#: Rows of a row group; this many are held in memory.
_GROUP: Final = 10_000


def write(selection: Selection, out: BinaryIO) -> int:
    """Writes the entries, and says how many there were."""
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportError(
            "Parquet needs the package `pyarrow`; install it with `pip install 'agent-os[parquet]'`"
        ) from error
    texts = pyarrow.list_(pyarrow.string())
    schema = pyarrow.schema(
        [
            ("seq", pyarrow.int64()),
            ("time", pyarrow.timestamp("us", tz="UTC")),
            ("kind", pyarrow.string()),
            ("agent", pyarrow.string()),
            ("action", pyarrow.string()),
            ("pid", pyarrow.int64()),
            ("parent", pyarrow.int64()),
            ("intent", pyarrow.int64()),
            ("effect", pyarrow.string()),
            ("reason", pyarrow.string()),
            ("rules", texts),
            ("labels", texts),
            ("status", pyarrow.string()),
            ("micros", pyarrow.int64()),
            ("error_type", pyarrow.string()),
            ("error_message", pyarrow.string()),
            ("bundle", pyarrow.string()),
            ("entry", pyarrow.string()),
        ],
        metadata={"agent_os.log": selection.recorder.log_id},
    )
    count, links = 0, Links()
    rows: list[dict[str, Any]] = []
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for raw, entry in selection.pairs():
            rows.append(_row(raw, entry, links.follow(entry)))
            count += 1
            if len(rows) == _GROUP:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
                rows.clear()
        if rows:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
    return count


def _row(raw: bytes, entry: Entry, link: Link) -> dict[str, Any]:
    decision, error = entry.get("decision", {}), entry.get("error", {})
    # Policies that are loaded and rejected say what was wrong as a text.
    error = error if isinstance(error, dict) else {"message": error}
    return {
        "seq": entry["seq"],
        "time": entry["time"],
        "kind": entry["kind"],
        "agent": link.agent,
        "action": link.action,
        "pid": entry.get("pid"),
        "parent": entry.get("parent"),
        "intent": entry.get("intent"),
        "effect": decision.get("effect"),
        "reason": decision.get("reason") or _text(entry.get("reason")),
        "rules": rules_of(entry),
        "labels": labels_of(entry),
        "status": entry.get("status"),
        "micros": entry.get("micros"),
        "error_type": error.get("type"),
        "error_message": said(error["message"]) if "message" in error else None,
        "bundle": entry.get("bundle"),
        "entry": raw.decode(),
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
