"""The files of a folder that may be new photos; names of unfinished downloads are passed over."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from dsc_common.files.litter import is_litter
from dsc_common.files.walk import Passed, walk

UNFINISHED = ("*.part", "*.partial", "*.crdownload", "*.filepart", "*.tmp", "*.download")
_SUFFIXES = tuple(pattern[1:] for pattern in UNFINISHED)


def files_in(folder: Path, recursive: bool, say: Callable[[str], None]) -> Iterator[Path]:
    """Absolute paths of the files, through links.

    Args:
        folder: real path of a folder.
        recursive: whether folders below count.
        say: called with a line for each folder that cannot be read.
    """

    def report(reason: Passed, path: Path, text: str) -> None:
        if reason is Passed.LOCKED and os.path.lexists(path):  # not removed meanwhile
            say(f"cannot read {path}: {text}")

    exclude = [*UNFINISHED, *([] if recursive else _folders_in(folder))]
    for found in walk([folder], exclude, report):
        yield found.path


def is_counted(path: Path, folder: Path, recursive: bool) -> bool:
    """Whether a file of an event is one that `files_in` finds."""
    try:
        below = path.relative_to(folder).parts
    except ValueError:
        return False
    names = (folder.name, *below)
    if any(name.startswith(".") or is_litter(name, above) for above, name in zip(names, below, strict=False)):
        return False
    return not path.name.lower().endswith(_SUFFIXES) and (recursive or len(below) == 1)


def _folders_in(folder: Path) -> list[str]:
    """Patterns of the folders directly in a folder."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError:
        return []
    return ["".join(f"[{c}]" if c in "*?[" else c for c in name) for name in names]
