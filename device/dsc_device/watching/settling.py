"""Files that may still be written: each is due once its writer has closed it, or once it stays as it is."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsc_device.store.photo_stamp import PhotoStamp
from dsc_device.watching.writers import has_writer

SETTLE_S = 10.0


@dataclass
class _Pending:
    """A file: whether its writer closed it, and since when it has its stamp."""

    closed: bool
    stamp: PhotoStamp
    since_s: float


def stamp_of(path: Path) -> PhotoStamp | None:
    """The stamp of a regular file as it is; None if there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return _stamp(path, None)
    try:
        return _stamp(path, descriptor)  # of an open file a network file system asks its server
    finally:
        os.close(descriptor)


def _stamp(path: Path, descriptor: int | None) -> PhotoStamp | None:
    try:
        status = path.stat() if descriptor is None else os.fstat(descriptor)
    except OSError:
        return None
    return PhotoStamp.of(path, status) if stat.S_ISREG(status.st_mode) else None


class Settling:
    """Files that wait to be read.

    Args:
        settle_s: seconds that a file must stay as it is where writers cannot be seen.
        clock: seconds since any moment.
        writes: whether a program writes a file; None: not known.
        empty_s: seconds that an empty file must stay as it is, since a program may open it again to fill it.
    """

    def __init__(
        self,
        settle_s: float = SETTLE_S,
        clock: Callable[[], float] = time.monotonic,
        writes: Callable[[Path], bool | None] = has_writer,
        empty_s: float = SETTLE_S,
    ) -> None:
        self._settle_s, self._clock, self._writes, self._empty_s = settle_s, clock, writes, empty_s
        self._files: dict[Path, _Pending] = {}

    def __len__(self) -> int:
        return len(self._files)

    def offer(self, path: Path, *, closed: bool) -> None:
        """Let a file wait.

        Args:
            path: absolute path.
            closed: its writer has closed it, or it was moved here.
        """
        pending = self._files.get(path)
        if pending is not None:
            pending.closed |= closed
        elif (stamp := stamp_of(path)) is not None:
            self._files[path] = _Pending(closed, stamp, self._clock())

    def due(self) -> Iterator[PhotoStamp]:
        """The files that can be read now, oldest first; they no longer wait."""
        order = sorted(self._files.items(), key=lambda item: (item[1].stamp.mtime_ns, item[0]))
        for path, pending in order:
            stamp = stamp_of(path)
            if stamp is None:  # gone, or renamed
                self._files.pop(path, None)
            elif self._is_settled(pending, stamp):
                self._files.pop(path, None)
                yield stamp

    def _is_settled(self, pending: _Pending, stamp: PhotoStamp) -> bool:
        if stamp != pending.stamp:
            pending.stamp, pending.since_s = stamp, self._clock()
        still_s = self._clock() - pending.since_s
        if not stamp.size and still_s < self._empty_s:
            return False
        writes = self._writes(stamp.path)
        if writes is None:
            return pending.closed or still_s >= self._settle_s
        return not writes
