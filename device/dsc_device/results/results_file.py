"""A file of lines that others may rotate: each line once, whole, also after a crash in the middle of it.

A line's place is kept in the store before the line is written. After a crash the line is looked for at that
place, in the file and in its renamed or copied predecessors, and completed there.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from dsc_common.errors import InvalidInputError
from dsc_common.files.whole_file import flush_folder, named_errors
from dsc_device.store.outbox import Line, Place

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK


class ResultsFile:
    """The file, opened again for each line, since it may have been moved away.

    Args:
        path: the file; it is made when a line is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def check(self) -> None:
        """Raise InvalidInputError or OSError unless lines can be appended."""
        with self._opened():
            pass

    def place(self) -> Place:
        """Where the next line begins: at the end; a line that another program left unfinished is ended."""
        with self._opened() as descriptor:
            status = os.fstat(descriptor)
            if status.st_size and os.pread(descriptor, 1, status.st_size - 1) != b"\n":
                _append(descriptor, b"\n", self.path)
                status = os.fstat(descriptor)
            return Place(self.path, status.st_dev, status.st_ino, status.st_size)

    def write(self, line: Line, move: Callable[[Line], None]) -> None:
        """Write a line at its place, unless it is there already.

        Args:
            line: the line; its place is in the store.
            move: keeps the line with another place, which it needs when the file was emptied or is gone.

        Raises:
            OSError: it is not, or not wholly, written; it can be tried again.
        """
        if _complete(self.path, line) or any(_has(path, line) for path in self._candidates()):
            return
        if any(_complete(path, line) for path in self._candidates()):
            return
        line = Line(line.text, self.place())
        move(line)
        if not _complete(self.path, line):
            raise OSError(errno.ESTALE, "moved away while a line was written", str(self.path))

    def _candidates(self) -> list[Path]:
        """The file, and files beside it with names that begin with its name: rotated ones."""
        beside = sorted(self.path.parent.glob(f"{_escaped(self.path.name)}*"))
        return [path for path in dict.fromkeys([self.path, *beside]) if path.is_file()]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        is_new = not self.path.exists()
        descriptor = os.open(self.path, _FLAGS, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidInputError(f"expected a regular file for results, got {self.path}")
            if is_new:
                flush_folder(self.path.parent)
            yield descriptor
        finally:
            os.close(descriptor)


def _has(path: Path, line: Line) -> bool:
    """Whether a file has the whole line at its place."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(line.place.offset)
        if file.read(len(line.text)) == line.text:
            os.fsync(file.fileno())  # it may have been written, but not to the disk
            return True
    return False


def _complete(path: Path, line: Line) -> bool:
    """Write the line into the file in which it was begun; False if it is another file, or has changed."""
    place = line.place
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) != (place.device, place.inode):
                return False
            begun = os.pread(descriptor, len(line.text) + 1, place.offset)
            if status.st_size < place.offset or not _is_begun(begun, line.text):
                return False
            os.lseek(descriptor, place.offset, os.SEEK_SET)
            _append(descriptor, line.text, path)
            return True
        finally:
            os.close(descriptor)
    return False


def _is_begun(found: bytes, text: bytes) -> bool:
    """Whether bytes at the end of a file are a part of the line; a power cut may leave zeros for the rest."""
    written = found.rstrip(b"\0")
    return len(found) <= len(text) and text.startswith(written)


def _append(descriptor: int, text: bytes, path: Path) -> None:
    """Write all bytes, and flush them to the disk."""
    rest = memoryview(text)
    with named_errors(path):
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    if os.fstat(descriptor).st_nlink == 0:
        raise OSError(errno.ESTALE, "removed while a line was written", str(path))


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
