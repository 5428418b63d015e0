"""What a kernel knows by name: its agents by their functions, its tools by their actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from agent_os.errors import IsolationUnavailable, RequestInvalid, UnsupportedEntryPoint
from agent_os.kernel import tools
from agent_os.kernel.settings import called, names_of

if TYPE_CHECKING:
    from agent_os import _core

__all__ = ["Registry"]


class Registry:
    """Filled by the operator's code while it declares agents and tools."""

    def __init__(self, core: _core.Kernel) -> None:
        self._core = core
        self.tools: dict[str, Callable[..., Any]] = {}
        self.declared: dict[str, tuple[_core.Tool, frozenset[str]]] = {}
        self.agents: dict[Callable[..., Any], tuple[str, Callable[..., Any]]] = {}

    def declare(
        self,
        function: Callable[..., Any],
        handle: Callable[..., Any],
        agent_id: str | None,
        roles: Iterable[str],
        isolation: str,
    ) -> str:
        """Makes an agent known, called by ``handle``; returns its id."""
        if not callable(function) or getattr(type(function), "__hash__", None) is None:
            raise TypeError(f"`{function!r}` is not a function; register a function or a hashable callable object")
        tools.refuse_generators(function, "agent")
        if isolation != "task":
            raise IsolationUnavailable(f"isolation `{isolation}` is not there in this version; use `task`")
        if handle in self.agents:
            raise ValueError(f"`{called(handle)}` is registered already; register another function")
        name = agent_id if agent_id is not None else getattr(function, "__name__", "")
        self._core.register(name, list(names_of(roles, "roles")))
        self.agents[handle] = (name, function)
        return name

    def tool(self, action: str, keywords: dict[str, Any]) -> Callable[..., Any]:
        """The governed function for an action that is called by name with these keywords."""
        tool = self.tools.get(action)
        if tool is None:
            self._core.unknown(action)
            known = ", ".join(f"`{each}`" for each in sorted(self.tools)) or "none"
            raise RequestInvalid(f"no tool `{action}` is registered; there are {known}", code="action_unknown")
        # SECURITY: whoever calls by name may be passing on what a model wrote.
        if supplied := self.declared[action][1].intersection(keywords):
            raise RequestInvalid(f"`{min(supplied)}` of `{action}` is your code's to give; call the governed function")
        return tool

    def agent(self, target: Any) -> tuple[str, Callable[..., Any]]:
        """The id and the function of a registered agent."""
        try:
            return self.agents[target]
        except (KeyError, TypeError):
            raise UnsupportedEntryPoint(
                f"`{called(target)}` is not an agent of this kernel; register it with "
                "`@kernel.register`, or give an action's name"
            ) from None
