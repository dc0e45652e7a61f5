"""Room on a disk: taken before long work, and an error that names the folder where it lacks."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from dsc_common.errors import DscError
from dsc_common.files.whole_file import NO_ROOM

_CANNOT = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)  # of a file system that takes no room ahead


@contextlib.contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """A full disk during the block is a DscError that names the folder that is written to."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        why = "" if error.strerror == os.strerror(errno.ENOSPC) else f": {error.strerror}"
        raise DscError(f"no space left in {folder}{why}") from error


def require_room(folder: Path, num_bytes: int) -> None:
    """Raise OSError if a folder's disk has too little room; its text has the number of bytes."""
    status = os.statvfs(folder)
    if status.f_bavail * status.f_frsize < num_bytes:
        raise _no_room(errno.ENOSPC, folder, num_bytes)


def take_room(path: Path, num_bytes: int) -> None:
    """Allocate the blocks of a file, so that writing to a memory map of it cannot fail.

    Raises:
        OSError: there is too little room for it; its text has the number of bytes.
    """
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, num_bytes)
    except OSError as error:
        if error.errno in _CANNOT:
            return
        if error.errno not in NO_ROOM:
            raise
        raise _no_room(error.errno, path, num_bytes) from error


def _no_room(number: int, path: Path, num_bytes: int) -> OSError:
    return OSError(number, f"needs {-(-num_bytes >> 20):,} MiB more", str(path))
