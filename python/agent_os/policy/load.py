"""From what a caller names to a policy in force, or to every reason why there is none."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os.policy.compiled import bundle_of, is_compiled, preset_bundle
from agent_os.policy.files import FileText, Unreadable, is_preset_name, read_file, read_limits, read_preset
from agent_os.policy.policy import Policy
from agent_os.policy.problems import Report
from agent_os.policy.tool_types import check_bundle, tool_types

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_os import _core


def load(source: Any, tools: Any = None) -> Policy:
    """``Policy.load``."""
    report = Report()
    types = None if tools is None else tool_types(tools)
    items = list(source) if isinstance(source, (list, tuple)) else [source]
    if not items:
        report.fail("bad_source", "the list of policies is empty", "name at least one policy, like `strict`")
    if len(items) == 1:
        return _alone(items[0], report, types)
    known: dict[str, FileText] = {}
    roots: list[FileText] = []
    for item in items:
        if isinstance(item, Policy):
            known.update(item.texts)
            roots += [item.texts.get(root) or _text(root.removeprefix("preset:"), report) for root in item.roots]
            if not item.roots:
                _refuse_to_combine(report, item.name)
        else:
            roots.append(_text(item, report))
            if is_compiled(roots[-1].data):
                _refuse_to_combine(report, roots[-1].shown)
    return build(roots, known, report, types)


def from_text(text: Any, name: str, base: str | os.PathLike[str] | None, tools: Any = None) -> Policy:
    """``Policy.from_text``."""
    report = Report()
    types = None if tools is None else tool_types(tools)
    if not isinstance(text, str):
        hint = "pass the text itself, or a path to `Policy.load`"
        report.fail("bad_source", f"`{type(text).__name__}` is not a text", hint)
    data = text.encode("utf-8", "surrogatepass")
    folder = None if base is None else Path(base)
    identity = f"text:{sha256(data).hexdigest()}:{name}:{folder}"
    return build([FileText(identity, name, folder, data)], {}, report, types)


def _alone(item: Any, report: Report, types: _core.ToolTypes | None) -> Policy:
    # What needs no reading of rules: a policy, a preset in compiled form, a compiled bundle file.
    if isinstance(item, Policy):
        policy = item
    elif isinstance(item, str) and (bundle := preset_bundle(item)) is not None:
        policy = Policy(bundle, [f"preset:{item}"])
    elif is_compiled((text := _text(item, report)).data):
        policy = Policy(bundle_of(text, report), compiled=text.identity)
    else:
        return build([text], {}, report, types)
    check_bundle(policy.bundle, types)
    return policy


def _text(item: Any, report: Report) -> FileText:
    if not isinstance(item, (str, os.PathLike)) or not isinstance(path := os.fspath(item), str) or not path:
        hint = "pass a preset's name, a path, a `Policy`, or a list of these"
        report.fail("bad_source", f"a policy cannot be loaded from `{item!r:.60}`", hint)
    limits = read_limits()
    try:
        if isinstance(item, str) and is_preset_name(item):
            return read_preset(item, None, limits)
        return read_file(Path(path), path, limits)
    except Unreadable as reason:
        report.add_at(path if reason.code == "not_found" else None, None, reason.code, reason.message, reason.hint)
        report.check()
        raise


def build(
    roots: Sequence[FileText],
    known: Mapping[str, FileText] | None = None,
    report: Report | None = None,
    types: _core.ToolTypes | None = None,
) -> Policy:
    """The policy of these files and all that they extend, which fits the types of tools.

    ``known`` are texts that are not read again.
    """
    report = report if report is not None else Report()
    # These import pydantic and yaml, which a preset in compiled form does without.
    from agent_os.policy.compiler import compile_union
    from agent_os.policy.examples import run_examples
    from agent_os.policy.library import Library
    from agent_os.policy.union import join

    library = Library(read_limits(), report, known or {})
    parts = [library.part(root) for root in roots]
    union = join(parts, report)
    report.next_stage()
    bundle = compile_union(union, report, types)
    report.check()
    run_examples(library.parts, report)
    report.check()
    if bundle is None:
        report.fail("bad_source", "the policy was not compiled", "this is a defect of Agent OS; please report it")
    return Policy(bundle, [root.identity for root in roots], library.texts)


def _refuse_to_combine(report: Report, name: str) -> None:
    hint = "load it alone, or list the files that it was compiled from"
    report.fail("bad_source", f"the compiled bundle `{name}` cannot be combined with other policies", hint)
