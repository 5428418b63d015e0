"""What is done with a kernel that runs: running agents and tools, and ending them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from agent_os.kernel import agents, spawning, tools
from agent_os.processes.process import AgentProcess
from agent_os.processes.signals import AgentSignal

if TYPE_CHECKING:
    from agent_os import _core
    from agent_os.kernel.approvals import Approver
    from agent_os.kernel.committing import Commits
    from agent_os.kernel.registry import Registry

__all__ = ["Running"]


class Running:
    """The part of ``KernelSpace`` that runs things."""

    core: _core.Kernel
    commits: Commits | None
    _registry: Registry
    _approver: Approver | None
    _approval_seconds: float

    async def execute(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Runs an agent (by its function), or inside an agent an action (by its name), and returns what it returns.

        Raises ``PolicyDenied`` if it must not happen, ``RequestInvalid`` if it cannot be judged, and whatever the
        agent or tool raises.
        """
        if isinstance(target, str):
            function = self._registry.tool(target, kwargs)
            if inspect.iscoroutinefunction(function):
                return await function(*args, **kwargs)
            return await tools.run_in_thread(self, self._registry.declared[target][0], args, kwargs)
        agent_id, function = self._registry.agent(target)
        return await agents.run_async(self, agent_id, function, args, kwargs)

    def execute_sync(self, target: Any, /, *args: Any, **kwargs: Any) -> Any:
        """As ``execute``, outside an event loop."""
        if isinstance(target, str):
            return agents.wait(self._registry.tool(target, kwargs), target, args, kwargs)
        agent_id, function = self._registry.agent(target)
        return agents.run_sync(self, agent_id, function, args, kwargs)

    def spawn(self, agent: Any, /, *args: Any, **kwargs: Any) -> AgentProcess:
        """Starts an agent beside the caller, inside an event loop, and returns its process at once.

        It is the action ``agent.spawn``. If somebody must confirm it the process is ``created`` until they have. Raises
        ``PolicyDenied`` if it must not happen.
        """
        agent_id, function = self._registry.agent(agent)
        return spawning.spawn(self, agent_id, function, args, kwargs)

    def processes(self) -> list[AgentProcess]:
        """The processes that were not reaped, by number."""
        return [AgentProcess(self.core, each) for each in self.core.processes()]

    def _kill_all(self, why: str) -> None:
        """Refused inside a running agent."""
        for process in self.core.processes():
            if process.alive:
                self.core.raise_signal(process, AgentSignal.SIGKILL, why)
            process.reap()

    @property
    def approver(self) -> Approver | None:
        """Who confirms what must be confirmed."""
        return self._approver

    @property
    def approval_seconds(self) -> float:
        """How long an approver may take."""
        return self._approval_seconds
