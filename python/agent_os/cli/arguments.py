"""The parser of the command line, made from the table of commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final, NoReturn

from agent_os.cli.commands import COMMANDS
from agent_os.cli.exits import EXITS, UsageError


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in our words, and leaves it to the program to end."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n  hint: `{self.prog} --help` says what it takes")


def parser() -> argparse.ArgumentParser:
    """Everything that `agentos` understands."""
    root = _Parser(
        prog="agentos",
        usage="agentos COMMAND ...",
        description="Agent OS: policies, their decisions, and the log of what agents did.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action="store_true", help="print the version and end")
    # argparse itself would list commands and groups; the epilog lists the commands whole.
    first = root.add_subparsers(dest="command", metavar="COMMAND", help=argparse.SUPPRESS, parser_class=_Parser)
    groups: dict[str, argparse._SubParsersAction[_Parser]] = {}
    for command in COMMANDS:
        within = first
        if len(command.words) == 2:
            group = command.words[0]
            if group not in groups:
                usage = f"agentos {group} COMMAND ..."
                of_group = first.add_parser(group, prog=f"agentos {group}", usage=usage, allow_abbrev=False)
                groups[group] = of_group.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
            within = groups[group]
        own = within.add_parser(
            command.words[-1],
            prog=f"agentos {command.name}",
            usage=command.usage,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            allow_abbrev=False,
        )
        own.set_defaults(module=command.module)
        _ADD[command.name](own)
    return root


def _epilog() -> str:
    width = max(len(command.name) for command in COMMANDS)
    commands = "\n".join(f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS)
    exits = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXITS.items())
    return f"commands:\n{commands}\n\nexit codes:\n{exits}"


def _json(own: argparse.ArgumentParser) -> None:
    own.add_argument("--json", action="store_true", help="print JSON")


def _check(own: argparse.ArgumentParser) -> None:
    own.add_argument("policies", nargs="+", metavar="POLICY", help="a file, a compiled bundle, or a preset's name")
    own.add_argument("--together", action="store_true", help="check them as the one bundle that they make together")
    own.add_argument(
        "--tools",
        metavar="FILE",
        action="append",
        help="hold the rules against the JSON Schemas in it: the result of an MCP `tools/list`, or a mapping",
    )
    own.set_defaults(lint=False, strict=False, remarks=False)
    _json(own)


def _policy_check(own: argparse.ArgumentParser) -> None:
    _check(own)
    own.add_argument("--strict", action="store_true", help="warnings are findings too: the exit code is then 1")
    own.add_argument("--all", action="store_true", dest="remarks", help="print remarks too, not only their number")
    own.set_defaults(lint=True)


def _policy_test(own: argparse.ArgumentParser) -> None:
    own.add_argument("policy", metavar="POLICY", help="a file, a compiled bundle, or a preset's name")
    own.add_argument("tests", nargs="*", metavar="TESTS", help="a file of tests")
    _json(own)


def _policy_diff(own: argparse.ArgumentParser) -> None:
    own.add_argument("old", metavar="OLD", help="a file, a compiled bundle, or a preset's name")
    own.add_argument("new", metavar="NEW", help="what it is compared with")
    _json(own)


def _policy_learn(own: argparse.ArgumentParser) -> None:
    own.add_argument("logs", nargs="+", metavar="LOG", help="the directory of a log")
    own.add_argument("--agent", metavar="ID", action="append", default=[], help="learn from this agent's runs only")
    own.add_argument("--name", metavar="NAME", default="learned", help="the policy's name (default: learned)")
    _json(own)


def _policy_import(own: argparse.ArgumentParser) -> None:
    own.add_argument("format", metavar="FORMAT", help="claude-code, gemini-cli, codex, cedar or mcp")
    own.add_argument("file", metavar="FILE", help="the other tool's file")
    own.add_argument("--name", metavar="NAME", help="the policy's name (default: the format's)")
    _json(own)


def _policy_fmt(own: argparse.ArgumentParser) -> None:
    own.add_argument("files", nargs="+", metavar="FILE", help="a policy file")
    own.add_argument("--check", action="store_true", help="write nothing; the exit code is 1 if a layout differs")
    _json(own)


def _explain(own: argparse.ArgumentParser) -> None:
    own.add_argument("policy", metavar="POLICY", help="a file, a compiled bundle, or a preset's name")
    own.add_argument("action", metavar="ACTION", help="the action that is asked for, like `payments.send`")
    own.add_argument("--args", metavar="JSON", help="its arguments: a JSON object, or @FILE (@- reads from stdin)")
    own.add_argument("--agent", metavar="ID", default="example", help="who asks (default: example)")
    own.add_argument("--role", metavar="R", action="append", default=[], help="a role of that agent")
    own.add_argument("--label", metavar="L", action="append", default=[], help="a label of the run")
    own.add_argument("--text", metavar="ORIGIN=TEXT", action="append", default=[], help="a text that the run has seen")
    own.add_argument("--depth", metavar="N", type=int, default=0, help="how many runs are above this one (default: 0)")
    own.add_argument("--parent", metavar="ID", help="the agent that started this run")
    own.add_argument("--calls", metavar="N", type=int, default=0, help="how many calls the run has made (default: 0)")
    own.add_argument(
        "--used", metavar="RULE=AMOUNT", action="append", default=[], help="what is used of a rule's limit (default: 0)"
    )
    own.add_argument("--time", metavar="TIME", help="when, like 2026-01-31T09:00:00Z (default: now)")
    _json(own)


def _replay(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="LOG", help="the directory of a log")
    own.add_argument("--policy", metavar="POLICY", required=True, help="a file, a compiled bundle, or a preset's name")
    _json(own)


def _log_verify(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    own.add_argument("--key", metavar="KEY", help="the key that was kept, as `agentos log keys` printed it")
    own.add_argument(
        "--checkpoint",
        metavar="FILE",
        action="append",
        default=[],
        help="a checkpoint that was kept, as `agentos log checkpoint` printed it (- reads from stdin)",
    )
    own.add_argument("--ratchet-key", metavar="FILE", help="the first key of the ratchet, which was taken away")
    _json(own)


def _log_checkpoint(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    _json(own)


def _log_prove(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    own.add_argument("entry", metavar="ENTRY", type=int, nargs="?", help="the number of an entry")
    own.add_argument("--size", metavar="N", type=int, help="among the first N entries (default: the checkpoint's)")
    own.add_argument("--from", metavar="N", type=int, dest="old_size", help="the size of the log at an earlier time")
    own.add_argument("--to", metavar="N", type=int, dest="new_size", help="the later size (default: the checkpoint's)")
    _json(own)


def _log_keys(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    own.add_argument(
        "--rotate", action="store_true", help="put a new key in the place of the log's; nobody may write it"
    )
    _json(own)


def _log_export(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    form = own.add_mutually_exclusive_group(required=True)
    form.add_argument("--format", metavar="FORMAT", help="jsonl, otel, ocsf, parquet or html")
    form.add_argument("--tiles", metavar="FOLDER", help="a new folder for checkpoint, tiles and entries")
    own.add_argument("--pid", metavar="N", type=int, help="only this run, with those below it")
    own.add_argument("--start", metavar="N", type=int, help="the first run of that number from this entry on")
    own.add_argument(
        "--out", metavar="FILE", help="write to this file, in place of one that is there (default: stdout)"
    )
    own.add_argument("--payloads", action="store_true", help="put what entries refer to into jsonl")
    own.add_argument("--json", action="store_true", help="print what was written as JSON, with --tiles")


def _log_tail(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    own.add_argument("-n", metavar="N", type=int, default=10, dest="count", help="how many entries (default: 10)")
    own.add_argument("-f", "--follow", action="store_true", help="go on with new entries until Ctrl-C")
    own.add_argument("--json", action="store_true", help="print each entry as a line of JSON")


def _log_query(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    own.add_argument("--agent", metavar="ID", help="entries of this agent")
    own.add_argument("--action", metavar="A", help="entries of this action, also its outcomes")
    own.add_argument("--effect", metavar="E", help="decisions: allow or deny")
    own.add_argument("--kind", metavar="K", help="entries of this kind")
    own.add_argument("--rule", metavar="R", help="entries in which this rule decided, demanded something, or asked")
    own.add_argument("--label", metavar="L", help="entries with this label")
    own.add_argument("--status", metavar="S", help="outcomes: returned, raised, cancelled or withheld")
    own.add_argument("--pid", metavar="N", type=int, help="entries of the runs of this number")
    own.add_argument("--parent", metavar="N", type=int, help="entries of the runs that the runs of this number started")
    own.add_argument("--since", metavar="TIME", help="entries of this time or later, like 2026-01-31T09:00:00Z")
    own.add_argument("--until", metavar="TIME", help="entries of an earlier time")
    own.add_argument("--start", metavar="N", type=int, default=0, help="entries from this number on")
    own.add_argument("--before", metavar="N", type=int, help="entries before this number")
    own.add_argument("--limit", metavar="N", type=int, help="at most so many")
    own.add_argument("--newest", action="store_true", help="the last entries first")
    own.add_argument("--json", action="store_true", help="print each entry as a line of JSON")


def _log_trace(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    own.add_argument("pid", metavar="PID", type=int, help="the number of the run")
    own.add_argument("--start", metavar="N", type=int, help="the first run of that number from this entry on")
    _json(own)


def _log_stat(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="DIR", help="the directory of a log")
    own.add_argument("--most", metavar="N", type=int, default=20, help="how many values of each field (default: 20)")
    _json(own)


def _approvals(verb: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(own: argparse.ArgumentParser) -> None:
        own.set_defaults(verb=verb)
        if verb in ("show", "approve", "deny"):
            own.add_argument("code", metavar="CODE", help="the code of the request, as `list` shows it")
        if verb != "init":
            own.add_argument("--store", metavar="FILE", required=True, help="the state store of the kernel")
        if verb == "list":
            own.add_argument("--all", action="store_true", help="also what is over")
        _json(own)

    return add


_ADD: Final[dict[str, Callable[[argparse.ArgumentParser], None]]] = {
    "demo": lambda _: None,
    "check": _check,
    "explain": _explain,
    "replay": _replay,
    "policy check": _policy_check,
    "policy explain": _explain,
    "policy test": _policy_test,
    "policy replay": _replay,
    "policy diff": _policy_diff,
    "policy learn": _policy_learn,
    "policy import": _policy_import,
    "policy fmt": _policy_fmt,
    "policy schema": _json,
    **{f"approvals {verb}": _approvals(verb) for verb in ("init", "list", "show", "approve", "deny")},
    "log verify": _log_verify,
    "log checkpoint": _log_checkpoint,
    "log prove": _log_prove,
    "log keys": _log_keys,
    "log tail": _log_tail,
    "log query": _log_query,
    "log trace": _log_trace,
    "log stat": _log_stat,
    "log export": _log_export,
    "log reindex": _log_checkpoint,
}
