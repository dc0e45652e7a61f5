"""A V4L2 camera (USB), opened by a separate process: a driver that hangs blocks nothing else."""

import importlib.util
import os
import select
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dsc_common.errors import SettingError
from dsc_device.camera.camera import CameraError, NoCameraError, end, last_words, part_of
from dsc_device.camera.v4l2_worker import NEEDS
from dsc_device.places import kind_at

WORKER = "dsc_device.camera.v4l2_worker"
READY = "ok"
PACKAGE = "cv2"
_MAX_LINE_BYTES = 4096


def require_device(device: str) -> None:
    """Raise an error if a device cannot be a camera, or the package that opens it is missing.

    Raises:
        SettingError: there is nothing, or something that is no device.
        NoCameraError: the package is missing.
    """
    try:
        is_device = stat.S_ISCHR(Path(device).stat().st_mode)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"--camera: expected csi or a V4L2 device, got {device}: {reason}") from error
    if not is_device:
        raise SettingError(f"--camera: expected csi or a V4L2 device, got {kind_at(Path(device))}: {device}")
    if importlib.util.find_spec(PACKAGE) is None:
        raise NoCameraError(f"--camera {device}: {NEEDS}")


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
        """Take a photo into a new file.

        Raises:
            CameraError: there is none within the time limit.
            NoCameraError: a package is missing.
        """
        part = part_of(target)
        try:
            answer = self._ask(part)
            if answer.startswith(NEEDS):
                raise NoCameraError(last_words(answer))
            if answer != READY:
                raise CameraError(f"the camera fails: {last_words(answer)}")
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
