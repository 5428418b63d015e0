"""Takes defences out, one at a time, and sees the tests fail that are there for them: ``make mutants``.

``tests/security/mutants.yaml`` says what is taken out and which tests must fail then; words on the command line choose
the defences whose names hold them. Everything happens in a copy of the tracked files under ``target/mutants``; what is
not committed yet is copied too. Exit code 1: a test did not fail, or a text to be taken out is not where it was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COPY = ROOT / "target" / "mutants"
MUTANTS = ROOT / "tests" / "security" / "mutants.yaml"
ENVIRONMENT = {
    "AGENT_OS_DATA": str(ROOT.parent / "shared" / "data"),
    **os.environ,
    "CARGO_TARGET_DIR": str(COPY / "target"),
    "PYTHONPATH": str(COPY / "python"),
}


def main(words: list[str]) -> int:
    mutants = yaml.safe_load(MUTANTS.read_text(encoding="utf-8"))
    chosen = [mutant for mutant in mutants if not words or any(word in mutant["defence"] for word in words)]
    copy_tree()
    if not build() or not pass_with_defences(chosen):
        print("the tests do not pass while the defences are there", file=sys.stderr)
        return 1
    # Those in Python first: they need no build.
    wrong = [
        said
        for mutant in sorted(chosen, key=lambda mutant: mutant["file"].endswith(".rs"))
        if (said := survives(mutant))
    ]
    print(f"{len(chosen) - len(wrong)} of {len(chosen)} defences are missed when they are taken out")
    return 1 if wrong else 0


def copy_tree() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    for name in filter(None, listed.stdout.split("\0")):
        source, place = ROOT / name, COPY / name
        if source.is_file() and not (place.is_file() and place.stat().st_mtime == source.stat().st_mtime):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)


def build() -> bool:
    """Builds the extension and puts it beside the copied package."""
    if not run(["cargo", "build", "--locked", "--profile", "checked", "-p", "agent-os-py"]):
        return False
    built = COPY / "target" / "checked" / ("lib_core.dylib" if sys.platform == "darwin" else "lib_core.so")
    shutil.copy2(built, COPY / "python" / "agent_os" / "_core.abi3.so")
    return True


def survives(mutant: dict[str, Any]) -> str | None:
    """What is wrong with the mutant; None if every one of its tests fails."""
    name, path = mutant["defence"], COPY / mutant["file"]
    source = path.read_text(encoding="utf-8")
    if source.count(mutant["from"]) != 1:
        return told(name, "NOT FOUND, or found twice: mend tests/security/mutants.yaml")
    start = time.monotonic()
    path.write_text(source.replace(mutant["from"], mutant["to"]), encoding="utf-8")
    try:
        if path.suffix == ".rs" and any(not is_cargo(test) for test in mutant["fails"]) and not build():
            return told(name, "DOES NOT BUILD: mend tests/security/mutants.yaml")
        passed = [test for test in mutant["fails"] if passes([test])]
    finally:
        path.write_text(source, encoding="utf-8")
    seconds = time.monotonic() - start
    if passed:
        return told(name, f"SURVIVED {', '.join(passed)} ({seconds:.0f} s)")
    told(name, f"missed by {', '.join(mutant['fails'])} ({seconds:.0f} s)")
    return None


def pass_with_defences(mutants: Iterable[dict[str, Any]]) -> bool:
    tests = sorted({test for mutant in mutants for test in mutant["fails"]})
    return passes([test for test in tests if not is_cargo(test)]) and all(
        passes([test]) for test in tests if is_cargo(test)
    )


def is_cargo(test: str) -> bool:
    return test.startswith("cargo ")


def passes(tests: list[str]) -> bool:
    """Runs tests of one kind: those of pytest together, or one of cargo: ``cargo PACKAGE NAME``."""
    if not tests:
        return True
    if is_cargo(tests[0]):
        _, package, name = tests[0].split()
        return run(["cargo", "test", "--locked", "--profile", "checked", "-p", package, name])
    return run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests])


def run(command: list[str]) -> bool:
    done = subprocess.run(command, cwd=COPY, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    (COPY / "last.log").write_bytes(done.stdout)
    return done.returncode == 0


def told(name: str, what: str) -> str:
    print(f"{name}: {what}", flush=True)
    return what


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
