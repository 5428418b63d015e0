"""What holds for every test: the seed is printed, coroutine tests run, and nothing reaches the user's own files."""

from __future__ import annotations

import asyncio
import inspect
import os
import random
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("here", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, max_examples=200)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

# Cargo and rustup look into the home of whoever built this, which `own_folders` moves.
os.environ.setdefault("CARGO_HOME", str(Path.home() / ".cargo"))
os.environ.setdefault("RUSTUP_HOME", str(Path.home() / ".rustup"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))


def pytest_report_header(config: pytest.Config) -> str:
    return f"to repeat the generated cases: pytest --hypothesis-seed={config.option.hypothesis_seed}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that is a coroutine function runs in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """State and home are folders of this test, so that no test reads or leaves anything in the user's."""
    home = tmp_path_factory.mktemp("home")
    names = (
        "HOME",
        "USERPROFILE",
        "LOCALAPPDATA",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    )
    for name in names:
        monkeypatch.setenv(name, str(home))
    return home
