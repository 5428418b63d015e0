"""`agentos check`: are these policies understood in full?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_os.cli.exits import Exit
from agent_os.cli.output import plural, print_json, say, shown
from agent_os.errors import PolicyError
from agent_os.policy import Policy

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Loads each policy by itself, or all of them as one bundle."""
    groups = [arguments.policies] if arguments.together else [[name] for name in arguments.policies]
    results = [_load(group) for group in groups]
    if arguments.json:
        print_json({"ok": all(result["ok"] for result in results), "policies": results})
    else:
        for result in results:
            _tell(result)
    return Exit.OK if all(result["ok"] for result in results) else Exit.FINDING


def _load(names: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {"source": names[0] if len(names) == 1 else names, "ok": True}
    try:
        policy = Policy.load(names[0] if len(names) == 1 else names)
    except PolicyError as error:
        return {**result, "ok": False, "problems": [problem._asdict() for problem in error.problems]}
    rules = len(policy.bundle.rules)
    return {**result, "name": policy.name, "default": policy.default, "rules": rules, "digest": policy.digest}


def _tell(result: dict[str, Any]) -> None:
    source = result["source"] if isinstance(result["source"], str) else " + ".join(result["source"])
    if result["ok"]:
        what = f"`{result['name']}`, {plural(result['rules'], 'rule')}, default {result['default']}"
        print(shown(f"{source}: ok, {what}, {result['digest']}"))
        return
    for problem in result["problems"]:
        place = ":".join(str(problem[part]) for part in ("file", "line", "column") if problem[part] is not None)
        say(f"{place}: {problem['message']}" if place else problem["message"])
        if problem["hint"]:
            say(f"  hint: {problem['hint']}")
    say(f"{source}: {plural(len(result['problems']), 'problem')}; nothing of it would be in force")
