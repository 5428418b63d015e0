"""The union of files: one normalised document for the compiler.

It does not depend on the order of files: the strictest default wins, rules and sets are joined, and a
name that is defined twice is an error, never an override.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent_os import _core
from agent_os.policy.places import Source, child

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_os.policy.library import Part
    from agent_os.policy.problems import Report

#: Keys of a rule that hold one text or a list of texts.
_TEXTS: Final = ("action", "redact", "label", "subject")


@dataclass
class Union:
    """The normalised document of a bundle, and where its members stood."""

    document: dict[str, Any]
    rules: list[tuple[Part, str]]
    sets: dict[str, Part]
    tools: dict[str, Part]
    root: Part

    def origin(self, pointer: str) -> tuple[Part, str]:
        """The part that a pointer into the document leads to, and the pointer there."""
        steps = pointer.split("/")
        if len(steps) > 2 and steps[1] == "rules" and steps[2].isdigit() and int(steps[2]) < len(self.rules):
            part, place = self.rules[int(steps[2])]
            return part, "/".join([place, *steps[3:]])
        if len(steps) > 2 and steps[1] in ("sets", "tools"):
            name = steps[2].replace("~1", "/").replace("~0", "~")
            return (self.sets if steps[1] == "sets" else self.tools).get(name, self.root), pointer
        return self.root, pointer


def join(roots: Sequence[Part], report: Report) -> Union:
    """The union of these parts and all that they extend, after reporting what cannot be joined."""
    parts = list({part.text.identity: part for root in roots for part in root.family()}.values())
    names = dict.fromkeys(root.document.name if root.document else "unnamed" for root in roots)
    enforced = [part for part in parts if not _in_shadow(part)]
    document: dict[str, Any] = {
        "agent_os": 1,
        "name": " + ".join(sorted(names)),
        "default": _default_of(enforced),
        "shadow_default": _default_of(parts),
        "sets": {},
        "rules": [],
    }
    if document["shadow_default"] == document["default"]:
        del document["shadow_default"]
    union = Union(document, [], {}, {}, roots[0])
    for part in parts:
        if part.source is not None and isinstance(part.source.value, dict):
            _join_sets(union, part, part.source, report)
            _join_tools(union, part, part.source, report)
            _join_rules(union, part, part.source, report)
    _keep_closed(parts, report)
    return union


def _default_of(parts: Sequence[Part]) -> str:
    """The strictest default. Of no file it is deny: nothing is open that no enforced file opens in plain sight."""
    opens = all(part.document is not None and part.document.default == "allow" for part in parts)
    return "allow" if parts and opens else "deny"


def _in_shadow(part: Part) -> bool:
    return part.document is not None and part.document.mode == "shadow"


def _join_sets(union: Union, part: Part, source: Source, report: Report) -> None:
    sets = source.value.get("sets")
    for name, members in sets.items() if isinstance(sets, dict) else ():
        pointer = child("/sets", name)
        if name not in union.sets:
            union.sets[name] = part
            union.document["sets"][name] = members
            continue
        hint = f"rename one of them; the other is at {_place(union.sets[name], pointer)}"
        report.add(source, pointer, "redefined_set", f"the set `{name}` is already defined", hint, key=True)


def _join_tools(union: Union, part: Part, source: Source, report: Report) -> None:
    tools = source.value.get("tools")
    for action, schema in tools.items() if isinstance(tools, dict) else ():
        pointer = child("/tools", action)
        known = union.document.setdefault("tools", {})
        if action not in known:
            union.tools[action] = part
            known[action] = schema
        # To Python, 1 == True.
        elif _core.canonical(known[action]) != _core.canonical(schema):
            hint = f"keep one of them; the other is at {_place(union.tools[action], pointer)}"
            message = f"`{action}` already has another schema"
            report.add(source, pointer, "redefined_tool", message, hint, key=True)


def _join_rules(union: Union, part: Part, source: Source, report: Report) -> None:
    rules = source.value.get("rules")
    ids = {rule["id"]: place for rule, place in zip(union.document["rules"], union.rules, strict=True) if _has_id(rule)}
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        pointer = child("/rules", index)
        if _has_id(rule) and rule["id"] in ids:
            first, place = ids[rule["id"]]
            hint = f"rename one of them; the other is at {_place(first, place)}"
            message = f"the rule id `{rule['id']}` is already used"
            report.add(source, child(pointer, "id"), "duplicate_id", message, hint)
            continue
        if _has_id(rule):
            ids[rule["id"]] = (part, pointer)
        union.rules.append((part, pointer))
        normalised = _normalised(rule, source, pointer)
        if _in_shadow(part) and isinstance(normalised, dict):
            # A rule cannot step out of the shadow that its file is in.
            normalised["mode"] = "shadow"
        union.document["rules"].append(normalised)


def _keep_closed(parts: Sequence[Part], report: Report) -> None:
    for closed in parts:
        if closed.document is None or not closed.document.closed:
            continue
        inside = {part.text.identity for part in closed.family()}
        for part in parts:
            if part.document is None or part.source is None or part.text.identity in inside:
                continue
            for index, rule in enumerate(part.document.rules):
                if rule.effect == "allow":
                    message = f"the allow rule `{rule.id}` would open what `{closed.text.shown}` has closed"
                    hint = "remove the rule, or add it to the closed file itself"
                    report.add(part.source, child(child("/rules", index), "effect"), "closed", message, hint)


def _normalised(rule: Any, source: Source, pointer: str) -> Any:
    if not isinstance(rule, dict):
        return rule
    result = {key: _listed(value) if key in _TEXTS else value for key, value in rule.items() if key != "examples"}
    if isinstance(agent := result.get("agent"), dict):
        result["agent"] = {key: _listed(value) for key, value in agent.items()}
    return {**result, "source": {"file": source.file, "line": source.place(pointer).line}}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _has_id(rule: Any) -> bool:
    return isinstance(rule, dict) and isinstance(rule.get("id"), str)


def _place(part: Part, pointer: str) -> str:
    line = part.source.place(pointer, key=True).line if part.source is not None else 1
    return f"{part.text.shown}:{line}"
