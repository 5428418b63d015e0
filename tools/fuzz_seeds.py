"""Writes the corpora that fuzzing starts from, out of the language-neutral vectors: ``python tools/fuzz_seeds.py``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "fuzz" / "corpus"


def main() -> None:
    for path in sorted((ROOT / "tests" / "vectors" / "decisions").glob("*.json")):
        for document, arguments in cases(json.loads(path.read_text(encoding="utf-8"))):
            # The form that fuzz_targets/policy.rs reads: a document, a line feed, the arguments.
            seed("policy", compact(document) + b"\n" + compact(arguments))
            seed("canonical", compact(arguments))
            for text in (
                text for text in arguments.values() if path.stem in ("shell", "sql") and isinstance(text, str)
            ):
                seed(path.stem, text.encode())
    for path in sorted((ROOT / "tests" / "vectors" / "types").glob("*.json")):
        for schema in json.loads(path.read_text(encoding="utf-8"))["tools"].values():
            seed("schema", compact(schema))


def cases(vectors: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    for case in vectors.get("conditions", ()):
        rule = {"id": "r", "effect": "deny", "action": ["payments.send"], "when": case["when"]}
        yield {"agent_os": 1, "name": "seed", "default": "allow", "rules": [rule]}, case.get("args", {})
    for case in vectors.get("decisions", ()):
        yield case["document"], case.get("args", {})


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def seed(target: str, content: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"vector-{sha256(content).hexdigest()[:16]}").write_bytes(content)


if __name__ == "__main__":
    main()
