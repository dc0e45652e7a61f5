"""The cache of downloads is limited in size: the files that were used last stay, and no old partial files."""

import contextlib
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from dsc_common.files.lock import try_lock

SUFFIXES = ("codebook", "codewords", "model", "words")
STALE_S = 86_400.0
_SUFFIX = "|".join(SUFFIXES)
_WHOLE = re.compile(rf"[0-9a-f]{{64}}\.({_SUFFIX})")
_PARTIAL = re.compile(rf"\.[0-9a-f]{{64}}\.({_SUFFIX})\.(\d+\.)?partial(-[0-9a-f]+)?")


def mark_used(path: Path) -> None:
    """Make a file the last one used; another user's file, or a read-only one, stays as it is."""
    with contextlib.suppress(OSError):
        os.utime(path)


def sweep(cache: Path, in_use: set[Path], max_bytes: int) -> None:
    """Remove the files of downloads that were used longest ago, down to a size, and stale partial files.

    Other files in the folder are left alone. A process that has a removed file open, or mapped into memory,
    can still read it.

    Args:
        cache: folder of downloads.
        in_use: files to keep in any case.
        max_bytes: size of all files of downloads together, those in use included.
    """
    files = _downloads_in(cache)
    whole = [entry for entry in files if _WHOLE.fullmatch(entry.name)]
    _shrink(sorted(whole, key=lambda entry: _state(entry).st_mtime), in_use, max_bytes)
    for entry in files:
        if _PARTIAL.fullmatch(entry.name) and _state(entry).st_mtime < time.time() - STALE_S:
            _remove_unless_locked(Path(entry.path))


def _downloads_in(cache: Path) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(cache) as entries:
        return [entry for entry in entries if _is_ours(entry)]
    return []


def _is_ours(entry: os.DirEntry[str]) -> bool:
    if not (_WHOLE.fullmatch(entry.name) or _PARTIAL.fullmatch(entry.name)):
        return False
    with contextlib.suppress(OSError):  # it is gone
        return entry.is_file(follow_symlinks=False) and bool(_state(entry))
    return False


def _state(entry: os.DirEntry[str]) -> os.stat_result:
    return entry.stat(follow_symlinks=False)  # kept by the entry


def _shrink(oldest_first: Iterable[os.DirEntry[str]], in_use: set[Path], max_bytes: int) -> None:
    files = list(oldest_first)
    held = sum(_state(entry).st_size for entry in files)
    for entry in files:
        path = Path(entry.path)
        if held <= max_bytes:
            return
        if path in in_use:
            continue
        with contextlib.suppress(OSError):  # another user's, or a cache that may only be read
            path.unlink(missing_ok=True)
            held -= _state(entry).st_size


def _remove_unless_locked(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("rb") as file:
        if try_lock(file.fileno()):  # no process downloads into it
            path.unlink(missing_ok=True)
