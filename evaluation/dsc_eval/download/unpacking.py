"""Unpack untrusted tar and zip archives: plain files below one folder, in bounded number and size."""

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from dsc_common.errors import InvalidInputError
from dsc_common.files.whole_file import put_in_place

MAX_FILES = 2_000_000
BLOCK_BYTES = 1 << 20

_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class _Member:
    name: str
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, max_bytes: int) -> int:
    """Unpack an archive into a folder that is not there yet; it appears whole or not at all.

    Args:
        archive: tar (also compressed) or zip.
        folder: to be made.
        max_bytes: that all files may have together.

    Returns:
        Number of files.

    Raises:
        InvalidInputError: the folder exists; the file is no archive or is damaged; a member is no plain
            file, lies outside the folder, or there is too much of it.
    """
    if folder.exists():
        raise InvalidInputError(f"{folder} exists already; move it away to unpack {archive.name}")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        count = _unpack_into(archive, partial, max_bytes)
        put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return count


def _unpack_into(archive: Path, folder: Path, max_bytes: int) -> int:
    left, count = max_bytes, 0
    try:
        for member in _members(archive):
            target = folder / _safe(member.name, archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            left -= _write(member, target, left, archive)
            count += 1
            if count > MAX_FILES:
                raise InvalidInputError(f"expected at most {MAX_FILES} files in {archive}")
    except _ERRORS as error:
        raise InvalidInputError(f"{archive} is no archive, or is damaged: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidInputError(f"{archive} holds a file twice: {error.filename}") from error
    return count


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    else:
        yield from _tar_members(archive)


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive, "r|*") as tar:  # as a stream: each byte is decompressed once
        for entry in tar:
            if entry.isfile():
                yield _Member(entry.name, lambda entry=entry: tar.extractfile(entry))  # type: ignore[misc]
            elif not entry.isdir():
                raise InvalidInputError(f"expected plain files in {archive}, got {entry.name!r}")


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as container:
        for entry in container.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InvalidInputError(f"expected plain files in {archive}, got {entry.filename!r}")
            if not entry.is_dir():
                yield _Member(entry.filename, lambda entry=entry: container.open(entry))  # type: ignore[misc]


def _safe(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name or "\0" in name:
        raise InvalidInputError(f"expected files below one folder in {archive}, got {name!r}")
    return path


def _write(member: _Member, target: Path, left: int, archive: Path) -> int:
    written = 0
    source = member.open()
    if source is None:
        raise InvalidInputError(f"expected plain files in {archive}, got {member.name!r}")
    with source, target.open("xb") as file:
        while block := source.read(BLOCK_BYTES):
            written += len(block)
            if written > left:
                raise InvalidInputError(f"there is more in {archive} than is expected; it is not unpacked")
            file.write(block)
    return written
