"""A list of paths from a file or standard input: one a line, or each ended by a NUL."""

import codecs
import os
import sys
from pathlib import Path
from typing import BinaryIO

from dsc_common.errors import InvalidInputError

MAX_LIST_BYTES = 64 << 20
STDIN = "-"


def read_photo_list(source: str, *, null: bool) -> list[str]:
    """The paths of a list, in its order; empty lines and a byte order mark are passed over.

    Args:
        source: path of the list; `-` is standard input.
        null: paths are ended by NUL, as `find -print0` does, and may hold line feeds.

    Raises:
        InvalidInputError: the list cannot be read, is too long, or holds a NUL without `null`.
    """
    if not source:
        raise InvalidInputError("expected a list of photos, got an empty path")
    content = _content(source)
    if null:
        return [os.fsdecode(path) for path in content.split(b"\0") if path]
    if b"\0" in content:
        raise InvalidInputError(f"expected one path a line, got a NUL in {source}; --null reads such lists")
    lines = content.removeprefix(codecs.BOM_UTF8).split(b"\n")
    return [os.fsdecode(line.removesuffix(b"\r")) for line in lines if line.strip()]


def _content(source: str) -> bytes:
    try:
        if source == STDIN:
            return _bounded(sys.stdin.buffer, source)
        with Path(source).open("rb") as file:
            return _bounded(file, source)
    except OSError as error:
        raise InvalidInputError(f"cannot read the list {source}: {error.strerror}") from error


def _bounded(file: BinaryIO, source: str) -> bytes:
    content = file.read(MAX_LIST_BYTES + 1)
    if len(content) > MAX_LIST_BYTES:
        raise InvalidInputError(f"expected a list of at most {MAX_LIST_BYTES >> 20} MiB: {source}")
    return content
