"""Atomic writes: to a temporary file beside the target, flushed, then renamed; no reader sees half a file."""

import contextlib
import errno
import os
import secrets
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
        OSError: the file cannot be written.
    """
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


def put_in_place(written: Path, path: Path) -> None:
    """Flush a file (or the entries of a folder) to disk, rename it to `path`, and flush its parent folder.

    Args:
        written: complete and closed, on the same file system.
        path: the target; an existing file is replaced, an existing folder must be empty.
    """
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
