"""A CSI camera of a Raspberry Pi, through the program rpicam-still (formerly libcamera-still)."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from dsc_common.errors import InvalidImageError
from dsc_common.features.images import check_photo
from dsc_device.camera.camera import CameraError, end, last_words, part_of

PROGRAMS = ("rpicam-still", "libcamera-still")
_END_BYTES = 1 << 14  # of what the program printed


def find_program() -> str | None:
    """Path of the program; None if it is not installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class CsiCamera:
    """Runs the program for each photo.

    Args:
        program: path of the program.
        limit_s: time limit of a photo, in seconds.
        size: width and height in pixels; None: as the camera has them.
    """

    def __init__(self, program: str, limit_s: float, size: tuple[int, int] | None = None) -> None:
        self._limit_s = limit_s
        shape = [] if size is None else ["--width", str(size[0]), "--height", str(size[1])]
        self._command = [program, "--nopreview", "--timeout", "1000", "--encoding", "jpg", *shape, "--output"]

    def capture(self, target: Path) -> None:
        """Take a photo into a new file; CameraError if there is none within the time limit."""
        part = part_of(target)
        try:
            self._run(part)
            check_photo(part)
            part.replace(target)
        except InvalidImageError as error:
            reason = str(error).replace(f" {part}", "").removesuffix(":")  # a file that nobody sees
            raise CameraError(f"{self._command[0]} left no photo: {reason}") from error
        finally:
            part.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing: the program ends with each photo."""

    def _run(self, part: Path) -> None:
        with tempfile.TemporaryFile() as lines:
            try:
                process = subprocess.Popen(
                    [*self._command, str(part)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=lines,
                    start_new_session=True,
                )
            except OSError as error:
                raise CameraError(f"cannot start {self._command[0]}: {error.strerror}") from error
            try:
                code = process.wait(self._limit_s)
            except subprocess.TimeoutExpired as error:
                raise CameraError(f"{self._command[0]} gave no photo within {self._limit_s:g} s") from error
            finally:
                end(process)
            if code != 0:
                words = last_words(_end_of(lines).decode("utf-8", "replace"))
                raise CameraError(f"{self._command[0]} failed ({code}){f': {words}' if words else ''}")


def _end_of(file: IO[bytes]) -> bytes:
    file.seek(max(file.seek(0, os.SEEK_END) - _END_BYTES, 0))
    return file.read()
