"""Ctrl-C, SIGTERM and SIGHUP end a command with one line and exit code 1, from its first import on."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

LINE = "error: interrupted"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_S = 0.02


class InterruptionError(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP; half-written files are removed while it propagates.

    Not a KeyboardInterrupt, which Typer handles itself, and not an Exception, which code may catch.
    """


def exit_when_interrupted() -> None:
    """End at once on a signal: while modules are imported, and after the work, nothing is half-written."""
    _handle(_exit)


def raise_when_interrupted() -> None:
    """Raise InterruptionError in the main thread on a signal, but never inside an import.

    An exception there can be swallowed, or leave a module half-initialised. The signal is sent again
    until the import is over.
    """
    _handle(_raise)


def handled_signals() -> list[signal.Signals]:
    """The signals that end a command; not SIGHUP where it is ignored, as nohup does."""
    return [n for n in _SIGNALS if n is not signal.SIGHUP or signal.getsignal(n) is not signal.SIG_IGN]


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in handled_signals():
        signal.signal(number, handler)


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(2, f"{LINE}\n".encode())
    os._exit(1)


def _raise(number: int, frame: FrameType | None) -> None:
    if not _swallows(frame):
        raise InterruptionError
    again = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _swallows(frame: FrameType | None) -> bool:
    """Whether an import or a finalizer is under way."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
