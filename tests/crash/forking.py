"""`python -m crash.forking`: runs `dsc-device` in forked children, killed where a request says.

One process imports everything once. For each line of JSON on stdin it forks a child; a line of JSON on stdout
has the exit status and how many points the child passed. A point is the start of an SQL statement, and the
start, middle and end of a write or flush of a file.
"""

import json
import mmap
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any

import dsc_device.commands.watch
import dsc_device.main
import dsc_device.sending.queueing
import dsc_device.sending.running
import dsc_device.watching.events
import dsc_device.watching.folder_watch
import dsc_device.watching.taking
from dsc_common.cli.app import run_app


class Points:
    """Counts points in memory that the parent shares, and kills the process at one of them."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at, self._shared, self._lock = kill_at, mmap.mmap(-1, 8), threading.Lock()

    @property
    def passed(self) -> int:
        return int.from_bytes(self._shared[:8], "little")

    def reach(self, *_: object) -> None:
        with self._lock:
            number = self.passed + 1
            self._shared[:8] = number.to_bytes(8, "little")
        if number == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _with_points(points: Points) -> None:
    """Let statements, writes and flushes of this process be points."""
    connect, write, fsync = sqlite3.connect, os.write, os.fsync

    def connect_traced(*arguments: Any, **by_name: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **by_name)
        connection.set_trace_callback(points.reach)
        return connection

    def write_in_halves(descriptor: int, data: Any) -> int:
        points.reach()
        half = bytes(data)[: len(data) // 2]
        written = write(descriptor, half)
        points.reach()
        written += write(descriptor, bytes(data)[written:])
        points.reach()
        return written

    def flush(descriptor: int) -> None:
        points.reach()
        fsync(descriptor)
        points.reach()

    sqlite3.connect = connect_traced  # type: ignore[assignment]
    os.write, os.fsync = write_in_halves, flush  # type: ignore[assignment]


def _run(arguments: list[str], log: Path, points: Points) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["dsc-device", *arguments]
    _with_points(points)
    run_app(dsc_device.main.app)


def _forked(request: dict[str, Any]) -> dict[str, int]:
    points = Points(request["kill_at"])
    child = os.fork()
    if child == 0:
        try:
            _run(request["arguments"], Path(request["log"]), points)
        except SystemExit as end:
            os._exit(int(end.code or 0))
        finally:
            os._exit(99)
    timer = threading.Timer(request["kill_after_s"] or 120.0, os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    return {"code": os.waitstatus_to_exitcode(status), "points": points.passed}


def main() -> None:
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
