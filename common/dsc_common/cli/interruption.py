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
    """Raise InterruptionError in the main thread on a signal; inside an import, only after it.

    An exception in an import can be swallowed, or leave a module half-initialised. The signal is sent
    again until the import is over. A second signal meanwhile is raised at once.
    """
    _handle(_Raising())


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


class _Raising:
    """Raises InterruptionError, or sends the signal again a little later."""

    def __init__(self) -> None:
        self._waits = self._sent_again = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        insists = self._waits and not self._sent_again
        self._sent_again = False
        self._waits = not insists and _swallows(frame)
        if not self._waits:
            raise InterruptionError
        again = threading.Timer(_AGAIN_S, self._send_again, (number,))
        again.daemon = True
        again.start()

    def _send_again(self, number: int) -> None:
        if self._waits:
            self._sent_again = True
            os.kill(os.getpid(), number)


def _swallows(frame: FrameType | None) -> bool:
    """Whether an import or a finalizer is under way."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
