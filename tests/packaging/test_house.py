"""Promise: the house is in order: rooms named for what they hold, no third-party data, one licence, no stale lock."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base2", "stuff"}
LARGEST = 512 * 2**10
OLDEST_RUST = (1, 85)


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, encoding="utf-8")
    if listing.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_files_are_named_for_what_they_hold() -> None:
    vague = [
        p for p in tracked() if NAMES_THAT_SAY_NOTHING & {part.split(".")[0] for part in p.relative_to(ROOT).parts}
    ]
    assert vague == []


@pytest.mark.parametrize(("suffix", "limit"), [(".rs", 800), (".py", 300)])
def test_product_files_stay_small_enough_to_read(suffix: str, limit: int) -> None:
    product = [
        path for path in tracked() if path.suffix == suffix and path.relative_to(ROOT).parts[0] in {"python", "rust"}
    ]
    long = {str(path.relative_to(ROOT)): count for path in product if (count := lines_before_tests(path)) > limit}
    assert long == {}


def lines_before_tests(path: Path) -> int:
    return path.read_text(encoding="utf-8").split("\n#[cfg(test)]")[0].count("\n")


def test_nothing_large_or_binary_is_in_the_tree() -> None:
    files = tracked()
    assert [path for path in files if path.stat().st_size > LARGEST] == []
    assert [path for path in files if b"\0" in path.read_bytes()[:8192]] == []


def test_every_target_of_the_makefile_that_people_run_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    helped = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert {"demo", "test", "check", "fmt", "lint", "bench", "fuzz-smoke", "wheel", "docs", "clean"} <= helped
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.MULTILINE))
    assert helped <= phony


def test_every_crate_and_the_package_have_the_licence_of_the_tree() -> None:
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    for package in cargo_metadata(no_deps=True)["packages"]:
        assert package["license"] == "MIT", package["name"]


def test_every_crate_we_build_with_supports_the_oldest_rust() -> None:
    """The lock file is what a user builds from: one crate that asks for a newer compiler breaks them all."""
    newer = {
        package["name"]: package["rust_version"]
        for package in cargo_metadata()["packages"]
        if package["rust_version"] and tuple(map(int, package["rust_version"].split(".")[:2])) > OLDEST_RUST
    }
    assert newer == {}


def cargo_metadata(*, no_deps: bool = False) -> dict[str, list[dict[str, str]]]:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *(["--no-deps"] if no_deps else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    metadata: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return metadata
