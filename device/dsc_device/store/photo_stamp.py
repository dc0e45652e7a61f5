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
    def row(self) -> tuple[bytes, int, int, int, int]:
        """Path as bytes, and the numbers."""
        return (os.fsencode(self.path), _signed(self.device), _signed(self.inode), self.size, self.mtime_ns)


def _signed(number: int) -> int:
    """As SQLite keeps it: 64 bits with a sign."""
    return number - (1 << 64) if number >= 1 << 63 else number
