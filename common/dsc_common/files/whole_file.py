"""Write a file whole: beside its place, flushed to the disk, then renamed; no reader sees half of it."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new binary file that becomes `path` at the end of the block, or vanishes on any error or Ctrl-C.

    Args:
        path: of the file; its folder exists. A file that is there stays as it is until the end.

    Raises:
        OSError: the file cannot be written.
    """
    beside = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            yield file
        put_in_place(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`, which then has all of it; on OSError it is as it was before."""
    with whole_file(path) as file:
        file.write(content)


def put_in_place(written: Path, path: Path) -> None:
    """Flush a file (or the entries of a folder) to the disk, rename it to `path`, and flush that as well.

    Args:
        written: complete and closed, in the same file system.
        path: a file there is replaced; a folder there has to be empty.
    """
    _flush(written)
    written.replace(path)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk, where its file system can do that."""
    with contextlib.suppress(OSError):
        _flush(folder)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
