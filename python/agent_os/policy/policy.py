"""A policy that was loaded, is understood in full, and can be asked."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_os.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_os import _core
    from agent_os.policy.differing import PolicyDiff
    from agent_os.policy.explain import Explanation
    from agent_os.policy.files import FileText
    from agent_os.policy.linting import Finding
    from agent_os.policy.testing import CaseReport

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Policy:
    """A bundle of rules in compiled form. Made by ``load`` or ``from_text``, never changed.

    >>> from agent_os.policy import Policy
    >>> policy = Policy.from_text('''
    ... agent_os: 1
    ... rules:
    ...   - {id: small, effect: allow, action: payments.send, when: {args.amount: {le: 500}}}
    ... ''')
    >>> policy.decide("payments.send", {"amount": 20}, agent="desk-7").effect
    'allow'
    >>> policy.decide("payments.send", {"amount": "20"}, agent="desk-7").effect
    'deny'
    """

    __slots__ = ("_compiled", "_roots", "_texts", "bundle")

    def __init__(
        self,
        bundle: _core.Bundle,
        roots: Sequence[str] = (),
        texts: Mapping[str, FileText] | None = None,
        compiled: str | None = None,
    ) -> None:
        self.bundle = bundle
        self._compiled = compiled
        self._roots = tuple(roots)
        self._texts = dict(texts or {})

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | Policy | Sequence[str | os.PathLike[str] | Policy],
        *,
        tools: Mapping[str, Any] | None = None,
    ) -> Policy:
        """Loads a preset (a single word), a file, a compiled bundle file, or the union of a list of these.

        ``tools`` maps actions to JSON Schemas of their arguments: rules that do not fit them are mistakes. They are
        not part of the policy, as those under its own key ``tools`` are.

        Raises ``PolicyError`` with every mistake that was found, each with its file, line, column and hint.

        >>> Policy.load("strict").default
        'deny'
        """
        from agent_os.policy.load import load

        return load(source, tools)

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        name: str = "<string>",
        base: str | os.PathLike[str] | None = None,
        tools: Mapping[str, Any] | None = None,
    ) -> Policy:
        """Loads a text in the policy language; paths under ``extends`` start from the folder ``base``.

        ``name`` stands for the file in messages, ``tools`` is as in ``load``. Raises ``PolicyError``.
        """
        from agent_os.policy.load import from_text

        return from_text(text, name, base, tools)

    @property
    def roots(self) -> tuple[str, ...]:
        """The identities of the files that were named; none for a compiled bundle file."""
        return self._roots

    @property
    def texts(self) -> Mapping[str, FileText]:
        """Every text that was read for it, by identity."""
        return self._texts

    @property
    def digest(self) -> str:
        """``sha256:…`` of the canonical form of the bundle."""
        return self.bundle.digest

    @property
    def name(self) -> str:
        """The name in the file, or the names of several joined by ``+``."""
        return self.bundle.name

    @property
    def default(self) -> str:
        """What happens if no rule applies: ``deny`` or ``allow``."""
        return self.bundle.default

    @property
    def files(self) -> tuple[str, ...]:
        """The files that were read, as absolute paths; those of the package and texts are not among them."""
        read = self._texts if self._compiled is None else (self._compiled,)
        return tuple(sorted(identity for identity in read if Path(identity).is_absolute()))

    @property
    def tools(self) -> dict[str, Any]:
        """The schemas of arguments under ``tools``, by action."""
        from agent_os import _core

        document: dict[str, Any] = _core.thaw(self.bundle.document)
        return dict(document.get("tools", {}))

    def decide(
        self, action: str, args: Mapping[str, Any] | None = None, *, time: datetime | None = None, **state: Any
    ) -> _core.Decision:
        """Decides a request without doing anything.

        ``state`` is ``agent=`` (required) and, as they are needed, ``roles= labels= depth= parent= texts=``.
        ``time`` has an offset and is now if absent.
        """
        return self.bundle.decide(action, dict(args or {}), now_micros=_micros(time), **state)

    def explain(
        self, action: str, args: Mapping[str, Any] | None = None, *, time: datetime | None = None, **state: Any
    ) -> Explanation:
        """Why ``decide`` decides so, rule by rule, each with its file and line."""
        from agent_os.policy.explain import explanation

        values, micros = dict(args or {}), _micros(time)
        decision = self.bundle.decide(action, values, now_micros=micros, **state)
        rows = self.bundle.explain(action, values, now_micros=micros, only_for_action=True, **state)
        return explanation(self.bundle, action, str(state["agent"]), decision, rows)

    def check(self) -> tuple[Finding, ...]:
        """What is understood and still looks like a mistake: rules that never decide, guards that absence passes, ….

        Errors come first, then warnings, then remarks.
        """
        from agent_os.policy.linting import findings

        return findings(self)

    def diff(self, new: Policy) -> PolicyDiff:
        """What ``new`` decides otherwise, with a request for each difference; true if there is one.

        >>> old = Policy.from_text("agent_os: 1\\nrules: [{id: a, effect: allow, action: a, when: {args.n: {le: 5}}}]")
        >>> new = Policy.from_text("agent_os: 1\\nrules: [{id: a, effect: allow, action: a, when: {args.n: {le: 6}}}]")
        >>> [(one.change, one.args) for one in old.diff(new).differences]
        [('opened', {'n': 6})]
        """
        from agent_os.policy.differing import diff

        return diff(self, new)

    def test(self, *files: str | os.PathLike[str]) -> CaseReport:
        """Runs files of tests, and the examples of the policy's own files.

        Raises ``PolicyError`` for a file that is not understood in full, a test without an expectation included.
        """
        from agent_os.policy.testing import run_tests

        return run_tests(self, files)

    def rule_location(self, rule_id: str) -> tuple[str, int] | None:
        """The file and line of a rule; ``None`` if the bundle has none of this id, or was compiled without places."""
        for rule in self.bundle.rules:
            if rule["id"] == rule_id and rule["file"] is not None:
                return rule["file"], rule["line"]
        return None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the compiled bundle to a file that ``load`` takes; the file is there as a whole or not at all."""
        draft = Path(f"{os.fspath(path)}.{os.getpid()}.draft")
        try:
            with draft.open("xb") as file:
                file.write(self.bundle.dump())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def __repr__(self) -> str:
        return f"<Policy {self.name!r} with {len(self.bundle.rules)} rules, {self.digest[:19]}>"


def _micros(time: datetime | None) -> int:
    moment = datetime.now(timezone.utc) if time is None else time
    if moment.tzinfo is None:
        raise RequestInvalid("`time` has no offset; pass a datetime with a timezone")
    return (moment - _EPOCH) // timedelta(microseconds=1)
