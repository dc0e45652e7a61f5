"""What every camera has: a photo into a file, whole or not at all, within a time limit."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Protocol

from dsc_common.errors import DscError

GRACE_S = 5.0  # for the system to end a process that was killed


class CameraError(DscError):
    """A camera gave no photo; it may give the next one."""


class Camera(Protocol):
    """A camera."""

    def capture(self, target: Path) -> None:
        """Take a photo into a new file; CameraError if there is none within the time limit."""

    def close(self) -> None:
        """End its process."""


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and those that it started; one that the system cannot end is left alone.

    Args:
        process: leader of a session (`start_new_session`).
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)


def part_of(target: Path) -> Path:
    """A hidden file beside the target, for a photo that is being written; of the same kind."""
    return target.with_name(f".{target.stem}.part{target.suffix}")
