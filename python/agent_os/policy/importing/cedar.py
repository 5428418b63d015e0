"""A subset of Cedar: `permit` and `forbid` of actions for agents and roles, with conditions on `context`.

What is allowed here is allowed there. A policy whose condition fails on a missing or mistyped attribute is skipped
there; here that counts against the caller: a `permit` does not apply, and a `forbid` does. A `permit` in which such a
failure could be passed over is refused, because here the rest of its condition would open it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent_os import _core
from agent_os.policy.importing.cedar_syntax import policies
from agent_os.policy.importing.cedar_tree import And, Has, Node, Not, Or, Policy, Test, Unmapped
from agent_os.policy.importing.cedar_tree import tokens as tokens_of

if TYPE_CHECKING:
    from agent_os.policy.importing.draft import Draft

_EFFECTS: Final = {"permit": "allow", "forbid": "deny"}


def read(text: str, draft: Draft) -> None:
    """Puts the policies into the draft."""
    try:
        tokens = tokens_of(text)
    except Unmapped as fault:
        draft.refuse(fault.line, fault.column, fault.what, fault.why)
        return
    for policy in policies(tokens):
        if isinstance(policy, Unmapped):
            draft.refuse(policy.line, policy.column, policy.what, policy.why)
            continue
        try:
            _add(policy, draft)
        except Unmapped as fault:
            draft.refuse(fault.line, fault.column, fault.what, fault.why)


def _add(policy: Policy, draft: Draft) -> None:
    if policy.effect == "permit":
        for node in policy.when:
            _check(node, frozenset(), negated=False)
        for node in policy.unless:
            _check(node, frozenset(), negated=True)
    actions = []
    for name, line, column in policy.actions:
        if _core.check_action(name) is not None:
            raise Unmapped(line, column, name, "it is not the name of an action")
        actions.append(name)
    more: dict[str, Any] = {}
    if policy.agent is not None:
        kind, name, line, column = policy.agent
        if not _core.is_name(name):
            raise Unmapped(line, column, name, "it is not the name of an agent or a role")
        more["agent"] = {kind: [name]}
    when = [_condition(node) for node in policy.when]
    if policy.unless:
        more["unless"] = {"any": [_condition(node) for node in policy.unless]}
    draft.rule(_EFFECTS[policy.effect], actions or ["**"], {"all": when} if when else None, **more)


def _check(node: Node, guarded: frozenset[str], *, negated: bool) -> None:
    """Refuses what lets a `permit` apply here although a part of its condition fails there."""
    if isinstance(node, Not):
        _check(node.inner, guarded, negated=not negated)
    elif isinstance(node, (And, Or)):
        skips = isinstance(node, And) if negated else isinstance(node, Or)
        if skips and not _cannot_fail(node.left, guarded):
            why = "its left side may fail, which skips the whole policy there and not here; guard it by `context has …`"
            raise Unmapped(node.line, node.column, "||" if isinstance(node, Or) else "&&", why)
        _check(node.left, guarded, negated=negated)
        _check(node.right, guarded | _shown(node.left) if isinstance(node, And) else guarded, negated=negated)
    elif isinstance(node, Test) and negated and "contains" in node.tests:
        raise Unmapped(node.line, node.column, "contains", "below `!` it would hold of a text, of which it fails there")


def _cannot_fail(node: Node, guarded: frozenset[str]) -> bool:
    match node:
        case Has():
            return True
        case Not():
            return _cannot_fail(node.inner, guarded)
        case And():
            return _cannot_fail(node.left, guarded) and _cannot_fail(node.right, guarded | _shown(node.left))
        case Or():
            return _cannot_fail(node.left, guarded) and _cannot_fail(node.right, guarded)
        case Test():
            # Comparing for equality fails on no type; every other test does.
            return "eq" in node.tests and len(node.path) == 1 and node.path[0] in guarded


def _shown(node: Node) -> frozenset[str]:
    """Attributes that are there if this holds."""
    if isinstance(node, Has):
        return frozenset({node.name})
    return _shown(node.left) | _shown(node.right) if isinstance(node, And) else frozenset()


def _condition(node: Node) -> dict[str, Any]:
    match node:
        case Has():
            return {_path((node.name,)): {"present": True}}
        case Not():
            return {"not": _condition(node.inner)}
        case And():
            return {"all": [_condition(node.left), _condition(node.right)]}
        case Or():
            return {"any": [_condition(node.left), _condition(node.right)]}
        case Test():
            return {_path(node.path): node.tests}


def _path(names: tuple[str, ...]) -> str:
    from agent_os.policy.generalising import segment

    return ".".join(["args", *map(segment, names)])
