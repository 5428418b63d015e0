"""Signalling agents by name, and listing their processes: ``kernel.signals``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent_os.processes.signals import AgentSignal

if TYPE_CHECKING:
    from agent_os._core import Kernel, Process

__all__ = ["Signals"]


class Signals:
    """Sends signals to the processes of one kernel."""

    def __init__(self, core: Kernel) -> None:
        self._core = core

    def signal(self, agent_id: str, signal: AgentSignal | int) -> int:
        """Sends a signal to every process of an agent, and gives their number.

        Raises ``ProcessLookupError`` if there is none, and ``PolicyDenied`` as ``AgentProcess.signal`` does, after it
        was sent to those that it may be sent to.
        """
        return self._send(f"agent `{agent_id}` has no process", signal, lambda each: each.agent_id == agent_id)

    def signal_group(self, group: int, signal: AgentSignal | int) -> int:
        """Sends a signal to every process of a group, and gives their number; errors are those of ``signal``."""
        return self._send(f"group {group} has no process", signal, lambda each: each.group == group)

    def _send(self, none: str, signal: AgentSignal | int, wanted: Callable[[Process], bool]) -> int:
        targets = [each for each in self._core.processes() if each.alive and wanted(each)]
        if not targets:
            raise ProcessLookupError(none)
        # One that may not be signalled, or cannot be recorded, does not keep the signal from the others.
        failed = [error for each in targets if (error := self._sent(each, AgentSignal(signal))) is not None]
        if failed:
            raise failed[0]
        return len(targets)

    def _sent(self, target: Process, signal: AgentSignal) -> Exception | None:
        try:
            self._core.signal(target, signal)
        except Exception as error:  # noqa: BLE001 -- raised when all have got the signal
            return error
        return None
