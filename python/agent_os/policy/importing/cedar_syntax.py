"""Reads the subset of Cedar that maps; everything else is told with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from agent_os.policy.importing.cedar_tree import And, Has, Node, Not, Or, Policy, Test, Token, Unmapped

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Comparisons, each with the same one seen from the other side.
_ORDER: Final = {"<": ("lt", "gt"), "<=": ("le", "ge"), ">": ("gt", "lt"), ">=": ("ge", "le")}
_DEPTH: Final = 16


def policies(found: list[Token]) -> Iterator[Policy | Unmapped]:
    """Each policy, or why it does not map; reading goes on behind its `;`."""
    reader = _Reader(found)
    while not reader.is_at_end():
        try:
            yield reader.policy()
        except Unmapped as fault:  # noqa: PERF203 (each policy is told of by itself)
            yield fault
            reader.skip_policy()


class _Reader:
    def __init__(self, found: list[Token]) -> None:
        last = found[-1] if found else Token("", 1, 1)
        self._tokens = [*found, Token("", last.line, last.column + len(last.text))]
        self._place = 0
        self._depth = 0

    def is_at_end(self) -> bool:
        return self._next().text == ""

    def skip_policy(self) -> None:
        while not self.is_at_end() and self._take().text != ";":
            pass

    def policy(self) -> Policy:
        while self._skip("@"):
            self._word()
            if self._skip("("):
                self._text()
                self._want(")")
        effect = self._take()
        if effect.text not in ("permit", "forbid"):
            raise self._fault(effect, "only `permit` and `forbid` do")
        self._want("(")
        agent = self._principal()
        self._want(",")
        actions = self._actions()
        self._want(",")
        self._want("resource")
        self._want(")")
        policy = Policy(effect.text, agent, actions, [], [])
        while self._next().text in ("when", "unless"):
            clauses = policy.when if self._take().text == "when" else policy.unless
            self._want("{")
            clauses.append(self._or())
            self._want("}")
        self._want(";")
        return policy

    def _principal(self) -> tuple[str, str, int, int] | None:
        self._want("principal")
        operator = self._next()
        if operator.text not in ("==", "in"):
            return None
        self._take()
        kind = self._take()
        wanted, key = ("Agent", "id") if operator.text == "==" else ("Role", "role")
        if kind.text != wanted:
            raise self._fault(kind, 'only `principal == Agent::"…"` and `principal in Role::"…"` do')
        self._want("::")
        place = self._next()
        return key, self._text(), place.line, place.column

    def _actions(self) -> list[tuple[str, int, int]]:
        self._want("action")
        if self._skip("=="):
            return [self._action()]
        if not self._skip("in"):
            return []
        self._want("[")
        actions = [self._action()]
        while self._skip(","):
            actions.append(self._action())
        self._want("]")
        return actions

    def _action(self) -> tuple[str, int, int]:
        self._want("Action")
        self._want("::")
        place = self._next()
        return self._text(), place.line, place.column

    def _or(self) -> Node:
        node = self._and()
        while self._next().text == "||":
            sign = self._take()
            node = Or(node, self._and(), sign.line, sign.column)
        return node

    def _and(self) -> Node:
        node = self._unary()
        while self._next().text == "&&":
            sign = self._take()
            node = And(node, self._unary(), sign.line, sign.column)
        return node

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > _DEPTH:
            raise self._fault(self._next(), f"conditions are nested more than {_DEPTH} deep")
        try:
            if self._skip("!"):
                return Not(self._unary())
            if self._skip("("):
                node = self._or()
                self._want(")")
                return node
            return self._relation()
        finally:
            self._depth -= 1

    def _relation(self) -> Node:
        if self._next().text == "[":
            members = self._set()
            self._want(".")
            self._want("contains")
            self._want("(")
            path = self._attribute()
            self._want(")")
            return Test(path, {"in": members})
        if self._next().text != "context":
            return self._reversed()
        if self._tokens[self._place + 1].text == "has":
            self._take()
            self._take()
            return Has(self._name())
        path = self._attribute()
        if self._next().text == "contains":
            place = self._take()
            self._want("(")
            item = self._literal()
            self._want(")")
            # A text contains a text as well, which is no set.
            return Test(path, {"contains": item, "size": {"ge": 0}}, place.line, place.column)
        sign = self._next()
        if sign.text in ("==", "!="):
            self._take()
            test = Test(path, {"eq": self._literal()})
            return test if sign.text == "==" else Not(test)
        if sign.text in _ORDER:
            self._take()
            return Test(path, {_ORDER[sign.text][0]: self._number()})
        if sign.text in ("&&", "||", ")", "}"):
            # Of another type it fails, unlike `== true`.
            return Test(path, {"in": [True]})
        raise self._fault(sign, "of tests on `context`, only ==, !=, <, <=, >, >=, `has` and `contains` do")

    def _reversed(self) -> Node:
        place = self._next()
        literal = self._literal()
        sign = self._take()
        if sign.text in ("==", "!="):
            test = Test(self._attribute(), {"eq": literal})
            return test if sign.text == "==" else Not(test)
        if sign.text in _ORDER and type(literal) is int:
            return Test(self._attribute(), {_ORDER[sign.text][1]: literal})
        raise self._fault(place, "a test compares an attribute of `context` with a literal")

    def _attribute(self) -> tuple[str, ...]:
        self._want("context")
        names: list[str] = []
        while self._next().text == ".":
            self._take()
            if self._next().text == "contains" and self._tokens[self._place + 1].text == "(":
                break
            names.append(self._word())
        if not names:
            raise self._fault(self._next(), "a test is about an attribute of `context`")
        return tuple(names)

    def _set(self) -> list[Any]:
        place = self._next()
        self._want("[")
        members = [self._literal()]
        while self._skip(","):
            members.append(self._literal())
        self._want("]")
        if len({type(member) for member in members}) > 1:
            raise self._fault(place, "the members of a set are of several kinds")
        return members

    def _literal(self) -> Any:
        token = self._next()
        if token.text.startswith('"'):
            return self._text()
        if token.text in ("true", "false"):
            return self._take().text == "true"
        return self._number()

    def _number(self) -> int:
        sign = -1 if self._skip("-") else 1
        token = self._take()
        if not token.text.isdigit():
            raise self._fault(token, "a literal is a text, a whole number, true or false")
        return sign * int(token.text)

    def _name(self) -> str:
        return self._text() if self._next().text.startswith('"') else self._word()

    def _text(self) -> str:
        token = self._take()
        if not token.text.startswith('"') or "\\" in token.text:
            raise self._fault(token, "a text in quotes, without escapes, is expected here")
        return token.text[1:-1]

    def _word(self) -> str:
        token = self._take()
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", token.text):
            raise self._fault(token, "a name is expected here")
        return token.text

    def _next(self) -> Token:
        return self._tokens[min(self._place, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._next()
        self._place = min(self._place + 1, len(self._tokens) - 1)
        return token

    def _skip(self, text: str) -> bool:
        if self._next().text == text:
            self._take()
            return True
        return False

    def _want(self, text: str) -> None:
        token = self._next()
        if token.text != text:
            raise self._fault(token, f"`{text}` is expected here")
        self._take()

    def _fault(self, token: Token, why: str) -> Unmapped:
        return Unmapped(token.line, token.column, token.text or "the end", why)
