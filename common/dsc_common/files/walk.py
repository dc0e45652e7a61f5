"""Files below folders, each real file once, through links; what is passed over is reported by its kind."""

import errno
import fnmatch
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dsc_common.files.litter import is_litter


class Passed(StrEnum):
    """Why a walk passes something over; the value is for a reader, in the plural."""

    BROKEN_LINK = "broken links"
    LOCKED = "folders and links that cannot be read"
    SPECIAL = "pipes, sockets and devices"
    TWICE = "files and folders that were reached before"
    LITTER = "thumbnails, bins and other by-products of a system"
    HIDDEN = "hidden files and folders"
    EXCLUDED = "excluded files and folders"


# Called with the reason, the path, and the system's text or the pattern that excludes it, if there is one.
Report = Callable[[Passed, Path, str], None]


@dataclass(frozen=True)
class Found:
    """A file: its path, and the same relative to the place where it was found (`.` for a place itself)."""

    place: Path
    below: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.place / self.below


@dataclass(frozen=True)
class _Folder:
    place: Path
    below: str  # "" for the place itself
    real: str

    def child(self, name: str) -> str:
        return f"{self.below}/{name}" if self.below else name


def walk(places: Sequence[Path], exclude: Sequence[str], report: Report) -> Iterator[Found]:
    """The files at the places: files, or folders with all that is below them.

    Links are followed after everything else, so that a file is found by its real path first. Hidden
    files and folders, and by-products such as thumbnails of a NAS, are passed over below a place.

    Args:
        places: existing paths.
        exclude: glob patterns of files and folders to pass over; a pattern without '/' is compared with
            each name, another with the path below the place.
        report: called for whatever is passed over.
    """
    yield from _Walk({pattern: pattern.strip("/") for pattern in exclude}, report).run(places)


class _Walk:
    def __init__(self, exclude: Mapping[str, str], report: Report) -> None:
        self._exclude = exclude
        self._report = report
        self._folders: set[tuple[int, int]] = set()  # device and inode
        self._files: set[str] = set()  # real paths
        self._links: deque[tuple[Path, str]] = deque()

    def run(self, places: Sequence[Path]) -> Iterator[Found]:
        for place in places:
            yield from self._follow(place, "")
        while self._links:
            yield from self._follow(*self._links.popleft())

    def _follow(self, place: Path, below: str) -> Iterator[Found]:
        """A place or a link: what it leads to."""
        path = place / below
        try:
            mode = path.stat().st_mode
        except OSError as error:
            is_broken = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
            self._report(
                Passed.BROKEN_LINK if is_broken else Passed.LOCKED,
                path,
                _leads_to(path) if is_broken else error.strerror or "",
            )
            return
        real = os.path.realpath(path)
        if stat.S_ISDIR(mode):
            # Below a place that is a link, ids and paths are those of the folder that it leads to.
            yield from self._enter(_Folder(place if below else Path(real), below, real))
        elif stat.S_ISREG(mode):
            yield from self._file(place, below or ".", real)
        else:
            self._report(Passed.SPECIAL, path, "")

    def _enter(self, top: _Folder) -> Iterator[Found]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            below: list[_Folder] = []
            for name, kind in self._entries(folder):
                child, real = folder.child(name), f"{folder.real}/{name}"
                if (reason := self._reason(folder, name)) is not None:
                    self._report(reason[0], folder.place / child, reason[1])
                elif kind == stat.S_IFLNK:
                    self._links.append((folder.place, child))
                elif kind == stat.S_IFDIR:
                    below.append(_Folder(folder.place, child, real))
                elif kind == stat.S_IFREG:
                    yield from self._file(folder.place, child, real)
                else:
                    self._report(Passed.SPECIAL, folder.place / child, "")
            waiting += reversed(below)

    def _entries(self, folder: _Folder) -> list[tuple[str, int]]:
        """Names in a folder in their order, with the type of each as in `st_mode`."""
        path = folder.place / folder.below
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in self._folders:
                self._report(Passed.TWICE, path, "")
                return []
            self._folders.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                return sorted((entry.name, _kind(entry)) for entry in entries)
        except OSError as error:
            self._report(Passed.LOCKED, path, error.strerror or str(error))
            return []

    def _file(self, place: Path, below: str, real: str) -> Iterator[Found]:
        if real in self._files:
            self._report(Passed.TWICE, place / below, "")
            return
        self._files.add(real)
        yield Found(place, below)

    def _reason(self, folder: _Folder, name: str) -> tuple[Passed, str] | None:
        """Why a file or folder is passed over, with the pattern that excludes it."""
        below = folder.child(name)
        for pattern, compared in self._exclude.items():
            if fnmatch.fnmatchcase(below if "/" in compared else name, compared):
                return Passed.EXCLUDED, pattern
        if is_litter(name, os.path.basename(folder.real)):  # noqa: PTH119 (for every file)
            return Passed.LITTER, ""
        return (Passed.HIDDEN, "") if name.startswith(".") else None


def _kind(entry: os.DirEntry[str]) -> int:
    if entry.is_symlink():
        return stat.S_IFLNK
    if entry.is_dir(follow_symlinks=False):
        return stat.S_IFDIR
    return stat.S_IFREG if entry.is_file(follow_symlinks=False) else 0


def _leads_to(path: Path) -> str:
    try:
        return f"leads to {path.readlink()}"
    except OSError:
        return "not there any more"
