"""A lock on a name in a folder: one process at a time, released however that process ends."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from dsc_common.errors import InvalidInputError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of a file system that has none


@contextlib.contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold the lock of the file `path`, which exists while the lock is held.

    A process that is killed leaves the file behind, but not the lock.

    Args:
        path: the file; its folder must exist.
        busy: message of the error if another process holds the lock.

    Raises:
        InvalidInputError: another process holds the lock.
        OSError: the file cannot be made.
    """
    descriptor = _take(path, busy)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while the lock is held, so that no one else's file is removed
        os.close(descriptor)


def _take(path: Path, busy: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            if not try_lock(descriptor):
                raise InvalidInputError(busy)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the last holder removed this file between opening and locking it


def try_lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed; False if another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False
