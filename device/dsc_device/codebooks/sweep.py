"""The cache of downloads holds the last few files of each kind, by their use, and no old partial files."""

import contextlib
import os
import re
import time
from pathlib import Path

from dsc_common.codebook.manifest import ArtifactKind
from dsc_common.files.lock import try_lock

KEPT = 3
STALE_S = 86_400.0
_KINDS = "|".join(ArtifactKind)
_WHOLE = re.compile(rf"[0-9a-f]{{64}}\.({_KINDS})")
_PARTIAL = re.compile(rf"\.[0-9a-f]{{64}}\.({_KINDS})\.(\d+\.)?partial(-[0-9a-f]+)?")


def mark_used(path: Path) -> None:
    """Make a file the last one used; another user's file, or a read-only one, stays as it is."""
    with contextlib.suppress(OSError):
        os.utime(path)


def sweep(cache: Path, in_use: set[Path]) -> None:
    """Remove files of downloads that are not among the last KEPT of their kind, and stale partial files.

    Other files in the folder are left alone. A process that has a removed file open can still read it.

    Args:
        cache: folder of downloads.
        in_use: files to keep in any case.
    """
    with contextlib.suppress(OSError):  # a cache that may only be read
        names = [path for path in cache.iterdir() if not path.is_symlink() and path.is_file()]
        for kind in ArtifactKind:
            of_kind = [path for path in names if _WHOLE.fullmatch(path.name) and path.suffix == f".{kind}"]
            for path in sorted(of_kind, key=_used_at, reverse=True)[KEPT:]:
                if path not in in_use:
                    path.unlink(missing_ok=True)
        for path in names:
            if _PARTIAL.fullmatch(path.name) and _used_at(path) < time.time() - STALE_S:
                _remove_unless_locked(path)


def _used_at(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _remove_unless_locked(path: Path) -> None:
    with path.open("rb") as file:
        if try_lock(file.fileno()):  # no process downloads into it
            path.unlink(missing_ok=True)
