"""A V4L2 camera (USB), opened by a separate process: a driver that hangs blocks nothing else."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dsc_common.cli.printable import printable
from dsc_device.camera.camera import CameraError, end, part_of

WORKER = "dsc_device.camera.v4l2_worker"
READY = "ok"
_MAX_LINE_BYTES = 4096


def worker_command(device: str, size: tuple[int, int] | None) -> list[str]:
    """Command line of the process that opens a device."""
    shape = [] if size is None else [str(side) for side in size]
    return [sys.executable, "-m", WORKER, device, *shape]


class V4l2Camera:
    """Asks a worker for each photo: a path as a line, answered by `ok` or by what is wrong.

    The worker is killed when it does not answer in time, and started again for the next photo.

    Args:
        command: command line of the worker.
        limit_s: time limit of a photo, in seconds; it includes the start of the worker.
    """

    def __init__(self, command: Sequence[str], limit_s: float) -> None:
        self._command, self._limit_s = list(command), limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def capture(self, target: Path) -> None:
        """Take a photo into a new file; CameraError if there is none within the time limit."""
        part = part_of(target)
        try:
            answer = self._ask(part)
            if answer != READY:
                raise CameraError(f"the camera fails: {printable(answer)}")
            part.replace(target)
        except OSError as error:
            raise CameraError(f"the camera left no photo: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            end(self._process)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None

    def _ask(self, part: Path) -> str:
        ends_at = time.monotonic() + self._limit_s
        process = self._process = self._process or self._start()
        try:
            return _exchange(process, f"{part}\n".encode(), ends_at)
        except BaseException as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise CameraError(f"the camera gave no photo within {self._limit_s:g} s") from error
            if isinstance(error, (EOFError, BrokenPipeError)):
                raise CameraError("the process of the camera ended") from error
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise CameraError(f"cannot start {self._command[0]}: {error.strerror}") from error


def _exchange(process: subprocess.Popen[bytes], question: bytes, ends_at: float) -> str:
    """The line that a process answers; TimeoutError, or EOFError if it ends."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("expected a process with pipes")
    process.stdin.write(question)
    answer, descriptor = b"", process.stdout.fileno()
    while not answer.endswith(b"\n"):
        left_s = ends_at - time.monotonic()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            raise TimeoutError
        piece = os.read(descriptor, _MAX_LINE_BYTES)
        if not piece or len(answer) > _MAX_LINE_BYTES:
            raise EOFError
        answer += piece
    return answer.decode("utf-8", "replace").strip()
