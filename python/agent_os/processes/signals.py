"""The signals that processes are sent, by the names and numbers of Linux; those above 63 are the kernel's own."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["AgentSignal"]


class AgentSignal(IntEnum):
    """A signal to an agent's process. None of them reaches the operating system.

    >>> from agent_os import AgentSignal
    >>> AgentSignal.SIGTERM, int(AgentSignal.SIGKILL)
    (<AgentSignal.SIGTERM: 15>, 9)
    """

    SIGHUP = 1
    SIGINT = 2
    SIGKILL = 9
    SIGUSR1 = 10
    SIGUSR2 = 12
    SIGPIPE = 13
    SIGTERM = 15
    SIGCHLD = 17
    SIGCONT = 18
    SIGSTOP = 19
    SIGTSTP = 20
    SIGPOLICY = 64
    SIGTRUST = 65
    SIGBUDGET = 66
    SIGLOOP = 67
    SIGDRIFT = 68
