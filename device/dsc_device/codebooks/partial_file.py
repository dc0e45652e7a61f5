"""A file that grows over several downloads: locked while it grows, put in place once its hash is right."""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from dsc_common.codebook.manifest import Artifact
from dsc_common.errors import DscError
from dsc_common.files.lock import try_lock
from dsc_common.files.whole_file import named_errors, put_in_place

POLL_S = 0.1
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class PartialFile:
    """The part of an artifact that has arrived, open for appending and locked.

    Attributes:
        file: the open file, unbuffered.
        path: its path, beside its target.
        target: path of the whole file.
        artifact: size and hash of the whole file.
    """

    file: FileIO
    path: Path
    target: Path
    artifact: Artifact

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.file.tell()

    def append(self, piece: bytes) -> None:
        """Add bytes; OSError, naming the file, if the disk is full."""
        rest = memoryview(piece)
        with named_errors(self.path):
            while rest:
                rest = rest[self.file.write(rest) :]

    def finish(self) -> bool:
        """Put the file in place if it is the artifact; otherwise empty it and return False."""
        if is_whole(self.path, self.artifact):
            put_in_place(self.path, self.target)
            return True
        self.clear()
        return False

    def clear(self) -> None:
        """Discard what has arrived."""
        self.file.truncate(0)
        self.file.seek(0)

    def remove(self) -> None:
        """Remove what has arrived."""
        self.path.unlink(missing_ok=True)


def is_whole(path: Path, artifact: Artifact) -> bool:
    """Whether a file is the artifact, by size and hash."""
    if not path.is_file() or path.stat().st_size != artifact.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artifact.sha256


@contextlib.contextmanager
def open_partial(
    target: Path, artifact: Artifact, wait_s: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator[PartialFile | None]:
    """The locked partial file of a target; None if another process has completed the target meanwhile.

    Args:
        target: path of the whole file; its folder must exist.
        artifact: size and hash of the whole file.
        wait_s: seconds to wait for another process that holds the lock and makes no progress.
        sleep: waits for a number of seconds.

    Raises:
        DscError: another process holds the lock, and makes no progress.
        OSError: the folder cannot be written.
    """
    path = target.with_name(f".{target.name}.{os.getuid()}.partial")  # other users' cannot be written
    with _open_locked(path, wait_s, sleep) as file:
        try:
            yield None if is_whole(target, artifact) else PartialFile(file, path, target, artifact)
        finally:
            if file.tell() == 0 and _is_at(file, path):
                path.unlink()


def _open_locked(path: Path, wait_s: float, sleep: Callable[[float], None]) -> FileIO:
    waited_s, size = 0.0, -1
    while True:
        file = os.fdopen(os.open(path, _FLAGS, 0o666), "ab", buffering=0)
        try:
            if try_lock(file.fileno()):
                if _is_at(file, path):
                    return file
                waited_s = 0.0  # its last holder renamed or removed it
            elif (grown := file.tell()) != size:
                waited_s, size = 0.0, grown
            elif waited_s >= wait_s:
                raise DscError(f"another process downloads {path.name}, without progress for {wait_s:g} s")
        except BaseException:
            file.close()
            raise
        file.close()
        sleep(POLL_S)
        waited_s += POLL_S


def _is_at(file: FileIO, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    return False
