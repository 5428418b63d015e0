"""Claude Code's `settings.json`: the lists `allow`, `ask` and `deny` under `permissions`.

Deny beats ask beats allow there as here. What no rule names is asked about there and denied here; only
`defaultMode: dontAsk` says the same. Keys beside `permissions` that forbid nothing are named in the head of the policy,
all others are refused, as they may restrict. Tools appear under their own names, MCP tools as `mcp.<server>.<tool>`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from agent_os.policy.importing.json_places import read_json
from agent_os.policy.places import child

if TYPE_CHECKING:
    from agent_os.policy.importing.draft import Draft
    from agent_os.policy.places import Source

#: Keys beside the permissions that forbid nothing: what they say is not in the policy.
_HARMLESS: Final = {
    "alwaysThinkingEnabled",
    "apiKeyHelper",
    "attribution",
    "autoUpdatesChannel",
    "awsAuthRefresh",
    "awsCredentialExport",
    "cleanupPeriodDays",
    "companyAnnouncements",
    "effortLevel",
    "enableAllProjectMcpServers",
    "enabledMcpjsonServers",
    "env",
    "extraKnownMarketplaces",
    "fileSuggestion",
    "includeCoAuthoredBy",
    "includeGitInstructions",
    "language",
    "mcpServers",
    "model",
    "otelHeadersHelper",
    "outputStyle",
    "plansDirectory",
    "prefersReducedMotion",
    "showTurnDuration",
    "spinnerTips",
    "spinnerTipsEnabled",
    "spinnerTipsOverride",
    "spinnerVerbs",
    "statusLine",
    "theme",
    "verbose",
}
#: Keys that restrict, unless they are empty.
_RESTRICTING: Final = {"disabledMcpjsonServers", "deniedMcpServers", "hooks", "sandbox"}
#: Hooks that run when it is too late to forbid anything.
_HARMLESS_HOOKS: Final = {"PostToolUse", "Notification", "SessionStart", "SessionEnd", "PreCompact"}
_RULE: Final = re.compile(r"(?P<tool>[A-Za-z0-9_*-]+)(?:\((?P<inside>.*)\))?", re.DOTALL)
#: Tools whose files are named by an argument.
_FILES: Final = {"Read": "file_path", "Edit": "file_path", "Write": "file_path", "NotebookEdit": "notebook_path"}
#: Tools that a restriction of `Edit(…)` is for as well, each with its argument.
_EDITING: Final = {"Edit": "file_path", "Write": "file_path", "MultiEdit": "file_path", "NotebookEdit": "notebook_path"}
#: The same of `Read(…)`; and tools that read whole folders, where their argument `path` says, or anywhere without it.
_READING: Final = {"Read": "file_path", "NotebookRead": "notebook_path"}
_SEARCHING: Final = ("Grep", "Glob", "LS")
#: Patterns of `Glob` that lead out of `path`.
_LEADS_OUT: Final = {"matches": {"pattern": r"^[/~]|\\|\.\.|(^|/)\.?(\{|[@+!?*]\()", "anchored": False}}
#: What makes a path a pattern, or odd: percent signs, segments that begin with two dots, characters that are no text.
_GLOB: Final = re.compile(r"[*?\[\]!{}\\]")
_ODD: Final = re.compile(r"%|/\.\.|[\x00-\x1f\x7f]|\s\Z")


def read(text: str, draft: Draft) -> None:
    """Puts the permissions into the draft."""
    source = read_json(text, draft)
    permissions = source.value.get("permissions")
    if not isinstance(permissions, dict):
        draft.report.fail("bad_source", f"`{draft.file}` has no `permissions`", "name a settings file of Claude Code")
    _others(source, draft)
    for key, value in permissions.items():
        pointer = child("/permissions", key)
        if key in ("allow", "ask", "deny") and isinstance(value, list):
            for index, rule in enumerate(value):
                _rule(key, rule, *source.place(child(pointer, index)), draft)
        elif (key, value) not in (("defaultMode", "dontAsk"), ("disableBypassPermissionsMode", "disable")):
            spot = source.place(pointer, key=True)
            draft.refuse(*spot, f"{key}: {value}", "only the lists of rules and `defaultMode: dontAsk` do")


def _others(source: Source, draft: Draft) -> None:
    """Refuses keys beside the permissions that restrict or may, and names the rest in the head of the policy."""
    left = []
    for key, value in source.value.items():
        hooks = set(value) if key == "hooks" and isinstance(value, dict) else {"hooks"}
        if key in ("permissions", "$schema") or (key in _RESTRICTING and value in ([], {}, None)):
            continue
        if key in _HARMLESS or (key == "hooks" and hooks <= _HARMLESS_HOOKS):
            left.append(key)
        else:
            draft.refuse(*source.place(child("", key), key=True), key, "it restricts, or may, beside the permissions")
    if left:
        draft.note(f"Not permissions, and not read: {', '.join(sorted(left))}.")


def _rule(effect: str, rule: Any, line: int, column: int, draft: Draft) -> None:
    match = _RULE.fullmatch(rule) if isinstance(rule, str) else None
    if match is None:
        draft.refuse(line, column, str(rule), "it is not of the form `Tool` or `Tool(…)`")
        return
    tool, inside = match["tool"], match["inside"]
    if tool.startswith("mcp__"):
        _mcp(effect, tool, inside, line, column, draft)
        return
    if "*" in tool:
        draft.refuse(line, column, rule, "a pattern over the names of tools is known of MCP tools only")
        return
    action = draft.action(tool, line, column)
    if action is None:
        return
    if inside is None or inside == "*":
        # In parentheses it is a restriction on files, whichever tool gets at them.
        also = {"Edit": _EDITING, "Read": [*_READING, *_SEARCHING]}.get(tool, [])
        draft.rule(effect, [*also] if also and inside and effect != "allow" else action)
        return
    if effect != "allow" and tool in ("Edit", "Read"):
        _restriction((effect, tool), inside, line, column, draft, rule)
        return
    when = _inside((effect, tool), inside, line, column, draft, rule)
    if when is not None:
        draft.rule(effect, action, when)


def _mcp(effect: str, tool: str, inside: str | None, line: int, column: int, draft: Draft) -> None:
    parts = tool.split("__")[1:]
    whole_server = len(parts) == 1 or parts[1:] == ["*"]
    if inside is not None or len(parts) > 2 or "*" in "".join(parts[:1]) or ("*" in tool and not whole_server):
        draft.refuse(line, column, tool, "only a server, or one tool of a server, is known")
        return
    if whole_server:
        if draft.action(f"mcp.{parts[0]}", line, column):
            draft.rule(effect, f"mcp.{parts[0]}.*")
    elif (action := draft.action(f"mcp.{parts[0]}.{parts[1]}", line, column)) is not None:
        draft.rule(effect, action)


def _inside(of: tuple[str, str], inside: str, line: int, column: int, draft: Draft, rule: str) -> dict[str, Any] | None:
    effect, tool = of
    if tool == "Bash":
        return _bash(effect, inside, line, column, draft, rule)
    if tool == "WebFetch" and inside.startswith("domain:"):
        host = inside.removeprefix("domain:")
        if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host):
            return draft.host(host, line, column, rule)
        draft.refuse(line, column, rule, "only a plain lower-case host name is known")
        return None
    if tool in _FILES:
        return _file((effect, _FILES[tool]), inside, line, column, draft, rule)
    draft.refuse(line, column, rule, f"what stands in the parentheses of `{tool}` is not known")
    return None


def _bash(effect: str, inside: str, line: int, column: int, draft: Draft, rule: str) -> dict[str, Any] | None:
    prefix = re.fullmatch(r"(?P<words>[^*]*?)(?::\*| \*)", inside)
    if prefix is None and "*" in inside:
        draft.refuse(line, column, rule, "a `*` elsewhere than behind the words of a command matches its text")
        return None
    if prefix is None and effect == "allow" and inside.strip():
        return {"args.command": {"eq": inside}}
    words = (prefix["words"] if prefix else inside).split()
    if not words or not all(re.fullmatch(r"[A-Za-z0-9_./:=@+-]+", word) for word in words):
        draft.refuse(line, column, rule, "the words of the command are not plain ones")
        return None
    return draft.command(effect, words, line, column, rule)


def _restriction(of: tuple[str, str], inside: str, line: int, column: int, draft: Draft, rule: str) -> None:
    effect, tool = of
    path = _path(inside, line, column, draft, rule)
    if path is None:
        return
    by_argument: dict[str, list[str]] = {}
    for name, argument in (_EDITING if tool == "Edit" else _READING).items():
        by_argument.setdefault(argument, []).append(name)
    for argument, tools in by_argument.items():
        draft.rule(effect, tools, {f"args.{argument}": {"under": path}})
    if tool == "Read":
        # Whoever searches a folder around it reads it, too. Folders are told by their last names, the root by unknown.
        around = [part for part in path.split("/")[:-1] if part not in ("", ".")]
        tests: list[dict[str, Any]] = [{"args.path": {"under": path}}, {"args.path": {"name": around or [path[1:]]}}]
        draft.rule(effect, ["Grep", "LS"], {"any": tests})
        draft.rule(effect, "Glob", {"any": [*tests, {"args.pattern": _LEADS_OUT}]})


def _file(of: tuple[str, str], inside: str, line: int, column: int, draft: Draft, rule: str) -> dict[str, Any] | None:
    effect, argument = of
    path = _path(inside, line, column, draft, rule)
    if path is None:
        return None
    # A file has many spellings, and a folder is what lies in it: a restriction is for all of them.
    is_exact = effect == "allow" and not inside.endswith("/**")
    return {f"args.{argument}": {"eq": path} if is_exact else {"under": path}}


def _path(inside: str, line: int, column: int, draft: Draft, rule: str) -> str | None:
    folder = inside.removesuffix("/**")
    if not folder.startswith("//") or _GLOB.search(folder) or len(folder) < 3 or _ODD.search(folder):
        draft.refuse(line, column, rule, "only `//` and an absolute path, or a folder with `/**` behind it, is known")
        return None
    return folder[1:]
