"""What marks a photo's file without reading it: its path, device, inode, size and time of change."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PhotoStamp:
    """A file as it was at one moment.

    Attributes:
        path: absolute path.
        device: device of its file system; another one after most mounts.
        inode: its number there; on FAT another one after each mount.
        size: bytes.
        mtime_ns: time of the last change, in nanoseconds since 1970.
    """

    path: Path
    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path, status: os.stat_result) -> "PhotoStamp":
        """The stamp of a file with this status."""
        return cls(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    @property
    def captured_ns(self) -> int:
        """The time of change, as the time of the photo: the nearest that fits into 64 bits with a sign."""
        return min(max(self.mtime_ns, -(1 << 63)), (1 << 63) - 1)

    @property
    def row(self) -> tuple[bytes, int, int, int, int]:
        """Path as bytes, and the numbers."""
        device, inode, mtime_ns = (_signed(number) for number in (self.device, self.inode, self.mtime_ns))
        return (os.fsencode(self.path), device, inode, self.size, mtime_ns)


def _signed(number: int) -> int:
    """The last 64 bits, with a sign, as SQLite keeps them; times of 1677 to 2262 need no more."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)
