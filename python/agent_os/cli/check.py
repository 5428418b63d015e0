"""`agentos check` and `agentos policy check`: are these policies understood in full, and what looks like a mistake?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_os.cli.exits import Exit, UsageError
from agent_os.cli.output import plural, print_json, say, shown
from agent_os.errors import PolicyError
from agent_os.policy import Policy
from agent_os.policy.tool_types import read_tools

if TYPE_CHECKING:
    from argparse import Namespace


def run(arguments: Namespace) -> Exit:
    """Loads each policy by itself, or all of them as one bundle; ``lint`` says whether to look for mistakes too."""
    groups = [arguments.policies] if arguments.together else [[name] for name in arguments.policies]
    counted = ("error", "warning") if arguments.strict else ("error",)
    tools = None if arguments.tools is None else _tools(arguments.tools)
    results = [_load(group, counted, tools, lint=arguments.lint) for group in groups]
    if arguments.json:
        print_json({"ok": all(result["ok"] for result in results), "policies": results})
    else:
        for result in results:
            _tell(result, remarks=arguments.remarks)
    return Exit.OK if all(result["ok"] for result in results) else Exit.FINDING


def _tools(files: list[str]) -> dict[str, Any]:
    """The schemas of all files; of two for one action, the later one would hide mistakes."""
    found: dict[str, Any] = {}
    for file in files:
        schemas = read_tools(file)
        if twice := found.keys() & schemas.keys():
            raise UsageError(f"`{min(twice)}` has a schema in `{file}` and in a file before it; leave one of them out")
        found |= schemas
    return found


def _load(names: list[str], counted: tuple[str, ...], tools: dict[str, Any] | None, *, lint: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"source": names[0] if len(names) == 1 else names, "ok": True}
    try:
        policy = Policy.load(names[0] if len(names) == 1 else names, tools=tools)
    except PolicyError as error:
        return {**result, "ok": False, "problems": [problem._asdict() for problem in error.problems]}
    rules = len(policy.bundle.rules)
    result |= {"name": policy.name, "default": policy.default, "rules": rules, "digest": policy.digest}
    result["in_shadow"] = sum(rule["mode"] == "shadow" for rule in policy.bundle.rules)
    result["only_observes"] = policy.bundle.only_observes
    if lint:
        result["findings"] = [finding._asdict() for finding in policy.check()]
        result["ok"] = not any(finding["level"] in counted for finding in result["findings"])
    return result


def _tell(result: dict[str, Any], *, remarks: bool) -> None:
    source = result["source"] if isinstance(result["source"], str) else " + ".join(result["source"])
    if "problems" in result:
        for problem in result["problems"]:
            _say(problem, problem["message"])
        say(f"{source}: {plural(len(result['problems']), 'problem')}; nothing of it would be in force")
        return
    findings = result.get("findings", [])
    for finding in findings:
        if finding["level"] != "info" or remarks:
            _say(finding, f"{finding['level']}[{finding['code']}]: {finding['message']}")
    levels = {level: sum(finding["level"] == level for finding in findings) for level in ("error", "warning", "info")}
    told = [
        plural(levels[level], name) for level, name in (("error", "error"), ("warning", "warning")) if levels[level]
    ]
    told += [plural(levels["info"], "remark")] if levels["info"] else []
    shadow = f" ({result['in_shadow']:,} in shadow)" if result["in_shadow"] else ""
    what = f"`{result['name']}`, {plural(result['rules'], 'rule')}{shadow}, default {result['default']}"
    verdict = ("ok" if result["ok"] else "not ok") + (f", {', '.join(told)}" if told else "")
    print(shown(f"{source}: {verdict}, {what}, {result['digest']}"))
    if result["only_observes"]:
        say(f"warning: {source} ENFORCES NOTHING: every rule is in shadow and everything is allowed")


def _say(found: dict[str, Any], message: str) -> None:
    place = ":".join(str(found[part]) for part in ("file", "line", "column") if found[part] is not None)
    say(f"{place}: {message}" if place else message)
    if found["hint"]:
        say(f"  hint: {found['hint']}")
