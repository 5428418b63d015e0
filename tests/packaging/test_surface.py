"""Promise: the public names are those that work now, and an import costs nothing that is not used."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import agent_os
import agent_os.errors

WORKING = {"AgentProcess", "AgentSignal", "ApprovalRequest", "Decision", "FlightRecorder", "KernelSpace", "Policy"}
NO_ERRORS = {"NothingEnforced", "Problem"}


def in_a_fresh_interpreter(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8")
    return done.stdout


def test_the_public_names_are_those_that_work_and_the_errors() -> None:
    assert set(agent_os.__all__) - {"__version__"} == WORKING | set(agent_os.errors.__all__) - {"Problem"}


def test_every_public_name_is_there_and_nothing_else_is_shown() -> None:
    missing = [name for name in agent_os.__all__ if getattr(agent_os, name, None) is None]
    assert missing == []
    assert set(agent_os.__all__) <= set(dir(agent_os))
    assert not hasattr(agent_os, "no_such_name")


def test_every_error_is_in_one_tree_with_a_code_of_its_own() -> None:
    kinds = [getattr(agent_os, name) for name in agent_os.errors.__all__ if name not in NO_ERRORS]
    assert all(issubclass(kind, agent_os.AgentOSError) for kind in kinds if kind is not agent_os.AgentKilled)
    assert not issubclass(agent_os.AgentKilled, Exception), "code that handles errors must not take it for one"
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)


def test_importing_the_package_imports_nothing_that_is_not_used_yet() -> None:
    code = "import sys; before = set(sys.modules); import agent_os; print(*(set(sys.modules) - before))"
    loaded = {name.split(".")[0] for name in in_a_fresh_interpreter(code).split()}
    assert not loaded & {"asyncio", "cryptography", "pydantic", "sqlite3", "ssl", "typing_extensions", "yaml"}


def test_the_package_is_typed_and_its_stubs_are_shipped() -> None:
    package = Path(agent_os.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "_core.pyi").exists()


def test_the_extension_that_tests_run_on_is_a_release_build() -> None:
    from agent_os import _core

    assert _core.build_profile() == "release"


def test_the_version_is_that_of_the_distribution() -> None:
    """It is written into every log."""
    assert agent_os.__version__ == importlib.metadata.version("agent-os")
