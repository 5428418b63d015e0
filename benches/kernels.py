"""Kernels with generated rules, and the peer that needs an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rounds import Contestant, Elsewhere

from agent_os import KernelSpace, _core

ROOT = Path(__file__).parents[1]
PEER = ROOT / ".venv-peer" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def bundle(rules: list[dict[str, Any]]) -> _core.Bundle:
    return _core.Bundle.compile({"agent_os": 1, "name": "bench", "default": "deny", "rules": rules})


def kernel(rules: list[dict[str, Any]]) -> KernelSpace:
    """A kernel with these rules and the agent ``desk-7``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.bundle"
        path.write_bytes(bundle(rules).dump())
        made = KernelSpace(path, durability="memory")
    made.register(lambda: None, agent_id="desk-7")
    return made


def checking(made: KernelSpace, action: str, args: dict[str, Any], *, allowed: bool, calls: int = 2_000) -> Contestant:
    """``kernel.check`` of one request, after it was seen to come out as it must."""
    assert bool(made.check(action, args, agent="desk-7")) is allowed
    return Contestant(
        'check(action, args, agent="desk-7")', {"check": made.check, "action": action, "args": args}, calls
    )


def agent_os_kernel(kind: str, size: int) -> dict[str, Elsewhere]:
    """PyPI's agent-os-kernel, if ``make bench`` has set it up."""
    if not PEER.exists():
        print("  .venv-peer is missing, so agent-os-kernel is left out; `make bench` makes it", file=sys.stderr)
        return {}
    command = [PEER, ROOT / "benches/peers/agent_os_kernel.py", kind, str(size), str(max(1, 2_000 // size))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return {"agent-os-kernel 3.7.0, PolicyEvaluator": Elsewhere(process)}
