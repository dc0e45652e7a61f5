"""Mount points, which can be neither renamed nor replaced."""

import contextlib
import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_FOLDER = 4  # the field of a line that names the mount point


def is_mount_point(path: Path) -> bool:
    """Whether a file system is mounted at a real path, or a folder of the same one (a bind mount)."""
    return os.path.ismount(path) or os.fsencode(path) in _mount_points()


def _mount_points() -> set[bytes]:
    # os.path.ismount compares devices, and so misses folders of the same file system; Docker mounts those.
    with contextlib.suppress(OSError):  # a system without /proc
        lines = [line.split() for line in _MOUNTS.read_bytes().splitlines()]
        return {_unescaped(fields[_FOLDER]) for fields in lines if len(fields) > _FOLDER}
    return set()


def _unescaped(name: bytes) -> bytes:
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), name)
