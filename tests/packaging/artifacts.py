"""Inspects what is about to be shipped: ``python tests/packaging/artifacts.py dist``.

Standard library only; exits with 1 and one line per finding when a wheel or an sdist holds too much or too little.
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path

WHEEL_LIMIT = 5 * 2**20
POLICY = Path(__file__).parents[2] / "python" / "agent_os" / "policy"
CORE_DEPENDENCIES = {"pydantic", "pyyaml"}
IN_WHEEL = ("agent_os/__init__.py", "agent_os/py.typed", "agent_os/_core.pyi")
IN_SDIST = ("LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "Cargo.lock", "rust/agent-os-core/src/lib.rs")
NEVER = ("/__pycache__/", "/.venv", "/target/", "_cache/", "agentdojo/data")


def findings_in_wheel(path: Path) -> Iterable[str]:
    """What is wrong with a wheel; nothing when it is right."""
    if path.stat().st_size > WHEEL_LIMIT:
        yield f"is {path.stat().st_size / 2**20:.1f} MiB; the limit is {WHEEL_LIMIT / 2**20:.0f}"
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        yield from _missing(IN_WHEEL, names)
        yield from _unwanted(names)
        yield from (f"holds the test `{name}`" for name in names if "/tests/" in name)
        outside = [n for n in names if not n.startswith("agent_os/") and ".dist-info/" not in n]
        yield from (f"installs `{name}` outside of agent_os" for name in outside)
        extensions = [name for name in names if name.startswith("agent_os/_core.") and not name.endswith(".pyi")]
        if len(extensions) != 1:
            yield f"holds {len(extensions)} extension modules: {extensions}"
        for rules in sorted([*POLICY.glob("presets/**/*.*"), *POLICY.glob("packs/*.*")]):
            if f"agent_os/policy/{rules.relative_to(POLICY).as_posix()}" not in names:
                yield f"has no preset or pack `{rules.name}`"
        if not any(name.endswith(".schema.json") for name in names):
            yield "has no JSON Schema of the policy document"
        entry_points = _text(wheel, names, "entry_points.txt")
        yield from (f"has no command `{name}`" for name in ("agentos", "agent-os") if f"{name}=" not in entry_points)
        yield from _metadata(_text(wheel, names, "/METADATA"))
        if not any(name.endswith("/licenses/LICENSE") for name in names):
            yield "has no licence"


def findings_in_sdist(path: Path) -> Iterable[str]:
    """What is wrong with an sdist; nothing when it is right."""
    with tarfile.open(path) as sdist:
        names = [name.split("/", 1)[1] for name in sdist.getnames() if "/" in name]
    yield from _missing(IN_SDIST, names)
    yield from _unwanted(names)
    yield from (f"holds a built file: `{name}`" for name in names if name.endswith((".so", ".pyd", ".pyc")))


def _metadata(text: str) -> Iterable[str]:
    metadata = Parser().parsestr(text)
    if metadata["Name"] != "agent-os":
        yield f"is named `{metadata['Name']}`"
    core = {
        requirement.split(";")[0].split(">")[0].split("<")[0].split("=")[0].strip().lower()
        for requirement in metadata.get_all("Requires-Dist", [])
        if "extra ==" not in requirement
    }
    if core - CORE_DEPENDENCIES:
        yield f"depends on {sorted(core - CORE_DEPENDENCIES)}; a new core dependency needs an ADR"


def _missing(wanted: Iterable[str], names: list[str]) -> Iterable[str]:
    return (f"does not hold `{name}`" for name in wanted if name not in names)


def _unwanted(names: list[str]) -> Iterable[str]:
    return (f"holds `{name}`" for name in names if any(part in f"/{name}" for part in NEVER))


def _text(wheel: zipfile.ZipFile, names: list[str], ending: str) -> str:
    return next((wheel.read(name).decode() for name in names if name.endswith(ending)), "")


def main() -> int:
    folder = Path(sys.argv[1])
    wheels, sdists = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    found = [(path, finding) for path in wheels for finding in findings_in_wheel(path)]
    found += [(path, finding) for path in sdists for finding in findings_in_sdist(path)]
    for path, finding in found:
        print(f"{path}: {finding}", file=sys.stderr)
    if not wheels or not sdists:
        print(f"{folder}: {len(wheels)} wheels and {len(sdists)} sdists; both must be there", file=sys.stderr)
        return 1
    for path in wheels + sdists:
        print(f"{path}: {path.stat().st_size / 2**20:.2f} MiB")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
