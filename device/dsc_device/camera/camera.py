"""What every camera has: a photo into a file, whole or not at all, within a time limit."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Protocol

from dsc_common.cli.printable import printable, shortened
from dsc_common.errors import DscError

MAX_WORDS = 300  # characters of a program's line
GRACE_S = 5.0  # for the system to end a process that was killed


class CameraError(DscError):
    """A camera gave no photo; it may give the next one."""


class NoCameraError(DscError):
    """A camera will give no photo, now or later."""


class Camera(Protocol):
    """A camera."""

    def capture(self, target: Path) -> None:
        """Take a photo into a new file.

        Raises:
            CameraError: there is none within the time limit.
            NoCameraError: there will be none.
        """

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


def last_words(output: str) -> str:
    """The last line of what a program said, printable, and not longer than a person reads."""
    lines = output.strip().splitlines()
    return shortened(printable(lines[-1].strip()), MAX_WORDS) if lines else ""


def part_of(target: Path) -> Path:
    """A hidden file beside the target, for a photo that is being written; of the same kind."""
    return target.with_name(f".{target.stem}.part{target.suffix}")
