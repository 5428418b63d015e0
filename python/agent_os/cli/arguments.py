"""The parser of the command line, made from the table of commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final, NoReturn

from agent_os.cli.commands import COMMANDS
from agent_os.cli.exits import EXITS, UsageError
from agent_os.cli.given import named, offer_json, whole
from agent_os.cli.log_arguments import OF_LOGS


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


def _check(own: argparse.ArgumentParser) -> None:
    own.add_argument(
        "policies", nargs="+", metavar="POLICY", type=named, help="a file, a compiled bundle, or a preset's name"
    )
    own.add_argument("--together", action="store_true", help="check them as the one bundle that they make together")
    own.add_argument(
        "--tools",
        metavar="FILE",
        type=named,
        action="append",
        help="hold the rules against the JSON Schemas in it: the result of an MCP `tools/list`, or a mapping",
    )
    own.set_defaults(lint=False, strict=False, remarks=False)
    offer_json(own)


def _policy_check(own: argparse.ArgumentParser) -> None:
    _check(own)
    own.add_argument("--strict", action="store_true", help="warnings are findings too: the exit code is then 1")
    own.add_argument("--all", action="store_true", dest="remarks", help="print remarks too, not only their number")
    own.set_defaults(lint=True)


def _policy_test(own: argparse.ArgumentParser) -> None:
    own.add_argument("policy", metavar="POLICY", type=named, help="a file, a compiled bundle, or a preset's name")
    own.add_argument("tests", nargs="*", metavar="TESTS", type=named, help="a file of tests")
    offer_json(own)


def _policy_diff(own: argparse.ArgumentParser) -> None:
    own.add_argument("old", metavar="OLD", type=named, help="a file, a compiled bundle, or a preset's name")
    own.add_argument("new", metavar="NEW", type=named, help="what it is compared with")
    offer_json(own)


def _policy_learn(own: argparse.ArgumentParser) -> None:
    own.add_argument("logs", nargs="+", metavar="LOG", type=named, help="the directory of a log")
    own.add_argument("--agent", metavar="ID", action="append", default=[], help="learn from this agent's runs only")
    own.add_argument("--name", metavar="NAME", default="learned", help="the policy's name (default: learned)")
    own.add_argument("--policy", metavar="POLICY", type=named, help="the policy in force: its `tools` are kept")
    offer_json(own)


def _policy_import(own: argparse.ArgumentParser) -> None:
    own.add_argument("format", metavar="FORMAT", help="claude-code, gemini-cli, codex, cedar or mcp")
    own.add_argument("file", metavar="FILE", type=named, help="the other tool's file")
    own.add_argument("--name", metavar="NAME", help="the policy's name (default: the format's)")
    offer_json(own)


def _policy_fmt(own: argparse.ArgumentParser) -> None:
    own.add_argument("files", nargs="+", metavar="FILE", type=named, help="a policy file")
    own.add_argument("--check", action="store_true", help="write nothing; the exit code is 1 if a layout differs")
    offer_json(own)


def _explain(own: argparse.ArgumentParser) -> None:
    own.add_argument("policy", metavar="POLICY", type=named, help="a file, a compiled bundle, or a preset's name")
    own.add_argument("action", metavar="ACTION", help="the action that is asked for, like `payments.send`")
    own.add_argument("--args", metavar="JSON", help="its arguments: a JSON object, or @FILE (@- reads from stdin)")
    own.add_argument("--agent", metavar="ID", default="example", help="who asks (default: example)")
    own.add_argument("--role", metavar="R", action="append", default=[], help="a role of that agent")
    own.add_argument("--label", metavar="L", action="append", default=[], help="a label of the run")
    own.add_argument("--text", metavar="ORIGIN=TEXT", action="append", default=[], help="a text that the run has seen")
    own.add_argument(
        "--depth", metavar="N", type=whole, default=0, help="how many runs are above this one (default: 0)"
    )
    own.add_argument("--parent", metavar="ID", help="the agent that started this run")
    own.add_argument("--calls", metavar="N", type=whole, default=0, help="how many calls the run has made (default: 0)")
    own.add_argument(
        "--used", metavar="RULE=AMOUNT", action="append", default=[], help="what is used of a rule's limit (default: 0)"
    )
    own.add_argument("--time", metavar="TIME", help="when, like 2026-01-31T09:00:00Z (default: now)")
    offer_json(own)


def _replay(own: argparse.ArgumentParser) -> None:
    own.add_argument("log", metavar="LOG", type=named, help="the directory of a log")
    own.add_argument(
        "--policy", metavar="POLICY", type=named, required=True, help="a file, a compiled bundle, or a preset's name"
    )
    offer_json(own)


def _approvals(verb: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(own: argparse.ArgumentParser) -> None:
        own.set_defaults(verb=verb)
        if verb in ("show", "approve", "deny"):
            own.add_argument("code", metavar="CODE", help="the code of the request, as `list` shows it")
        if verb != "init":
            own.add_argument("--store", metavar="FILE", type=named, required=True, help="the state store of the kernel")
        if verb == "list":
            own.add_argument("--all", action="store_true", help="also what is over")
        offer_json(own)

    return add


_ADD: Final[dict[str, Callable[[argparse.ArgumentParser], None]]] = {
    **OF_LOGS,
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
    "policy schema": offer_json,
    **{f"approvals {verb}": _approvals(verb) for verb in ("init", "list", "show", "approve", "deny")},
}
