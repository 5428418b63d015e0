"""A process that obeys: it arranges, masks and handles its own signals as told on its standard input, a packet each.

`action NUMBER DISPOSITION MASK…`, `mask HOW NUMBER…` and `return` from the handler that was entered last. It answers
`ready`, `refused NUMBER` and `enter NUMBER`. Everything goes through libc: Python's own handlers run later, unmasked.
A handler obeys too, inside the system call that it interrupted, so nested ones are nested frames on the real stack.
"""

from __future__ import annotations

import ctypes
import os

SA_RESTART = 0x10000000
HOW = {"block": 0, "unblock": 1, "set": 2}
#: SIGKILL and SIGSTOP cannot be arranged, and glibc keeps two for itself.
SIGNALS = set(range(1, 65)) - {9, 19, 32, 33}

libc = ctypes.CDLL(None)
Handler = ctypes.CFUNCTYPE(None, ctypes.c_int)


class SigSet(ctypes.Structure):
    _fields_ = [("words", ctypes.c_ulong * (128 // ctypes.sizeof(ctypes.c_ulong)))]


class SigAction(ctypes.Structure):
    """glibc's and musl's on x86-64 and AArch64."""

    _fields_ = [
        ("handler", ctypes.c_void_p),
        ("mask", SigSet),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    ]


def sigset(numbers: list[int]) -> SigSet:
    signals = SigSet()
    for number in numbers:
        signals.words[0] |= 1 << (number - 1)
    return signals


@Handler
def entered(number: int) -> None:
    os.write(1, b"enter %d" % number)
    obey()


def act(number: int, disposition: str, mask: list[int]) -> None:
    handler = {"default": 0, "ignore": 1, "handle": ctypes.cast(entered, ctypes.c_void_p).value}[disposition]
    action = SigAction(handler, sigset(mask), SA_RESTART, None)
    if libc.sigaction(number, ctypes.byref(action), None):
        os.write(1, b"refused %d" % number)


def obey() -> None:
    while packet := os.read(0, 4096):
        match packet.decode().split():
            case ["return"]:
                return
            case ["action", number, disposition, *mask]:
                act(int(number), disposition, [int(each) for each in mask])
            case ["mask", how, *numbers]:
                libc.sigprocmask(HOW[how], ctypes.byref(sigset([int(each) for each in numbers])), None)
    os._exit(0)  # whoever gave the orders is gone


if __name__ == "__main__":
    # Python has arranged some for itself.
    for each in SIGNALS:
        act(each, "default", [])
    os.write(1, b"ready")
    obey()
