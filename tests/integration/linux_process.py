"""A real Linux process that signals are sent to, and what the kernel says of it."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

CHILD = Path(__file__).parent / "signal_child.py"
PATIENCE = 30.0


class Seen(NamedTuple):
    """What `/proc` says of a process."""

    state: str
    pending: frozenset[int]
    blocked: frozenset[int]
    ignored: frozenset[int]
    caught: frozenset[int]

    @property
    def settled(self) -> bool:
        """True if nothing happens any more until somebody does something to it.

        It sleeps in no other place than where it reads its orders, and a signal that can be delivered wakes it before
        the sender returns.
        """
        return self.state in {"T", "Z"} or (self.state == "S" and not self.pending - self.blocked)

    def only(self, signals: frozenset[int]) -> Seen:
        """The same of these signals alone: what whoever started us ignores is ignored from the start."""
        return Seen(self.state, *(numbers & signals for numbers in self[1:]))


class LinuxProcess:
    """Runs `signal_child.py` in a process group of its own, so that SIGTSTP stops it."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            every = set(range(1, 65)) - {9, 19, 32, 33}
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", str(CHILD)],
                {},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), fd) for fd in (0, 1)],
                setpgroup=0,
                setsigmask=[],
                setsigdef=every,
            )
        self._gone = False
        self._orders.settimeout(PATIENCE)
        assert self._orders.recv(4096) == b"ready"
        self._orders.setblocking(False)
        self.settle()

    def __enter__(self) -> LinuxProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._orders.close()
        if not self._gone:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)

    def order(self, *words: object) -> None:
        """Has the process do something itself."""
        self._orders.send(" ".join(map(str, words)).encode())

    def send(self, signal: int) -> None:
        os.kill(self.pid, signal)

    def settle(self) -> Seen:
        """Waits until what was done has had its effect."""
        end = time.monotonic() + PATIENCE
        while not (seen := self.look()).settled:
            assert time.monotonic() < end, f"process {self.pid} does not come to rest: {seen}"
            time.sleep(0.0001)
        return seen

    def look(self) -> Seen:
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        own, shared = numbers(fields["SigPnd"]), numbers(fields["ShdPnd"])
        masks = (numbers(fields[name]) for name in ("SigBlk", "SigIgn", "SigCgt"))
        return Seen(fields["State"][0], own | shared, *masks)

    def answers(self) -> list[str]:
        """What the process has said since the last time."""
        said = []
        try:
            while packet := self._orders.recv(4096):
                said.append(packet.decode())
        except (BlockingIOError, ConnectionResetError):
            pass
        return said

    def waited(self) -> list[tuple[str, int]]:
        """What `waitpid` has to tell since the last time."""
        told: list[tuple[str, int]] = []
        while not self._gone:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if pid == 0:
                break
            if os.WIFSTOPPED(status):
                told.append(("stopped", os.WSTOPSIG(status)))
            elif os.WIFCONTINUED(status):
                told.append(("continued", 18))
            else:
                self._gone = True
                told.append(("killed", os.WTERMSIG(status)) if os.WIFSIGNALED(status) else ("exited", status))
        return told


def numbers(mask: str) -> frozenset[int]:
    """The signals of a mask as `/proc` spells it."""
    bits = int(mask, 16)
    return frozenset(number for number in range(1, 65) if bits >> (number - 1) & 1)
