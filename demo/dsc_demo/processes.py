"""Runs commands and services as child processes that always end before this one does.

A child is stopped when its `with` block ends, for whatever reason; `dsc_common.cli` makes SIGTERM one.
Each child is tethered (see `tether`): on Linux not even SIGKILL of this process leaves a child behind. Each
child has a separate process group: Ctrl-C reaches only this process, which then stops its children in order.
"""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from dsc_common.errors import DscError
from dsc_demo import tether

_LISTENING_LINE = re.compile(r'^(?:|{.*"message": ")listening on (\S+:\d+)(?:|"})$')  # as text or JSON
_KEPT_LINES = 200
_JOIN_S = 2.0


class ProcessFailedError(DscError):
    """A child process could not start, ended too early or gave no answer; the message has its last line."""


def python_module(module: str, *arguments: str | Path) -> list[str]:
    """Return the command line that runs a module's `__main__` with this interpreter."""
    return [sys.executable, "-m", module, *(str(argument) for argument in arguments)]


class _Reader(threading.Thread):
    """Drains a stream in a thread, lest the child block on a full pipe; keeps its last lines."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # None: the stream has ended
        self.last: deque[str] = deque(maxlen=_KEPT_LINES)

    def run(self) -> None:
        with self._stream:
            for line in self._stream:
                self.last.append(line.rstrip())
                self.lines.put(line.rstrip("\n"))
        self.lines.put(None)


class ChildProcess:
    """A command that runs while its `with` block runs.

    Args:
        name: what messages call it.
        command: the argument list; see `python_module`.
        stop_signal: what asks it to end; SIGKILL follows after `grace_s` seconds.
        show_stderr: let its stderr (a progress bar) through instead of keeping it for error messages.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 5.0,
        show_stderr: bool = False,
    ) -> None:
        self.name = name
        self.command = list(command)
        self._stop_signal = stop_signal
        self._grace_s = grace_s
        self._show_stderr = show_stderr
        self._popen: subprocess.Popen[str] | None = None
        self._stdout: _Reader | None = None
        self._stderr: _Reader | None = None

    def start(self) -> Self:
        """Start the command; call `stop` afterwards, or use `with`."""
        if self._popen is not None:
            raise RuntimeError(f"{self.name} was started before")
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", str(tether.__file__), str(os.getpid()), *self.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if self._show_stderr else subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            process_group=0,
        )
        self._stdout = self._read(self._popen.stdout)
        self._stderr = self._read(self._popen.stderr)
        return self

    @staticmethod
    def _read(stream: IO[str] | None) -> _Reader | None:
        if stream is None:
            return None
        reader = _Reader(stream)
        reader.start()
        return reader

    @property
    def pid(self) -> int:
        """The process id (of the started command itself: the tether becomes it)."""
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal's number; None while it runs."""
        return self._running().poll()

    @property
    def stderr_lines(self) -> list[str]:
        """The last lines of its stderr, oldest first; empty if they were let through."""
        return list(self._stderr.last) if self._stderr is not None else []

    def lines(self, limit_s: float | None = None) -> Iterator[str]:
        """Yield the lines of its stdout as they come, until it closes stdout.

        Raises:
            ProcessFailedError: no line came for `limit_s` seconds.
        """
        self._running()
        while (line := self._next_line(limit_s)) is not None:
            yield line

    def wait(self, limit_s: float | None = None) -> int:
        """Return the exit code once it has ended; raise ProcessFailedError after `limit_s` seconds."""
        try:
            code = self._running().wait(limit_s)
        except subprocess.TimeoutExpired as error:
            raise ProcessFailedError(f"{self.name} did not end within {limit_s:g} s") from error
        if self._stderr is not None:
            self._stderr.join(_JOIN_S)
        return code

    def check(self, limit_s: float | None = None) -> None:
        """Wait for the end and raise ProcessFailedError unless the exit code is 0."""
        if self.wait(limit_s) != 0:
            raise self._failure("failed")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the command; do nothing if it has ended."""
        self._running().send_signal(number)

    def stop(self) -> int:
        """Ask it to end, insist after the grace time, and return the exit code; harmless if it has ended."""
        popen = self._running()
        try:
            popen.send_signal(self._stop_signal)
            popen.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if popen.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(popen.pid, signal.SIGKILL)
            code = popen.wait()
            for reader in (self._stdout, self._stderr):
                if reader is not None:
                    reader.join(_JOIN_S)
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._popen is not None:
            self.stop()

    def _running(self) -> subprocess.Popen[str]:
        if self._popen is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._popen

    def _next_line(self, limit_s: float | None) -> str | None:
        if self._stdout is None:
            raise RuntimeError(f"{self.name} has not been started")
        try:
            line = self._stdout.lines.get(timeout=limit_s)
        except queue.Empty as error:
            raise ProcessFailedError(f"{self.name} printed nothing for {limit_s:g} s") from error
        if line is None:
            self._stdout.lines.put(None)  # for whoever asks again
        return line

    def _failure(self, what: str) -> ProcessFailedError:
        last = next((line for line in reversed(self.stderr_lines) if line.strip()), "")
        said = last.strip().removeprefix("error: ")
        code = self._running().returncode
        return ProcessFailedError(f"{self.name} {what} (exit code {code})" + (f": {said}" if said else ""))


class ServiceProcess(ChildProcess):
    """A service that prints `listening on HOST:PORT` (as text or JSON) when ready; started means ready."""

    def __init__(
        self, name: str, command: Sequence[str], *, ready_s: float = 60.0, grace_s: float = 5.0
    ) -> None:
        super().__init__(name, command, grace_s=grace_s)
        self._ready_s = ready_s
        self._address: str | None = None

    @property
    def address(self) -> str:
        """HOST:PORT, as the service printed it."""
        if self._address is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._address

    def start(self) -> Self:
        """Start the service and wait until it listens.

        Raises:
            ProcessFailedError: it ended before it listened, or did not listen within `ready_s` seconds.
        """
        super().start()
        try:
            self._address = self._wait_for_address(time.monotonic() + self._ready_s)
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_for_address(self, deadline: float) -> str:
        while True:
            try:
                line = self._next_line(max(0.0, deadline - time.monotonic()))
            except ProcessFailedError as error:
                raise ProcessFailedError(f"{self.name} was not ready within {self._ready_s:g} s") from error
            if line is None:
                self.wait(self._grace_s)
                raise self._failure("ended before it was ready")
            if match := _LISTENING_LINE.match(line.strip()):
                return match[1]
