"""A value that is read from files, and read again when they have changed."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from dsc_common.errors import DscError

_Value = TypeVar("_Value")
_State = tuple[tuple[int, int, int] | None, ...]


class Followed(Generic[_Value]):
    """A value of files; may be used by several threads.

    Args:
        paths: the files; a renewed file has another inode, size or time of change.
        read: makes the value of what the files hold now.
    """

    def __init__(self, paths: Sequence[Path], read: Callable[[], _Value]) -> None:
        self._paths, self._read = tuple(paths), read
        self._lock = threading.Lock()
        self._state: _State | None = None
        self._value: _Value

    def current(self) -> _Value:
        """The value of the files as they are now; raises what `read` raises, until it succeeds."""
        with self._lock:
            state = tuple(_state(path) for path in self._paths)
            if state != self._state:
                self._state = None
                self._value = self._read()
                self._state = state
            return self._value

    def latest(self) -> _Value:
        """The value; while the files cannot be read, or do not fit together, the one before."""
        try:
            return self.current()
        except (DscError, OSError):
            if not hasattr(self, "_value"):
                raise
            return self._value


def _state(path: Path) -> tuple[int, int, int] | None:
    """What differs when a file was replaced or written; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 (each call of a service asks)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
