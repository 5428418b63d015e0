"""What the commands of `agentos log` take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from agent_os.cli.given import named, offer_json, whole


def _verify(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument(
        "--key",
        metavar="KEY",
        action="append",
        default=[],
        help="a key that was kept, as `agentos log keys` printed it; each that is given must hold",
    )
    own.add_argument(
        "--checkpoint",
        metavar="FILE",
        type=named,
        action="append",
        default=[],
        help="a checkpoint that was kept, as `agentos log checkpoint` printed it (- reads from stdin)",
    )
    own.add_argument(
        "--witness", metavar="KEY", action="append", default=[], help="the key of a witness that must have seen the log"
    )
    own.add_argument(
        "--tsa-ca", metavar="FILE", type=named, help="the root certificate of whoever stamped the log with a time (PEM)"
    )
    own.add_argument("--tsa-policy", metavar="OID", help="the policy that it must have been stamped under")
    own.add_argument("--quorum", metavar="N", type=whole, help="how many of the witnesses must have (default: all)")
    own.add_argument(
        "--ratchet-key", metavar="FILE", type=named, help="the first key of the ratchet, which was taken away"
    )
    offer_json(own)


def _checkpoint(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    offer_json(own)


def _witness(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument("--url", metavar="URL", action="append", default=[], help="where a witness takes checkpoints")
    own.add_argument(
        "--key", metavar="KEY", action="append", default=[], help="the key of that witness, in the same order"
    )
    offer_json(own)


def _timestamp(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument("--url", metavar="URL", required=True, help="where the server takes requests")
    own.add_argument("--ca", metavar="FILE", type=named, help="its root certificate, and those between (PEM)")
    own.add_argument("--policy", metavar="OID", help="the policy that it must stamp under")
    offer_json(own)


def _prove(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument("entry", metavar="ENTRY", type=whole, nargs="?", help="the number of an entry")
    own.add_argument("--size", metavar="N", type=whole, help="among the first N entries (default: the checkpoint's)")
    own.add_argument("--from", metavar="N", type=whole, dest="old_size", help="the size of the log at an earlier time")
    own.add_argument(
        "--to", metavar="N", type=whole, dest="new_size", help="the later size (default: the checkpoint's)"
    )
    offer_json(own)


def _keys(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument(
        "--rotate", action="store_true", help="put a new key in the place of the log's; nobody may write it"
    )
    offer_json(own)


def _retain(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log that nobody writes")
    own.add_argument("--keep", metavar="AGE", help="what is no older stays, like `90d` or `12h`")
    own.add_argument("--before", metavar="N", type=whole, help="the number of the first entry that stays")
    own.add_argument("--dry-run", action="store_true", help="only say what would be dropped")
    offer_json(own)


def _redact(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log that nobody writes")
    own.add_argument("--subject", metavar="NAME", help="the person, as the argument named them that the policy says")
    own.add_argument("--unnamed", action="store_true", help="all that was sealed for nobody who could be named")
    own.add_argument("--seq", metavar="N", type=whole, help="the number of the entry whose payloads are to be removed")
    offer_json(own)


def _export(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    form = own.add_mutually_exclusive_group(required=True)
    form.add_argument("--format", metavar="FORMAT", help="jsonl, otel, ocsf, parquet or html")
    form.add_argument("--tiles", metavar="FOLDER", type=named, help="a new folder for checkpoint, tiles and entries")
    own.add_argument("--pid", metavar="N", type=whole, help="only this run, with those below it")
    own.add_argument("--start", metavar="N", type=whole, help="the first run of that number from this entry on")
    own.add_argument(
        "--out", metavar="FILE", type=named, help="write to this file, in place of one that is there (default: stdout)"
    )
    own.add_argument("--payloads", action="store_true", help="put what entries refer to into jsonl")
    own.add_argument("--json", action="store_true", help="print what was written as JSON, with --tiles")


def _tail(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument("-n", metavar="N", type=whole, default=10, dest="count", help="how many entries (default: 10)")
    own.add_argument("-f", "--follow", action="store_true", help="go on with new entries until Ctrl-C")
    own.add_argument("--json", action="store_true", help="print each entry as a line of JSON")


def _query(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument("--agent", metavar="ID", help="entries of this agent")
    own.add_argument("--action", metavar="A", help="entries of this action, also its outcomes")
    own.add_argument("--effect", metavar="E", help="decisions: allow or deny")
    own.add_argument("--kind", metavar="K", help="entries of this kind")
    own.add_argument("--rule", metavar="R", help="entries in which this rule decided, demanded something, or asked")
    own.add_argument("--label", metavar="L", help="entries with this label")
    own.add_argument("--status", metavar="S", help="outcomes: returned, raised, cancelled, withheld, killed or dropped")
    own.add_argument("--pid", metavar="N", type=whole, help="entries of the runs of this number")
    own.add_argument(
        "--parent", metavar="N", type=whole, help="entries of the runs that the runs of this number started"
    )
    own.add_argument("--since", metavar="TIME", help="entries of this time or later, like 2026-01-31T09:00:00Z")
    own.add_argument("--until", metavar="TIME", help="entries of an earlier time")
    own.add_argument("--start", metavar="N", type=whole, default=0, help="entries from this number on")
    own.add_argument("--before", metavar="N", type=whole, help="entries before this number")
    own.add_argument("--limit", metavar="N", type=whole, help="at most so many")
    own.add_argument("--newest", action="store_true", help="the last entries first")
    own.add_argument("--json", action="store_true", help="print each entry as a line of JSON")


def _trace(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument("pid", metavar="PID", type=whole, help="the number of the run")
    own.add_argument("--start", metavar="N", type=whole, help="the first run of that number from this entry on")
    offer_json(own)


def _stat(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", type=named, help="the directory of a log")
    own.add_argument("--most", metavar="N", type=whole, default=20, help="how many values of each field (default: 20)")
    offer_json(own)


#: What each command of `agentos log` takes.
OF_LOGS: Final[dict[str, Callable[[argparse.ArgumentParser], None]]] = {
    "log verify": _verify,
    "log checkpoint": _checkpoint,
    "log witness": _witness,
    "log timestamp": _timestamp,
    "log prove": _prove,
    "log keys": _keys,
    "log retain": _retain,
    "log redact": _redact,
    "log tail": _tail,
    "log query": _query,
    "log trace": _trace,
    "log stat": _stat,
    "log export": _export,
    "log reindex": _checkpoint,
}
