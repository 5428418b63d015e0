"""The operator's own handle: calls that are made by a person's code, not by an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_os.processes.context import entered

if TYPE_CHECKING:
    from agent_os.kernel.space import KernelSpace

__all__ = ["Operator"]


class Operator:
    """Calls tools as the operator. They are decided like any other, for the agent id ``operator``, and recorded so.

    >>> from agent_os import KernelSpace, Policy
    >>> rules = '''
    ... agent_os: 1
    ... name: example
    ... rules:
    ...   - {id: operator-reads, effect: allow, action: files.read, agent: {id: operator}}
    ... '''
    >>> with KernelSpace(Policy.from_text(rules), durability="memory") as kernel:
    ...     @kernel.tool("files.read")
    ...     def read(path: str) -> str:
    ...         return f"contents of {path}"
    ...     kernel.operator().execute_sync("files.read", path="/a")
    'contents of /a'
    """

    def __init__(self, kernel: KernelSpace) -> None:
        self._kernel = kernel

    async def execute(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """As ``KernelSpace.execute``, by the operator."""
        with entered(self._kernel.core.operator):
            return await self._kernel.execute(target, *args, **kwargs)

    def execute_sync(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """As ``KernelSpace.execute_sync``, by the operator."""
        with entered(self._kernel.core.operator):
            return self._kernel.execute_sync(target, *args, **kwargs)
