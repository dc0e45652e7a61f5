"""Atomic writes: to a temporary file beside the target, flushed, then renamed; no reader sees half a file."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A new binary file that becomes `path` at the end of the block, or vanishes on any error or Ctrl-C.

    Args:
        path: the file; its folder must exist. An existing file stays unchanged until the end.
        mode: its permissions, less those that the process masks; 0o600 for secrets.

    Raises:
        OSError: the file cannot be written, or `path` is a folder, a device, a pipe or a socket.
    """
    require_replaceable(path)
    beside = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        with named_errors(path):
            with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
                yield file
            put_in_place(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Name `path` in errors of writing an open file, which name no file: a full disk, a quota, a limit."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM and error.filename is None:
            error.filename = str(path)
        raise


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write `content` to `path` atomically; on OSError an existing file is unchanged."""
    with whole_file(path, mode) as file:
        file.write(content)


def require_replaceable(path: Path) -> None:
    """Raise OSError if there is something else than a file at a path: a rename would remove /dev/null."""
    try:
        mode = path.stat().st_mode
    except OSError:  # there is nothing, or writing has an error for it
        return
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def put_in_place(written: Path, path: Path) -> None:
    """Flush a file (or the entries of a folder) to disk, rename it to `path`, and flush its parent folder.

    Args:
        written: complete and closed, on the same file system.
        path: the target; an existing file is replaced, an existing folder must be empty.

    Raises:
        OSError: it cannot be renamed, or a file is to replace what is no file.
    """
    if not written.is_dir():
        require_replaceable(path)
    _flush(written)
    written.replace(path)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush the entries of a folder to disk, if its file system supports that."""
    with contextlib.suppress(OSError):
        _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
