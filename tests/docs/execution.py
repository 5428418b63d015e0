"""Runs the blocks of one page, in order, in a folder of their own. See CONTRIBUTING.md for what a page may write."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib.util
import inspect
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pages import Block, read

RAISES = re.compile(r"#\s*raises:\s*(?P<name>[\w.]+)")
SHOWS = re.compile(r"#\s*->\s*(?P<text>\S.*?)\s*$")
EXIT = re.compile(r"\s+#\s*exit (?P<code>\d+)\s*$")
COMMANDS = ("agentos", "agent-os", "python", "cat", "ls")


class ExampleFailed(Exception):
    """An example does not do what its page says."""


class Page:
    """The state that the blocks of one page share: names, files and the event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.loop = asyncio.new_event_loop()

    def run(self, block: Block) -> str:
        """Run one block; the answer is empty, or the reason why it was not run."""
        if block.not_run:
            return block.not_run
        for module in filter(None, re.split(r"[,\s]+", block.needs)):
            if importlib.util.find_spec(module) is None:
                return f"needs {module}"
        if block.file_name:
            target = self.folder / block.file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        {"python": self._python, "yaml": self._yaml, "console": self._console}[block.language](block)
        return ""

    def close(self) -> None:
        self.loop.close()

    def _python(self, block: Block) -> None:
        # Blank lines in front keep the page's own line numbers in tracebacks.
        source = "\n" * (block.line - 1) + block.text
        lines = source.splitlines()
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(source, str(block.page), "exec", flags | ast.PyCF_ONLY_AST)
        for statement in tree.body:
            text = lines[statement.lineno - 1 : statement.end_lineno]
            raises = next(filter(None, map(RAISES.search, text)), None)
            shows = SHOWS.search(text[-1])
            place = f"{block.page}:{statement.lineno}"
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    value = self._statement(statement, block.page, flags)
            except BaseException as error:
                if raises and raises["name"] in {kind.__name__ for kind in type(error).__mro__}:
                    continue
                raise ExampleFailed(f"{place}: {type(error).__name__}: {error}") from error
            if raises:
                raise ExampleFailed(f"{place}: did not raise {raises['name']}")
            if shows:
                _compare(place, shows["text"], printed.getvalue() or repr(value))

    def _statement(self, statement: ast.stmt, page: Path, flags: int) -> Any:
        if isinstance(statement, ast.Expr):
            code = compile(ast.Expression(statement.value), str(page), "eval", flags)
        else:
            code = compile(ast.Module([statement], []), str(page), "exec", flags)
        value = eval(code, self.names)
        return self.loop.run_until_complete(value) if code.co_flags & inspect.CO_COROUTINE else value

    def _yaml(self, block: Block) -> None:
        import yaml

        from agent_os import Policy
        from agent_os.errors import PolicyError

        text = block.text
        if re.search(r"^agent_os_tests:", text, re.MULTILINE):
            _understood_as_tests(block)
            return
        if not re.search(r"^agent_os:", text, re.MULTILINE):
            text = _whole_policy(block, yaml.safe_load(text), yaml)
        try:
            Policy.from_text(text, name=block.place, base=self.folder)
        except PolicyError as error:
            if not block.load_error:
                raise ExampleFailed(f"{block.place}: {error}") from error
            codes = [problem.code for problem in error.problems]
            if block.load_error not in codes:
                raise ExampleFailed(f"{block.place}: the error is {codes}, not `{block.load_error}`") from error
        else:
            if block.load_error:
                raise ExampleFailed(f"{block.place}: loads, and should fail with `{block.load_error}`")

    def _console(self, block: Block) -> None:
        for line, command, expected in _commands(block):
            place = f"{block.page}:{line}"
            status = EXIT.search(command)
            command = EXIT.sub("", command)
            if command.split(maxsplit=1)[0] not in COMMANDS:
                raise ExampleFailed(f"{place}: `{command}` is not run; say why above the block: <!-- not run: … -->")
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=120,
                check=False,
            )
            if done.returncode != int(status["code"] if status else 0):
                raise ExampleFailed(f"{place}: `{command}` ended with {done.returncode} and said\n{done.stdout}")
            if expected.strip():
                _compare(place, expected, done.stdout)


def run(page: Path, folder: Path) -> list[tuple[Block, str]]:
    """Run every block of a page in ``folder``; each comes back with the reason why it was not run, mostly empty."""
    shared = Page(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        return [(block, shared.run(block)) for block in read(before / page)]
    finally:
        os.chdir(before)
        shared.close()


def _understood_as_tests(block: Block) -> None:
    """A file of tests is one that `Policy.test` takes; what they come to is for the page's other blocks to show."""
    from agent_os import Policy
    from agent_os.errors import PolicyError

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tests.yaml"
        file.write_text(block.text, encoding="utf-8")
        try:
            Policy.load("strict").test(file)
        except PolicyError as error:
            raise ExampleFailed(f"{block.place}: {error}") from error


def _whole_policy(block: Block, fragment: Any, yaml: Any) -> str:
    """A list of rules, or the mapping of a condition, put where it would stand in a policy."""
    if isinstance(fragment, dict) and set(fragment) <= {"rules", "sets", "name", "default"} and "rules" in fragment:
        document = fragment
    elif isinstance(fragment, list) and all(isinstance(rule, dict) and "effect" in rule for rule in fragment):
        document = {"rules": fragment}
    elif isinstance(fragment, dict) and all(re.match(r"args\.|run\.|time\.|all$|any$|not$", str(k)) for k in fragment):
        document = {"rules": [{"id": "example", "effect": "deny", "action": "example", "when": fragment}]}
    else:
        raise ExampleFailed(f"{block.place}: not a policy; say why it is not run: <!-- not run: … -->")
    return yaml.safe_dump({"agent_os": 1, "name": "example", "default": "deny"} | document, sort_keys=False)


def _commands(block: Block) -> list[tuple[int, str, str]]:
    """(line, command, expected output) of each `$` line."""
    found: list[tuple[int, str, str]] = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            found.append((number, line[2:].strip(), ""))
        elif found:
            start, command, expected = found[-1]
            found[-1] = (start, command, f"{expected}{line}\n")
        elif line.strip() and not line.startswith("#"):
            raise ExampleFailed(f"{block.page}:{number}: a console block starts with `$ command`")
    return found


def _compare(place: str, expected: str, actual: str) -> None:
    """Equal but for the amount of white space; ``…`` (or ``...``) stands for any text."""
    wanted = " ".join(expected.split()).replace("...", "…")
    got = " ".join(actual.split())
    pattern = ".*?".join(re.escape(part) for part in wanted.split("…"))
    if not re.fullmatch(pattern, got, re.DOTALL):
        raise ExampleFailed(f"{place}: the page says\n{expected}\nand it is\n{actual}")


def _environment() -> dict[str, str]:
    """The commands of the interpreter that runs the pages come first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}
