"""Drafts the tightest policy that lets happen again what happened, and says what it generalised.

A draft, for a person to read: it knows what was done, not what was meant. It says nothing of arguments that no recorded
request had, because conditions are about named arguments.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent_os.policy.generalising import Seen, conditions
from agent_os.policy.yaml_text import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_HEAD: Final = """\
# Drafted from {count} recorded requests. Read it before it is put in force: it knows what was done, not what was
# meant, and it does not see arguments that no request had.
agent_os: 1
name: {name}
default: deny
{tools}rules:
"""


_ID: Final = 100


class Request(NamedTuple):
    """What a draft is made from. ``confirmed``: a person had been asked, so the draft asks too."""

    agent: str
    action: str
    args: Mapping[str, Any]
    confirmed: bool = False


def learn(requests: Iterable[Any], *, name: str = "learned", tools: Mapping[str, Any] | None = None) -> str:
    """The text of a policy that allows (or asks about) each of these requests, and little else.

    A request has ``agent``, ``action``, ``args`` and ``confirmed``, as those of ``agent_os.recorder.recorded_requests``
    do. Raises ``ValueError`` if there are none: a policy that allows nothing would say nothing. ``tools`` are
    schemas of arguments by action, as under ``tools`` of a policy (``Policy.tools``): those of its actions are kept.

    >>> print(learn([Request("desk-7", "payments.send", {"amount": 20, "currency": "EUR"})]).partition("rules:")[2])
    <BLANKLINE>
      - id: learned/payments.send
        effect: allow
        action: payments.send
        agent: {id: [desk-7]}
        when:
          args.amount: {eq: 20}
          args.currency: {eq: EUR}
    <BLANKLINE>
    """
    groups: dict[tuple[str, bool], list[Any]] = {}
    for request in requests:
        groups.setdefault((request.action, request.confirmed), []).append(request)
    if not groups:
        raise ValueError("there are no requests to learn from")
    count = sum(map(len, groups.values()))
    rules = ["\n".join(_rule(*key, group)) for key, group in sorted(groups.items())]
    actions = {action for action, _ in groups}
    kept = [
        f"  {written(action)}: {written(schema)}\n" for action, schema in (tools or {}).items() if action in actions
    ]
    head = _HEAD.format(count=f"{count:,}", name=written(name), tools="".join(["tools:\n", *kept]) if kept else "")
    return head + "\n".join(rules) + "\n"


def _rule(action: str, confirmed: bool, requests: list[Any]) -> Iterator[str]:  # noqa: FBT001 (it is a key's part)
    notes: list[str] = []
    found = list(conditions([Seen.of(request.args) for request in requests], notes))
    # What an agent named its arguments may hold anything; a comment ends with its line.
    yield from ("  # " + "".join(c if c.isprintable() else "?" for c in note) for note in notes)
    yield f"  - id: {_id(action, confirmed=confirmed)}"
    yield f"    effect: {'ask' if confirmed else 'allow'}"
    yield f"    action: {action}"
    yield f"    agent: {{id: {written(sorted({request.agent for request in requests}))}}}"
    if confirmed:
        yield "    message: a person confirmed this when it was recorded"
    if found:
        yield "    when:"
    for index, (path, tests) in enumerate(found):
        if path == "any":
            # One `any` per mapping: several stand under one `all`.
            if index == next(place for place, (key, _) in enumerate(found) if key == "any"):
                yield "      all:"
            yield f"        - {{any: {tests}}}"
        else:
            yield f"      {path}: {tests}"


def _id(action: str, *, confirmed: bool) -> str:
    # An action may be longer than an id.
    name = action if len(action) <= _ID else f"{action[:_ID]}:{sha256(action.encode()).hexdigest()[:12]}"
    return f"{'learned/asked/' if confirmed else 'learned/'}{name}"
