"""From a command line to an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from agent_os.cli.exits import Exit, Unusable, UsageError
from agent_os.cli.given import refuse_broken_text


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; ``argv`` is without the program's name.

    >>> main(["check", "strict"])
    strict: ok, `strict`, 2 rules, default deny, sha256:...
    0
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What the terminal's encoding does not have is escaped rather than an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(_guarded(list(sys.argv[1:] if argv is None else argv)))
    except BrokenPipeError:
        _let_go_of_stdout()
        return int(Exit.PIPE)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)


def _guarded(argv: list[str]) -> int:
    """Every failure ends with words on stderr and the exit code for it."""
    from agent_os.errors import AgentOSError, PolicyError

    try:
        code = _run(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except UsageError as error:
        _fail(error)
        return Exit.USAGE
    except PolicyError as error:
        for problem in error.problems:
            _fail(problem)
        return Exit.UNUSABLE
    except (AgentOSError, Unusable) as error:
        _fail(error)
        return Exit.UNUSABLE
    except BrokenPipeError:
        raise
    except OSError as error:
        name = f" `{error.filename}`" if error.filename else ""
        _fail(f"cannot use{name}: {error.strerror or error}; check that it exists, may be used and has room")
        _let_go_of_stdout()
        return Exit.UNUSABLE
    except Exception:  # noqa: BLE001 (whatever it is, the exit code must say that it was not what was asked for)
        import traceback

        traceback.print_exc()
        _fail("this is a defect of Agent OS; please report it with the lines above")
        return Exit.DEFECT


def _run(argv: list[str]) -> int:
    refuse_broken_text(argv)
    if argv[:1] == ["demo"]:
        # The demo has a parser of its own.
        from agent_os.cli import demo

        return demo.run(argv[1:])
    from agent_os.cli.arguments import parser

    root = parser()
    arguments = root.parse_args(argv)
    if arguments.version:
        from agent_os import __version__

        print(f"agentos {__version__}")
        return Exit.OK
    if arguments.command is None:
        raise UsageError("no command was given\n  hint: `agentos --help` lists them")
    command = import_module(arguments.module)
    if sys.stderr is None or not sys.stderr.isatty():
        return int(command.run(arguments))
    from agent_os.cli.progress import Bar
    from agent_os.policy.progress import watched

    bar = Bar()
    try:
        with watched(bar):
            return int(command.run(arguments))
    finally:
        bar.close()


def _let_go_of_stdout() -> None:
    # Python flushes stdout once more when it ends, and what cannot be written then would change the exit code.
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: object) -> None:
    from agent_os.cli.output import fail

    fail(message)
