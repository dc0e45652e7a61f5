"""Two folders change places: in one step where the system can do that, else in three."""

import ctypes
import errno
import os
from pathlib import Path

ASIDE = ".old"  # suffix of a folder that is moved aside between the steps
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # of a kernel or file system without it


def exchange(one: Path, other: Path) -> None:
    """Give each of two folders the other's name; on an error nothing changes.

    Args:
        one: a folder.
        other: a folder of the same file system; a process that is killed may leave it at `one` + ASIDE.

    Raises:
        OSError: a folder cannot be renamed.
    """
    if not _exchange_at_once(one, other):
        _exchange_by_steps(one, other, one.with_name(one.name + ASIDE))


def _exchange_by_steps(one: Path, other: Path, aside: Path) -> None:
    other.rename(aside)
    try:
        one.rename(other)
    except BaseException:
        aside.rename(other)
        raise
    try:
        aside.rename(one)
    except BaseException:
        other.rename(one)
        aside.rename(other)
        raise


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Linux' renameat2 with RENAME_EXCHANGE; False where it is missing."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    rename.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))
